//! An in-toto Statement v1 in a DSSE envelope: the one form in which anything is signed.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::key::{PublicKey, SecretKey};

/// What an envelope says of its payload.
pub const PAYLOAD: &str = "application/vnd.in-toto+json";
/// The `_type` of a statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The largest envelope that is read.
const LIMIT: usize = 4 << 20;

/// Why bytes are no envelope of ours.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it is larger than {LIMIT} bytes")]
    TooLarge,
    #[error("it is no DSSE envelope: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its payload is `{0}`; expected `{PAYLOAD}`")]
    Payload(String),
    #[error("it has {0} signatures; expected one: each signer's envelope is a file of its own")]
    Signatures(usize),
    #[error("`{0}` is not base64")]
    Base64(&'static str),
    #[error("its statement cannot be read: {0}")]
    Statement(String),
}

/// An envelope as it stands in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

/// A statement with one signature, not yet checked.
#[derive(Clone, Debug)]
pub struct Envelope {
    payload: Vec<u8>,
    pub signature: Vec<u8>,
    pub statement: Statement,
}

/// An in-toto Statement v1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// As it stands there: whoever knows its type reads it, and refuses what stands twice.
    pub predicate: Box<RawValue>,
}

/// What a statement is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub name: String,
    #[serde(deserialize_with = "once")]
    pub digest: BTreeMap<String, String>,
}

/// Algorithm → digest, where no algorithm stands twice.
fn once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Once;
    impl<'de> Visitor<'de> for Once {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("digests by their algorithm")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some((algorithm, digest)) = map.next_entry::<String, String>()? {
                if found.insert(algorithm.clone(), digest).is_some() {
                    return Err(A::Error::custom(format!("`{algorithm}` stands twice")));
                }
            }
            Ok(found)
        }
    }
    from.deserialize_map(Once)
}

impl Statement {
    /// One digest of a subject that stands once.
    #[must_use]
    pub fn digest(&self, name: &str, algorithm: &str) -> Option<&str> {
        let mut named = self.subject.iter().filter(|subject| subject.name == name);
        match (named.next(), named.next()) {
            (Some(subject), None) => subject.digest.get(algorithm).map(String::as_str),
            _ => None,
        }
    }

    /// What it signs beside these subjects (name, algorithm), a sentence each.
    #[must_use]
    pub fn beside(&self, subjects: &[(&str, &str)]) -> Vec<String> {
        let mut found = Vec::new();
        for Subject { name, digest } in &self.subject {
            match subjects.iter().find(|(known, _)| known == name) {
                None => found.push(format!("it signs `{name}` too, which is none of what is signed here")),
                Some((_, known)) => found.extend(
                    digest
                        .keys()
                        .filter(|algorithm| algorithm != known)
                        .map(|other| format!("it signs a digest `{other}` of `{name}` too")),
                ),
            }
        }
        found
    }
}

/// What DSSE signs in place of the payload: its pre-authentication encoding.
#[must_use]
pub fn encoded(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len()).into_bytes();
    out.extend(payload);
    out
}

/// Signs a statement: subjects (name, algorithm, digest) and a predicate; gives the envelope as canonical JSON.
///
/// # Errors
/// The statement cannot be written as canonical JSON.
pub fn sign(
    key: &SecretKey,
    subjects: &[(&str, &str, &str)],
    predicate_type: &str,
    predicate: &Value,
) -> Result<Vec<u8>, serde_json::Error> {
    let subjects: Vec<Value> =
        subjects.iter().map(|(name, algorithm, digest)| serde_json::json!({ "name": name, "digest": { *algorithm: digest } })).collect();
    let statement = serde_json::json!({ "_type": STATEMENT, "subject": subjects, "predicateType": predicate_type, "predicate": predicate });
    let payload = serde_json_canonicalizer::to_vec(&statement)?;
    serde_json_canonicalizer::to_vec(&Wire {
        signatures: vec![WireSignature { keyid: key.public().fingerprint(), sig: STANDARD.encode(key.sign(&encoded(&payload))) }],
        payload: STANDARD.encode(&payload),
        payload_type: PAYLOAD.to_owned(),
    })
}

/// Reads an envelope; nothing of it is believed yet.
///
/// # Errors
/// [`EnvelopeError`]
pub fn read(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
    if bytes.len() > LIMIT {
        return Err(EnvelopeError::TooLarge);
    }
    opened(&serde_json::from_slice(bytes)?)
}

/// What an envelope holds.
///
/// # Errors
/// As [`read`].
pub fn opened(wire: &Wire) -> Result<Envelope, EnvelopeError> {
    if wire.payload_type != PAYLOAD {
        return Err(EnvelopeError::Payload(wire.payload_type.clone()));
    }
    let [signature] = &wire.signatures[..] else { return Err(EnvelopeError::Signatures(wire.signatures.len())) };
    let payload = STANDARD.decode(&wire.payload).map_err(|_| EnvelopeError::Base64("payload"))?;
    let signature = STANDARD.decode(&signature.sig).map_err(|_| EnvelopeError::Base64("sig"))?;
    let statement: Statement = serde_json::from_slice(&payload).map_err(|error| EnvelopeError::Statement(error.to_string()))?;
    if statement.kind != STATEMENT {
        return Err(EnvelopeError::Statement(format!("its `_type` is `{}`; expected `{STATEMENT}`", statement.kind)));
    }
    Ok(Envelope { payload, signature, statement })
}

impl Envelope {
    /// Whether this key signed it.
    #[must_use]
    pub fn signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&encoded(&self.payload), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md: the lengths count bytes.
        assert_eq!(encoded(b"{}"), b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
        assert!(encoded("é".as_bytes()).starts_with(b"DSSEv1 28 application/vnd.in-toto+json 2 "));
    }
}
