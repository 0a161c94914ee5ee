//! `policy.toml`: what a reader asks of a package before believing it. `docs/verification.md` has every key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use x509_parser::pem::Pem;

use super::authority;
use super::key::PublicKey;
use super::sign_off::Role;
use crate::model::value::{Duration, Time};

/// The `schema` of a policy.
pub const SCHEMA: &str = "tickmark/policy/1";

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("{0}: cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    Wrong(PathBuf, String),
}

/// A policy.
#[derive(Debug)]
pub struct Policy {
    pub keys: Vec<Key>,
    pub require: Require,
    pub expect: Expect,
    pub ledger: Ledger,
    /// `None`: the reader pins no authority.
    pub time_stamp: Option<TimeStamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    schema: String,
    #[serde(default)]
    key: Vec<WireKey>,
    require: Require,
    #[serde(default)]
    expect: Expect,
    #[serde(default)]
    ledger: Ledger,
    time_stamp: Option<WireTimeStamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireTimeStamp {
    roots: Vec<PathBuf>,
    #[serde(default)]
    policies: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireKey {
    name: String,
    key: Option<String>,
    key_file: Option<PathBuf>,
    roles: Vec<Role>,
    #[serde(default, deserialize_with = "time")]
    valid_from: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    valid_until: Option<Time>,
}

/// A key that the reader knows: whose it is, and for what.
#[derive(Debug)]
pub struct Key {
    pub name: String,
    pub key: PublicKey,
    pub roles: Vec<Role>,
    pub valid_from: Option<Time>,
    pub valid_until: Option<Time>,
}

/// What must be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Require {
    /// The roles of which a signature must be there. Empty: none, and the reader has said so.
    pub signatures: Vec<Role>,
    #[serde(default)]
    pub ledger: bool,
    /// Whether every signature by one of the keys must bear a time stamp.
    #[serde(default)]
    pub time_stamp: bool,
}

/// Whose time stamps are accepted.
#[derive(Debug)]
pub struct TimeStamp {
    /// Root certificates, in DER.
    pub roots: Vec<Vec<u8>>,
    /// The policies of the authorities, by their object identifiers. Empty: any.
    pub policies: Vec<String>,
}

/// What the assessment must be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Frameworks that must be assessed.
    #[serde(default)]
    pub frameworks: Vec<String>,
    /// Control → SHA-256 of its file.
    #[serde(default)]
    pub controls: BTreeMap<String, String>,
    /// `CONTROL.parameter` → the value in effect.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// A project of the reader's own, whose controls, parameters, waivers and frameworks the package's are held against.
    pub project: Option<PathBuf>,
    /// No required source may have been collected longer than this before `as_of`.
    #[serde(default, deserialize_with = "duration")]
    pub oldest_evidence: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    pub as_of_from: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    pub as_of_until: Option<Time>,
}

/// What the reader knows of the ledger.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// A head that the reader kept: the ledger must have grown from it.
    pub head: Option<Head>,
    /// No later run of the same project may stand in it.
    #[serde(default)]
    pub latest: bool,
}

/// How far a ledger had come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub root: String,
    pub size: u64,
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
    // A bare time of TOML, or a text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Bare(toml::value::Datetime),
    }
    let text = match Either::deserialize(from)? {
        Either::Text(text) => text,
        Either::Bare(time) => time.to_string(),
    };
    Time::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Duration::parse(&String::deserialize(from)?).map(Some).map_err(serde::de::Error::custom)
}

