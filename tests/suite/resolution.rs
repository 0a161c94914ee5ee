//! Rows of several sources that are the same thing, references that a source can only describe, and what the organisation says.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::{Array, StringArray};
use tickmark::evidence::{self, FingerprintKey};
use tickmark::load;
use tickmark::model::table::Evidence;
use tickmark::model::value::State;

/// A project of canonical sources: name of its file (which begins with its table) → its rows.
fn gathered(files: &[(&str, &str)], facts: &[(&str, &str)]) -> (tempfile::TempDir, Evidence) {
    let folder = crate::scratch::folder();
    let mut text = "name = \"p\"\nas-of = \"2026-06-30T00:00:00Z\"\n".to_owned();
    let write = |name: &str, rows: &str| std::fs::write(folder.path().join(name), rows).unwrap();
    for (name, rows) in files {
        let table = name.split(['.', '-']).next().unwrap();
        text += &format!("[[source]]\nid = \"{name}\"\nkind = \"canonical\"\ntable = \"{table}\"\npath = \"{name}\"\n");
        text += "collected-at = \"2026-06-29T12:00:00Z\"\ncomplete = { from = \"x\", by = \"y\", on = \"2026-06-29\" }\n";
        write(name, rows);
    }
    for (name, rows) in facts {
        let ending = name.rsplit('.').next().unwrap();
        text += &format!(
            "[[source]]\nid = \"{name}\"\nkind = \"organisation-{ending}\"\npath = \"{name}\"\ncollected-at = \"2026-06-29T12:00:00Z\"\n"
        );
        write(name, rows);
    }
    std::fs::write(folder.path().join("tickmark.toml"), text).unwrap();
    let evidence = read(folder.path());
    (folder, evidence)
}

fn read(root: &Path) -> Evidence {
    let (project, _) = load::project(root).unwrap_or_else(|problems| panic!("{}", tickmark::cli::diagnostics::render(&problems, false)));
    let key = FingerprintKey::given(&[]);
    let request = evidence::Request::of(root, &project, project.as_of, &key, load::shipped_mappings);
    evidence::read(&request).unwrap().0
}

/// What a table says of one column: id → value, or the state's word.
fn column(evidence: &Evidence, table: &str, name: &str) -> BTreeMap<String, String> {
    let table = evidence.table(table).unwrap();
    let texts = |at: usize| table.columns[at].values.as_any().downcast_ref::<StringArray>().unwrap();
    let at = table.schema.column(name).unwrap();
    (0..table.rows)
        .map(|row| {
            let state = table.columns[at].state(row);
            let value = if texts(at).is_valid(row) { texts(at).value(row).to_owned() } else { String::new() };
            let value = if state == State::Known { value } else { format!("{} {value}", state.word()).trim_end().to_owned() };
            (texts(0).value(row).to_owned(), value)
        })
        .collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(id, value)| (id.to_owned(), value.to_owned())).collect()
}

const CREDENTIALS: &str = r#"{"id":"aws:1:key/A","system":"aws:1","native_id":"AKIA1","fingerprint":"hmac-sha256:k:aa"}
{"id":"aws:1:key/B","system":"aws:1","native_id":"AKIA2","fingerprint":"hmac-sha256:k:bb"}
{"id":"kong:p:key/C","system":"kong:p","native_id":"C","fingerprint":"hmac-sha256:k:bb"}
"#;

