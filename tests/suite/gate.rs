//! How a run ends: every combination as `docs/gate.md` has it, and what narrows a run or takes a control off the gate.

use std::collections::BTreeMap;

use super::cli::{project, run};
use tickmark::evaluate::gate::{Scales, Weighed, decide};
use tickmark::model::assessment::Status;
use tickmark::model::baseline::{BaselineResult, BaselineStanding, Vanished};
use tickmark::model::control::Severity;
use tickmark::model::project::{Gate, Gating, Override};

const PAGE: &str = include_str!("../../docs/gate.md");

/// The rows of the table after a mark, cell by cell.
fn table(mark: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&format!("<!-- {mark} -->")).unwrap();
    let (part, _) = rest.split_once("<!--").unwrap();
    let rows = part.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What a control's subjects came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mix {
    pass: bool,
    fail: bool,
    waived: bool,
    unknown: bool,
    not_applicable: bool,
    /// The population is known to be all.
    all: bool,
}

impl Mix {
    fn every() -> impl Iterator<Item = Mix> {
        (0..64_u8).map(|bits| {
            let bit = |at: u8| bits & (1 << at) != 0;
            Mix { pass: bit(0), fail: bit(1), waived: bit(2), unknown: bit(3), not_applicable: bit(4), all: bit(5) }
        })
    }

    fn subjects(self) -> usize {
        [self.pass, self.fail, self.waived, self.unknown, self.not_applicable].into_iter().filter(|there| *there).count()
    }

    /// SEMANTICS 5.4.
    fn status(self) -> Status {
        match self {
            Mix { fail: true, .. } => Status::Fail,
            Mix { unknown: true, .. } | Mix { all: false, .. } => Status::Unknown,
            Mix { waived: true, .. } => Status::Waived,
            Mix { pass: true, .. } => Status::Pass,
            _ => Status::NotApplicable,
        }
    }
}

/// A gate by its word, as this test understands it.
fn holds(word: &str, severity: Severity) -> bool {
    match word {
        "any" => true,
        "none" => false,
        word => severity >= Severity::from_word(word).unwrap(),
    }
}

/// Of a baseline: whether there is one, whether it knows the fails, and whether something is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    No,
    Known,
    New,
    Gone,
    Expired,
}

struct Case {
    mix: Mix,
    severity: Severity,
    fail_on: &'static str,
    fail_on_unknown: Option<&'static str>,
    control: Option<bool>,
    held: Held,
}

impl Case {
    fn fails_are_held(&self) -> bool {
        self.control.unwrap_or_else(|| holds(self.fail_on, self.severity))
    }

    fn unknowns_are_held(&self) -> bool {
        self.control.unwrap_or_else(|| holds(self.fail_on_unknown.unwrap_or(self.fail_on), self.severity))
    }

