//! What looks like a secret: found by its place, kept nowhere, and what only looks so let through.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tickmark::evidence::{FingerprintKey, tried};

use super::*;
use crate::sources::shipped;

/// A project with one Kong dump, or another document, as one source.
fn of(kind: &str, file: &str, text: &str, more: &str) -> tempfile::TempDir {
    let work = crate::scratch::folder();
    let system = if kind == "kong-deck" { "kong:x" } else { "s" };
    let source = format!(
        "[[source]]\nid = \"one\"\nkind = \"{kind}\"\npath = \"{file}\"\nsystems = [\"{system}\"]\ncollected-at = \"2026-06-29T00:00:00Z\"\n{more}"
    );
    write(work.path(), "tickmark.toml", &format!("name = \"x\"\ncontrols = [\"INV-05\"]\n{source}"));
    write(work.path(), file, text);
    work
}

/// Texts made here, so that none stands in the repository: each looks like what its name says.
fn made(prefix: &str, alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state: u64 = 88_172_645_463_325_252 + prefix.len() as u64;
    let tail: String = (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            letters[usize::try_from(state % letters.len() as u64).unwrap()]
        })
        .collect();
    format!("{prefix}{tail}")
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

fn secrets() -> Vec<(&'static str, String)> {
    vec![
        ("a private key", format!("-----BEGIN RSA {} KEY-----", "PRIVATE")),
        ("a private key", format!("MIIEv{}", made("QIBADANBgkqhkiG9w0BAQEFAASC", ALNUM, 60))),
        ("an AWS session token", made("IQoJb3JpZ2lu", ALNUM, 80)),
        ("a GitHub token", made("ghp_", ALNUM, 36)),
        ("a GitHub token", made("github_pat_", ALNUM, 82)),
        ("a GitLab token", made("glpat-", ALNUM, 20)),
        ("a Slack token", made("xoxb-", "0123456789", 11) + &made("-", ALNUM, 24)),
        ("a Stripe key", made("sk_live_", ALNUM, 24)),
        ("a Google key", made("AIza", ALNUM, 35)),
        ("a Google key", made("GOCSPX-", ALNUM, 28)),
        ("an Azure key", made("DefaultEndpointsProtocol=https;AccountKey=", ALNUM, 86) + "=="),
        ("an Azure key", made("abc8Q~", ALNUM, 34)),
        ("a package registry token", made("npm_", ALNUM, 36)),
        ("a package registry token", made("pypi-AgEIcHlwaS5vcmc", ALNUM, 60)),
        ("a Vault token", made("hvs.", ALNUM, 90)),
        ("a token of an AI provider", made("sk-ant-", ALNUM, 90)),
        ("a token of a cloud service", made("dapi", HEX, 32)),
        ("a JSON Web Token", format!("{}.{}.{}", made("eyJ", ALNUM, 30), made("eyJ", ALNUM, 60), made("", ALNUM, 43))),
        ("a password in an address", format!("postgres://app:{}@db.internal:5432/core", made("", ALNUM, 10))),
        ("an Authorization header", made("Authorization: Bearer ", ALNUM, 40)),
        ("the hash of a password", made("$2b$12$", ALNUM, 53)),
        ("the hash of a password", made("md5", HEX, 32)),
        ("a value assigned to the name of a secret", made("Server=db;User Id=app;Password=", ALNUM, 14)),
        ("a value assigned to the name of a secret", made("export AWS_SECRET_ACCESS_KEY=", ALNUM, 40)),
        ("a value assigned to the name of a secret", made("{\\\"db_password\\\":\\\"", ALNUM, 16) + "\\\"}"),
    ]
}

/// What a mapping makes of a file; why the whole of it is not used.
fn mapped(
    mapping: &tickmark::model::project::SourceMapping,
    systems: &[String],
    file: &str,
    bytes: Vec<u8>,
    key: &FingerprintKey,
) -> Result<Vec<serde_json::Value>, String> {
    let table = (mapping.kind == "canonical").then_some("credential");
    let tried = tried(mapping, systems, table, file, bytes, key, tickmark::load::shipped_mappings).map_err(|error| error.to_string())?;
    match tried.export.quarantine.iter().find(|found| found.position.is_empty()) {
        Some(found) => Err(found.reason.clone()),
        None => Ok(tried.rows),
    }
}