#[test]
fn a_leaked_key_is_found_by_its_native_id_or_its_fingerprint_and_otherwise_told() {
    let exposures = r#"{"id":"one","system":"git:r","credential":{"native_id":"AKIA1","system":"aws:*"}}
{"id":"elsewhere","system":"git:r","credential":{"native_id":"AKIA1","system":"gcp:*"}}
{"id":"nobody","system":"git:r","credential":{"native_id":"AKIA9"}}
{"id":"print","system":"git:r","credential":{"fingerprint":"hmac-sha256:k:aa"}}
{"id":"two","system":"git:r","credential":{"fingerprint":"hmac-sha256:k:bb"}}
{"id":"other","system":"git:r","credential":{"fingerprint":"hmac-sha256:k:99"}}
{"id":"silent","system":"git:r","credential":{"native_id":null}}
{"id":"plain","system":"git:r","credential":"aws:1:key/B"}
"#;
    let (_folder, evidence) = gathered(&[("credential.ndjson", CREDENTIALS), ("exposure.ndjson", exposures)], &[]);
    assert_eq!(
        column(&evidence, "exposure", "credential"),
        pairs([
            ("elsewhere", "dangling native_id=AKIA1"),
            ("nobody", "dangling native_id=AKIA9"),
            ("one", "aws:1:key/A"),
            // Looked up by what not every credential is known to have, it may be any.
            ("other", "missing"),
            ("plain", "aws:1:key/B"),
            ("print", "aws:1:key/A"),
            ("silent", "missing"),
            ("two", "conflict"),
        ])
    );
    let said = evidence.remarks.join("\n");
    assert!(said.contains("leads to nothing in the evidence: credential of elsewhere (native_id = AKIA1, system = gcp:*); credential of nobody (native_id = AKIA9)"), "{said}");
    assert!(said.contains("fits several rows, and is unknown: credential of two (fingerprint = hmac-sha256:k:bb)"), "{said}");
    let source = evidence.sources.iter().find(|source| source.id == "exposure.ndjson").unwrap();
    assert_eq!(source.notes.len(), 2, "{:?}", source.notes);
}

#[test]
fn a_row_that_another_source_gives_is_the_same_and_one_that_none_gives_stands_by_itself() {
    let first = "{\"id\":\"aws:1:role/ci\",\"system\":\"aws:1\",\"native_id\":\"AROA1\",\"name\":\"ci\"}\n";
    let second = r#"{"id":{"native_id":"AROA1","else":"cmdb:1"},"system":"cmdb","native_id":"CI0001","purpose":"builds"}
{"id":{"native_id":"AROA2","else":"cmdb:2"},"system":"cmdb","native_id":"CI0002","purpose":"unknown to AWS"}
{"id":{"native_id":"AROA3"},"system":"cmdb","purpose":"lost"}
"#;
    let (_folder, evidence) = gathered(&[("identity-a.ndjson", first), ("identity-b.ndjson", second)], &[]);
    assert_eq!(column(&evidence, "identity", "purpose"), pairs([("aws:1:role/ci", "builds"), ("cmdb:2", "unknown to AWS")]));
    assert_eq!(column(&evidence, "identity", "system"), pairs([("aws:1:role/ci", "aws:1"), ("cmdb:2", "cmdb")]));
    assert_eq!(column(&evidence, "identity", "native_id"), pairs([("aws:1:role/ci", "AROA1"), ("cmdb:2", "CI0002")]));
    let [lost] = evidence.quarantine.as_slice() else { panic!("{:?}", evidence.quarantine) };
    assert!(lost.position == "line 3" && lost.reason.contains("without an `else`"), "{lost:?}");
}

const IDENTITIES: &str = r#"{"id":"aws:1:user/ci-a","system":"aws:1","native_id":"AIDA1","environment":"production"}
{"id":"aws:1:user/ci-b","system":"aws:1","native_id":"AIDA2"}
{"id":"gcp:p:sa/1","system":"gcp:p","native_id":"ci@p.iam.gserviceaccount.com"}
"#;

