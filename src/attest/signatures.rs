//! The sign-offs of a package and their time stamps, held against a reader's policy.

use std::collections::BTreeMap;

use super::account::Account;
use super::dsse::{self, Envelope};
use super::key::PublicKey;
use super::manifest::GROWING;
use super::policy::Policy;
use super::sign_off::{self, About, ENDING, Role, SignOff};
use super::time_stamp::{self, Stamp};

/// What the signatures are to be of.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'p> {
    pub root: &'p str,
    /// Whether the root is that of what is here.
    pub holds: bool,
    pub about: &'p About,
    /// `None` where only the root is known.
    pub files: Option<&'p BTreeMap<String, Vec<u8>>>,
}

/// Looks at every sign-off. `attested`: what lies in `attest/`.
pub fn check(attested: &BTreeMap<String, Vec<u8>>, signed: Signed, policy: Option<&Policy>, account: &mut Account) {
    let mut good: Vec<(Role, &str, String)> = Vec::new();
    let mut any = false;
    for (path, bytes) in attested.iter().filter(|(path, _)| path.starts_with(GROWING) && path.ends_with(ENDING)) {
        any = true;
        let read = dsse::read(bytes).map_err(|why| why.to_string()).and_then(|envelope| {
            let sign_off = sign_off::read(&envelope)?;
            Ok((envelope, sign_off))
        });
        let (envelope, sign_off) = match read {
            Ok(read) => read,
            Err(why) => {
                account.failed(format!("`{path}` is no sign-off: {why}"));
                continue;
            }
        };
        let stamp = stamped(attested, (path, bytes), policy, account);
        let Some(policy) = policy else {
            unpinned(path, &envelope, &sign_off, account);
            continue;
        };
        let mut wrong = sign_off::differences(&envelope, &sign_off, signed.root, signed.about, signed.files);
        let role = sign_off.signer.role;
        let Some(key) = policy.signer(&envelope) else {
            unpinned(path, &envelope, &sign_off, account);
            continue;
        };
        match sign_off.time() {
            Ok(time) => {
                let by = || stamp.as_ref().and_then(|(stamp, _)| key.objection(role, stamp.by, "its time stamp says"));
                wrong.extend(key.objection(role, time, "it signed at").or_else(by));
            }
            Err(why) => wrong.push(why),
        }
        if !signed.holds {
            wrong.push(format!("it signs the root {}, which these files do not have", signed.root));
        }
        if policy.require.time_stamp && stamp.is_none() {
            wrong.push("the policy asks for a time stamp, and none that counts is there".to_owned());
        }
        if role == Role::Ledger {
            wrong.push("a ledger's keeper signs no package".to_owned());
        }
        if wrong.is_empty() {
            let fingerprint = key.key.fingerprint();
            account.proved(format!("signed by {} as {} ({fingerprint}): \u{201c}{}\u{201d}", key.name, role.word(), sign_off.statement));
            dated(&key.name, &sign_off, stamp, account);
            good.push((role, &key.name, fingerprint));
        } else {
            wrong.into_iter().for_each(|why| account.failed(format!("the signature of {} in `{path}` does not count: {why}", key.name)));
        }
    }
    for path in attested.keys().filter(|path| path.ends_with(time_stamp::ENDING)) {
        if !attested.keys().any(|other| other.ends_with(ENDING) && time_stamp::path(other) == *path) {
            account.failed(format!("`{path}` is the time stamp of a signature that is not here"));
        }
    }
    let Some(policy) = policy else {
        if !any {
            account.unchecked("who made the package: it carries no signature, and whoever can change a file can change the manifest");
        }
        return;
    };
    for role in &policy.require.signatures {
        if !good.iter().any(|(there, ..)| there == role) {
            account.failed(format!("the policy asks for the signature of a {}, and none that counts is there", role.word()));
        }
    }
    for (_, name, key) in good.iter().filter(|(role, ..)| *role == Role::Preparer) {
        if good.iter().any(|(role, other, fingerprint)| *role == Role::Reviewer && (other == name || fingerprint == key)) {
            account.failed(format!("{name} signed as preparer and as reviewer: nobody reviews their own work"));
        }
    }
}

/// The time stamp of a sign-off with the name of the root that it leads to, if it counts.
fn stamped(
    attested: &BTreeMap<String, Vec<u8>>,
    (path, bytes): (&str, &[u8]),
    policy: Option<&Policy>,
    account: &mut Account,
) -> Option<(Stamp, String)> {
    let path = time_stamp::path(path);
    let stamp = match time_stamp::read(attested.get(&path)?, bytes) {
        Ok(stamp) => stamp,
        Err(why) => {
            account.failed(format!("the time stamp `{path}` does not count: {why}"));
            return None;
        }
    };
    let Some(accepted) = policy.and_then(|policy| policy.time_stamp.as_ref()) else {
        account.unchecked(format!(
            "the time stamp `{path}`: it says {}, by {}; no policy pins a root that it would have to lead to",
            stamp.by, stamp.authority.name
        ));
        return None;
    };
    match stamp.trusted(accepted) {
        Ok(root) => Some((stamp, root)),
        Err(why) => {
            account.failed(format!("the time stamp `{path}` does not count: {why}"));
            None
        }
    }
}

/// What is known of when somebody signed.
fn dated(name: &str, sign_off: &SignOff, stamp: Option<(Stamp, String)>, account: &mut Account) {
    let said = &sign_off.signed_at;
    let Some((stamp, root)) = stamp else {
        return account.unchecked(format!("when {name} signed: {said} is the signer's own word"));
    };
    let authority = &stamp.authority.name;
    account.proved(format!(
        "the signature of {name} existed by {}: stamped by {authority} under its policy {}, whose certificate leads to {root}",
        stamp.by, stamp.policy
    ));
    let clock = match sign_off.time() {
        Ok(said) if said > stamp.by => ", and lies after the time stamp: one of the two clocks is wrong",
        _ => "",
    };
    account.unchecked(format!("how long before that {name} signed: {said} is the signer's own word{clock}"));
    account.unchecked(format!("whether the certificate of {authority} had been revoked by then: no list of revoked ones is read"));
}

/// A signature by a key that nobody vouched for: whatever it is, it proves nothing.
fn unpinned(path: &str, envelope: &Envelope, sign_off: &SignOff, account: &mut Account) {
    let signer = &sign_off.signer;
    match PublicKey::read(&signer.key) {
        Ok(key) if envelope.signed_by(&key) => account.unchecked(format!(
            "unknown key: `{path}` is signed with {}, which calls itself {} ({}); no policy says whose key that is",
            key.fingerprint(),
            signer.name,
            signer.role.word()
        )),
        _ => account.failed(format!("`{path}`: the signature does not fit what is signed, whoever signed it")),
    }
}
