//! Time stamps (RFC 3161): those that count, and each way in which one does not.
//!
//! `tests/cases/time-stamps/` holds what authorities answered (`openssl ts`) to the query over the preparer's signature of the frozen package;
//! `.ci/real/timestamps` made it, and makes the same anew with the OpenSSL of the day.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tickmark::attest::package as packages;
use tickmark::attest::time_stamp::{self, StampError};

use super::metamorphic::every;
use super::signing::{says, tickmark};
use super::verify::{Package, write};

const PREPARER: &str = "attest/preparer-b5f8438d4fcf.sign-off.json";
const TOKEN: &str = "attest/preparer-b5f8438d4fcf.tst";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn reply(name: &str) -> PathBuf {
    root().join(format!("tests/cases/time-stamps/{name}.tsr"))
}

fn token(name: &str) -> Vec<u8> {
    time_stamp::token(&fs::read(reply(name)).unwrap()).unwrap()
}

fn frozen(file: &str) -> Package {
    packages::files(&root().join("tests/frozen/1").join(file)).unwrap()
}

/// The frozen package, its keys, and a policy that asks for a time stamp.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(crate::scratch::folder());
        write(&frozen("package.tar.gz"), &desk.0.path().join("package"));
        for name in ["lindqvist.pub", "ledger.pub"] {
            fs::copy(root().join("tests/frozen/1").join(name), desk.0.path().join(name)).unwrap();
        }
        for name in ["rsa-root.pem", "ec-root.pem", "ended-root.pem"] {
            fs::copy(root().join("tests/cases/time-stamps").join(name), desk.0.path().join(name)).unwrap();
        }
        desk.policy("", "roots = [\"rsa-root.pem\", \"ec-root.pem\"]");
        desk
    }

    /// Lindqvist's key has no part in it: what is there of hers is an unknown key. `key`: more of Moreau's; `pins`: the section on time stamps, none where it is empty.
    fn policy(&self, key: &str, pins: &str) {
        let text = fs::read_to_string(root().join("tests/frozen/1/policy.toml")).unwrap();
        let lindqvist = text.find("[[key]]\nname = \"A. Lindqvist\"").unwrap()..text.find("[require]").unwrap();
        let text = text.replace(&text[lindqvist], "").replace("signatures = [\"preparer\", \"reviewer\"]", "signatures = [\"preparer\"]");
        // Nor has what came later: that only the ledger would show.
        let text = text.replace("latest = true\n", "");
        let text = text.replace("roles = [\"preparer\"]", &format!("roles = [\"preparer\"]\n{key}"));
        let text = if pins.is_empty() {
            text
        } else {
            text.replace("ledger = true", "ledger = true\ntime-stamp = true") + &format!("[time-stamp]\n{pins}\n")
        };
        fs::write(self.0.path().join("policy.toml"), text).unwrap();
    }

    fn tickmark(&self, arguments: &[&str]) -> (Option<i32>, String) {
        tickmark(self.0.path(), arguments)
    }

    fn add(&self, name: &str) -> (Option<i32>, String) {
        self.tickmark(&["sign", "package", "--timestamp-response", reply(name).to_str().unwrap()])
    }

    /// Puts the token there by hand, as somebody would who has no use for checks.
    fn put(&self, name: &str) {
        fs::write(self.0.path().join("package").join(TOKEN), token(name)).unwrap();
    }

    fn verify(&self) -> (Option<i32>, String) {
        self.tickmark(&["verify", "package", "--policy", "policy.toml"])
    }
}