#[test]
fn facts_of_the_organisation_join_by_id_native_id_and_pattern() {
    let csv = "match,table,owner,environment,criticality\naws:*:user/ci-*,,team-a,,high\nci@*,identity,team-b,test,\nAIDA2,,,test,\n";
    let (_folder, evidence) = gathered(&[("identity.ndjson", IDENTITIES)], &[("org.csv", csv)]);
    assert_eq!(
        column(&evidence, "identity", "environment"),
        pairs([("aws:1:user/ci-a", "production"), ("aws:1:user/ci-b", "test"), ("gcp:p:sa/1", "test")])
    );
    assert_eq!(
        column(&evidence, "identity", "owner"),
        pairs([("aws:1:user/ci-a", "dangling team-a"), ("aws:1:user/ci-b", "dangling team-a"), ("gcp:p:sa/1", "dangling team-b")])
    );
    assert_eq!((evidence.remarks.as_slice(), evidence.quarantine.as_slice()), (&[][..], &[][..]));
    // The position of a fact is that of its line.
    let table = evidence.table("identity").unwrap();
    let files: Vec<String> = table.origins[1].iter().map(|origin| evidence.files[origin.file as usize].locate(origin.record)).collect();
    assert_eq!(files, ["line 2", "line 2", "line 4"]);
}

#[test]
fn facts_that_fit_nothing_or_disagree_are_told_and_choose_nothing() {
    let csv = "match,owner,environment\nuser/ci,team-a,\n*ci-a,team-b,test\n*,team-c,\n";
    let (folder, evidence) = gathered(&[("identity.ndjson", IDENTITIES)], &[("org.csv", csv)]);
    let owners = column(&evidence, "identity", "owner");
    assert_eq!(owners["aws:1:user/ci-a"], "conflict");
    assert_eq!(owners["aws:1:user/ci-b"], "dangling team-c");
    // What the system says counts as much as what people say.
    assert_eq!(column(&evidence, "identity", "environment")["aws:1:user/ci-a"], "conflict");
    assert_eq!(
        evidence.remarks,
        [
            "org.csv: contradicted, and so unknown: environment of aws:1:user/ci-a: production or test; owner of aws:1:user/ci-a: team-b or team-c",
            "org.csv: patterns that fit nothing: identity `user/ci`",
        ]
    );
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("warning: org.csv: patterns that fit nothing: identity `user/ci`"), "{said}");
    let report = std::fs::read_to_string(folder.path().join("report/report.md")).unwrap();
    assert!(report.contains("patterns that fit nothing") && report.contains("contradicted, and so unknown"));
}

/// Neither a row, nor a complete table, nor a fresh one comes of a pattern.
#[test]
fn facts_make_no_row_and_vouch_for_none() {
    let (_folder, evidence) = gathered(&[], &[("org.csv", "match,owner\nghost,team-a\n")]);
    let identity = evidence.table("identity").unwrap();
    assert_eq!(identity.rows, 0);
    assert!(!identity.is_complete(false));

    let (folder, _) = gathered(&[("identity.ndjson", IDENTITIES)], &[("org.csv", "match,purpose\n*,builds\n")]);
    let config = std::fs::read_to_string(folder.path().join("tickmark.toml")).unwrap();
    std::fs::write(folder.path().join("tickmark.toml"), config.replacen("2026-06-29T12:00:00Z", "2026-05-01T00:00:00Z", 1)).unwrap();
    let evidence = read(folder.path());
    let identity = evidence.table("identity").unwrap();
    let fresh = |name: &str| {
        let at = identity.schema.column(name).unwrap();
        identity.columns[at].fresh.as_ref().is_none_or(|fresh| fresh.value(0))
    };
    // The export is stale and the facts are not: what they say is fresh, that there is such a thing is not.
    assert_eq!((fresh("purpose"), fresh("id"), fresh("native_id")), (true, false, false));
}

#[test]
fn what_only_a_system_can_say_is_no_fact_of_the_organisation() {
    let csv =
        "match,table,owner,last_used_at,revoked_at\na*,,team-a,never,\na*,credential,,,never\na*,event,x,,\n,,x,,\n[,,x,,\n*,,team-a,,\n";
    let (_folder, evidence) = gathered(&[("identity.ndjson", IDENTITIES)], &[("org.csv", csv)]);
    let reasons: Vec<&str> = evidence.quarantine.iter().map(|found| found.reason.as_str()).collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    assert!(reasons[0].contains("`last_used_at` cannot be given by pattern"), "{reasons:?}");
}
