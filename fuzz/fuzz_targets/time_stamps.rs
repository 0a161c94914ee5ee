//! Time stamps: an authority's reply, the token in it, and whether a policy trusts it.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tickmark::attest::policy::Policy;
use tickmark::attest::time_stamp;
use tickmark_fuzz::{below, fixture, frozen, project, scratch, sow};

/// Over which sign-off the fixtures are.
const SIGNED: &str = "attest/preparer-b5f8438d4fcf.sign-off.json";

struct Genuine {
    signed: Vec<u8>,
    policy: Policy,
    /// When the tokens that are trusted say that they were made.
    trusted: Vec<i64>,
}

fn replies() -> Vec<PathBuf> {
    below("tests/cases/time-stamps").into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "tsr")).collect()
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let signed = frozen("package.tar.gz")[SIGNED].clone();
    let folder = scratch("policy");
    std::fs::create_dir_all(&folder).unwrap();
    let mut text = String::from_utf8(fixture("tests/frozen/1/policy.toml")).unwrap();
    text = text.replace("ledger = true", "ledger = true\ntime-stamp = true");
    text += "[time-stamp]\nroots = [\"rsa-root.pem\", \"ec-root.pem\"]\n";
    std::fs::write(folder.join("policy.toml"), text).unwrap();
    for name in ["lindqvist.pub", "ledger.pub"] {
        std::fs::copy(project("tests/frozen/1").join(name), folder.join(name)).unwrap();
    }
    for name in ["rsa-root.pem", "ec-root.pem"] {
        std::fs::copy(project("tests/cases/time-stamps").join(name), folder.join(name)).unwrap();
    }
    let policy = Policy::read(&folder.join("policy.toml")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let mut genuine = Genuine { signed, policy, trusted: Vec::new() };
    for reply in replies() {
        genuine.trusted.extend(at(&genuine, &std::fs::read(reply).unwrap()));
    }
    assert!(genuine.trusted.len() >= 4, "the fixtures hold good tokens");
    genuine
});

/// When a reply, or the token alone, says that it was made, if it counts.
fn at(genuine: &Genuine, bytes: &[u8]) -> Option<i64> {
    let token = time_stamp::token(bytes).unwrap_or_else(|_| bytes.to_vec());
    let _ = time_stamp::stamps(&token, &genuine.signed);
    let stamp = time_stamp::read(&token, &genuine.signed).ok()?;
    stamp.trusted(genuine.policy.time_stamp.as_ref()?).ok()?;
    Some(stamp.at.0)
}

fn seeds() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = replies().into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    let tokens: Vec<Vec<u8>> = found.iter().filter_map(|reply| time_stamp::token(reply).ok()).collect();
    found.extend(tokens);
    found
}

fuzz_target!(
    init: sow("time_stamps", seeds()),
    |data: &[u8]| {
        let genuine = &*GENUINE;
        if let Some(at) = at(genuine, data) {
            assert!(genuine.trusted.contains(&at), "a forged time counts");
        }
        let query = time_stamp::query(data).unwrap();
        assert!(time_stamp::token(&query).is_err(), "a query is no reply");
    }
);
