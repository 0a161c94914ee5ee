//! A sign-off: the envelope, its statement, and what a policy makes of it.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tickmark::attest::account::Account;
use tickmark::attest::dsse::{self, Envelope};
use tickmark::attest::key::{PublicKey, SecretKey};
use tickmark::attest::package::read_manifest;
use tickmark::attest::policy::Policy;
use tickmark::attest::sign_off::{self, About};
use tickmark::attest::signatures::{self, Signed};
use tickmark::attest::{ledger, recorded};
use tickmark_fuzz::{Files, fixture, frozen, project, sow};

struct Genuine {
    files: Files,
    root: String,
    about: About,
    policy: Policy,
    envelopes: Vec<Envelope>,
    key: SecretKey,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let files = frozen("package.tar.gz");
    let manifest = read_manifest(&files["manifest.json"]).unwrap();
    let envelopes = signed().iter().map(|bytes| dsse::read(bytes).unwrap()).collect();
    let policy = Policy::read(&project("tests/frozen/1/policy.toml")).unwrap();
    // The seed of RFC 8032's first test.
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMRE6Ym9IIOs6qX4n4dSj3lg\n-----END PRIVATE KEY-----\n";
    let key = SecretKey::read(key, || None).unwrap();
    Genuine { about: About::of(&manifest), root: manifest.root.clone(), files, policy, envelopes, key }
});

/// What keys of the policy signed.
fn signed() -> Vec<Vec<u8>> {
    let attested = frozen("package.tar.gz");
    let mut found: Vec<Vec<u8>> =
        attested.into_iter().filter(|(path, _)| path.ends_with(".sign-off.json")).map(|(_, bytes)| bytes).collect();
    found.push(fixture("tests/frozen/1/ledger.ndjson.head.json"));
    let receipt: serde_json::Value = serde_json::from_slice(&frozen("package.tar.gz")[ledger::PATH]).unwrap();
    found.push(receipt["signed"].to_string().into_bytes());
    found
}

fuzz_target!(
    init: sow("dsse", signed()),
    |data: &[u8]| {
        let genuine = &*GENUINE;
        let _ = recorded::kept(data);
        if let Ok(text) = std::str::from_utf8(data) {
            let _ = PublicKey::read(text);
        }
        if let Ok(envelope) = dsse::read(data) {
            // Nobody has the keys: what they signed is one of what they did sign.
            if genuine.policy.signer(&envelope).is_some() {
                let said = |envelope: &Envelope| format!("{:?}", (&envelope.statement, &envelope.signature));
                assert!(genuine.envelopes.iter().any(|there| said(there) == said(&envelope)), "a forgery counts");
            }
            let _ = ledger::signed_head(&envelope);
            if let Ok(sign_off) = sign_off::read(&envelope) {
                let _ = sign_off::differences(&envelope, &sign_off, &genuine.root, &genuine.about, Some(&genuine.files));
                let written = serde_json::to_value(&sign_off).unwrap();
                let said: serde_json::Value = serde_json::from_str(envelope.statement.predicate.get()).unwrap();
                assert_eq!(written, said, "read and written again it is another");
            }
        }
        let mut account = Account::default();
        let attested = BTreeMap::from([("attest/preparer-b5f8438d4fcf.sign-off.json".to_owned(), data.to_vec())]);
        let signed = Signed { root: &genuine.root, holds: true, about: &genuine.about, files: Some(&genuine.files) };
        signatures::check(&attested, signed, Some(&genuine.policy), &mut account);
        assert!(!account.failed.is_empty(), "two signatures are required, and one is enough");
        // Whatever can be signed is read again, and a change is seen.
        if let Ok(text) = std::str::from_utf8(data) {
            let (name, algorithm) = text.split_at(text.floor_char_boundary(text.len() / 2));
            let predicate = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            if let Ok(bytes) = dsse::sign(&genuine.key, &[(name, algorithm, text)], name, &predicate) {
                match dsse::read(&bytes) {
                    Ok(envelope) => {
                        assert!(envelope.signed_by(&genuine.key.public()));
                        assert_eq!(envelope.statement.digest(name, algorithm), Some(text));
                        let mut other = envelope.clone();
                        other.signature[data.len() % 64] ^= 1;
                        assert!(!other.signed_by(&genuine.key.public()));
                    }
                    // JSON has numbers that it cannot give back, and the largest envelope is larger than the largest input.
                    Err(why) => assert!(predicate.to_string().contains(|c: char| c.is_ascii_digit() || c == '['), "{why}"),
                }
            }
        }
    }
);
