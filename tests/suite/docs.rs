//! The documentation says what the program does: its examples are run, its tables compared with the schema and the
//! codes, its links followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use tickmark::cli::run_tests;
use tickmark::load::condition::{DEPTH, ITEMS, LENGTH, NODES, OPERATORS, Place, Problem, parse};
use tickmark::load::project;
use tickmark::model::condition::Condition;
use tickmark::model::diagnostic::{Code, Diagnostic, Level};
use tickmark::model::schema::{Column, Never, SCHEMA, Type, table};
use toml::{Table, Value};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

// Examples of conditions.

/// A fenced example and the line that it starts at.
struct Block {
    line: usize,
    text: String,
    /// The nearest heading above.
    heading: String,
}

/// The fenced blocks of a page whose info string is this.
fn blocks(page: &str, info: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let (mut heading, mut in_heading) = (String::new(), false);
    for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                heading.clear();
                in_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(said))) if &*said == info => {
                let line = page[..range.start].matches('\n').count() + 1;
                open = Some(Block { line, text: String::new(), heading: heading.clone() });
            }
            Event::End(TagEnd::CodeBlock) => found.extend(open.take()),
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                } else if in_heading {
                    heading.push_str(&text);
                }
            }
            Event::Code(text) if in_heading => heading.push_str(&text),
            _ => {}
        }
    }
    found
}

/// A TOML value as TOML, on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            format!("{{ {} }}", table.iter().map(|(key, value)| format!("\"{key}\" = {}", inline(value))).collect::<Vec<_>>().join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        other => panic!("no example needs {other:?}; write it as text"),
    }
}

fn keys_of(block: &Block, known: &[&str]) -> Table {
    let keys: Table = toml::from_str(&block.text).unwrap_or_else(|error| panic!("docs/conditions.md, line {}: {error}", block.line));
    for key in keys.keys() {
        assert!(known.contains(&key.as_str()), "docs/conditions.md, line {}: `{key}` means nothing in an example", block.line);
    }
    keys
}

/// A control around an example. What it does not say is the same for all.
fn control(id: &str, keys: &Table) -> String {
    let mut text = format!(
        "id = \"{id}\"\ntitle = \"An example\"\nseverity = \"low\"\nsubject = {}\nstatement = \"-\"\nrisk = \"-\"\nremediation = \"-\"\n\n[maps-to]\nowasp-nhi-2025 = [\"NHI1:2025\"]\n\n",
        inline(&keys["subject"])
    );
    if let Some(Value::Table(params)) = keys.get("params") {
        for (name, value) in params {
            writeln!(text, "[params.{name}]\ndefault = {}\nbasis = \"An example.\"\n", inline(value)).unwrap();
        }
    }
    text.push_str("[check]\n");
    if let Some(applies) = keys.get("applies") {
        writeln!(text, "applies = {}", inline(applies)).unwrap();
    }
    writeln!(text, "assert = {}", keys.get("assert").map_or_else(|| "\"TRUE\"".to_owned(), inline)).unwrap();
    if let Some(Value::Table(given)) = keys.get("given") {
        let mut given = given.clone();
        given.insert("as-of".to_owned(), keys.get("as-of").cloned().unwrap_or_else(|| Value::from("2026-06-30T00:00:00Z")));
        let expect = keys.get("expect").cloned().unwrap_or_else(|| Value::Table(Table::new()));
        writeln!(text, "\n[[test]]\nname = \"as the page says\"\nexpect = {}\ngiven = {}", inline(&expect), inline(&Value::Table(given)))
            .unwrap();
        if let Some(status) = keys.get("status") {
            writeln!(text, "status = {}", inline(status)).unwrap();
        }
    }
    text
}

/// Controls in a project of their own.
fn written(controls: impl Iterator<Item = (String, String)>) -> tempfile::TempDir {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"examples\"\ncontrols = [\"own\"]\n").unwrap();
    std::fs::create_dir(folder.path().join("own")).unwrap();
    for (id, text) in controls {
        std::fs::write(folder.path().join(format!("own/{id}.toml")), text).unwrap();
    }
    folder
}

fn id(number: usize) -> String {
    format!("DOC-{number:04}")
}

/// What is said of the control of a block.
fn said_of(diagnostics: &[Diagnostic], number: usize) -> Vec<&Diagnostic> {
    let file = format!("own/{}.toml", id(number));
    diagnostics.iter().filter(|diagnostic| diagnostic.file == file).collect()
}

