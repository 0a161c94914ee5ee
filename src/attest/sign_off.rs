//! Who answers for a package: the preparer and the reviewer, each with a statement, under a signature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dsse::{self, Envelope};
use super::key::{PublicKey, SecretKey};
use super::ledger::unhex;
use super::package::Manifest;
use crate::model::digest::sha256;
use crate::model::value::Time;

/// The type of the predicate.
pub const TYPE: &str = "urn:tickmark:sign-off:1";
/// What the root is called among the subjects, and the algorithm of its digest.
pub const ROOT: (&str, &str) = ("root", "merkleSha256");
/// The files whose plain digests are signed beside the root.
pub const REPORTS: [&str; 4] = ["assessment.json", "findings.ndjson", "report.html", "report.md"];
/// The algorithm of these.
const REPORT: &str = "sha256";
/// What the names of sign-offs end with.
pub const ENDING: &str = ".sign-off.json";

/// In which part somebody signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Preparer,
    Reviewer,
    /// Not of a package: keeps the ledger.
    Ledger,
}

impl Role {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Preparer => "preparer",
            Role::Reviewer => "reviewer",
            Role::Ledger => "ledger",
        }
    }

    /// What is signed where the signer says nothing else.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Role::Preparer => "I prepared this assessment from the evidence that it names.",
            Role::Reviewer => "I reviewed this assessment, the evidence behind it and its findings.",
            Role::Ledger => "",
        }
    }
}

/// What is signed beside the digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    pub assessment: About,
    /// The signer's own word.
    pub signed_at: String,
    pub signer: SignerInfo,
    pub statement: String,
}

/// What the package says of itself, so that a statement can be read alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub as_of: String,
    pub engine: String,
    pub leaves: u64,
}

impl SignOff {
    /// When it was signed, by the signer's own word.
    ///
    /// # Errors
    /// It is no time, or not in UTC.
    pub fn time(&self) -> Result<Time, String> {
        let time = Time::parse(&self.signed_at).map_err(|why| format!("its `signed_at`: {why}"))?;
        // RFC 3339 has offsets, small letters and spaces too; one time is to be written in one way.
        if self.signed_at.get(10..11) == Some("T") && self.signed_at.ends_with('Z') {
            Ok(time)
        } else {
            Err(format!("its `signed_at` is `{}`; it has to be in UTC, as {time}", self.signed_at))
        }
    }
}

/// Who signs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerInfo {
    /// `ssh-ed25519 AAAA…`. Proves nothing: only a policy says whose key it is.
    pub key: String,
    pub name: String,
    pub role: Role,
}

impl About {
    #[must_use]
    pub fn of(manifest: &Manifest) -> About {
        About {
            as_of: manifest.as_of.clone(),
            engine: format!("{} {}", manifest.engine.name, manifest.engine.version),
            leaves: manifest.leaves,
        }
    }
}

/// Signs a package; gives the path of the envelope below the package, and its bytes.
///
/// # Errors
/// It cannot be written as canonical JSON.
pub fn sign(
    files: &BTreeMap<String, Vec<u8>>,
    manifest: &Manifest,
    key: &SecretKey,
    (role, name, statement): (Role, &str, &str),
    at: Time,
) -> Result<(String, Vec<u8>), serde_json::Error> {
    let predicate = SignOff {
        assessment: About::of(manifest),
        signed_at: at.to_string(),
        signer: SignerInfo { key: key.public().openssh(), name: name.to_owned(), role },
        statement: statement.to_owned(),
    };
    let digests: Vec<(&str, String)> = REPORTS.iter().filter_map(|path| files.get(*path).map(|bytes| (*path, sha256(bytes)))).collect();
    let mut subjects = vec![(ROOT.0, ROOT.1, manifest.root.as_str())];
    subjects.extend(digests.iter().map(|(path, digest)| (*path, REPORT, digest.as_str())));
    let envelope = dsse::sign(key, &subjects, TYPE, &serde_json::to_value(&predicate)?)?;
    Ok((path(role, &key.public()), envelope))
}

/// Where the sign-off of a key stands.
#[must_use]
pub fn path(role: Role, key: &PublicKey) -> String {
    format!("{}{}-{}{ENDING}", super::manifest::GROWING, role.word(), &sha256(key.openssh().as_bytes())[..12])
}

/// Reads what was signed.
///
/// # Errors
/// It is no sign-off.
pub fn read(envelope: &Envelope) -> Result<SignOff, String> {
    if envelope.statement.predicate_type != TYPE {
        return Err(format!("its predicate is `{}`; expected `{TYPE}`", envelope.statement.predicate_type));
    }
    serde_json::from_str(envelope.statement.predicate.get()).map_err(|error| format!("its predicate cannot be read: {error}"))
}

/// What is signed and does not hold for the package, a sentence each; `files`: `None` where only the root is known.
#[must_use]
pub fn differences(
    envelope: &Envelope,
    sign_off: &SignOff,
    root: &str,
    about: &About,
    files: Option<&BTreeMap<String, Vec<u8>>>,
) -> Vec<String> {
    let mut found = Vec::new();
    let statement = &envelope.statement;
    match statement.digest(ROOT.0, ROOT.1) {
        Some(signed) if signed == root => {}
        Some(signed) => found.push(format!("it signs the root {signed}, another package's")),
        None => found.push("it signs no root".to_owned()),
    }
    for path in REPORTS {
        match (statement.digest(path, REPORT), files) {
            (Some(signed), Some(files)) if files.get(path).is_some_and(|bytes| sha256(bytes) == signed) => {}
            (_, Some(_)) => found.push(format!("it does not sign `{path}` as it is here")),
            (Some(signed), None) if unhex(signed).is_some() => {}
            (_, None) => found.push(format!("it does not sign `{path}`")),
        }
    }
    let subjects: Vec<(&str, &str)> = std::iter::once(ROOT).chain(REPORTS.map(|path| (path, REPORT))).collect();
    found.extend(statement.beside(&subjects));
    if sign_off.assessment != *about {
        let said = &sign_off.assessment;
        found.push(format!("it speaks of an assessment as of {} by {} over {} leaves", said.as_of, said.engine, said.leaves));
    }
    found
}
