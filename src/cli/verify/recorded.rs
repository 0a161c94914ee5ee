//! The ledger that a reader has, and the heads that they kept.

use anyhow::Context;

use super::VerifyOptions;
use crate::attest::account::Account;
use crate::attest::policy::{Head, Policy};
use crate::attest::recorded::{self, Known, Proof};
use crate::attest::sign_off::Role;
use crate::attest::{dsse, ledger};

/// What was given of the ledger.
pub struct Recorded {
    pub known: Option<Known>,
    /// Heads from which it must have grown.
    pub earlier: Vec<Head>,
}

impl Recorded {
    /// Reads it. A ledger that does not hold together is a finding, and no error.
    pub fn of(options: &VerifyOptions, policy: Option<&Policy>, account: &mut Account) -> anyhow::Result<Recorded> {
        let mut earlier: Vec<Head> = policy.and_then(|policy| policy.ledger.head.clone()).into_iter().collect();
        if let Some(path) = &options.since {
            let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            earlier.push(recorded::kept(&bytes).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?);
        }
        let known = match options.ledger.as_deref().map(recorded::read) {
            None => None,
            Some(Ok(known)) => Some(known),
            Some(Err(why @ ledger::LedgerError::Broken(..))) => {
                account.failed(why.to_string());
                None
            }
            Some(Err(why)) => return Err(why).with_context(|| "--ledger".to_owned()),
        };
        if let (Some(path), Some(Known::Proof(_))) = (&options.ledger, &known) {
            let path = path.display();
            anyhow::ensure!(options.prove.is_none(), "--prove: {path} is a proof, and only the ledger itself gives others");
            anyhow::ensure!(
                !earlier.is_empty(),
                "--ledger: {path} is a proof that a ledger grew, and shows nothing without the head from which it did: give the head that \
                 you kept with `--since FILE`, or as `head` below [ledger] in the policy"
            );
        }
        if let (Some(path), Some(Known::Whole(ledger)), Some(head)) = (&options.prove, &known, earlier.last())
            && ledger.grew_from(head)
        {
            let proof = serde_json_canonicalizer::to_vec(&Proof::of(ledger, head))?;
            std::fs::write(path, proof).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(Recorded { known, earlier })
    }

    /// The ledger without a package.
    pub fn alone(&self, policy: Option<&Policy>, options: &VerifyOptions, account: &mut Account) {
        let Some(known) = &self.known else { return };
        recorded::alone(known, &self.earlier, account);
        self.head(policy, options, account);
        if policy.is_none() && !options.unsigned {
            account.failed("nobody's signature was asked for: give the keys that you trust with `--policy FILE`, or say `--unsigned`");
        }
        account
            .unprovable
            .push("that every run was recorded, and that entries at the end were not cut off since, unless you kept a head".to_owned());
    }

    /// The signed head beside the ledger; the same with a package and without.
    pub fn head(&self, policy: Option<&Policy>, options: &VerifyOptions, account: &mut Account) {
        // Who pins a key for the ledger asks for its head.
        let pinned = policy.is_some_and(|policy| policy.keys.iter().any(|key| key.roles.contains(&Role::Ledger)));
        let unknown = "who keeps the ledger, and whether entries were cut off at its end: no policy pins a key with the role `ledger`";
        let (path, ledger) = match (&options.ledger, &self.known) {
            (Some(path), Some(Known::Whole(ledger))) => (path, ledger),
            // Where a proof ends, a package's receipt says whose head that is.
            (_, Some(Known::Proof(_))) if options.package.is_none() && pinned => {
                return account
                    .failed("nobody signed the head at which the proof ends: give the ledger itself, or a package recorded there");
            }
            (_, Some(Known::Proof(_))) if options.package.is_none() => return account.unchecked(unknown),
            _ => return,
        };
        let beside = ledger::beside(path);
        let name = beside.display();
        let signed = match std::fs::read(&beside) {
            Err(why) if pinned => {
                return account.failed(format!("a key is pinned for the ledger, and its signed head {name} cannot be read: {why}"));
            }
            Err(_) => return account.unchecked(unknown),
            Ok(bytes) => dsse::read(&bytes)
                .map_err(|why| why.to_string())
                .and_then(|envelope| ledger::signed_head(&envelope).map(|head| (envelope, head))),
        };
        let (envelope, head) = match signed {
            Ok(signed) => signed,
            Err(why) => return account.failed(format!("{name}: {why}")),
        };
        if !ledger.grew_from(&head) {
            return account.failed(format!(
                "{name}: a head of {} entries was signed from which this ledger did not grow: entries were cut off or changed",
                head.size
            ));
        }
        match policy.and_then(|policy| policy.signer(&envelope)) {
            Some(key) if !key.roles.contains(&Role::Ledger) => {
                account.failed(format!("its head is signed by {}, whom the policy does not know as ledger", key.name));
            }
            Some(key) if head == ledger.head() => account.proved(format!("its head is signed by {}", key.name)),
            Some(key) => {
                let entries = ledger.entries.len();
                account.failed(format!("{} signed a head of {} entries, and the ledger has {entries}", key.name, head.size));
            }
            None if pinned => account.failed("its head is signed with an unknown key"),
            None => account.unchecked(unknown),
        }
    }
}
