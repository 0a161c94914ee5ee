//! Writing a mapping: `tickmark source`, mistakes at their places, and the tutorial of docs/sources.md as it stands there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tickmark(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

/// The example is what somebody has who follows the tutorial, and gives what it says.
#[test]
fn the_tutorial_gives_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/sources.md")).unwrap();
    let section = page.split("## Your first mapping").nth(1).unwrap().split("## The file").next().unwrap();
    let blocks: Vec<&str> = section.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [begin, rows, said, silent, source] = blocks.as_slice() else { panic!("{} blocks", blocks.len()) };
    let (head, _) = begin.split_once("rows =").unwrap();
    let (head, select) = head.split_once("select =").unwrap();
    let written = format!("{head}{said}select ={select}{rows}\n{silent}");
    assert_eq!(fs::read_to_string(root.join("examples/grafana/mapping.toml")).unwrap(), written);
    let (output, said) = tickmark(&["source", "test", "examples/grafana"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("4 rows, as expected") && said.contains("whole: yes, it says so") && !said.contains("no row says"), "{said}");
    // The beginning runs as well, and says what is missing.
    let folder = crate::scratch::folder();
    fs::write(folder.path().join("mapping.toml"), begin).unwrap();
    fs::copy(root.join("examples/grafana/export.json"), folder.path().join("export.json")).unwrap();
    fs::copy(root.join("examples/grafana/file.json"), folder.path().join("file.json")).unwrap();
    let (output, said) = tickmark(&["source", "test", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("identity.kind") && said.contains("anything of credential") && said.contains("cannot be `none`"), "{said}");
    // And in a project it is a source as the last block says.
    fs::create_dir(folder.path().join("sources")).unwrap();
    fs::create_dir(folder.path().join("evidence")).unwrap();
    fs::write(folder.path().join("sources/grafana-service-accounts.toml"), &written).unwrap();
    fs::copy(root.join("examples/grafana/export.json"), folder.path().join("evidence/grafana.json")).unwrap();
    fs::write(folder.path().join("tickmark.toml"), format!("name = \"p\"\n{source}")).unwrap();
    let (_, said) = tickmark(&["check", "--evidence", "--project", folder.path().to_str().unwrap()]);
    assert!(said.contains("`grafana-service-accounts` | 2 rows | yes"), "{said}");
}

#[test]
fn list_and_show() {
    let (output, said) = tickmark(&["source", "list"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("kong-deck") && said.contains("[identity, credential, grant]"), "{said}");
    let (output, said) = tickmark(&["source", "show", "aws-credential-report"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said.contains("What it does not hold:") && said.contains("Not said   identity:") && said.contains("https://docs.aws.amazon.com"),
        "{said}"
    );
    let (_, said) = tickmark(&["source", "show", "x509-pem", "--toml"]);
    assert_eq!(said, fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/sources/x509-pem.toml")).unwrap());
    let (output, said) = tickmark(&["source", "show", "kong"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("there are kong-admin-api, kong-deck"), "{said}");
}

/// Runs `source test` on a mapping with these `select` and `rows`.
fn try_on(select: &str, rows: &str, export: &str, expected: Option<&str>) -> (Option<i32>, String) {
    let folder = crate::scratch::folder();
    let text = format!(
        "kind = \"k\"\ntitle = \"t\"\nrecords = \"things\"\nformat = \"json\"\nobserves = [\"identity\"]\nselect = '{select}'\nrows = '''\n{rows}\n'''\n"
    );
    fs::write(folder.path().join("mapping.toml"), text).unwrap();
    fs::write(folder.path().join("export.json"), export).unwrap();
    fs::write(folder.path().join("file.json"), "{\"systems\":[\"s\"]}").unwrap();
    if let Some(expected) = expected {
        fs::write(folder.path().join("expected.ndjson"), expected).unwrap();
    }
    let (output, said) = tickmark(&["source", "test", folder.path().to_str().unwrap()]);
    (output.status.code(), said.replace(&folder.path().display().to_string(), "."))
}

#[test]
fn a_filter_that_does_not_compile_is_shown_in_its_file() {
    let (code, said) = try_on("path(.[])", "{ table: \"identity\",\n  id: .id | nowhere }", "[]", None);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("error[T050]: the rows filter does not compile: `nowhere` is an undefined filter"), "{said}");
    assert!(said.contains("./mapping.toml:9:13") && said.contains("  id: .id | nowhere }") && said.contains("^^^^^^^"), "{said}");
    let (_, said) = try_on("path(.[)", ".", "[]", None);
    assert!(said.contains("the select filter does not compile") && said.contains("./mapping.toml:6:"), "{said}");
    // `check` says it without evidence, in words and for programs.
    let folder = crate::scratch::folder();
    fs::create_dir(folder.path().join("sources")).unwrap();
    let text = "kind = \"k\"\ntitle = \"t\"\nrecords = \"things\"\nformat = \"json\"\nobserves = [\"identity\"]\nrows = '. | now'\n";
    fs::write(folder.path().join("sources/k.toml"), text).unwrap();
    fs::write(folder.path().join("tickmark.toml"), "name = \"p\"\n[[source]]\nkind = \"k\"\npath = \"x.json\"\n").unwrap();
    let project = folder.path().to_str().unwrap();
    let (output, said) = tickmark(&["check", "--project", project]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("sources/k.toml:6:13") && said.contains("reach outside"), "{said}");
    let (output, said) = tickmark(&["check", "--format", "json", "--project", project]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("\"line\":6") && said.contains("\"column\":13"), "{said}");
}

#[test]
fn what_befalls_a_record_is_shown_in_the_filter_with_the_record() {
    let rows = "if .id == 2 then error(\"no such thing: \\(.id)\") else . end\n| { table: \"identity\", id: \"s:\\(.id)\", name: .name }";
    let export = r#"[{"id":1,"name":"a"},{"id":2},{"id":3,"name":"none"},{"id":"x"}]"#;
    let (code, said) = try_on("path(.[])", rows, export, None);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning[T050]: no such thing: 2") && said.contains("./mapping.toml:8:18") && said.contains("of /1"), "{said}");
    assert!(said.contains("`name` cannot be `none`") && said.contains("./mapping.toml:9:40") && said.contains("of /2"), "{said}");
    let (code, said) = try_on(
        "path(.[])",
        "{ table: \"identity\", id: \"s:\\(.id)\" }",
        "[{\"id\":1}]",
        Some("{\"table\":\"identity\",\"id\":\"s:2\"}\n"),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("- {\"table\":\"identity\",\"id\":\"s:2\"}") && said.contains("+ {\"table\":\"identity\",\"id\":\"s:1\"}"),
        "{said}"
    );
}
