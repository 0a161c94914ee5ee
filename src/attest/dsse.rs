//! An in-toto Statement v1 in a DSSE envelope: the one form in which anything is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    #[serde(default)]
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
    pub predicate: Value,
}

/// What a statement is about.
#[derive(Clone, Debug, Deserialize)]
pub struct Subject {
    pub name: String,
    pub digest: std::collections::BTreeMap<String, String>,
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
    let wire: Wire = serde_json::from_slice(bytes)?;
    if wire.payload_type != PAYLOAD {
        return Err(EnvelopeError::Payload(wire.payload_type));
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
