//! The sign-offs of a package, held against a reader's policy.

use std::collections::BTreeMap;

use super::account::Account;
use super::dsse::{self, Envelope};
use super::key::PublicKey;
use super::manifest::GROWING;
use super::policy::Policy;
use super::sign_off::{self, About, ENDING, Role, SignOff};

/// What the signatures are to be of.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'p> {
    pub root: &'p str,
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
            Ok(time) => wrong.extend(key.objection(role, time)),
            Err(why) => wrong.push(why),
        }
        if role == Role::Ledger {
            wrong.push("a ledger's keeper signs no package".to_owned());
        }
        if wrong.is_empty() {
            let fingerprint = key.key.fingerprint();
            account.proved(format!("signed by {} as {} ({fingerprint}): \u{201c}{}\u{201d}", key.name, role.word(), sign_off.statement));
            account.unchecked(format!("when {} signed: {} is the signer's own word", key.name, sign_off.signed_at));
            good.push((role, &key.name, fingerprint));
        } else {
            wrong.into_iter().for_each(|why| account.failed(format!("the signature of {} in `{path}` does not count: {why}", key.name)));
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
