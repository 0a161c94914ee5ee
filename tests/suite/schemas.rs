//! The JSON Schemas say what the loader knows, and what a package holds: the same keys, in both directions. That files and packages are valid,
//! validators of other people say: `.ci/real/schemas`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use tickmark::attest::policy::Policy;
use tickmark::cli::schema::SCHEMAS;
use tickmark::load;
use tickmark::model::diagnostic::{Code, Diagnostics};
use tickmark::model::schema::{SCHEMA, Type, table};

mod package;

/// A key that no table has: the loader answers with those that it knows.
const NONE: &str = "zzqqxx";

type Keys = BTreeMap<String, BTreeSet<String>>;

fn schema(kind: &str) -> Value {
    serde_json::from_str(SCHEMAS.iter().find(|(known, _)| *known == kind).unwrap().1).unwrap()
}

/// What the loader calls each table → the keys that it asks for there.
fn asked(problems: &Diagnostics) -> Keys {
    let mut found = Keys::new();
    for problem in problems.list.iter().filter(|problem| problem.code == Code::UnknownKey) {
        let Some(what) = problem.message.strip_prefix(&format!("`{NONE}` means nothing in ")) else { continue };
        let known = problem.help.strip_prefix("known keys: ").unwrap_or_else(|| panic!("{problem:?}"));
        found.entry(what.to_owned()).or_default().extend(known.split(", ").map(str::to_owned));
    }
    found
}

fn loaded(files: &[(&str, &str)]) -> Keys {
    let work = crate::scratch::folder();
    for (path, text) in files {
        let path = work.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    asked(&load::project(work.path()).expect_err("there are unknown keys"))
}

/// Every object of a schema that takes no other keys: pointer → its keys.
fn closed(value: &Value, at: &str, into: &mut Keys) {
    if value["additionalProperties"] == false {
        into.insert(at.to_owned(), value["properties"].as_object().unwrap().keys().cloned().collect());
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, below)| closed(below, &format!("{at}/{key}"), into)),
        Value::Array(list) => list.iter().enumerate().for_each(|(key, below)| closed(below, &format!("{at}/{key}"), into)),
        _ => {}
    }
}

/// Holds what the loader asked for against the schema, table by table; `places`: what the loader calls a table → where the schema has it.
fn same(kind: &str, asked: &Keys, places: &[(&str, &str)]) {
    let mut said = Keys::new();
    closed(&schema(kind), "", &mut said);
    let places: BTreeMap<&str, &str> = places.iter().copied().collect();
    assert_eq!(asked.keys().map(String::as_str).collect::<Vec<_>>(), places.keys().copied().collect::<Vec<_>>(), "{kind}: the tables");
    for (what, pointer) in &places {
        let there = said.get(*pointer).unwrap_or_else(|| panic!("{kind}: {pointer} of {:?}", said.keys()));
        assert_eq!(&asked[*what], there, "{kind}: {what}");
    }
    // A table that stands twice in a schema is the same both times; none is left that was not looked at.
    let held: BTreeSet<&BTreeSet<String>> = places.values().map(|pointer| &said[*pointer]).collect();
    for (pointer, keys) in &said {
        assert!(held.contains(keys), "{kind}: {pointer} is in no sample");
    }
}

const PROJECT: &str = r#"
zzqqxx = 1
name = "x"
controls = ["builtin", "controls"]
frameworks = ["owasp-nhi-2025", "frameworks/own.toml"]
[engagement]
zzqqxx = 1
[templates]
zzqqxx = 1
[params]
"ROT-01.max-age" = { zzqqxx = 1, value = "200d", reason = "r", approver = "a" }
[gate]
"ROT-01" = { zzqqxx = 1, value = "none", reason = "r", approver = "a" }
[attestations]
zzqqxx = 1
complete = { zzqqxx = 1, from = "a", by = "b", on = "2026-06-29" }
[[out-of-scope]]
zzqqxx = 1
reason = "r"
approver = "a"
controls = ["ROT-02"]
[[source]]
zzqqxx = 1
kind = "canonical"
table = "event"
path = "x.csv"
covers = { zzqqxx = 1, from = "2026-06-29T00:00:00Z", until = "2026-06-30T00:00:00Z" }
not-secret = [{ zzqqxx = 1, at = "/x", reason = "r" }]
[[source]]
kind = "kong-deck"
[[source.call]]
zzqqxx = 1
name = "a"
argv = ["x"]
"#;

