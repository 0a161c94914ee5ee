//! A package in the formats of others. `.ci/real/formats` and `.ci/real/oscal` hold the same against validators that are not ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Parser, Tag};
use serde_json::{Value, json};
use tickmark::report::formats::{Export, Format, FormatError, Options, Package, SUMMARY_LIMIT, export};

use super::package::contents;
use super::report::{HOSTILE, package};
use super::signing::{Desk, says};

type Files = BTreeMap<String, Vec<u8>>;

const ROOT: &str = "5f1d0c9e7a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d";

/// The assessment with hostile text in it, and the waiver that it speaks of.
fn files() -> Files {
    changed(|assessment| {
        assessment["waivers"] = json!([{
            "id": "W-1", "control": "PRV-01", "standing": "in force", "why": "", "reason": format!("Until the rebuild. {HOSTILE}"),
            "approver": "j.doe", "approval": null, "granted_at": "2026-05-01T00:00:00Z", "expires_at": "2026-08-01T00:00:00Z",
            "ticket": "RISK-1", "where": null, "at_most": null, "covered": ["aws:111122223333:grant/admin"], "open": [], "own": [],
            "waived": ["aws:111122223333:grant/admin"], "compensating": [], "file": "waivers/W-1.toml"
        }]);
    })
}

fn changed(change: impl Fn(&mut Value)) -> Files {
    let mut files = package();
    let mut assessment: Value = serde_json::from_slice(&files["assessment.json"]).unwrap();
    change(&mut assessment);
    files.insert("assessment.json".to_owned(), assessment.to_string().into_bytes());
    files
}

fn exported(files: &Files, format: Format, options: Options<'_>) -> Files {
    match export(format, &Package::read(files, ROOT).unwrap(), options).unwrap() {
        Export::File(bytes) => Files::from([(format.ending().to_owned(), bytes)]),
        Export::Folder(files) => files,
    }
}

fn text(files: &Files, format: Format) -> String {
    String::from_utf8(exported(files, format, Options::default()).remove(format.ending()).unwrap()).unwrap()
}