#[test]
fn every_form_of_secret_is_found_in_a_value_in_a_name_and_in_a_comment() {
    for (number, (title, secret)) in secrets().into_iter().enumerate() {
        let secret = secret.as_str();
        let plain = secret.replace('\\', "");
        let document = serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "custom_id": plain }] }).to_string();
        let name = serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "tags": [{ plain.as_str(): "x" }] }] })
            .to_string();
        let mut cases = vec![("kong-deck", "dump.yaml", document, format!("{title} at /consumers/0/custom_id"))];
        if !title.starts_with("a value") {
            cases.push(("kong-deck", "dump.yaml", name, format!("{title} at /consumers/0/tags/0/*")));
        }
        cases.push((
            "canonical",
            "rows.csv",
            format!("id,system,purpose\na,s,x\nb,s,\"{}\"\n", plain.replace('"', "\"\"")),
            format!("{title} at line 3, /purpose"),
        ));
        // Of a file that is kept as it came, also what no record holds.
        cases.push((
            "canonical",
            "rows.ndjson",
            format!("{{\"id\":\"a\",\"system\":\"s\"}}\n{{ broken {secret}\n"),
            format!("{title} at line 2, column "),
        ));
        // Each in one of these places, the first few in all.
        let turn = number % cases.len();
        let cases = cases.into_iter().enumerate().filter(|(at, _)| number < 3 || *at == turn).map(|(_, case)| case);
        for (kind, file, text, place) in cases {
            let why = mapped(&shipped(kind), &["s".to_owned()], file, text.clone().into_bytes(), &FingerprintKey::given(&[])).unwrap_err();
            assert!(why.contains(&place), "{title}, {kind}: {text}\n{why}");
            assert!(!why.contains(&plain[plain.len() / 2..]), "{why}");
        }
    }
}

#[test]
fn a_file_with_a_secret_is_used_for_nothing_and_kept_nowhere() {
    let token = made("ghp_", ALNUM, 36);
    let document = serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "custom_id": token }] }).to_string();
    let work = of("kong-deck", "dump.yaml", &document, "");
    let said = ends(work.path(), &["run"], 2);
    let report = work.path().join("report");
    assert_eq!(assessment(work.path())["sources"][0]["absent"], true);
    let inputs = fs::read_to_string(report.join("inputs/dump.yaml")).unwrap();
    assert!(inputs.starts_with("left out: it holds what looks like a secret: a GitHub token at /consumers/0/custom_id"), "{inputs}");
    let texts = crate::realdata::case::below(&report).into_iter().map(|path| fs::read(path).unwrap()).chain([said.into_bytes()]);
    assert_eq!(texts.filter(|text| String::from_utf8_lossy(text).contains(&token[8..])).count(), 0);
}

#[test]
fn what_only_looks_like_a_secret_is_let_through() {
    let long = made("", ALNUM, 40);
    let values = [
        ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("access_key", "AROAIOSFODNN7EXAMPLE".to_owned()),
        ("token", "3f0c1f6e-5a3e-4a53-9a4e-0d7ad13f7a10".to_owned()),
        ("image_key", made("sha256:", HEX, 64)),
        ("token", made("", HEX, 64)),
        ("deploy_token", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-Ab12Cd".to_owned()),
        ("SecretARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-Ab12Cd".to_owned()),
        ("nextLink", format!("https://vault.example/secrets?api-version=7.0&$skiptoken={long}&maxresults=25")),
        ("clientToken", long.clone()),
        ("NextToken", long.clone()),
        ("nextPageToken", long.clone()),
        ("secret_hash", long.clone()),
        ("public_key", made("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", ALNUM, 200)),
        ("token_path", "/var/run/secrets/kubernetes.io/serviceaccount/token".to_owned()),
        ("password", "********".to_owned()),
        ("password", "<redacted>".to_owned()),
        ("password", "${DB_PASSWORD}".to_owned()),
        ("password_token", "prod/core/db-password-2".to_owned()),
        ("token", "2026-06-30T00:00:00Z".to_owned()),
        ("routing_key", "orders.created.v2.eu-central-1.production".to_owned()),
        ("Key", "aws:cloudformation:stack-name".to_owned()),
        ("note", "the token: rotated by the platform team every 90 days".to_owned()),
        ("note", "see https://wiki.example/secrets?page=token".to_owned()),
        ("note", "arn:aws:iam::123456789012:role/aws-service-role/token.amazonaws.com/AWSServiceRoleForToken1".to_owned()),
        ("certificate", made("MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQ", ALNUM, 300)),
    ];
    for (name, value) in values {
        let document =
            serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "note": { name: value } }] }).to_string();
        let rows = mapped(&shipped("kong-deck"), &["kong:x".to_owned()], "dump.yaml", document.into_bytes(), &FingerprintKey::given(&[]));
        assert!(rows.is_ok(), "{name}: {value}: {rows:?}");
    }
}

