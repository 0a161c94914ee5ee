//! The ledger that a reader has, and the heads that they kept.

use anyhow::Context;

use crate::attest::account::Account;
use crate::attest::policy::{Head, Policy};
use crate::attest::recorded::{self, Known, Proof};
use crate::attest::sign_off::Role;
use crate::attest::{dsse, ledger};
use crate::cli::args::VerifyOptions;

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
        if let (Some(path), Some(Known::Whole(ledger)), Some(head)) = (&options.prove, &known, earlier.last())
            && ledger.grew_from(head)
        {
            let proof = serde_json_canonicalizer::to_vec(&Proof::of(ledger, head))?;
            std::fs::write(path, proof).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(Recorded { known, earlier })
    }

    /// The ledger without a package.
    pub fn alone(&self, policy: Option<&Policy>, options: &VerifyOptions, account: &mut Account) -> anyhow::Result<()> {
        let Some(known) = &self.known else { return Ok(()) };
        recorded::alone(known, &self.earlier, account);
        let (Some(path), Known::Whole(ledger)) = (&options.ledger, known) else { return Ok(()) };
        let beside = ledger::beside(path);
        let signed = std::fs::read(&beside).ok().map(|bytes| {
            let envelope = dsse::read(&bytes).map_err(|why| why.to_string())?;
            ledger::signed_head(&envelope).map(|head| (envelope, head))
        });
        let name = beside.display();
        match (signed, policy) {
            (Some(Err(why)), _) => account.failed(format!("{name}: {why}")),
            (Some(Ok((_, head))), _) if !ledger.grew_from(&head) => {
                account.failed(format!(
                    "{name}: a head of {} entries was signed from which this ledger did not grow: entries were cut off or changed",
                    head.size
                ));
            }
            (Some(Ok((envelope, head))), Some(policy)) => match policy.signer(&envelope) {
                Some(key) if key.roles.contains(&Role::Ledger) && head == ledger.head() => {
                    account.proved(format!("its head is signed by {}", key.name))
                }
                Some(key) if key.roles.contains(&Role::Ledger) => {
                    account.failed(format!(
                        "{} signed a head of {} entries, and the ledger has {}",
                        key.name,
                        head.size,
                        ledger.entries.len()
                    ));
                }
                Some(key) => account.failed(format!("its head is signed by {}, whom the policy does not know as ledger", key.name)),
                None => account.failed("its head is signed with an unknown key"),
            },
            (None, Some(policy)) if policy.require.ledger => {
                account.failed(format!("the policy asks for a signed head, and {name} is not there"))
            }
            _ => account.unchecked("who keeps the ledger: no signed head was held against a policy"),
        }
        if policy.is_none() && !options.unsigned {
            account.failed("nobody's signature was asked for: give the keys that you trust with `--policy FILE`, or say `--unsigned`");
        }
        account
            .unprovable
            .push("that every run was recorded, and that entries at the end were not cut off since, unless you kept a head".to_owned());
        Ok(())
    }
}
