//! Every shipped mapping on a case of its vendor's shape: `tests/cases/sources/<kind>/`.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use tickmark::evidence::{FingerprintKey, mapped};
use tickmark::model::row::Cell;
use tickmark::model::schema::{SCHEMA, table};

pub fn shipped(kind: &str) -> tickmark::model::project::SourceMapping {
    let folder = tempfile::tempdir().unwrap();
    let table = if kind == "canonical" { "table = \"identity\"\n" } else { "" };
    let text = format!("name = \"one\"\n[[source]]\nkind = \"{kind}\"\npath = \"export\"\n{table}");
    std::fs::write(folder.path().join("tickmark.toml"), text).unwrap();
    let (project, _) = tickmark::load::project(folder.path())
        .unwrap_or_else(|problems| panic!("{}", tickmark::cli::diagnostics::render(&problems, false)));
    project.mappings[kind].clone()
}

#[test]
fn every_mapping_gives_the_rows_of_its_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut kinds: Vec<String> = std::fs::read_dir(root.join("sources"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert!(kinds.len() >= 7, "{kinds:?}");
    for kind in kinds {
        let case = root.join("tests/cases/sources").join(&kind);
        let export = std::fs::read_dir(&case)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_stem().unwrap() == "export")
            .unwrap();
        let systems: Vec<String> = std::fs::read(case.join("file.json"))
            .map(|bytes| serde_json::from_value(serde_json::from_slice::<Value>(&bytes).unwrap()["systems"].clone()).unwrap())
            .unwrap_or_default();
        let name = export.file_name().unwrap().to_str().unwrap();
        let rows = mapped(&shipped(&kind), &systems, name, std::fs::read(&export).unwrap(), &FingerprintKey::given(&[])).unwrap();
        assert!(!rows.is_empty(), "{kind}");
        for row in rows.iter().filter(|row| row.get("quarantined").is_none() && kind != "canonical") {
            let schema = &SCHEMA[table(row["table"].as_str().unwrap()).unwrap()];
            for (column, value) in row.as_object().unwrap().iter().filter(|(column, _)| *column != "table") {
                let column = &schema.columns[schema.column(column).unwrap_or_else(|| panic!("{kind}: {}.{column}", schema.name))];
                assert!(Cell::read(column, value).is_ok(), "{kind}: {row}");
            }
        }
        let mut lines: Vec<(String, String, String)> = rows
            .iter()
            .map(|row| {
                let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                (text("table"), text("id"), row.to_string())
            })
            .collect();
        lines.sort();
        let made = lines.iter().fold(String::new(), |mut out, (.., line)| {
            writeln!(out, "{line}").unwrap();
            out
        });
        let expected = case.join("expected.ndjson");
        if std::env::var_os("TICKMARK_BLESS").is_some() {
            std::fs::write(&expected, &made).unwrap();
        }
        let before = std::fs::read_to_string(&expected).unwrap();
        let parsed = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
        let (before, made) = (parsed(&before), parsed(&made));
        for (number, (before, made)) in before.iter().zip(&made).enumerate() {
            assert_eq!(before, made, "{kind}, line {}", number + 1);
        }
        assert_eq!(before.len(), made.len(), "{kind}");
    }
}

/// What is suggested only reads, and says what it needs.
#[test]
fn suggested_commands_read_and_name_their_permissions() {
    let mut seen = 0;
    for mapping in tickmark::load::shipped_mappings() {
        let Some(collect) = &mapping.collect else { continue };
        assert!(!collect.permissions.is_empty(), "{}: the least permissions", mapping.kind);
        for call in &collect.calls {
            seen += 1;
            // The credential report is made by AWS, of what is there; nothing changes.
            let reads =
                |verb: &str| ["get", "list", "describe", "search", "dump", "show", "export"].iter().any(|start| verb.starts_with(start));
            let verb = match call.argv[0].as_str() {
                "aws" => call.argv[2].as_str(),
                "kubectl" => call.argv[1].as_str(),
                "deck" => call.argv[2].as_str(),
                _ => continue,
            };
            assert!(reads(verb) || verb == "generate-credential-report", "{}: {:?}", mapping.kind, call.argv);
        }
    }
    assert!(seen >= 5, "{seen}");
}