#[test]
fn what_is_said_to_be_no_secret_is_let_through_and_told() {
    let token = made("", ALNUM, 30);
    let document = serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "contract_token": token }] }).to_string();
    let work = of("kong-deck", "dump.yaml", &document, "");
    tickmark(work.path(), &["run"]);
    let inputs = |work: &Path| fs::read_to_string(work.join("report/inputs/dump.yaml")).unwrap();
    assert!(inputs(work.path()).contains("/consumers/0/contract_token"), "{}", inputs(work.path()));
    let allowed = "not-secret = [{ at = \"/consumers/*/contract_token\", reason = \"printed on the contract\" }]\n";
    let work = of("kong-deck", "dump.yaml", &document, allowed);
    tickmark(work.path(), &["run"]);
    assert!(inputs(work.path()).contains(&token));
    let report = fs::read_to_string(work.path().join("report/report.md")).unwrap();
    assert!(report.contains("printed on the contract"), "{report}");
    // Elsewhere it stays one.
    let elsewhere =
        serde_json::json!({ "_format_version": "3.0", "consumers": [{ "username": "a", "contract_token": token, "other_token": made("", ALNUM, 31) }] }).to_string();
    let work = of("kong-deck", "dump.yaml", &elsewhere, allowed);
    tickmark(work.path(), &["run"]);
    assert!(inputs(work.path()).contains("/consumers/0/other_token"));
    // It needs a reason.
    let work = of("kong-deck", "dump.yaml", &document, "not-secret = [{ at = \"/consumers\" }]\n");
    assert!(ends(work.path(), &["run"], 2).contains("reason"));
}

#[test]
fn a_command_that_prints_a_secret_stores_nothing() {
    let work = project();
    let root = work.path();
    ends(root, &["collect"], 0);
    let token = made("ghp_", ALNUM, 36);
    write(root, "identity.csv", &format!("id,system,owner,purpose\na,s,p1,{token}\n"));
    let said = ends(root, &["collect"], 3);
    assert!(said.contains("a GitHub token at line 2, /purpose") && !said.contains(&token[8..]), "{said}");
    // Nor what a command complains of.
    script(root, "fails.sh", &format!("echo 'denied for Authorization: Bearer {token}' >&2; echo 'log in first' >&2; exit 3"));
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    write(root, "tickmark.toml", &text.replace("[\"cat\", \"identity.csv\"]", "[\"./fails.sh\"]"));
    let said = ends(root, &["collect", "identities"], 3);
    assert!(said.contains("exit status 3") && said.contains("log in first") && !said.contains(&token[8..]), "{said}");
    for path in crate::realdata::case::below(&root.join("locker")) {
        let held = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!held.contains(&token[8..]), "{} holds it", path.display());
    }
}

#[test]
fn settings_and_arguments_hold_no_secret() {
    let work = project();
    let root = work.path();
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    let token = made("ghp_", ALNUM, 36);
    write(root, "tickmark.toml", &text.replace("[\"cat\", \"identity.csv\"]", &format!("[\"gh\", \"--token\", \"{token}\"]")));
    for arguments in [&["collect"][..], &["run"]] {
        let said = ends(root, arguments, 2);
        assert!(
            said.contains("tickmark.toml holds what looks like a secret: a GitHub token at line 8, column") && !said.contains(&token[8..]),
            "{said}"
        );
    }
    assert!(!root.join("locker").exists());
}

