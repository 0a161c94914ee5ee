//! Packages that were made to do harm: refused in bounded time, without a panic, and with nothing written.

use std::fs;
use std::time::{Duration, Instant};

use super::metamorphic::every;
use super::package::contents;
use super::signing::Desk;
use super::verify::{relisted, write};

/// Bytes that break readers.
fn harmful() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("no JSON", b"hello".to_vec()),
        ("deep lists", [vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        ("deep objects", "{\"a\":".repeat(50_000).into_bytes()),
        ("a name twice", b"{\"schema\":\"tickmark/manifest/1\",\"schema\":\"tickmark/manifest/1\"}".to_vec()),
        ("not UTF-8", b"{\"schema\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate", b"{\"schema\":\"\\ud800\"}".to_vec()),
        ("NaN", b"{\"leaves\":NaN}".to_vec()),
        ("beyond every number", b"{\"leaves\":1e400}".to_vec()),
        ("beyond 2^53", b"{\"leaves\":9007199254740993}".to_vec()),
        ("beyond 2^64", b"{\"leaves\":18446744073709551616}".to_vec()),
        ("below zero", b"{\"leaves\":-1}".to_vec()),
        ("zeros", vec![0; 1 << 18]),
        ("one long line", vec![b'a'; 1 << 20]),
        ("many lines", b"{}\n".repeat(50_000)),
        ("many commas", vec![b','; 1 << 18]),
        ("an open quote", b"\"".to_vec()),
    ]
}

#[test]
fn whatever_a_file_holds() {
    let desk = Desk::new();
    let (code, said) = desk.tickmark(&["run", "--project", ".", "--out", "r", "--ledger", "ledger.ndjson", "--ledger-key", "stranger"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(desk.sign("r", "moreau", "J. Moreau", "preparer").0, Some(0));
    assert_eq!(desk.tickmark(&["disclose", "r", "--control", "OWN-01", "--out", "part"]).0, Some(0));
    desk.policy("\"preparer\"", "ledger = true\n[[key]]\nname = \"The ledger\"\nkey-file = \"stranger.pub\"\nroles = [\"ledger\"]\n");
    let (package, part) = (contents(&desk.path("r")), contents(&desk.path("part")));
    let sign_off = package.keys().find(|path| path.ends_with(".sign-off.json")).unwrap();
    let mut slowest = Duration::ZERO;
    let mut tried = 0;
    let paths = [
        "manifest.json",
        "assessment.json",
        "findings.ndjson",
        "populations/OWN-01.csv",
        "inputs/tickmark.toml",
        "attest/ledger.json",
        sign_off,
    ];
    for (number, (what, bytes)) in harmful().into_iter().enumerate() {
        for (at, path) in paths.iter().chain(&["disclosure.json"]).enumerate() {
            // Where everything is judged again, fewer.
            if !(number + at).is_multiple_of(if (1..5).contains(&at) { every(11, 5) } else { every(7, 3) }) {
                continue;
            }
            let mut changed = if *path == "disclosure.json" { part.clone() } else { package.clone() };
            changed.insert((*path).to_owned(), bytes.clone());
            if !path.starts_with("attest/") && changed.contains_key("manifest.json") && *path != "manifest.json" {
                changed = relisted(changed);
            }
            let folder = tempfile::tempdir_in(desk.work.path()).unwrap();
            write(&changed, folder.path());
            let start = Instant::now();
            let (code, said) = desk.tickmark(&["verify", folder.path().to_str().unwrap(), "--policy", "policy.toml"]);
            slowest = slowest.max(start.elapsed());
            assert!(matches!(code, Some(2 | 4)), "{what} as {path}: {code:?} {said}");
            assert!(contents(folder.path()) == changed, "{what} as {path}: something was written");
            tried += 1;
        }
        for (file, arguments) in [
            ("bad.ndjson", &["verify", "--ledger", "bad.ndjson", "--policy", "policy.toml"][..]),
            ("bad.toml", &["verify", "r", "--policy", "bad.toml"]),
            ("bad.json", &["verify", "r", "--policy", "policy.toml", "--since", "bad.json"]),
            ("bad.tar.gz", &["verify", "bad.tar.gz", "--unsigned"]),
            ("bad.key", &["sign", "r", "--key", "bad.key", "--name", "X", "--role", "preparer"]),
        ] {
            // A ledger without a line is one, and an empty head is none.
            if what == "nothing" && file == "bad.ndjson" || what == "zeros" || what == "no JSON" && file == "bad.ndjson" {
                continue;
            }
            fs::write(desk.path(file), &bytes).unwrap();
            let (code, said) = desk.tickmark(arguments);
            let unfinished = file == "bad.ndjson" && !bytes.contains(&b'\n');
            assert!(matches!(code, Some(2 | 4)) || unfinished, "{what} as {file}: {code:?} {said}");
            tried += 1;
        }
    }
    println!("harmful files: {tried}, the slowest took {slowest:?}");
    assert!(slowest < Duration::from_secs(60), "{slowest:?}");
}