const CONTROL: &str = r#"
zzqqxx = 1
id = "OWN-01"
title = "t"
severity = "high"
subject = "identity"
statement = "s"
risk = "r"
remediation = "r"
[maps-to]
owasp-nhi-2025 = [{ zzqqxx = 1, id = "NHI1:2025" }, { note = "n" }]
[params.some-age]
zzqqxx = 1
default = "1d"
basis = "b"
[check]
zzqqxx = 1
applies = "age(created_at) > $some_age"
assert = "owner <> 'none'"
[[equivalent]]
zzqqxx = 1
mutant = "m"
reason = "r"
[[test]]
zzqqxx = 1
name = "n"
expect = { a = "fail" }
[test.given]
zzqqxx = 1
as-of = "2026-06-30T00:00:00Z"
identity = [{ id = "a", owner = "none" }]
logs = [{ zzqqxx = 1, system = "s", from = "2026-06-01T00:00:00Z", until = "2026-06-30T00:00:00Z" }]
"#;

const FRAMEWORK: &str = r#"
zzqqxx = 1
id = "own"
title = "t"
publisher = "p"
edition = "1"
attribution = "a"
url = "u"
requirements = [{ zzqqxx = 1, id = "A", title = "t" }]
aliases = [{ zzqqxx = 1, written = "a", to = ["A"] }]
"#;

const SOURCE: &str = r#"
zzqqxx = 1
kind = "own"
title = "t"
records = "r"
format = "json"
observes = ["identity"]
rows = "."
[collect]
zzqqxx = 1
tool = "x"
[[collect.call]]
zzqqxx = 1
name = "a"
argv = ["x"]
"#;

#[test]
fn every_key_that_the_loader_knows_is_in_the_schemas_and_none_else() {
    let project = |path: &str, text: &str| {
        let plain = PROJECT.lines().filter(|line| *line != "zzqqxx = 1").collect::<Vec<_>>().join("\n").replace("zzqqxx = 1, ", "");
        let settings = plain.replace("\"frameworks/own.toml\"", "").replace(", \"controls\"", "");
        loaded(&[
            (
                "tickmark.toml",
                &settings
                    .replace("\"builtin\"", &format!("\"builtin\"{}", if path.starts_with("controls") { ", \"controls\"" } else { "" })),
            ),
            (path, text),
        ])
    };
    let own = FRAMEWORK.lines().filter(|line| *line != "zzqqxx = 1").collect::<Vec<_>>().join("\n").replace("zzqqxx = 1, ", "");
    let control = CONTROL.lines().filter(|line| *line != "zzqqxx = 1").collect::<Vec<_>>().join("\n").replace("zzqqxx = 1, ", "");
    let mut settings = loaded(&[("tickmark.toml", PROJECT), ("controls/OWN-01.toml", &control), ("frameworks/own.toml", &own)]);
    // Whoever is stricter needs no end: what may stand there is what may stand beside a looser value.
    assert!(settings.values().all(|keys| !keys.is_empty()));
    let source = "/properties/source/items";
    same(
        "tickmark",
        &std::mem::take(&mut settings),
        &[
            ("tickmark.toml", ""),
            ("`[engagement]`", "/properties/engagement"),
            ("`[templates]`", "/properties/templates"),
            ("the override of `ROT-01.max-age`", "/properties/params/additionalProperties/anyOf/1"),
            ("the gate of `ROT-01`", "/properties/gate/additionalProperties/anyOf/1"),
            ("`[attestations]`", "/properties/attestations"),
            ("`complete`", "/properties/attestations/properties/complete"),
            ("a declaration", "/properties/out-of-scope/items"),
            ("a source", source),
            ("`covers`", &format!("{source}/properties/covers")),
            ("an entry of `not-secret`", &format!("{source}/properties/not-secret/items")),
            ("a call", &format!("{source}/properties/call/items")),
        ],
    );
    same(
        "control",
        &project("controls/OWN-01.toml", CONTROL),
        &[
            ("a control", ""),
            ("a mapping", "/$defs/requirements/items/anyOf/1"),
            ("the parameter `some-age`", "/properties/params/additionalProperties"),
            ("`[check]` with `assert`, and perhaps `applies`", "/properties/check"),
            ("a mutant that no test can notice", "/properties/equivalent/items"),
            ("a test", "/properties/test/items"),
            ("the evidence of the test", "/properties/test/items/properties/given"),
            ("a log", "/properties/test/items/properties/given/properties/logs/items"),
        ],
    );
    let waiver = "zzqqxx = 1\nid = \"w\"\ncontrol = \"ROT-01\"\nsubjects = [\"a\"]\nreason = \"r\"\napprover = \"a\"\ngranted-at = \"2026-06-01T00:00:00Z\"\n[approval]\nzzqqxx = 1\n";
    same("waiver", &project("waivers/w.toml", waiver), &[("waivers/w.toml", ""), ("`[approval]`", "/properties/approval")]);
    let attestation = "zzqqxx = 1\nid = \"a\"\n";
    same("attestation", &project("attestations/a.toml", attestation), &[("attestations/a.toml", "")]);
    let baseline = load::baseline_drafted(Path::new("."), "zzqqxx = 1\n[approval]\nzzqqxx = 1\n").unwrap_err();
    same("baseline", &asked(&baseline), &[("baseline.toml", ""), ("`[approval]`", "/properties/approval")]);
    let mapping = "zzqqxx = 1\n[[mapping]]\nzzqqxx = 1\n";
    same("mappings", &project("mappings/m.toml", mapping), &[("mappings/m.toml", ""), ("a mapping", "/properties/mapping/items")]);
    let mut problems = Diagnostics::default();
    load::framework("frameworks/own.toml", FRAMEWORK, &mut problems);
    same(
        "framework",
        &asked(&problems),
        &[("the framework", ""), ("a requirement", "/properties/requirements/items"), ("an alias", "/properties/aliases/items")],
    );
    same(
        "source",
        &asked(&load::mapping_of("sources/own.toml", SOURCE).unwrap_err()),
        &[("a source mapping", ""), ("`[collect]`", "/properties/collect"), ("a call", "/properties/collect/properties/call/items")],
    );
}