#[test]
fn every_example_comes_to_what_the_page_says() {
    let page = read("docs/conditions.md");
    let blocks = blocks(&page, "toml test");
    let examples: Vec<Table> = blocks
        .iter()
        .map(|block| keys_of(block, &["subject", "applies", "assert", "as-of", "params", "given", "expect", "status", "warns"]))
        .collect();
    let folder = written(examples.iter().enumerate().map(|(number, keys)| (id(number), control(&id(number), keys))));
    let (project, warnings) =
        project(folder.path()).unwrap_or_else(|problems| panic!("{}", tickmark::cli::diagnostics::render(&problems, false)));
    for (number, (block, keys)) in blocks.iter().zip(&examples).enumerate() {
        // An example shows one thing: it gives no reasons, and may be settled from the start.
        let aside = [Code::NoRationale, Code::ConditionSettled];
        let said: Vec<&str> = said_of(&warnings.list, number)
            .iter()
            .filter(|warning| !aside.contains(&warning.code))
            .map(|warning| warning.code.text())
            .collect();
        let wanted: Vec<&str> = keys.get("warns").and_then(Value::as_str).into_iter().collect();
        assert_eq!(said, wanted, "docs/conditions.md, line {}: warnings", block.line);
    }
    let (count, failures) = run_tests(&project.controls).unwrap();
    let mut told = String::new();
    for failure in failures {
        let number: usize = failure.control.trim_start_matches("DOC-").parse().unwrap();
        let (line, assert) = (blocks[number].line, inline(&examples[number]["assert"]));
        writeln!(told, "docs/conditions.md, line {line}: {assert}\n    {}", failure.differences.join("\n    ")).unwrap();
    }
    assert!(told.is_empty(), "{told}");
    assert!(count == blocks.len() && count > 40, "{count} examples were run, of {}", blocks.len());
}

