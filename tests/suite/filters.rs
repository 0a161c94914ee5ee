//! A mapping's filter that has no end, in a project and in a package: told by name, and nothing else comes down.

use super::cli::run;
use super::package::contents;
use super::signing::tickmark;
use super::verify::{relisted, write};

const FILTERS: [(&str, &str); 4] = [
    ("recognise", "true"),
    ("envelope", "{}"),
    ("select", "path(.[])"),
    ("rows", "{ table: \"identity\", id: \"s:\\(.id)\", system: \"s\" }"),
];

/// A mapping of which one filter is another.
fn mapping(part: &str, filter: &str) -> String {
    let head = "kind = \"ours\"\ntitle = \"Ours\"\nrecords = \"things\"\nformat = \"json\"\nobserves = [\"identity\"]\n".to_owned();
    FILTERS.iter().fold(head, |text, (name, good)| format!("{text}{name} = '''{}'''\n", if *name == part { filter } else { good }))
}

#[test]
fn a_filter_without_end_ends_the_run_and_the_verification_with_a_reason() {
    let settings = "name = \"p\"\nas-of = \"2026-06-30T00:00:00Z\"\nfail-on = \"none\"\n[[source]]\nkind = \"ours\"\npath = \"e.json\"\n\
        systems = [\"s\"]\ncollected-at = \"2026-06-29T20:00:00Z\"\n";
    let files = |mapping: &str, command: &[&str]| {
        let (output, said, work) =
            run(&[("tickmark.toml", settings), ("e.json", "[{\"id\":1},{\"id\":2}]"), ("sources/ours.toml", mapping)], command);
        (output.status.code(), said, work)
    };
    let (_, said, work) = files(&mapping("", ""), &["run"]);
    assert!(work.path().join("report").is_dir(), "{said}");
    let package = contents(&work.path().join("report"));
    let packed = "inputs/sources/ours.toml";
    assert!(package.contains_key(packed));
    for (part, filter, what) in [
        ("recognise", "def f: [f]; f", "calls itself, or is nested, too deep"),
        ("envelope", "\"a\" * 1000000000000", "takes more than 64 MiB of memory"),
        ("select", "reduce range(60) as $i ([1]; . + .)", "takes more than 64 MiB of memory"),
        ("rows", "\"ab\" * 9223372036854775807", "makes something larger than any memory, over e.json, record 1"),
    ] {
        let named = format!("sources/ours.toml: the {part} filter {what}");
        let (code, said, work) = files(&mapping(part, filter), &["run"]);
        assert!(code == Some(2) && said.contains(&named) && !said.contains("panicked"), "{code:?} {said}");
        assert!(!work.path().join("report").exists());

        let mut hostile = package.clone();
        hostile.insert(packed.to_owned(), mapping(part, filter).into_bytes());
        let folder = crate::scratch::folder();
        write(&relisted(hostile), folder.path());
        let (code, said) = tickmark(folder.path(), &["verify", ".", "--unsigned"]);
        assert!(code == Some(4) && said.contains(&named) && !said.contains("panicked"), "{code:?} {said}");
    }
    let deep = "[".repeat(60_000);
    let (code, said, _) = files(&mapping("rows", &deep), &["run"]);
    assert!(code == Some(2) && said.contains("the rows filter does not compile"), "{code:?} {said}");
}