#[test]
fn the_schema_of_policies_has_the_keys_that_verify_knows() {
    let whole = "schema = \"tickmark/policy/1\"\n@\n[[key]]\nname = \"a\"\nroles = []\n@key\n[require]\nsignatures = []\n@require\n[expect]\n@expect\n[ledger]\n@ledger\n[ledger.head]\nsize = 1\nroot = \"\"\n@head\n[time-stamp]\nroots = []\n@time-stamp\n";
    let work = crate::scratch::folder();
    let path = work.path().join("policy.toml");
    let mut said = Keys::new();
    closed(&schema("policy"), "", &mut said);
    let places = [
        ("", ""),
        ("key", "/properties/key/items"),
        ("require", "/properties/require"),
        ("expect", "/properties/expect"),
        ("ledger", "/properties/ledger"),
        ("head", "/properties/ledger/properties/head"),
        ("time-stamp", "/properties/time-stamp"),
    ];
    assert_eq!(said.len(), places.len());
    for (mark, pointer) in places {
        let lines = whole.lines().map(|line| match line.strip_prefix('@') {
            Some(here) if here == mark => "zzqqxx = 1",
            Some(_) => "",
            None => line,
        });
        fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let told = Policy::read(&path).unwrap_err();
        let told = format!("{:?} {told}", told);
        let known = told.split_once("`zzqqxx`, expected ").unwrap_or_else(|| panic!("{mark}: {told}")).1;
        let known: BTreeSet<String> =
            known.lines().next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).take_while(|key| key != NONE).collect();
        assert_eq!(known, said[pointer], "{mark}");
    }
}

/// That a file which the program wrote names its schema, which lies there.
pub fn names_its_schema(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap_or_else(|| panic!("{text}"));
    let schema = file.parent().unwrap().join(named);
    let kind = schema.file_name().unwrap().to_str().unwrap().strip_suffix(".schema.json").unwrap();
    assert_eq!(fs::read_to_string(&schema).unwrap(), SCHEMAS.iter().find(|(known, _)| *known == kind).unwrap().1);
}

/// Leaves what an instance of a schema looks like in the folder that the variable names, for an independent validator; see `.ci/real/schemas`.
pub fn left_for_a_validator(kind: &str, name: &str, instance: &Value) {
    if let Some(folder) = std::env::var_os("TICKMARK_INSTANCES") {
        let folder = Path::new(&folder).join(kind);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.json")), instance.to_string()).unwrap();
    }
}

#[test]
fn an_attestation_speaks_of_the_kinds_that_the_table_knows() {
    let attestation = &SCHEMA[table("attestation").unwrap()];
    let Type::Enum(words) = attestation.columns[attestation.column("subject_kind").unwrap()].ty else { panic!("no words") };
    assert_eq!(schema("attestation")["properties"]["subject-kind"]["enum"], Value::from(words.to_vec()));
}

#[test]
fn every_key_is_explained() {
    fn walk(value: &Value, at: &str) {
        for (key, about) in value["properties"].as_object().into_iter().flatten() {
            assert!(about["description"].as_str().is_some_and(|text| text.ends_with('.')), "{at}/{key}");
        }
        match value {
            Value::Object(map) => map.iter().for_each(|(key, below)| walk(below, &format!("{at}/{key}"))),
            Value::Array(list) => list.iter().for_each(|below| walk(below, at)),
            _ => {}
        }
    }
    for (kind, text) in SCHEMAS {
        walk(&serde_json::from_str(text).unwrap(), kind);
    }
}
