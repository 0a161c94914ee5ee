//! Files as systems and tools hand them over: packed, wide, wrapped, in pages, of another vendor.

use std::io::Write;

use serde_json::{Value, json};
use tickmark::evidence::{FingerprintKey, Tried, tried};
use tickmark::load::shipped_mappings;
use tickmark::model::project::{Declared, Format, SourceMapping};

fn mapping(format: Format, rest: SourceMapping) -> SourceMapping {
    SourceMapping { format, ..rest }
}

/// A vendor whose answers are `{ "users": [{ "id", "key" }], "next"? }`.
fn vendor() -> SourceMapping {
    SourceMapping {
        kind: "vendor".to_owned(),
        title: "The vendor's users".to_owned(),
        records: "users".to_owned(),
        format: Format::Json,
        observes: vec!["identity".to_owned()],
        silent: std::collections::BTreeMap::new(),
        event_types: Vec::new(),
        state: Declared::Deployed,
        guarantees_full: false,
        secrets: vec!["/**/key".to_owned()],
        recognise: "type == \"object\" and (.users | type) == \"array\"".to_owned(),
        envelope: "{ truncated: (.next != null) }".to_owned(),
        select: "path(.users[])".to_owned(),
        rows: "{ table: \"identity\", id: \"v:\\(.id)\", purpose: .key, name: ($file.page.uri? // null) } | row".to_owned(),
        documentation: Vec::new(),
        collect: None,
        file: "sources/vendor.toml".to_owned(),
        replaces: false,
        text: String::new(),
    }
}

/// A program is called with the same variables, whichever of its exports is asked for.
#[test]
fn one_tool_gets_one_environment() {
    let mut of: std::collections::BTreeMap<&str, &Vec<String>> = std::collections::BTreeMap::new();
    for mapping in shipped_mappings() {
        let Some(collect) = &mapping.collect else { continue };
        assert_eq!(of.entry(&collect.tool).or_insert(&collect.env), &&collect.env, "{}", mapping.kind);
    }
    assert!(of.len() > 8, "{of:?}");
}

fn read(mapping: &SourceMapping, path: &str, bytes: &[u8]) -> Tried {
    let systems = ["v".to_owned()];
    let once = |bytes: Vec<u8>| tried(mapping, &systems, None, path, bytes, &FingerprintKey::given(&[]), shipped_mappings).unwrap();
    let first = once(bytes.to_owned());
    // What is kept is judged again, byte for byte, by whoever verifies the package.
    let again = once(first.export.bytes.clone());
    assert_eq!((&again.rows, &again.export.bytes), (&first.rows, &first.export.bytes));
    assert_eq!((&again.export.quarantine, &again.export.notes), (&first.export.quarantine, &first.export.notes));
    assert!(!String::from_utf8_lossy(&first.export.bytes).contains("canary"), "{}", String::from_utf8_lossy(&first.export.bytes));
    first
}