    /// What the page says that the control comes to.
    fn comes_to(&self, rows: &[Vec<&'static str>]) -> &'static str {
        let known = self.held == Held::Known;
        let row = rows.iter().find(|row| {
            let has = match row[0] {
                "a fail that is not known" => self.mix.fail && !known,
                "an unknown, or a population that may not be all" => self.mix.unknown || !self.mix.all,
                "fails, all of them known" => self.mix.fail && known,
                "a pass or a waived fail" => matches!(self.mix.status(), Status::Pass | Status::Waived),
                "anything else" => true,
                other => panic!("the page says `{other}`"),
            };
            has && (row[1].is_empty() || self.fails_are_held()) && (row[2].is_empty() || self.unknowns_are_held())
        });
        row.unwrap()[3]
    }

    fn gating(&self) -> Gating {
        Gating {
            fail: Gate::from_word(self.fail_on).unwrap(),
            fail_on_unknown: self.fail_on_unknown.and_then(Gate::from_word),
            overrides: self.control.map(|held| ("A-01".to_owned(), Override { held, answer: None })).into_iter().collect(),
        }
    }

    fn baseline(&self) -> Option<BaselineResult> {
        let vanished = Vanished { control: "A-01".to_owned(), what: "x".to_owned(), why: "it is gone".to_owned() };
        let standing = if self.held == Held::Expired { BaselineStanding::Expired } else { BaselineStanding::InForce };
        let vanished = if self.held == Held::Gone { vec![vanished] } else { Vec::new() };
        (self.held != Held::No).then_some(BaselineResult { standing, known: 0, vanished })
    }

    fn weighed(&self, id: &'static str) -> Weighed<'static> {
        let fails = usize::from(self.mix.fail);
        let known = if self.held == Held::Known { fails } else { 0 };
        Weighed {
            id,
            severity: self.severity,
            status: self.mix.status(),
            new: fails - known,
            known,
            undetermined: self.mix.unknown || !self.mix.all,
            first: "x",
        }
    }
}

/// How the page says that it ends: outcome, exit, the beginning of the last line.
fn ends(rows: &[Vec<&'static str>], came: &[&str], subjects: usize, off: bool, absent: bool, statuses: &[Status]) -> [&'static str; 3] {
    let row = rows.iter().find(|row| match row[0] {
        "no subject of any control" => subjects == 0,
        "a violation" => came.contains(&"violation"),
        "an undetermined control" => came.contains(&"undetermined"),
        "a required source that yielded nothing" => absent,
        "nothing but not-applicable" => statuses.iter().all(|status| *status == Status::NotApplicable),
        "a gate that is off" => off,
        "a known control" => came.contains(&"known"),
        "a satisfied control" => came.contains(&"satisfied"),
        "anything else" => true,
        other => panic!("the page says `{other}`"),
    });
    let row = row.unwrap();
    [row[1], row[2], row[3]]
}

const GATES: [&str; 6] = ["any", "none", "low", "medium", "high", "critical"];

/// Verdicts, severities, both gates, `[gate]`, waivers and baselines, each with each; beside each a second control of every simple kind.
#[test]
fn every_combination_ends_as_the_page_says() {
    let (controls, runs) = (table("control"), table("run"));
    assert!(controls.len() == 5 && runs.len() == 9, "{controls:?} {runs:?}");
    let unknown_gates = std::iter::once(None).chain(GATES.map(Some));
    let one =
        |pass, fail, waived, unknown| Mix { pass, fail, waived, unknown, not_applicable: !(pass || fail || waived || unknown), all: true };
    let others = [
        None,
        Some(one(true, false, false, false)),
        Some(one(false, true, false, false)),
        Some(one(false, false, false, true)),
        Some(one(false, false, false, false)),
    ];
    let (mut count, mut seen) = (0, BTreeMap::new());
    for fail_on_unknown in unknown_gates {
        for fail_on in GATES {
            for control in [None, Some(true), Some(false)] {
                for held in [Held::No, Held::Known, Held::New, Held::Gone, Held::Expired] {
                    for severity in Severity::ALL {
                        for mix in Mix::every() {
                            let case = Case { mix, severity, fail_on, fail_on_unknown, control, held };
                            // The second control is told apart by the number of the first: all combinations, one after the other.
                            let other = others[count % others.len()];
                            let absent = count % 7 == 3;
                            count += 1;
                            check(&case, other, absent, (&controls, &runs), &mut seen);
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 7 * 6 * 3 * 5 * 4 * 64);
    assert_eq!(
        seen.len(),
        runs.iter().map(|row| row[1]).collect::<std::collections::BTreeSet<_>>().len(),
        "every outcome occurs: {seen:?}"
    );
}

type Tables<'t> = (&'t [Vec<&'static str>], &'t [Vec<&'static str>]);

fn check(case: &Case, other: Option<Mix>, absent: bool, (controls, runs): Tables, seen: &mut BTreeMap<&'static str, usize>) {
    let (gating, baseline) = (case.gating(), case.baseline());
    let second = other.map(|mix| Case {
        mix,
        severity: Severity::Medium,
        fail_on: case.fail_on,
        fail_on_unknown: case.fail_on_unknown,
        control: None,
        held: if case.held == Held::Gone { Held::New } else { case.held },
    });
    let mut weighed = vec![case.weighed("A-01")];
    weighed.extend(second.as_ref().map(|second| second.weighed("B-01")));
    let subjects = case.mix.subjects() + other.map_or(0, Mix::subjects);
    let absent_sources: &[&str] = if absent { &["kong"] } else { &[] };
    let (outcome, reason) = decide(&Scales {
        gating: &gating,
        controls: &weighed,
        subjects,
        absent: absent_sources,
        baseline: baseline.as_ref(),
        narrowed: None,
        out_of_scope: None,
    });
    let mut came = vec![case.comes_to(controls)];
    came.extend(second.as_ref().map(|second| second.comes_to(controls)));
    // What is gone of a control is a violation where the control is at the gate.
    if case.held == Held::Gone && case.fails_are_held() {
        came.push("violation");
    }
    let off = case.fail_on == "none" && case.control != Some(true);
    let statuses: Vec<Status> = weighed.iter().map(|weighed| weighed.status).collect();
    let wanted = ends(runs, &came, subjects, off, absent, &statuses);
    let told = || {
        format!(
            "{:?} {:?} fail-on {} {:?} gate {:?} {:?}, beside {other:?}, absent {absent}: {came:?}, {reason}",
            case.mix, case.severity, case.fail_on, case.fail_on_unknown, case.control, case.held
        )
    };
    assert_eq!([outcome.word(), &outcome.exit().to_string(), outcome.verdict()], wanted, "{}", told());
    assert!(!reason.contains('\n') && !reason.is_empty(), "{}", told());
    assert_eq!(reason.contains("the baseline is expired"), case.held == Held::Expired, "{}", told());
    *seen.entry(outcome.word()).or_insert(0) += 1;
}

const PASS: &str = "id,system,owner\na,s,p1\n";
const FAIL: &str = "id,system,owner\na,s,none\n";
const UNKNOWN: &str = "id,system,owner\na,s,\n";

/// The last line of a run, and its exit code.
fn last(identities: &str, settings: &str, arguments: &[&str]) -> (i32, String, tempfile::TempDir) {
    let mut files = project(identities);
    files[0].1 = files[0].1.replace(
        "[[source]]\nkind = \"canonical\"\npath = \"identity.csv\"",
        &format!("{settings}\n[[source]]\nkind = \"canonical\"\npath = \"identity.csv\""),
    );
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let mut all = vec!["run"];
    all.extend(arguments);
    let (output, said, work) = run(&files, &all);
    (output.status.code().unwrap(), said.lines().last().unwrap_or_default().to_owned(), work)
}

#[test]
fn the_last_line_says_the_verdict_and_why() {
    let looser = "[gate]\n\"OWN-01\" = { value = \"none\", reason = \"-\", approver = \"p1\" }";
    for (identities, settings, arguments, exit, words) in [
        (PASS, "", &[][..], 0, "PASS (exit 0): 1 control is satisfied on this evidence; none at the gate fails or is undetermined"),
        (FAIL, "", &["--fail-on", "high"], 1, "FAIL (exit 1): 1 violation at or above high, of OWN-01; first: OWN-01 a"),
        (UNKNOWN, "", &["--fail-on", "high"], 3, "UNKNOWN (exit 3): 1 control is undetermined at or above high: OWN-01"),
        (
            UNKNOWN,
            "",
            &["--fail-on", "high", "--fail-on-unknown", "critical"],
            3,
            "UNKNOWN (exit 3): no control at or above high judged any subject",
        ),
        (
            UNKNOWN,
            "",
            &["--fail-on", "none", "--fail-on-unknown", "high"],
            3,
            "UNKNOWN (exit 3): 1 control is undetermined at or above high",
        ),
        (FAIL, "", &["--fail-on", "none"], 0, "GATE OFF (exit 0): `fail-on = \"none\"`"),
        (FAIL, "[gate]\n\"OWN-01\" = \"any\"", &["--fail-on", "critical"], 1, "FAIL (exit 1): 1 violation at or above critical, of OWN-01"),
        (FAIL, "[gate]\n\"OWN-01\" = \"any\"", &["--fail-on", "none"], 1, "FAIL (exit 1): 1 violation at the gate, of OWN-01"),
        (FAIL, looser, &[], 3, "UNKNOWN (exit 3): no control at the gate judged any subject"),
        ("id,system,owner\n", "", &[], 2, "NOTHING ASSESSED (exit 2): no control had a subject to judge"),
    ] {
        let (code, line, _work) = last(identities, settings, arguments);
        assert!(code == exit && line.starts_with(words), "{settings} {arguments:?}: {code} {line}");
    }
}

/// Taking a control off the gate needs an answer; who gives it stands on the first page and in the package, and is performed again.
#[test]
fn a_control_is_taken_off_the_gate_by_somebody() {
    for (settings, words) in [
        ("[gate]\n\"OWN-01\" = \"none\"", "T014"),
        ("[gate]\n\"OWN-01\" = { value = \"none\", reason = \"-\" }", "approver"),
        ("[gate]\n\"OWN-1\" = \"any\"", "the nearest known name is `OWN-01`"),
        ("[gate]\n\"OWN-01\" = \"high\"", "`any`: at the gate"),
        ("fail-on-unknown = \"hihg\"", "the nearest known name is `high`"),
    ] {
        let mut files = project(FAIL);
        let named = files[0].1.replace("as-of", &format!("{settings}\n#")).replacen("[[source]]", "\n[[source]]", 1);
        files[0].1 = named;
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let (output, said, _work) = run(&files, &["check"]);
        assert!(output.status.code() == Some(2) && said.contains(words), "{settings}: {said}");
    }
    let settings = "[gate]\n\"OWN-01\" = { value = \"none\", reason = \"The register moves\", approver = \"p1\" }";
    let (_, _, work) = last(FAIL, settings, &[]);
    let report = std::fs::read_to_string(work.path().join("report/report.md")).unwrap();
    let first = report.split("## Outcome").next().unwrap();
    assert!(
        first.contains("`OWN-01`: **off the gate**, with no end. The register moves. Accepted by `p1`")
            && first.contains("*approval not evidenced*"),
        "{first}"
    );
    verified(work.path(), "report");

    // Where something else is satisfied, the last line says what does not count; and nobody unknown takes anything off.
    let two = super::cli::CONTROL.replace("OWN-01", "TWO-01").replace("owner <> 'none'", "id <> 'q'");
    for (approver, code, words) in [
        ("p1", 0, "none other at the gate fails or is undetermined; `[gate]` takes 1 control off that do not pass: OWN-01"),
        ("nobody", 1, "violation at the gate, of OWN-01"),
    ] {
        let mut files = project(FAIL);
        let gate = format!("[gate]\n\"OWN-01\" = {{ value = \"none\", reason = \"-\", approver = \"{approver}\" }}\n[[source]]");
        files[0].1 = files[0].1.replacen("[[source]]", &gate, 1);
        files.push(("controls/TWO-01.toml", two.clone()));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let (output, said, _work) = run(&files, &["run"]);
        assert!(output.status.code() == Some(code) && said.contains(words), "{approver}: {said}");
    }
}

/// A package is performed again from itself.
pub fn verified(folder: &std::path::Path, package: &str) {
    let (code, said) = super::signing::tickmark(folder, &["verify", package, "--unsigned"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn narrowing_is_said_everywhere_and_performed_again() {
    let second = super::cli::CONTROL.replace("OWN-01", "TWO-01");
    let mut files = project(FAIL);
    files.push(("controls/TWO-01.toml", second.replace("owasp-nhi-2025 = [", "nist-csf-2.0 = [").replace("NHI1:2025", "PR.AA-01")));
    files[0].1 = files[0].1.replace("[\"owasp-nhi-2025\"]", "[\"owasp-nhi-2025\", \"nist-csf-2.0\"]");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    for (arguments, judged) in [
        (&["--only", "OWN-01"][..], "OWN-01"),
        (&["--only", "TWO"], "TWO-01"),
        (&["--only", "nist-csf-2.0"], "TWO-01"),
        (&["--skip", "owasp-nhi-2025"], "TWO-01"),
        (&["--only", "OWN,TWO", "--skip", "TWO-01"], "OWN-01"),
    ] {
        let mut all = vec!["run"];
        all.extend(arguments);
        let (output, said, work) = run(&files, &all);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().last().unwrap().contains("narrowed to 1 of 2 controls (--"), "{said}");
        let package = super::package::contents(&work.path().join("report"));
        let assessment: serde_json::Value = serde_json::from_slice(&package["assessment.json"]).unwrap();
        let ids: Vec<&str> = assessment["controls"].as_array().unwrap().iter().map(|control| control["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [judged], "{arguments:?}");
        assert_eq!((&assessment["narrowed"]["left"], &assessment["narrowed"]["of"]), (&1.into(), &2.into()));
        let report = String::from_utf8(package["report.md"].clone()).unwrap();
        assert!(
            report.split("## Outcome").next().unwrap().contains("| **Narrowed** | the run was narrowed to 1 of 2 controls"),
            "{report}"
        );
        verified(work.path(), "report");
        // Hidden, it is another assessment than its inputs give.
        if arguments.len() == 2 {
            let hidden = assessment["narrowed"].to_string();
            let forged = super::verify::relisted(super::verify::edited(
                &package,
                "assessment.json",
                &format!("\"narrowed\":{hidden}"),
                "\"narrowed\":null",
            ));
            super::verify::write(&forged, &work.path().join("forged"));
            let (code, said) = super::signing::tickmark(work.path(), &["verify", "forged", "--unsigned"]);
            assert_eq!(code, Some(4), "{said}");
        }
    }
    for (arguments, words) in [
        (&["--only", "OWN-10"][..], "the nearest known name is `OWN-01`"),
        (&["--skip", "owasp-nhi-2024"], "the nearest known name is `owasp-nhi-2025`"),
        (&["--only", "OWN", "--skip", "OWN-01"], "of 2 selected controls none is left"),
        (&["--only", "ROT-01"], "is not selected by tickmark.toml"),
    ] {
        let mut all = vec!["run"];
        all.extend(arguments);
        let (output, said, work) = run(&files, &all);
        assert!(output.status.code() == Some(2) && said.contains(words), "{arguments:?}: {said}");
        assert!(!work.path().join("report").exists(), "nothing is written");
    }
}
