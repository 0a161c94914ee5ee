//! A package's place in the ledger, held against a reader's policy, the ledger itself, and heads that the reader kept.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::dsse;
use super::ledger::{self, Ledger, LedgerError, Receipt};
use super::policy::{Head, Policy};
use super::sign_off::Role;
use super::tree;

/// The `schema` of a proof.
pub const PROOF: &str = "tickmark/ledger-proof/1";

/// That one head grew from another, for somebody who has not the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub from: Head,
    pub path: Vec<String>,
    pub schema: String,
    pub to: Head,
}

/// What a reader has of the ledger.
#[derive(Clone, Debug)]
pub enum Known {
    Whole(Ledger),
    Proof(Proof),
}

/// What the package says of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package<'p> {
    pub root: &'p str,
    pub as_of: &'p str,
    pub exit: Option<u64>,
    /// Of the project.
    pub name: Option<&'p str>,
}

/// Reads a ledger, or a proof.
///
/// # Errors
/// [`LedgerError`]
pub fn read(path: &Path) -> Result<Known, LedgerError> {
    let bytes = std::fs::read(path)?;
    match serde_json::from_slice::<Proof>(&bytes) {
        Ok(proof) if proof.schema == PROOF => Ok(Known::Proof(proof)),
        _ => Ledger::read(&bytes).map(Known::Whole),
    }
}

/// The head that a reader kept: bare, signed, or in a receipt or a proof.
///
/// # Errors
/// It is none of these.
pub fn kept(bytes: &[u8]) -> Result<Head, String> {
    if let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) {
        return Ok(receipt.head);
    }
    if let Ok(proof) = serde_json::from_slice::<Proof>(bytes) {
        return Ok(proof.to);
    }
    if let Ok(head) = serde_json::from_slice::<Head>(bytes) {
        return match ledger::unhex(&head.root) {
            Some(_) => Ok(head),
            None => Err(format!("its `root` is no hash in hex: `{}`", head.root)),
        };
    }
    let envelope = dsse::read(bytes).map_err(|_| "it is no receipt, no proof and no head of a ledger".to_owned())?;
    ledger::signed_head(&envelope)
}

impl Proof {
    /// What shows that a ledger grew from an earlier head.
    #[must_use]
    pub fn of(ledger: &Ledger, from: &Head) -> Proof {
        Proof { from: from.clone(), path: ledger.consistency(from), schema: PROOF.to_owned(), to: ledger.head() }
    }

    /// Whether it shows that.
    #[must_use]
    pub fn holds(&self) -> bool {
        let path: Option<Vec<_>> = self.path.iter().map(|text| ledger::unhex(text)).collect();
        match (ledger::unhex(&self.from.root), ledger::unhex(&self.to.root), path) {
            (Some(from), Some(to), Some(path)) => tree::grew((self.from.size, from), (self.to.size, to), &path),
            _ => false,
        }
    }
}

/// A ledger alone: that it holds together, and grew from the heads that the reader kept.
pub fn alone(known: &Known, earlier: &[Head], account: &mut Account) {
    match known {
        Known::Whole(ledger) => {
            let head = ledger.head();
            account.proved(format!("the ledger holds together: {} entries, its head is {}", head.size, head.root));
        }
        Known::Proof(proof) if proof.holds() => {
            account.proved(format!("a ledger of {} entries grew from one of {}", proof.to.size, proof.from.size));
        }
        Known::Proof(_) => account.failed("the proof does not hold: nothing shows that the one head grew from the other"),
    }
    for head in earlier {
        grown(Some(known), head, None, account);
    }
}

