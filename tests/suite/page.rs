//! What the page adds to an assessment: pictures, words for conditions, lives, the register.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tickmark::load;
use tickmark::model::condition::{Kind, walk};

fn bank(file: &str) -> String {
    std::fs::read_to_string(Path::new("reports/bank").join(file)).unwrap()
}

fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Where there is a policy of digests, an attribute or an element that it forbids would silently not work.
#[test]
fn the_page_allows_its_own_style_and_script_and_nothing_else() {
    let page = bank("report.html");
    for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
        let inside = page.split_once(&format!("<{tag}>")).unwrap().1.split_once(&format!("</{tag}>")).unwrap().0;
        let digest = STANDARD.encode(Sha256::digest(inside.as_bytes()));
        assert!(page.contains(&format!("{directive} 'sha256-{digest}'")), "{tag}");
        assert_eq!(page.matches(&format!("<{tag}")).count(), 1, "{tag}");
    }
    for forbidden in [" style=\"", " onclick=", "javascript:", "src=\"", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

/// Whoever reads the words must be told of every value that decides.
#[test]
fn the_procedure_names_everything_that_a_control_reads() {
    let (project, _) = load::project(Path::new("examples/bank")).unwrap_or_else(|_| panic!("the example loads"));
    let report = bank("report.md");
    for control in &project.controls {
        let section = report.split_once(&format!("\n### {}: ", control.id)).unwrap().1;
        let procedure = section.split_once("**Procedure**").unwrap().1.split_once("```sql").unwrap().0;
        for condition in control.applies.iter().chain([&control.assert]) {
            walk(&condition.root, &mut |node| match &node.kind {
                Kind::Path(path) | Kind::IsNotNull(path) => {
                    assert!(procedure.contains(&format!("`{}`", path.dotted())), "{}: {}", control.id, path.dotted());
                }
                Kind::Param(name) => assert!(procedure.contains(&format!("`${name}`")), "{}: {name}", control.id),
                _ => {}
            });
        }
    }
}

#[test]
fn the_register_lists_every_consumer_and_every_credential_once() {
    let register = rows(&bank("register.csv"));
    let subjects = |control: &str| -> BTreeSet<String> {
        rows(&bank(&format!("populations/{control}.csv"))).into_iter().map(|row| row["subject"].clone()).collect()
    };
    let consumers: BTreeSet<String> = register.iter().map(|row| row["consumer"].clone()).collect();
    assert_eq!(consumers, subjects("INV-01"));
    let credentials: Vec<String> =
        register.iter().map(|row| row["credential"].clone()).filter(|credential| credential != "none is known").collect();
    assert_eq!(credentials.len(), credentials.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(credentials.into_iter().collect::<BTreeSet<_>>(), subjects("INV-03"));
    // Nothing that is not known reads as though it were: no log saw it, and the register says which logs looked.
    assert!(register.iter().filter(|row| row["credential"] != "none is known").all(|row| !row["log"].is_empty()));
}

/// The seed's question: which partner's access outlived its contract, and what proves it?
#[test]
fn a_life_that_went_wrong_names_the_end_the_use_after_it_and_both_records() {
    let report = bank("report.md");
    let life = report.split_once("### Lives that went wrong").unwrap().1.split_once("#### Credential 2").unwrap().0;
    assert!(life.contains("fails OFF-02; it was issued for `kestrel`"), "{life}");
    for told in [
        "| 3 | 2026-03-10T08:00:00Z | revoked | `key-register evidence/inventory/key-register.csv line 8` |",
        "| 4 | 2026-04-02T06:00:09Z | last use in a log after the end | `gateway-log evidence/logs/partner-gw.ndjson line 5` |",
    ] {
        assert!(life.contains(told), "{life}");
    }
}

/// The question of whoever must have it mended: what would make PR.AA-05 supported? The heat map and the table lead to the answer.
#[test]
fn a_requirement_that_is_not_supported_says_what_is_in_the_way_and_what_settles_it() {
    let (page, report) = (bank("report.html"), bank("report.md"));
    let assessment: serde_json::Value = serde_json::from_str(&bank("assessment.json")).unwrap();
    let all = |value: &serde_json::Value| value.as_array().unwrap().clone();
    let counts: BTreeMap<String, serde_json::Value> =
        all(&assessment["controls"]).into_iter().map(|control| (control["id"].as_str().unwrap().to_owned(), control)).collect();
    let mut sections = 0;
    for requirement in all(&assessment["frameworks"]).iter().flat_map(|framework| all(&framework["requirements"])) {
        let [id, title] = ["id", "title"].map(|field| requirement[field].as_str().unwrap());
        let heading = format!("\n#### {id}: {title}\n");
        if !matches!(requirement["status"].as_str(), Some("contradicted" | "undetermined")) {
            assert!(!report.contains(&heading), "{id}");
            continue;
        }
        let section = report.split_once(&heading).unwrap().1.split("\n#").next().unwrap();
        for mapped in all(&requirement["controls"]) {
            let (control, status) = (mapped["id"].as_str().unwrap(), mapped["status"].as_str().unwrap());
            if !matches!(status, "fail" | "unknown") {
                continue;
            }
            let of = &counts[control]["counts"];
            let row =
                section.lines().find(|line| line.starts_with(&format!("| [{control}](#"))).unwrap_or_else(|| panic!("{id} {control}"));
            assert!(row.contains(&format!(" | {} | {} | ", of["fail"], of["unknown"])), "{id}: {row}");
            if of["unknown"] != 0 {
                assert!(section.contains("What is undecided, and what settles it"), "{id}");
            }
        }
        let anchor = page.split_once(&format!("{id}</a></td>")).unwrap().0.rsplit_once("href=\"#").unwrap().1.trim_end_matches("\">");
        assert!(page.contains(&format!("id=\"{anchor}\"")) && page.contains(&format!("<a href=\"#{anchor}\"><title>{id}: ")), "{anchor}");
        sections += 1;
    }
    assert!(sections > 40, "{sections}");
    // No link of the page leads nowhere.
    let ids: BTreeSet<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(target), "{target}");
    }
}