#[test]
fn every_refusal_is_refused_as_the_page_says() {
    let page = read("docs/conditions.md");
    let blocks = blocks(&page, "toml refused");
    let examples: Vec<Table> =
        blocks.iter().map(|block| keys_of(block, &["subject", "applies", "assert", "params", "code", "hint"])).collect();
    let folder = written(examples.iter().enumerate().map(|(number, keys)| (id(number), control(&id(number), keys))));
    let found = match project(folder.path()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    for (number, (block, keys)) in blocks.iter().zip(&examples).enumerate() {
        let code = keys["code"].as_str().unwrap();
        let errors: Vec<&Diagnostic> = said_of(&found.list, number).into_iter().filter(|problem| problem.level == Level::Error).collect();
        let Some(error) = errors.iter().find(|error| error.code.text() == code) else {
            panic!("docs/conditions.md, line {}: expected {code}, came {errors:#?}", block.line);
        };
        if let Some(hint) = keys.get("hint").and_then(Value::as_str) {
            assert!(format!("{} {}", error.message, error.help).contains(hint), "docs/conditions.md, line {}: {error:#?}", block.line);
        }
    }
    assert!(blocks.len() > 20, "only {} refusals", blocks.len());
}

#[test]
fn every_rule_has_its_number_and_those_that_decide_verdicts_an_example() {
    let page = read("docs/conditions.md");
    let shown: Vec<Block> = blocks(&page, "toml test").into_iter().chain(blocks(&page, "toml refused")).collect();
    for (chapter, rules, decides) in [(1, 7, 1..=7), (2, 8, 1..=1), (3, 4, 1..=4), (4, 5, 1..=5), (5, 8, 1..=4), (6, 5, 1..=5)] {
        for rule in 1..=rules {
            let number = format!("{chapter}.{rule} ");
            assert!(page.contains(&format!("\n### {number}")), "docs/conditions.md has no rule {number}");
            if decides.contains(&rule) {
                assert!(shown.iter().any(|block| block.heading.starts_with(&number)), "rule {number}has no example");
            }
        }
    }
}

#[test]
fn the_limits_are_those_that_the_page_names() {
    let page = read("docs/conditions.md");
    for limit in
        [format!("| {LENGTH} bytes |"), format!("| {DEPTH} |"), format!("| {NODES} |"), format!("| {ITEMS} |"), format!("| {OPERATORS} |")]
    {
        assert!(page.contains(&limit), "docs/conditions.md does not say {limit}");
    }
    let judged = |text: &str| -> Result<(Condition, Vec<Problem>), Vec<Problem>> {
        parse(text, table("credential").unwrap(), &BTreeMap::new(), Place::Assert)
    };
    let padded = |length: usize| format!("{:<length$}", "status = 'active'");
    let listed = |items: usize| format!("native_id IN ({})", vec!["'x'"; items].join(", "));
    let wrapped = |depth: usize| format!("{}TRUE{}", "(".repeat(depth), ")".repeat(depth));
    let chained = |operators: usize| vec!["TRUE"; operators + 1].join(" OR ");
    // OR, and for each list IN and its column.
    let parts = |parts: usize| format!("{} OR {}", listed((parts - 5) / 2), listed((parts - 5).div_ceil(2)));
    let at_the_limits = || {
        for (fits, over) in [
            (padded(LENGTH), padded(LENGTH + 1)),
            (listed(ITEMS), listed(ITEMS + 1)),
            (wrapped(DEPTH), wrapped(DEPTH + 1)),
            (chained(OPERATORS), chained(OPERATORS + 1)),
            (parts(NODES), parts(NODES + 1)),
        ] {
            assert!(judged(&fits).is_ok(), "{:#?}", judged(&fits).err());
            let problems = judged(&over).unwrap_err();
            assert!(problems.iter().all(|problem| problem.code == Code::ConditionLimit), "{problems:#?}");
        }
    };
    at_the_limits();
}

// Tables of the schema.

fn cell(column: &Column) -> String {
    let ty = match column.ty {
        Type::Enum(words) => format!("enumeration: {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
        other => other.word().to_owned(),
    };
    let mut absent = Vec::new();
    if column.none {
        absent.push("`none`");
    }
    absent.extend(match column.never {
        Never::No => None,
        Never::Before => Some("`never`, before everything"),
        Never::After => Some("`never`, after everything"),
    });
    let ahead = match (column.ty, column.ahead) {
        (Type::Time, true) => "may",
        (Type::Time, false) => "no",
        _ => "",
    };
    let refers = column.refers.map(|table| format!("[{table}](#{table})")).unwrap_or_default();
    let latest = if column.latest { " Of several, the latest." } else { "" };
    let derived = if column.derived { " Computed by the program; no source gives it." } else { "" };
    format!("| `{}` | {ty} | {} | {ahead} | {refers} | {}{latest}{derived} |", column.name, absent.join(", "), column.doc)
}

/// What docs/evidence.md must say of the tables.
fn tables() -> String {
    let mut out = String::new();
    for schema in SCHEMA {
        let derived = if schema.derived { " Computed by the program; no source gives rows of it." } else { "" };
        write!(
            out,
            "### {}\n\n{}{derived}\n\n| column | type | absent | ahead | refers to | meaning |\n|---|---|---|---|---|---|\n",
            schema.name, schema.doc
        )
        .unwrap();
        for column in schema.columns {
            writeln!(out, "{}", cell(column)).unwrap();
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_canonical_tables_are_those_of_the_schema() {
    let page = read("docs/evidence.md");
    let (_, rest) = page.split_once("<!-- tables -->\n\n").expect("docs/evidence.md marks where the tables start");
    let (listed, _) = rest.split_once("<!-- end of tables -->").expect("docs/evidence.md marks where the tables end");
    let wanted = tables();
    for (line, (is, should)) in listed.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(is, should, "docs/evidence.md, line {} of the tables; all of them should be:\n{wanted}", line + 1);
    }
    assert_eq!(listed.lines().count(), wanted.lines().count(), "docs/evidence.md should hold:\n{wanted}");
}

// Codes.

#[test]
fn every_code_is_explained() {
    let page = read("docs/diagnostics.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| T"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let listed: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    let wanted: Vec<(&str, &str)> = Code::ALL.iter().map(|(_, code, doc)| (*code, doc.trim())).collect();
    assert_eq!(listed, wanted, "left docs/diagnostics.md, right the codes");
    for row in rows {
        assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "{row:?}: a code, its meaning, a cause, what to do");
    }
}

// Links.

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') {
                pages(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The anchors of a page's headings, as hosts of Markdown make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let kept = heading.take().unwrap_or_default().to_lowercase();
                let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut found = Vec::new();
    pages(root(), &mut found);
    found.sort();
    let mut broken = String::new();
    let mut headings: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for path in &found {
        let page = std::fs::read_to_string(path).unwrap();
        for event in Parser::new_ext(&page, Options::ENABLE_TABLES) {
            let (Event::Start(Tag::Link { dest_url, .. }) | Event::Start(Tag::Image { dest_url, .. })) = event else { continue };
            if dest_url.contains("://") || dest_url.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = dest_url.split_once('#').map_or((&*dest_url, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let mut clean = PathBuf::new();
            for part in target.components() {
                match part {
                    Component::ParentDir => {
                        clean.pop();
                    }
                    other => clean.push(other),
                }
            }
            let name = path.strip_prefix(root()).unwrap().display();
            if !clean.starts_with(root()) || !clean.exists() {
                writeln!(broken, "{name}: `{dest_url}` leads to no file of the repository").unwrap();
            } else if let Some(anchor) = anchor
                && clean.extension().is_some_and(|ending| ending == "md")
                && !headings.entry(clean.clone()).or_insert_with(|| anchors(&std::fs::read_to_string(&clean).unwrap())).contains(anchor)
            {
                writeln!(broken, "{name}: `{dest_url}` names no heading").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "{broken}");
    assert!(found.len() > 3, "{found:?}");
}

/// A verifier that is written from the page knows every file that a package has; so does the one that was.
#[test]
fn every_file_of_a_package_is_named() {
    let (page, verifier) = (read("docs/package-format.md"), read("contrib/verify.py"));
    for entry in std::fs::read_dir(root().join("reports/bank")).unwrap().map(|entry| entry.unwrap()) {
        let mut name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            name.push('/');
        }
        assert!(page.contains(&format!("`{name}")), "docs/package-format.md does not name {name}");
        assert!(verifier.contains(&format!("\"{name}")), "contrib/verify.py does not know {name}");
    }
}