#[test]
fn stored_and_original_digest_stand_side_by_side() {
    let work = crate::scratch::folder();
    let root = work.path();
    let dump = "# written by hand: the-comment-is-gone\nconsumers: [{username: a, keyauth_credentials: [{key: the-key-of-a}]}]\n";
    write(
        root,
        "tickmark.toml",
        "name = \"x\"\ncontrols = [\"INV-05\"]\n[[source]]\nkind = \"kong-deck\"\ncommand = [\"cat\", \"dump.yaml\"]\nsystems = [\"kong:x\"]\n",
    );
    write(root, "dump.yaml", dump);
    let said = ends(root, &["collect"], 0);
    assert!(said.contains("1 secrets replaced"), "{said}");
    ends(root, &["run"], 3);
    let file = assessment(root)["files"][0].clone();
    let stored = fs::read(root.join(file["path"].as_str().unwrap())).unwrap();
    let digest = |bytes: &[u8]| tickmark::model::digest::sha256(bytes);
    assert_eq!(file["original_sha256"], digest(dump.as_bytes()));
    assert_eq!(file["sha256"], digest(&stored));
    assert_eq!(file["redacted"], 1);
    assert_eq!(fs::read(root.join("report/inputs").join(file["path"].as_str().unwrap())).unwrap(), stored);
    // No key is needed to judge what is redacted.
    fs::remove_dir_all(root.join(".tickmark")).unwrap();
    ends(root, &["run"], 3);
    assert!(!root.join(".tickmark").exists());
    // A mapping that has learnt of another secret replaces it on the way out of the locker.
    let mapping = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sources/kong-deck.toml")).unwrap();
    write(root, "sources/kong-deck.toml", &mapping.replace("secrets = [", "secrets = [\n  \"/**/username\","));
    ends(root, &["run"], 3);
    let judged = assessment(root);
    assert_eq!(judged["files"][0]["redacted"], 2);
    assert_eq!(judged["files"][0]["original_sha256"], digest(dump.as_bytes()));
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["verify", "--unsigned"]).arg(root.join("report")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let dump = "consumers: [{username: a, keyauth_credentials: [{key: the-key-of-a}]}]\n";
    let work = of("kong-deck", "dump.yaml", dump, "");
    let root = work.path();
    ends(root, &["run"], 3);
    let key = root.join(".tickmark/fingerprint.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert!(ends(root, &["run"], 2).contains("chmod 600"));
    }
    let digits = fs::read_to_string(&key).unwrap();
    write(root, ".tickmark/fingerprint.key", &format!("# published with the example\n{digits}"));
    ends(root, &["run"], 3);
}

#[test]
fn init_makes_a_project_and_overwrites_nothing() {
    let work = crate::scratch::folder();
    let root = work.path().join("new/nhi");
    let init = || {
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("init").arg(&root).output().unwrap();
        (output.status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    };
    let (code, said) = init();
    assert_eq!(code, 0, "{said}");
    let key = root.join(".tickmark/fingerprint.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(root.join(".tickmark")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(root.join(".tickmark/.gitignore")).unwrap(), "*\n");
    assert!(fs::read_to_string(root.join(".gitignore")).unwrap().contains("/.tickmark/"));
    ends(&root, &["check"], 0);
    let (code, said) = tickmark(&root, &["run"]);
    assert!(code == 1 || code == 3, "{said}");
    let before: Vec<Vec<u8>> = crate::realdata::case::below(&root).iter().map(|path| fs::read(path).unwrap()).collect();
    let (code, said) = init();
    assert!(code == 2 && said.contains("is there already"), "{said}");
    let after: Vec<Vec<u8>> = crate::realdata::case::below(&root).iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
    // One file in the way is enough: nothing is written.
    let other = work.path().join("other");
    write(&other, "evidence/parties.csv", "mine");
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("init").arg(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!other.join("tickmark.toml").exists());
}