/// A picture may say nothing that the text does not.
#[test]
fn every_number_in_a_picture_stands_in_the_text_under_its_heading() {
    let (page, report) = (bank("report.html"), bank("report.md"));
    let mut seen = 0;
    for (heading, id) in [
        ("### By family", "by-family"),
        ("### Age of static credentials", "age-of-static-credentials"),
        ("### Growth against governance", "growth-against-governance"),
    ] {
        let figure = page.split_once(&format!("id=\"{id}\"")).unwrap().1.split_once("<svg").unwrap().1.split_once("</svg>").unwrap().0;
        let text = report.split_once(&format!("{heading}\n")).unwrap().1.split_once("\n#").unwrap().0;
        for part in figure.split("<text").skip(1) {
            let (class, told) = part.split_once("</text>").unwrap().0.split_once('>').unwrap();
            if class.contains("label") || class.contains("limit") {
                continue;
            }
            for word in told.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
                assert!(text.split('|').any(|cell| cell.trim() == word), "{heading}: {word}");
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen}");
    assert_eq!(page.matches("<figure>").count(), 3 + 3 + 3 + 3, "frameworks, bars, lives, paths");
}

/// A project's own words add to the report, stand under the root, and can neither become more than words nor say what is not so.
#[test]
fn own_words_are_filled_in_reduced_packed_and_named_on_the_first_page() {
    let mut files = crate::cli::project("id,system,owner\na,s,p1\n");
    files[0].1 = files[0].1.replace(
        "[[source]]\nkind = \"canonical\"\npath = \"identity.csv\"",
        "[engagement]\nentity = \"A | B\"\n[templates]\ntitle = \"Attestation\"\ncover = \"templates/cover.md\"\nlogo = \"templates/logo.svg\"\n[[source]]\nkind = \"canonical\"\npath = \"identity.csv\"",
    );
    let cover = "For **{{ entity }}**, {{outcome}}, as of {{ as_of }}.\n\n<script>alert(1)</script>\n\n## Outcome\n\nAll is well.\n";
    files.push(("templates/cover.md", cover.to_owned()));
    files.push(("templates/logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()));
    let given: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, work) = crate::cli::run(&given, &["run"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let read = |path: &str| std::fs::read_to_string(work.path().join("report").join(path)).unwrap();
    let report = read("report.md");
    assert!(report.starts_with("# Attestation: Small\n"), "{report}");
    let first = report.split("\n## Outcome\n").next().unwrap();
    for words in [
        "For **A &#124; B**, satisfied on this evidence, as of 2026-06-30T00:00:00Z.",
        "| **Own words** | `templates/cover.md`: the project says them, no evidence |",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "**Outcome**",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
    assert_eq!(read("inputs/templates/cover.md"), cover);
    assert!(read("report.html").contains("<img class=\"logo\" alt=\"\" src=\"data:image/svg+xml;base64,"));
    crate::signing::says(&crate::signing::tickmark(work.path(), &["verify", "report", "--unsigned"]), 0, &["every byte"]);

    std::fs::write(work.path().join("templates/cover.md"), "{{ entity }}\n{{ findings }}\n").unwrap();
    let said = crate::signing::tickmark(work.path(), &["check"]);
    crate::signing::says(&said, 2, &["templates/cover.md:2:1", "`findings` is no name"]);
}

/// Nothing is dropped in silence: what a control shows, what it tells together and what it only counts come to the lines of the data
/// file, in the Markdown and on the page.
#[test]
fn the_findings_of_page_markdown_and_data_file_add_up() {
    let (page, report, findings) = (bank("report.html"), bank("report.md"), bank("findings.ndjson"));
    let assessment: serde_json::Value = serde_json::from_str(&bank("assessment.json")).unwrap();
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse::<usize>().ok()).unwrap();
    let (mut counted, mut whole) = (0, 0);
    for control in assessment["controls"].as_array().unwrap() {
        let [id, title] = ["id", "title"].map(|field| control[field].as_str().unwrap());
        let section = report.split_once(&format!("\n### {id}: {title}\n")).unwrap().1.split("\n### ").next().unwrap();
        let items = |after: &str| -> Vec<&str> {
            let Some((_, rest)) = section.split_once(after) else { return Vec::new() };
            let of_list = |line: &&str| line.is_empty() || line.starts_with("- ") || line.starts_with("  ");
            rest.lines().skip(1).take_while(of_list).filter(|line| line.starts_with("- ")).collect()
        };
        let alike: usize = items("**Unknown for one and the same reason**").iter().map(|line| number(line)).sum();
        let more = section.split_once("\nAnd ").map_or(0, |(_, rest)| number(rest));
        let causes: usize = items("by cause:").iter().map(|line| number(line.trim_start_matches("- **✗ fail**"))).sum();
        assert_eq!(causes, more, "{id}");
        let lines = findings.lines().filter(|line| line.contains(&format!("\"control\":\"{id}\""))).count();
        assert_eq!(items("**Findings**").len() + alike + more, lines, "{id}");
        counted += more;
        whole += lines;

        let shown = page.split_once(&format!("{id}: {title}</h3>")).unwrap().1.split("<h3").next().unwrap();
        for (mark, class) in [("**✗ fail**", "mark fail"), ("**? unknown**", "mark unknown"), ("**\\~ waived**", "mark waived")] {
            assert_eq!(section.matches(mark).count(), shown.matches(&format!("<strong class=\"{class}\">")).count(), "{id} {mark}");
        }
        assert_eq!(more > 0, shown.contains(&format!("<p>And {more} more in <code>findings.ndjson</code>")), "{id}");
    }
    assert!(counted > 50, "{counted}");
    assert_eq!(whole, findings.lines().count());
}

/// The figures of earlier packages are inputs: the same bytes come again without those packages, and a line of the trend is as good as
/// the root that stands in it.
#[test]
fn earlier_packages_are_told_by_their_figures_and_performed_again_without_them() {
    let files = crate::cli::project("id,system,owner\na,s,p1\nb,s,none\n");
    let given: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, work) = crate::cli::run(&given, &["run", "--as-of", "2026-06-29T18:00:00Z", "--fail-on", "none"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    std::fs::rename(work.path().join("report"), work.path().join("june")).unwrap();
    std::fs::write(work.path().join("identity.csv"), "id,system,owner\na,s,p1\nb,s,p1\n").unwrap();
    let run = |as_of: &str, earlier: &str| {
        crate::signing::tickmark(work.path(), &["run", "--as-of", as_of, "--earlier", earlier, "--earlier", earlier])
    };
    crate::signing::says(&run("2026-06-29T18:00:00Z", "june"), 2, &["june speaks of 2026-06-29T18:00:00Z, which is not before"]);
    crate::signing::says(&run("2026-06-30T00:00:00Z", "june"), 0, &[]);
    let read = |path: &str| std::fs::read_to_string(work.path().join(path)).unwrap();
    let report = read("report/report.md");
    let manifest: serde_json::Value = serde_json::from_str(&read("june/manifest.json")).unwrap();
    let root = manifest["root"].as_str().unwrap();
    let rows = [
        format!("| 2026-06-29T18:00:00Z | `{}` | 1 | 1 | 0 | 0 | 0 | 0 | 2 | 1 | 0 | 0 | 1 | 0 |", &root[..12]),
        "| 2026-06-30T00:00:00Z | **this one** | 1 | 0 | 0 | 0 | 1 | 0 | 2 | 0 | 0 | 0 | 2 | 0 |".to_owned(),
    ];
    let trend = report.split_once("### Trend").unwrap().1.split("\n## ").next().unwrap();
    assert_eq!(trend.lines().filter(|line| line.starts_with("| 2")).collect::<Vec<_>>(), rows);
    let page = read("report/report.html");
    let picture = page.split_once("id=\"trend\"").unwrap().1.split_once("</svg>").unwrap().0;
    assert!(picture.contains("aria-label=\"Controls by status") && picture.contains(">2026-06-29</text>"), "{picture}");
    assert!(read("report/inputs/earlier.json").contains(root));
    std::fs::remove_dir_all(work.path().join("june")).unwrap();
    let words = ["every byte", "hold them against the packages of", root];
    crate::signing::says(&crate::signing::tickmark(work.path(), &["verify", "report", "--unsigned"]), 0, &words);
}