impl Policy {
    /// Reads a policy; the files that it names lie beside it.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn read(path: &Path) -> Result<Policy, PolicyError> {
        let text = std::fs::read_to_string(path).map_err(|error| PolicyError::Unreadable(path.to_owned(), error))?;
        let wrong = |why: String| PolicyError::Wrong(path.to_owned(), why);
        let wire: Wire = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if wire.schema != SCHEMA {
            return Err(wrong(format!("its schema is `{}`; this program reads `{SCHEMA}`", wire.schema)));
        }
        let beside = |file: &Path| path.parent().unwrap_or(Path::new("")).join(file);
        let mut keys: Vec<Key> = Vec::new();
        for key in wire.key {
            let text = match (&key.key, &key.key_file) {
                (Some(text), None) => text.clone(),
                (None, Some(file)) => {
                    std::fs::read_to_string(beside(file)).map_err(|error| PolicyError::Unreadable(beside(file), error))?
                }
                _ => return Err(wrong(format!("the key of {} needs `key` or `key-file`, one of them", key.name))),
            };
            let public = PublicKey::read(&text).map_err(|why| wrong(format!("the key of {}: {why}", key.name)))?;
            if let Some(other) = keys.iter().find(|other| other.key == public) {
                return Err(wrong(format!("{} and {} have the same key; name it once, with all its roles", other.name, key.name)));
            }
            if key.roles.is_empty() {
                return Err(wrong(format!("the key of {} has no role; give preparer, reviewer or ledger", key.name)));
            }
            keys.push(Key { name: key.name, key: public, roles: key.roles, valid_from: key.valid_from, valid_until: key.valid_until });
        }
        for role in &wire.require.signatures {
            if *role == Role::Ledger {
                return Err(wrong("`signatures` asks for preparer or reviewer; for the ledger say `ledger = true`".to_owned()));
            }
        }
        let needed = wire.require.signatures.iter().copied().chain(wire.require.ledger.then_some(Role::Ledger));
        for role in needed {
            if !keys.iter().any(|key| key.roles.contains(&role)) {
                return Err(wrong(format!("a signature of the {0} is required, and no [[key]] has the role `{0}`", role.word())));
            }
        }
        let time_stamp = wire.time_stamp.map(|pinned| pinned.read(beside)).transpose()?;
        if wire.require.time_stamp && (time_stamp.is_none() || wire.require.signatures.is_empty()) {
            return Err(wrong("`time-stamp = true` asks for time stamps of signatures: name whose in `signatures`, and the authorities' roots in [time-stamp]".to_owned()));
        }
        let expect = Expect { project: wire.expect.project.as_deref().map(beside), ..wire.expect };
        Ok(Policy { keys, require: wire.require, expect, ledger: wire.ledger, time_stamp })
    }

    /// The key that signed an envelope.
    #[must_use]
    pub fn signer(&self, envelope: &super::dsse::Envelope) -> Option<&Key> {
        self.keys.iter().find(|key| envelope.signed_by(&key.key))
    }
}

impl WireTimeStamp {
    fn read(self, beside: impl Fn(&Path) -> PathBuf) -> Result<TimeStamp, PolicyError> {
        let mut roots = Vec::new();
        for file in self.roots.iter().map(|file| beside(file)) {
            let bytes = std::fs::read(&file).map_err(|error| PolicyError::Unreadable(file.clone(), error))?;
            let before = roots.len();
            for block in Pem::iter_from_buffer(&bytes) {
                let block = block.map_err(|_| PolicyError::Wrong(file.clone(), "a PEM block cannot be read".to_owned()))?;
                if block.label == "CERTIFICATE" {
                    authority::read(&block.contents).map_err(|why| PolicyError::Wrong(file.clone(), why.to_string()))?;
                    roots.push(block.contents);
                }
            }
            if roots.len() == before {
                return Err(PolicyError::Wrong(file, "there is no certificate in it; a root is pinned as a PEM file".to_owned()));
            }
        }
        Ok(TimeStamp { roots, policies: self.policies })
    }
}

impl Key {
    /// Why it may not speak for this role at this time; `None`: it may. `said`: what tells the time.
    #[must_use]
    pub fn objection(&self, role: Role, at: Time, said: &str) -> Option<String> {
        if !self.roles.contains(&role) {
            return Some(format!("the policy does not know {} as {}", self.name, role.word()));
        }
        match (self.valid_from, self.valid_until) {
            (Some(from), _) if at < from => Some(format!("the key of {} is valid from {from} on, and {said} {at}", self.name)),
            (_, Some(until)) if at >= until => Some(format!("the key of {} was valid until {until}, and {said} {at}", self.name)),
            _ => None,
        }
    }
}
