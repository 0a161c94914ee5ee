//! Projects that are wrong are told so, with every problem at its place; ids as people write them resolve, or do not.

use std::path::Path;

use tickmark::cli::diagnostics::render;
use tickmark::load;
use tickmark::model::diagnostic::{Code, Diagnostics, Level};

fn case(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/load").join(name)
}

#[test]
fn every_problem_at_once() {
    let problems = load::project(&case("broken")).unwrap_err();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("load_broken", render(&problems, false));
    });
    for diagnostic in &problems.list {
        // A place points into its file, at the line that it speaks of.
        if let (Some(span), Some(text)) = (&diagnostic.span, problems.texts.get(&diagnostic.file)) {
            assert!(span.start <= span.end && span.end <= text.len(), "{diagnostic:?}");
            let (line, _) = Diagnostics::line_column(text, span.start);
            assert!(line <= text.lines().count().max(1), "{diagnostic:?}");
        }
    }
}

#[test]
fn ids_as_people_write_them() {
    let (project, warnings) = load::project(&case("aliases")).unwrap_or_else(|problems| panic!("{}", render(&problems, false)));
    let resolved: Vec<(&str, &str)> =
        project.controls[0].mappings.iter().map(|mapping| (mapping.written.as_str(), mapping.requirement.as_str())).collect();
    assert_eq!(
        resolved,
        [
            ("NHI7:2025", "NHI7:2025"),
            ("NHI1", "NHI1:2025"),
            ("PR.AC-4", "PR.AA-05"),
            ("GOVERN-1.6", "GOVERN 1.6"),
            ("MS-2.4", "MEASURE 2.4")
        ]
    );
    let warned: Vec<&str> =
        warnings.list.iter().filter(|warning| warning.code == Code::AliasedRequirement).map(|warning| warning.message.as_str()).collect();
    assert_eq!(warned, ["`NHI1` is read as `NHI1:2025` of owasp-nhi-2025", "`PR.AC-4` is read as `PR.AA-05` of nist-csf-2.0"]);
}

/// `NHI-03` names no edition, and means one thing by its number and another where people use it: the author must choose.
#[test]
fn nhi_03_is_always_an_error() {
    let problems = load::project(&case("broken")).unwrap_err();
    let found = problems.list.iter().find(|diagnostic| diagnostic.message.contains("`NHI-03`")).unwrap();
    assert_eq!((found.code, found.level), (Code::AmbiguousRequirement, Level::Error));
    for candidate in ["NHI3:2025", "NHI7:2025", "NHI1:2025"] {
        assert!(found.help.contains(candidate), "{}", found.help);
    }
}

#[test]
fn the_frameworks_are_whole() {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"x\"\n").unwrap();
    let (project, _) = load::project(folder.path()).unwrap();
    let counts: Vec<(&str, usize)> =
        project.frameworks.iter().map(|framework| (framework.id.as_str(), framework.requirements.len())).collect();
    assert_eq!(counts, [("owasp-nhi-2025", 10), ("nist-csf-2.0", 134), ("nist-ai-rmf-1.0", 95)]);
    let levels =
        |at: usize, level: &str| project.frameworks[at].requirements.iter().filter(|requirement| requirement.level == level).count();
    assert_eq!([levels(1, "function"), levels(1, "category"), levels(1, "subcategory")], [6, 22, 106]);
    assert_eq!([levels(2, "function"), levels(2, "category"), levels(2, "subcategory")], [4, 19, 72]);
    for framework in &project.frameworks {
        assert!(!framework.attribution.is_empty() && framework.url.starts_with("https://"));
    }
}

/// A plan beside what is there would complete and contradict it.
#[test]
fn what_is_proposed_is_not_judged_beside_what_is_deployed() {
    let folder = crate::scratch::folder();
    let write = |path: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(path), text).unwrap();
    };
    write(
        "sources/plan.toml",
        "kind = \"plan\"\ntitle = \"A plan\"\nrecords = \"changes\"\nformat = \"json\"\nobserves = [\"identity\"]\nstate = \"proposed\"\nrows = \".\"\n",
    );
    let plan = "name = \"p\"\n[[source]]\nkind = \"plan\"\npath = \"plan.json\"\n";
    let party = "[[source]]\nkind = \"canonical\"\ntable = \"party\"\npath = \"parties.csv\"\n";
    write("tickmark.toml", &format!("{plan}{party}"));
    assert!(load::project(folder.path()).is_ok());
    for other in ["kind = \"kong-deck\"\npath = \"k.yaml\"\n", "kind = \"canonical\"\ntable = \"identity\"\npath = \"i.csv\"\n"] {
        write("tickmark.toml", &format!("{plan}{party}[[source]]\n{other}"));
        let problems = load::project(folder.path()).unwrap_err();
        let codes: Vec<Code> = problems.list.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::MixedState], "{}", render(&problems, false));
    }
}