fn sarif(files: &Files, options: Options<'_>) -> Value {
    serde_json::from_slice(&exported(files, Format::Sarif, options)["sarif"]).unwrap()
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

fn oscal(files: &Files) -> BTreeMap<String, Value> {
    let documents = exported(files, Format::Oscal, Options::default());
    documents.iter().map(|(name, bytes)| (name.clone(), serde_json::from_slice(bytes).unwrap())).collect()
}

#[test]
fn sarif_as_it_is() {
    insta::assert_snapshot!(text(&files(), Format::Sarif));
}

#[test]
fn junit_as_it_is() {
    insta::assert_snapshot!(text(&files(), Format::Junit));
}

#[test]
fn the_summary_as_it_is() {
    insta::assert_snapshot!(text(&files(), Format::Markdown));
}

#[test]
fn oscal_as_it_is() {
    let documents = exported(&files(), Format::Oscal, Options::default());
    let told: Vec<String> = documents.iter().map(|(name, bytes)| format!("=== {name}\n{}", String::from_utf8_lossy(bytes))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn csv_as_it_is() {
    let tables = exported(&files(), Format::Csv, Options::default());
    let told: Vec<String> = tables.iter().map(|(name, bytes)| format!("=== {name}\n{}", String::from_utf8_lossy(bytes))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Kept by hand: what a finding is called must not change from version to version.
#[test]
fn a_finding_is_called_the_same_for_ever() {
    let id =
        tickmark::model::assessment::finding_id("ROT-01", tickmark::model::assessment::Named::Id("aws:111122223333:key/AKIAEXAMPLE2"), &[]);
    // printf '["tickmark/finding/1","ROT-01","id","aws:111122223333:key/AKIAEXAMPLE2",[]]' | sha256sum | cut -c1-32
    assert_eq!(id, "d627a9c514970c22aab0fb6a1468426c");
    let log = sarif(&files(), Options::default());
    assert!(results(&log).iter().any(|result| result["partialFingerprints"]["tickmarkFinding/v1"] == id));
}

/// What evidence says is text: no control character, no bidirectional one, no element, no formula, no link.
#[test]
fn hostile_text_does_nothing() {
    let files = files();
    for format in [Format::Sarif, Format::Junit, Format::Oscal, Format::Csv, Format::Markdown] {
        for (name, bytes) in exported(&files, format, Options { baseline: None, all: true }) {
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{name}");
            // JSON and CSV are data, and Markdown in them is escaped; where text is markup, no `<` of the evidence's is left.
            if matches!(format, Format::Junit | Format::Markdown) {
                assert!(!text.contains("<script"), "{name}");
            }
        }
    }
    for finding in results(&sarif(&files, Options::default())) {
        let message = finding["message"]["text"].as_str().unwrap();
        assert!(!message.replace("\\[", "").contains('['), "{message}");
        assert!(!message.replace("{{", "").replace("}}", "").contains(['{', '}']), "{message}");
    }
    for (name, bytes) in exported(&files, Format::Csv, Options::default()) {
        for record in csv::Reader::from_reader(bytes.as_slice()).records() {
            assert!(!record.unwrap().iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{name}");
        }
    }
    let markup = |document: &Value, path: &str| {
        let said = document.pointer(path).unwrap().as_str().unwrap();
        for event in Parser::new(said) {
            let harm = matches!(event, Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Link { .. } | Tag::Image { .. }));
            assert!(!harm, "{event:?} in {said}");
        }
    };
    let documents = oscal(&files);
    let results = &documents["assessment-results.json"];
    for at in 0..results.pointer("/assessment-results/results/0/observations").unwrap().as_array().unwrap().len() {
        markup(results, &format!("/assessment-results/results/0/observations/{at}/title"));
        markup(results, &format!("/assessment-results/results/0/observations/{at}/description"));
    }
}

/// The one unforgivable bug, format by format: of what is not known, none says that it is well.
#[test]
fn unknown_is_never_well() {
    let files = files();
    let package = Package::read(&files, ROOT).unwrap();
    let said = &package.assessment;
    let gaps = said.controls.iter().filter(|control| !control.population_complete).count();
    let (unknown, fail, waived) = (said.totals.verdicts.unknown, said.totals.verdicts.fail, said.totals.verdicts.waived);
    assert!(unknown > 0 && fail > 0 && waived > 0 && gaps > 0);

    let junit = text(&files, Format::Junit);
    let count = |element: &str| junit.matches(element).count();
    assert_eq!((count("<error "), count("<failure "), count("type=\"waived\"")), (unknown + gaps, fail, waived));

    let log = sarif(&files, Options { baseline: None, all: true });
    let of = |kind: &str| results(&log).iter().filter(|result| result["kind"] == kind).count();
    assert_eq!((of("open"), of("fail"), of("pass")), (unknown + gaps, fail + waived, said.totals.verdicts.pass));
    for result in results(&log) {
        assert_eq!(result["kind"] == "fail", result["level"] != "none", "{result}");
        assert_eq!(result["properties"]["verdict"] == "waived", result.get("suppressions").is_some(), "{result}");
    }
    assert!(results(&sarif(&files, Options::default())).iter().all(|result| result["kind"] != "pass"));

    let documents = oscal(&files);
    let result = &documents["assessment-results.json"]["assessment-results"]["results"][0];
    let list = |name: &str| result[name].as_array().unwrap();
    let property = |of: &Value, name: &str| {
        of["props"].as_array().unwrap().iter().find(|it| it["name"] == name).map(|it| it["value"].as_str().unwrap().to_owned())
    };
    let undecided: Vec<&Value> =
        list("observations").iter().filter(|it| property(it, "verdict").as_deref() == Some("unknown")).map(|it| &it["uuid"]).collect();
    assert_eq!(undecided.len(), unknown);
    for control in &said.controls {
        let finding = list("findings").iter().find(|it| property(it, "control").as_ref() == Some(&control.id));
        let state = finding.map(|it| it["target"]["status"]["state"].as_str().unwrap());
        let expected = match control.status.as_str() {
            "pass" => Some("satisfied"),
            "fail" | "waived" => Some("not-satisfied"),
            _ => None,
        };
        assert_eq!(state, expected, "{}", control.id);
        let related = finding.map_or(&[][..], |it| it["related-observations"].as_array().unwrap());
        assert!(related.iter().all(|it| !undecided.contains(&&it["observation-uuid"])), "{}", control.id);
    }
    let items = documents["plan-of-action-and-milestones.json"]["plan-of-action-and-milestones"]["poam-items"].as_array().unwrap();
    assert_eq!(items.len(), fail + waived);
    let deadlines: Vec<&Value> = list("risks").iter().filter_map(|risk| risk.get("deadline")).collect();
    assert_eq!(deadlines, ["2026-08-01T00:00:00Z"]);
}

/// OSCAL asks that every reference leads somewhere, and that no UUID stands for two things.
#[test]
fn oscal_documents_hang_together() {
    for (name, document) in oscal(&files()) {
        let (mut made, mut asked) = (Vec::new(), Vec::new());
        walk(&document, &mut |key, value| match (key, value.as_str()) {
            ("uuid", Some(uuid)) => made.push(uuid.to_owned()),
            (key, Some(uuid)) if key.ends_with("-uuid") => asked.push(uuid.to_owned()),
            ("href", Some(href)) => asked.extend(href.strip_prefix('#').map(str::to_owned)),
            _ => {}
        });
        let before = made.len();
        made.sort();
        made.dedup();
        assert_eq!(made.len(), before, "{name}: a uuid stands twice");
        for uuid in asked {
            assert!(made.contains(&uuid), "{name}: {uuid} leads nowhere");
        }
    }
}

fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v str, &'v Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            visit(key, value);
            walk(value, visit);
        }),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

/// A control that the command line left out is told in every format; here in one place of each.
#[test]
fn narrowing_is_never_silent() {
    let files = changed(|assessment| assessment["deselected"][0]["narrowed"] = true.into());
    let left = text(&files, Format::Junit);
    assert!(left.contains("<testcase name=\"OFF-01\" classname=\"tickmark.OFF-01\"") && left.contains("type=\"left-out\""), "{left}");
    assert!(text(&files, Format::Markdown).contains("left out 1 of the selected controls: OFF-01"));
    assert_eq!(sarif(&files, Options::default())["runs"][0]["properties"]["leftOut"], json!(["OFF-01"]));
    let result = &oscal(&files)["assessment-results.json"]["assessment-results"]["results"][0];
    assert!(result["description"].as_str().unwrap().contains("Left out on the command line: OFF-01"));
    let table = exported(&files, Format::Csv, Options::default()).remove("deselected.csv").unwrap();
    assert!(String::from_utf8(table).unwrap().contains("OFF-01.toml,,true"));
}

#[test]
fn ids_that_oscal_does_not_take_stay_apart() {
    let files = changed(|assessment| {
        assessment["frameworks"][0]["requirements"][1]["id"] = "NHI1 2025".into();
        assessment["frameworks"][0]["id"] = "9 lives".into();
    });
    let documents = oscal(&files);
    let catalog = &documents["catalog-_9-lives.json"]["catalog"]["controls"];
    assert_eq!((&catalog[0]["id"], &catalog[1]["id"]), (&json!("NHI1-2025"), &json!("NHI1-2025-2")));
    assert_eq!(catalog[1]["props"][0]["value"], "NHI1 2025");
}

/// Against an earlier package: what is new, what stayed, what is other, what has gone.
#[test]
fn a_baseline_tells_new_from_old() {
    let now = files();
    let mut before = files();
    let mut assessment: Value = serde_json::from_slice(&before["assessment.json"]).unwrap();
    let findings = assessment["findings"].as_array_mut().unwrap();
    let new = findings.iter().position(|finding| finding["subject"] == "kong:prod/key/1").unwrap();
    findings.remove(new);
    let updated = findings.iter_mut().find(|finding| finding["subject"] == "kong:prod/key/2").unwrap();
    updated["observed"]["rotated_at"] = "never".into();
    let mut gone = findings[0].clone();
    gone["subject"] = "kong:prod/key/gone".into();
    gone["control"] = "ROT-01".into();
    gone["id"] = "0123456789abcdef0123456789abcdef".into();
    findings.push(gone);
    assessment["controls"][4]["population"] = 8.into();
    before.insert("assessment.json".to_owned(), assessment.to_string().into_bytes());
    let population = String::from_utf8(before["populations/ROT-01.csv"].clone()).unwrap();
    let rows: Vec<&str> = population.lines().filter(|row| !row.starts_with("kong:prod/key/1,")).collect();
    before.insert("populations/ROT-01.csv".to_owned(), format!("{}\nkong:prod/key/gone,fail,,\n", rows.join("\n")).into_bytes());

    let before = Package::read(&before, ROOT).unwrap();
    let log = sarif(&now, Options { baseline: Some(&before), all: false });
    let of = |state: &str| -> Vec<&str> {
        let found = results(&log).iter().filter(|result| result["baselineState"] == state);
        found.map(|result| result["properties"]["subject"].as_str().unwrap()).collect()
    };
    assert_eq!((of("new"), of("updated"), of("absent")), (vec!["kong:prod/key/1"], vec!["kong:prod/key/2"], vec!["kong:prod/key/gone"]));
    assert_eq!(of("unchanged").len() + 3, results(&log).len());
}

/// However much was found: the counts are whole, and the summary fits into a comment.
#[test]
fn the_summary_is_bounded() {
    let mut files = files();
    let mut assessment: Value = serde_json::from_slice(&files["assessment.json"]).unwrap();
    let rot = assessment["controls"][4].clone();
    let finding = assessment["findings"].as_array().unwrap().iter().find(|it| it["control"] == "ROT-01").unwrap().clone();
    for number in 0..700 {
        let id = format!("BIG-{number:03}-{}", "|<&`".repeat(20));
        let mut control = rot.clone();
        (control["id"], control["population"], control["severity"]) = (id.as_str().into(), 2.into(), "low".into());
        let mut rows = "subject,verdict,reason,evidence\n".to_owned();
        for subject in 0..2 {
            let subject = format!("{subject}{}", "|".repeat(150));
            let mut finding = finding.clone();
            (finding["control"], finding["subject"]) = (id.as_str().into(), subject.as_str().into());
            assessment["findings"].as_array_mut().unwrap().push(finding);
            rows.push_str(&format!("{subject},fail,,\n"));
        }
        files.insert(format!("populations/{id}.csv"), rows.into_bytes());
        assessment["controls"].as_array_mut().unwrap().push(control);
    }
    assessment["totals"]["verdicts"]["fail"] = 1403.into();
    files.insert("assessment.json".to_owned(), assessment.to_string().into_bytes());
    let summary = text(&files, Format::Markdown);
    assert!(summary.len() <= SUMMARY_LIMIT && summary.len() > SUMMARY_LIMIT / 4, "{}", summary.len());
    assert!(summary.contains("| verdicts | 1403 |"), "{summary}");
    assert!(summary.contains("more controls are in the report package"), "{summary}");
    assert!(summary.ends_with(&format!("Root of the package: `{ROOT}`\n")), "{summary}");
    assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
    // The worst first: what is critical stands before what is low.
    assert!(summary.find("OFF-02").unwrap() < summary.find("BIG-").unwrap());
}

/// Read by hand in `examples/bank`, with a text editor: the record's first line.
#[test]
fn results_stand_on_the_line_of_their_record() {
    let files = contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank"));
    let log = sarif(&files, Options::default());
    for (control, subject, file, line) in [
        ("ROT-07", "aws:210987654321:user/legacy-ftp/access-key-1", "evidence/aws/credential-report.csv", 14),
        ("ROT-01", "aws:210987654321:user/legacy-ftp/access-key-1", "evidence/aws/account-authorization-details.json", 224),
        ("SEC-01", "leak-2026-031", "evidence/findings/exposures.ndjson", 1),
        ("INV-02", "k8s:core:sa/data/etl", "evidence/inventory/identities.csv", 39),
    ] {
        let result = results(&log).iter().find(|it| it["ruleId"] == control && it["properties"]["subject"] == subject);
        let place = &result.unwrap_or_else(|| panic!("{control} {subject}"))["locations"][0]["physicalLocation"];
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&json!(file), &json!(line)), "{control} {subject}");
    }
}

#[test]
fn a_package_that_says_two_things_is_refused() {
    let refused = |files: &Files, words: &str| {
        let why = Package::read(files, ROOT).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    };
    refused(&changed(|assessment| assessment["schema"] = "tickmark/assessment/2".into()), "its schema is `tickmark/assessment/2`");
    refused(&changed(|assessment| assessment["controls"][4]["population"] = 9.into()), "`populations/ROT-01.csv` of the package");
    let mut files = files();
    files.remove("populations/ROT-01.csv");
    refused(&files, "it is not there");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_parquet_it_says_how_to_get_it() {
    let files = files();
    let refused = export(Format::Parquet, &Package::read(&files, ROOT).unwrap(), Options::default());
    assert!(matches!(refused, Err(FormatError::WithoutParquet)));
    assert!(FormatError::WithoutParquet.to_string().contains("--features parquet"));
}

/// What the program makes of it: the same bytes from `run` and `export`, and nothing from a package that was touched.
#[test]
fn run_and_export_write_the_same() {
    let desk = Desk::new();
    says(&desk.tickmark(&["run", "--format", "sarif,junit=out/j.xml", "--format", "csv"]), 1, &["Also: ./report.sarif", "Also: out/j.xml"]);
    says(&desk.tickmark(&["export", "report", "--format", "sarif", "--out", "again.sarif"]), 0, &[]);
    assert_eq!(desk.text("report.sarif"), desk.text("again.sarif"));
    assert!(desk.text("out/j.xml").starts_with("<?xml"));
    assert!(desk.path("report.csv/verdicts.csv").is_file());
    says(&desk.tickmark(&["export", "report", "--format", "markdown"]), 0, &["## ", "Root of the package: `"]);
    says(&desk.tickmark(&["export", "report", "--format", "csv"]), 2, &["say where it goes with --out"]);
    says(&desk.tickmark(&["export", "report", "--format", "sarif", "--out", "report/x.sarif"]), 2, &["lies in the package"]);
    says(&desk.tickmark(&["export", "report", "--format", "sarif", "--out", "report"]), 2, &["lies in the package"]);
    let elsewhere = desk.path("gone").join("x.sarif");
    says(&desk.tickmark(&["export", "report", "--format", "sarif", "--out", elsewhere.to_str().unwrap()]), 2, &["there is no folder"]);
    says(&desk.tickmark(&["export", "report", "--format", "xml"]), 2, &["there is no format `xml`; there are sarif, junit"]);
    fs::write(desk.path("report.csv/mine.txt"), "mine").unwrap();
    says(&desk.tickmark(&["export", "report", "--format", "csv", "--out", "report.csv"]), 2, &["it holds `mine.txt`"]);
    says(&desk.tickmark(&["verify", "report", "--unsigned"]), 0, &[]);
    fs::write(desk.path("report/populations/OWN-01.csv"), "subject,verdict,reason,evidence\n").unwrap();
    says(&desk.tickmark(&["export", "report", "--format", "sarif", "--out", "b.sarif"]), 4, &["nothing is exported", "OWN-01.csv"]);
    assert!(!desk.path("b.sarif").exists());
    assert_eq!(desk.text("report.sarif"), desk.text("again.sarif"));
}