/// Looks at a package's receipt.
pub fn check(
    attested: &BTreeMap<String, Vec<u8>>,
    package: Package,
    policy: Option<&Policy>,
    known: Option<&Known>,
    earlier: &[Head],
    account: &mut Account,
) {
    let receipt = match ledger::receipt(attested) {
        None => {
            if policy.is_some_and(|policy| policy.require.ledger || policy.ledger.latest) || known.is_some() || !earlier.is_empty() {
                account.failed(format!("the package names no place in a ledger: `{}` is not there", ledger::PATH));
            } else {
                account.unchecked("whether other runs were made and kept back: the package names no place in a ledger");
            }
            return;
        }
        Some(Err(why)) => return account.failed(format!("`{}` is no receipt: {why}", ledger::PATH)),
        Some(Ok(receipt)) => receipt,
    };
    let before = account.failed.len();
    let entry = &receipt.entry;
    let run = Package { root: &entry.root, as_of: &entry.as_of, exit: Some(entry.exit.into()), name: Some(&entry.name) };
    if run != package {
        account.failed(format!(
            "the ledger's entry is of another run: root {}, as of {}, exit {}, of the project {}",
            entry.root, entry.as_of, entry.exit, entry.name
        ));
    }
    if !ledger::stands(&receipt) {
        account.failed("the ledger's entry does not stand under the head that the package names");
    }
    let signer = head_signer(&receipt, policy, account);
    let latest = policy.is_some_and(|policy| policy.ledger.latest);
    match known {
        Some(Known::Whole(ledger)) => in_ledger(&receipt, ledger, latest, account),
        _ if latest => account.failed("whether it is the latest run of its project only the ledger shows: give it with `--ledger FILE`"),
        _ => {}
    }
    for head in earlier {
        grown(known, head, Some(&receipt), account);
    }
    let place = format!("entry {} of a ledger", receipt.head.size);
    match signer {
        Some(name) if account.failed.len() == before => account.proved(format!("the run is {place} whose head {name} signed")),
        None if account.failed.len() == before => {
            account
                .unchecked(format!("whether the run stands in a ledger: it says {place}, and nobody that a policy knows signed that head"));
        }
        _ => {}
    }
    if known.is_none() && account.failed.len() == before {
        account.unchecked("whether other runs were left out or came later: give the ledger with `--ledger FILE`");
    }
}

fn head_signer<'p>(receipt: &Receipt, policy: Option<&'p Policy>, account: &mut Account) -> Option<&'p str> {
    let required = policy.is_some_and(|policy| policy.require.ledger);
    let Some(signed) = &receipt.signed else {
        if required {
            account.failed("the policy asks for a ledger, and its head is signed by nobody");
        }
        return None;
    };
    let read = dsse::opened(signed).map_err(|why| why.to_string()).and_then(|envelope| {
        let head = ledger::signed_head(&envelope)?;
        if head == receipt.head { Ok(envelope) } else { Err("it signs another head than the receipt names".to_owned()) }
    });
    match read {
        Err(why) => account.failed(format!("the signature of the ledger's head does not count: {why}")),
        Ok(envelope) => {
            let key = policy.and_then(|policy| policy.signer(&envelope));
            match key {
                Some(key) if key.roles.contains(&Role::Ledger) => return Some(&key.name),
                Some(key) => {
                    account.failed(format!("the ledger's head is signed by {}, whom the policy does not know as ledger", key.name))
                }
                None if required => account.failed("the ledger's head is signed with an unknown key"),
                None => {}
            }
        }
    }
    None
}

fn in_ledger(receipt: &Receipt, ledger: &Ledger, latest: bool, account: &mut Account) {
    let at = usize::try_from(receipt.entry.previous.size).unwrap_or(usize::MAX);
    if ledger.entries.get(at) != Some(&receipt.entry) || !ledger.grew_from(&receipt.head) {
        return account.failed("the package's run does not stand in this ledger: the ledger was rewritten, or is another");
    }
    account.proved(format!("the run is entry {} of {} in the ledger, which holds together", at + 1, ledger.entries.len()));
    let later: Vec<String> = ledger.entries[at + 1..]
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.name == receipt.entry.name)
        .map(|(after, entry)| format!("entry {} (as of {}, exit {})", at + 2 + after, entry.as_of, entry.exit))
        .collect();
    if !later.is_empty() {
        let said = format!("it is not the latest run of its project: after it came {}", later.join(", "));
        if latest { account.failed(said) } else { account.unchecked(said) }
    }
}

/// Whether what the reader kept earlier is still the start of the ledger.
fn grown(known: Option<&Known>, head: &Head, receipt: Option<&Receipt>, account: &mut Account) {
    let grew = match (known, receipt) {
        (Some(Known::Whole(ledger)), _) => ledger.grew_from(head),
        (Some(Known::Proof(proof)), _) => proof.holds() && proof.from == *head && receipt.is_none_or(|receipt| receipt.head == proof.to),
        (None, Some(receipt)) if receipt.head == *head || receipt.entry.previous == *head => true,
        (None, _) => {
            return account.failed(format!(
                "nothing shows that the ledger grew from the head of {} entries that you kept: give it, or a proof, with `--ledger FILE`",
                head.size
            ));
        }
    };
    if grew {
        account.proved(format!("nothing before entry {} changed since you kept the head {}", head.size + 1, head.root));
    } else {
        account.failed(format!("the ledger did not grow from the head of {} entries that you kept: its history was changed", head.size));
    }
}