fn ids(tried: &Tried) -> Vec<&str> {
    tried.rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn wide(text: &str) -> Vec<u8> {
    [0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_packed_file_is_read_redacted_and_kept_packed() {
    let text = json!({ "users": [{ "id": "a", "key": "canary-1" }] }).to_string();
    let plain = read(&vendor(), "export.json", text.as_bytes());
    let tried = read(&vendor(), "export.json.gz", &packed(text.as_bytes()));
    assert_eq!(tried.rows, plain.rows);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&tried.export.bytes[..]), &mut unpacked).unwrap();
    assert!(unpacked.contains("hmac-sha256:") && !unpacked.contains("canary"), "{unpacked}");
    // Without secrets the file stays as it came.
    let silent = SourceMapping { secrets: Vec::new(), ..vendor() };
    let bytes = packed(json!({ "users": [{ "id": "a" }] }).to_string().as_bytes());
    assert_eq!(read(&silent, "export.json.gz", &bytes).export.bytes, bytes);
    // Half a file is nothing, and the reason says why.
    let tried = read(&vendor(), "export.json.gz", &packed(text.as_bytes())[..30]);
    assert_eq!(tried.rows.len(), 0);
    assert!(tried.export.quarantine[0].reason.starts_with("gzip that cannot be unpacked"), "{:?}", tried.export.quarantine);
}

#[test]
fn wide_text_is_read_as_json_as_csv_and_as_lines() {
    let tried = read(&vendor(), "export.json", &wide("{ \"users\": [{ \"id\": \"\u{fc}\", \"key\": \"canary-1\" }] }"));
    assert_eq!(ids(&tried), ["v:\u{fc}"]);
    let csv = SourceMapping { recognise: "has(\"id\")".to_owned(), envelope: String::new(), ..mapping(Format::Csv, vendor()) };
    let tried = read(&csv, "export.csv", &wide("id,key\r\na,canary-1\r\nb,\r\n"));
    assert_eq!(ids(&tried), ["v:a", "v:b"]);
    let lines = SourceMapping {
        recognise: String::new(),
        envelope: String::new(),
        secrets: Vec::new(),
        rows: "ssh_key | { table: \"identity\", id: \"v:\\(.comment)\", name: .fingerprint }".to_owned(),
        ..mapping(Format::Lines, vendor())
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGKO0NcD5b+BmXglfY2t7eIDlacsnZGoZgkayT9aM51 ci";
    let tried = read(&lines, "authorized_keys", &wide(&format!("{key}\r\n\r\nnonsense\r\n")));
    assert_eq!(tried.rows[0]["name"], "SHA256:+OFmf/OGH0lb+JjoAFJ4CtdV8JAxLy80yHwJjnkVu1c");
    assert_eq!(tried.export.quarantine[0].position, "line 3");
    // A private key is found in wide text as in plain.
    let tried = read(&lines, "authorized_keys", &wide("-----BEGIN OPENSSH PRIVATE KEY-----\r\ncanary\r\n"));
    assert!(tried.export.quarantine[0].reason.contains("private key") || tried.export.quarantine[0].reason.contains("secret"));
}

/// Each vendor's user in whatever somebody wrapped around it.
#[test]
fn wrappers_are_taken_off_and_their_secrets_with_them() {
    let body = json!({ "users": [{ "id": "a", "key": "canary-1" }] });
    let text = body.to_string();
    let recorded = |response: Value| {
        json!({ "interactions": [
            { "request": { "uri": "https://v.example/users?key=canary-2", "headers": { "Authorization": "canary-3" } }, "response": response },
            { "request": { "uri": "https://v.example/groups" }, "response": { "body": { "string": "{\"groups\":[{\"secret\":\"canary-4\"}]}" } } } ] })
    };
    let date = json!({ "date": ["Wed, 18 Jan 2023 22:19:55 GMT"], "set-cookie": ["canary-5"] });
    for (name, document, uri, at) in [
        ("vcr text", recorded(json!({ "status": { "code": 200 }, "headers": date, "body": { "string": text } })), true, true),
        ("vcr parsed", recorded(json!({ "headers": date, "body": { "data": body } })), true, true),
        ("vcr plain", recorded(json!({ "code": 200, "body": text })), true, false),
        ("recorded call", json!({ "headers": { "Date": "Wed, 18 Jan 2023 22:19:55 GMT" }, "body": body }), false, true),
        (
            "Invoke-WebRequest",
            json!({ "StatusCode": 200, "Content": text, "RawContent": "canary-6", "Headers": { "Set-Cookie": "canary-7" } }),
            false,
            false,
        ),
    ] {
        let tried = read(&vendor(), "export.json", document.to_string().as_bytes());
        assert_eq!(ids(&tried), ["v:a"], "{name}");
        assert_eq!(tried.rows[0].get("name").is_some(), uri, "{name}");
        if uri {
            assert_eq!(tried.rows[0]["name"], "/users");
            assert!(tried.export.notes.iter().any(|note| note.starts_with("1 of its recorded responses answer something else")));
        }
        assert_eq!(tried.export.envelope.collected_at.map(|at| at.to_string()), at.then(|| "2023-01-18T22:19:55Z".to_owned()), "{name}");
        assert_eq!(tried.export.quarantine, [], "{name}");
    }
    // Recorders write YAML.
    let yaml = format!(
        "---\nversion: 1\ninteractions:\n  - request:\n      url: https://v.example/users\n    response:\n      code: 200\n      body: '{text}'\n"
    );
    assert_eq!(ids(&read(&vendor(), "cassette.yaml", yaml.as_bytes())), ["v:a"]);
    // What was answered with an error is missing, and said to be.
    let failed = recorded(json!({ "status": { "code": 200 }, "body": { "string": text } }));
    let mut failed = failed;
    failed["interactions"][1]["response"] = json!({ "status": { "code": 403 }, "body": { "string": "no" } });
    let tried = read(&vendor(), "export.json", failed.to_string().as_bytes());
    assert_eq!(ids(&tried), ["v:a"]);
    assert!(tried.export.quarantine[0].reason.contains("status 403"), "{:?}", tried.export.quarantine);
}

#[test]
fn pages_are_read_one_after_another_and_one_that_says_that_more_follows_is_no_end() {
    let page = |id: &str, next: bool| json!({ "users": [{ "id": id, "key": "canary" }], "next": next.then_some("token") });
    let one_after_another = format!("{}\n{}", page("a", true), page("b", false));
    let tried = read(&vendor(), "export.json", one_after_another.as_bytes());
    assert_eq!(ids(&tried), ["v:a", "v:b"]);
    assert_eq!(tried.export.envelope.truncated, None);
    assert!(tried.export.envelope.piece.as_ref().is_some_and(|why| why.starts_with("1 of its 2 pages say that more follows")));
    assert_eq!(tried.export.locator.locate(1), "/tickmark:pages/1/body/users/0");
    let tried = read(&vendor(), "export.json", json!([page("a", false), page("b", false)]).to_string().as_bytes());
    assert_eq!((ids(&tried), tried.export.envelope.truncated), (vec!["v:a", "v:b"], Some(false)));
    let tried = read(&vendor(), "export.json", format!("{}{}", page("a", true), page("b", true)).as_bytes());
    assert_eq!(tried.export.envelope.truncated, Some(true));
}

#[test]
fn a_file_of_another_vendor_is_one_error_that_says_which() {
    let key = FingerprintKey::given(&[]);
    let kong = b"_format_version: '3.0'\nconsumers:\n- username: canary\n  keyauth_credentials:\n  - key: canary\n";
    let read =
        |mapping: &SourceMapping, path: &str, bytes: &[u8]| tried(mapping, &[], None, path, bytes.to_owned(), &key, shipped_mappings);
    let why = read(&vendor(), "kong.yaml", kong).unwrap_err().to_string();
    assert!(why.contains("no export of The vendor's users") && why.contains("`kong-deck`") && why.contains("`consumers`"), "{why}");
    assert!(!why.contains("canary"), "{why}");
    // Ten thousand lines of a log, too.
    let log = "{\"at\":1,\"what\":\"canary\"}\n".repeat(10_000);
    let ndjson = mapping(Format::Ndjson, vendor());
    let tried = read(&ndjson, "log.ndjson", log.as_bytes()).unwrap();
    assert_eq!(tried.rows.len(), 0);
    let [only] = tried.export.quarantine.as_slice() else { panic!("{:?}", tried.export.quarantine) };
    assert!(only.reason.contains("does not look like an export of The vendor's users") && only.reason.contains("`at`, `what`"), "{only:?}");
    // And what cannot be parsed at all.
    let tried = read(&vendor(), "notes.txt", b"lorem ipsum\ndolor\n").unwrap();
    assert!(tried.export.quarantine[0].reason.contains("lines of text"), "{:?}", tried.export.quarantine);
}