#[test]
fn a_signature_that_existed_by_then() {
    let desk = Desk::new();
    says(&desk.verify(), 4, &["the policy asks for a time stamp, and none that counts is there"]);
    for name in ["good-rsa", "good-p256", "good-p384", "good-v1"] {
        says(&desk.add(name), 0, &["existed by: 2026-", "policy:     1.2.3.4.1", TOKEN]);
        says(
            &desk.verify(),
            0,
            &[
                "the signature of J. Moreau existed by 2026-",
                "under its policy 1.2.3.4.1, whose certificate leads to CN=Root of",
                "is the signer's own word",
                "had been revoked by then",
                "verified, as the policy asks",
            ],
        );
        says(&desk.add(name), 2, &["is there already"]);
        fs::remove_file(desk.0.path().join("package").join(TOKEN)).unwrap();
    }
    // With what the authority says of its clock: 1.5 s after the time in the token.
    says(&desk.add("good-p256"), 0, &[".500000Z"]);
    let (code, said) = desk.tickmark(&["verify", "package", "--policy", "policy.toml", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    let proved = value["proved"].as_array().unwrap();
    assert!(code == Some(0) && proved.iter().any(|line| line.as_str().unwrap().contains("existed by")), "{said}");
    // Where it asks for them, each signature by a key that it pins needs one.
    let text = fs::read_to_string(desk.0.path().join("policy.toml")).unwrap();
    let more = "[[key]]\nname = \"A. Lindqvist\"\nkey-file = \"lindqvist.pub\"\nroles = [\"reviewer\"]\n[require]";
    fs::write(desk.0.path().join("policy.toml"), text.replace("[require]", more)).unwrap();
    says(&desk.verify(), 4, &["the signature of A. Lindqvist", "the policy asks for a time stamp, and none that counts is there"]);
    // A policy that pins no authority believes none, and one that does not ask may still know one.
    desk.policy("", "");
    says(&desk.verify(), 0, &["no policy pins a root that it would have to lead to"]);
    says(&desk.tickmark(&["verify", "package", "--unsigned"]), 0, &["no policy pins a root"]);
    desk.policy("", "roots = [\"ec-root.pem\"]");
    let text = fs::read_to_string(desk.0.path().join("policy.toml")).unwrap().replace("time-stamp = true\n", "");
    fs::write(desk.0.path().join("policy.toml"), text).unwrap();
    says(&desk.verify(), 0, &["existed by"]);
    // A part of the package keeps it.
    let mut part = frozen("disclosure.tar.gz");
    part.insert(TOKEN.to_owned(), token("good-p256"));
    write(&part, &desk.0.path().join("part"));
    desk.policy("", "roots = [\"ec-root.pem\"]");
    says(&desk.tickmark(&["verify", "part", "--policy", "policy.toml"]), 0, &["the signature of J. Moreau existed by"]);
}

#[test]
fn a_key_is_judged_at_the_stamped_time() {
    let desk = Desk::new();
    says(&desk.add("good-p256"), 0, &[]);
    let pins = "roots = [\"ec-root.pem\"]";
    // Signed on 2026-07-01 by its own word; stamped later.
    desk.policy("valid-until = \"2026-07-02T00:00:00Z\"", pins);
    says(&desk.verify(), 4, &["the key of J. Moreau was valid until 2026-07-02T00:00:00Z, and its time stamp says 2026-"]);
    desk.policy("valid-until = \"2120-01-01T00:00:00Z\"", pins);
    says(&desk.verify(), 0, &[]);
    // The signer's own word is not passed over because there is a better one.
    desk.policy("valid-from = \"2026-07-02T00:00:00Z\"", pins);
    says(&desk.verify(), 4, &["is valid from 2026-07-02T00:00:00Z on, and it signed at 2026-07-01"]);
}

/// Refused when it is to be added, and just so when somebody put it there.
#[test]
fn replies_that_are_no_time_stamps_of_it() {
    let desk = Desk::new();
    for (name, words) in [
        ("imprint", "it stamps other bytes than this signature"),
        ("weak-imprint", "it stamps a digest by 1.3.14.3.2.26, and the query asks for SHA-256"),
        ("nonce", "it answers another query: its nonce is "),
        ("no-nonce", "it answers another query: its nonce is none"),
        ("eku-none", "CN=Authority none is not one for time stamps: it has no extended key usage"),
        ("eku-not-critical", "its extended key usage is not marked critical"),
        ("eku-more", "its extended key usage allows more than time stamping"),
        ("eku-other", "its extended key usage is another than time stamping"),
        ("key-usage", "its key usage allows no signatures"),
        ("extension", "its extension 1.2.3.4.5 is critical, and not known here"),
        ("short-key", "its RSA key is shorter than 2048 bits"),
        ("no-attribute", "no attribute signing-certificate says whose it is"),
        ("no-certificate", "the certificate that signed it is not in it"),
        ("weak-digest", "it is signed by 1.3.14.3.2.26; RSA and ECDSA"),
        ("kind", "its attribute content-type is not that of a time stamp"),
        ("swapped", "its attribute signing-certificate names another certificate"),
    ]
    .into_iter()
    .step_by(every(3, 1))
    {
        says(&desk.add(name), 4, &["not added", words]);
        assert!(!desk.0.path().join("package").join(TOKEN).exists(), "{name}");
        desk.put(name);
        says(&desk.verify(), 4, &[TOKEN, "does not count", words, "none that counts is there"]);
        fs::remove_file(desk.0.path().join("package").join(TOKEN)).unwrap();
    }
    // What is no time stamp of it is one for nobody.
    desk.put("nonce");
    says(&desk.tickmark(&["verify", "package", "--unsigned"]), 4, &["it answers another query"]);
    says(&desk.add("refused"), 4, &["the authority refused to stamp: rejected; it does not know the digest's algorithm"]);
    fs::write(desk.0.path().join("text"), "<html>502 Bad Gateway</html>").unwrap();
    says(&desk.tickmark(&["sign", "package", "--timestamp-response", "text"]), 4, &["its reply is not what RFC 3161 says"]);
    says(&desk.tickmark(&["sign", "package", "--timestamp-response", "none"]), 2, &["the reply none cannot be read"]);
}

/// Good ones, by authorities whom this reader does not trust for it.
#[test]
fn authorities_that_the_policy_does_not_trust() {
    let desk = Desk::new();
    let all = "roots = [\"rsa-root.pem\", \"ec-root.pem\", \"ended-root.pem\"]";
    for (name, pins, words) in [
        ("expired", all, "expired: the certificate of CN=Authority expired was valid until 2021-01-01T00:00:00Z, and it was made at 2026-"),
        ("early", all, "too early: the certificate of CN=Authority early is valid from 2100-01-01T00:00:00Z on"),
        ("between-expired", all, "expired: a certificate between CN=Authority below and the root was valid until 2021-01-01"),
        ("good-rsa", "roots = [\"ec-root.pem\"]", "does not lead to a root that the policy pins: nothing ties it to one of them"),
        ("root-ended", all, "expired: the certificate of CN=Root that ended was valid until 2021-01-01T00:00:00Z"),
        ("impostor", all, "it bears the name of one, and was not signed by it"),
        (
            "policy",
            &format!("{all}\npolicies = [\"1.2.3.4.1\", \"1.2.3.4.2\"]"),
            "the time stamps of 1.2.3.4.1, 1.2.3.4.2, and it was made under 1.2.3.4.9",
        ),
    ] {
        says(&desk.add(name), 0, &["a reader's policy says"]);
        desk.policy("", pins);
        says(&desk.verify(), 4, &[TOKEN, "does not count", words, "none that counts is there"]);
        fs::remove_file(desk.0.path().join("package").join(TOKEN)).unwrap();
    }
    for (pins, words) in [
        ("roots = [\"lindqvist.pub\"]", "there is no certificate in it"),
        ("roots = [\"none.pem\"]", "none.pem: cannot be read"),
        ("policies = []", "missing field `roots`"),
        ("roots = []\nroot = 1", "unknown field `root`"),
    ] {
        desk.policy("", pins);
        says(&desk.verify(), 2, &[words]);
    }
    // Whoever asks for time stamps says of whose signatures, and by whom.
    for text in ["signatures = []\ntime-stamp = true\n[time-stamp]\nroots = [\"ec-root.pem\"]", "signatures = []\ntime-stamp = true"] {
        fs::write(desk.0.path().join("policy.toml"), format!("schema = \"tickmark/policy/1\"\n[require]\n{text}\n")).unwrap();
        says(&desk.verify(), 2, &["name whose in `signatures`, and the authorities' roots"]);
    }
}

#[test]
fn the_query_follows_from_the_signature() {
    let desk = Desk::new();
    let query = ["sign", "package", "--role", "preparer", "--timestamp-request", "query.tsq"];
    says(&desk.tickmark(&query), 0, &[PREPARER, "--timestamp-response"]);
    let first = fs::read(desk.0.path().join("query.tsq")).unwrap();
    assert_eq!(first, time_stamp::query(&frozen("package.tar.gz")[PREPARER]).unwrap());
    says(&desk.tickmark(&["sign", "package", "--role", "reviewer", "--timestamp-request", "other.tsq"]), 0, &["attest/reviewer-"]);
    assert_ne!(first, fs::read(desk.0.path().join("other.tsq")).unwrap());
    // A stamp is of one signature: beside another it is none, and without its own it is nobody's.
    desk.put("good-p256");
    says(&desk.tickmark(&query), 2, &["no signature as preparer without a time stamp", "sign first"]);
    let package = desk.0.path().join("package");
    let reviewer = frozen("package.tar.gz").into_keys().find(|path| path.starts_with("attest/reviewer-")).unwrap();
    fs::rename(package.join(TOKEN), package.join(time_stamp::path(&reviewer))).unwrap();
    says(&desk.verify(), 4, &["it stamps other bytes than this signature"]);
    fs::rename(package.join(time_stamp::path(&reviewer)), package.join("attest/mine.tst")).unwrap();
    says(&desk.verify(), 4, &["`attest/mine.tst` is the time stamp of a signature that is not here"]);
    // What does not go together is said, and nothing is done.
    for arguments in
        [&["--timestamp-request", "x"][..], &["--timestamp-response", "x", "--role", "preparer"], &["--name", "X", "--role", "preparer"]]
    {
        says(&desk.tickmark(&[&["sign", "package"], arguments].concat()), 2, &["Usage"]);
    }
}

/// Every bit of a token that matters is seen, and nothing makes it panic: changed, cut off, nested, of any bytes.
#[test]
fn what_is_in_a_token_is_not_believed() {
    let signed = &frozen("package.tar.gz")[PREPARER];
    let roots = [fs::read(root().join("tests/cases/time-stamps/ec-root.pem")).unwrap()];
    let roots = roots.iter().map(|pem| pem_contents(pem)).collect();
    let accepted = tickmark::attest::policy::TimeStamp { roots, policies: Vec::new() };
    let judged = |token: &[u8]| {
        let stamp = time_stamp::read(token, signed)?;
        let root = stamp.trusted(&accepted)?;
        Ok::<_, StampError>((stamp.at, stamp.by, stamp.policy, stamp.authority.name, root))
    };
    let good = token("good-p256");
    let said = judged(&good).unwrap();
    let mut without_effect = Vec::new();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        match judged(&bytes) {
            Err(_) => {}
            Ok(other) if other == said => without_effect.push(at),
            Ok(other) => panic!("byte {at} changed what is said: {other:?}"),
        }
    }
    // The list of digests that the container says were used: nobody signs it, and nobody reads it.
    assert!(without_effect.len() <= 10, "{without_effect:?}");
    for length in 0..good.len() {
        assert!(judged(&good[..length]).is_err(), "{length}");
        assert!(time_stamp::token(&good[..length]).is_err(), "{length}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(judged(&longer).is_err());
    let nested = (0..16_000)
        .fold(Vec::new(), |inner: Vec<u8>, _| if inner.is_empty() { vec![0x30, 0x80] } else { [&[0x30, 0x80][..], &inner].concat() });
    assert!(judged(&nested).is_err() && time_stamp::token(&nested).is_err());
    assert!(matches!(judged(&vec![0x30; 70_000]), Err(StampError::TooLarge)));
    assert!(matches!(time_stamp::token(&vec![0x30; 70_000]), Err(StampError::TooLarge)));
}

fn pem_contents(pem: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let text = String::from_utf8(pem.to_vec()).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// With the OpenSSL that is on this machine: what our query asks, and what lies in the package.
#[test]
fn openssl_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let desk = Desk::new();
    says(&desk.add("good-rsa"), 0, &[]);
    says(&desk.tickmark(&["sign", "package", "--role", "reviewer", "--timestamp-request", "query.tsq"]), 0, &[]);
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(desk.0.path()).output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let (done, said) = openssl(&["ts", "-query", "-in", "query.tsq", "-text"]);
    assert!(done && said.contains("Hash Algorithm: sha256") && said.contains("Certificate required: yes"), "{said}");
    let (token, data) = (format!("package/{TOKEN}"), format!("package/{PREPARER}"));
    let verify = |data: &str| openssl(&["ts", "-verify", "-token_in", "-in", &token, "-data", data, "-CAfile", "rsa-root.pem"]);
    assert!(verify(&data).0, "{}", verify(&data).1);
    assert!(!verify("policy.toml").0);
}
