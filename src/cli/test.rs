//! `tickmark test`: a control proves its own worth on the evidence that its file gives.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::assessing::load_tested;
use super::exit::Exit;
use super::mutate;
use super::named;
use crate::evaluate::{LimitError, assess};
use crate::evidence;
use crate::model::control::{Control, ControlTest};
use crate::model::project::Gating;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark test --project examples/bank
  tickmark test --project examples/bank OFF-01 ROT-01
  tickmark test --project examples/bank OFF-01 --mutate")]
pub struct TestOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Only these controls, or those whose files lie below a folder; default: every selected control.
    #[arg(value_name = "ID|FOLDER")]
    pub ids: Vec<String>,
    /// text: for people; junit: for a pipeline's list of tests; json: for programs.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "junit", "json"], default_value = "text", conflicts_with = "mutate")]
    pub format: String,
    /// Change each control one small step at a time, and say which changes its tests do not notice.
    #[arg(long)]
    pub mutate: bool,
    /// With `--mutate`: how many per cent of its mutants each control must notice.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    pub min_score: f64,
}

/// A test that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFailure {
    pub control: String,
    pub test: String,
    /// Line by line: what was expected and what came, and below it, indented, what was read and why.
    pub differences: Vec<String>,
}

/// Runs every test of some controls; gives how many there were and which do not hold.
///
/// # Errors
/// A subquery would look at too many pairs.
pub fn run_tests(controls: &[Control]) -> Result<(usize, Vec<TestFailure>), LimitError> {
    let mut count = 0;
    let mut failures = Vec::new();
    for control in controls {
        for test in &control.tests {
            count += 1;
            let differences = differences(control, test)?;
            if !differences.is_empty() {
                failures.push(TestFailure { control: control.id.clone(), test: test.name.clone(), differences });
            }
        }
    }
    Ok((count, failures))
}

fn differences(control: &Control, test: &ControlTest) -> Result<Vec<String>, LimitError> {
    let mut control = control.clone();
    for (name, value) in &test.params {
        if let Some(param) = control.params.get_mut(name) {
            param.value = value.clone();
        }
    }
    let evidence = evidence::of_test(test);
    let request = assess::Request {
        name: "",
        controls: std::slice::from_ref(&control),
        deselected: &[],
        out_of_scope: &BTreeMap::new(),
        out_of_scope_told: None,
        frameworks: &[],
        waivers: &[],
        evidence: &evidence,
        as_of: test.as_of,
        as_of_from: "argument",
        gating: &Gating::default(),
        narrowed: None,
        baseline: None,
        watch: &crate::model::watch::Unwatched,
    };
    let assessment = assess::assess(&request)?;
    let mut differences = Vec::new();
    let Some(result) = assessment.controls.first() else { return Ok(differences) };
    let mut came: BTreeMap<&str, &str> = BTreeMap::new();
    for judged in &result.population {
        came.insert(&judged.subject, judged.verdict.word());
    }
    for (subject, expected) in &test.expect {
        match came.get(subject.as_str()) {
            None => differences.push(format!("`{subject}`: expected {expected}, but it is no subject")),
            Some(verdict) if *verdict != expected => {
                differences.push(format!("`{subject}`: expected {expected}, came {verdict}"));
                for finding in result.findings.iter().filter(|finding| &finding.subject == subject) {
                    let observed = finding.observed.iter().map(|(name, value)| format!("    {} = {value}", one_line(name)));
                    differences.extend(observed.chain(finding.reasons.iter().map(|reason| format!("    why: {}", reason.detail))));
                }
            }
            Some(_) => {}
        }
    }
    if let Some(expected) = &test.status
        && result.status.word() != expected
    {
        differences.push(format!("the control: expected {expected}, came {}", result.status.word()));
    }
    Ok(differences)
}

/// A subquery's text, as written over several lines, on one of at most 100 characters.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 100 { line } else { line.chars().take(97).chain("...".chars()).collect() }
}

/// Runs the command.
///
/// # Errors
/// A control that is not there, or a subquery beyond the limits.
pub fn test(options: &TestOptions) -> anyhow::Result<Exit> {
    let Some(project) = load_tested(&options.project) else { return Ok(Exit::Usage) };
    let named = |control: &Control, name: &str| {
        let folder = name.trim_end_matches('/');
        control.id == name || control.file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    for name in &options.ids {
        if !project.controls.iter().any(|control| named(control, name)) {
            return Err(named::unselected(&project, name).context("no control lies in a folder of that name, either"));
        }
    }
    let wanted = |control: &Control| options.ids.is_empty() || options.ids.iter().any(|name| named(control, name));
    let chosen: Vec<Control> = project.controls.into_iter().filter(wanted).collect();
    let (count, failures) = run_tests(&chosen)?;
    match options.format.as_str() {
        "junit" => print!("{}", junit(&chosen, &failures)),
        "json" => println!("{}", json(&chosen, &failures)),
        _ => {
            for failure in &failures {
                println!("{}: {}", failure.control, failure.test);
                for difference in &failure.differences {
                    println!("  {difference}");
                }
            }
            println!("controls: {}; tests that hold: {} of {count}", chosen.len(), count - failures.len());
        }
    }
    if count == 0 {
        anyhow::bail!("no test was run: the chosen controls have none");
    }
    if options.mutate && failures.is_empty() {
        println!();
        return Ok(mutate::report(&mutate::scores(&chosen), options.min_score));
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Violations })
}

/// Every test with the differences that it shows, in the order of the controls.
fn told<'t>(controls: &'t [Control], failures: &'t [TestFailure]) -> impl Iterator<Item = (&'t Control, Vec<(&'t str, &'t [String])>)> {
    controls.iter().map(|control| {
        let mut of: Vec<&TestFailure> = failures.iter().filter(|failure| failure.control == control.id).collect();
        let tests = control.tests.iter().map(|test| {
            // Two tests of one name fail in their order.
            let failed = of.iter().position(|failure| failure.test == test.name).map(|at| of.remove(at));
            (test.name.as_str(), failed.map_or(&[][..], |failure| failure.differences.as_slice()))
        });
        (control, tests.collect())
    })
}

/// As JUnit's XML, one suite for each control.
fn junit(controls: &[Control], failures: &[TestFailure]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tickmark\">\n");
    for (control, tests) in told(controls, failures) {
        let failed = tests.iter().filter(|(_, differences)| !differences.is_empty()).count();
        let name = xml(&format!("{} {}", control.id, control.title));
        let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", tests.len());
        for (test, differences) in tests {
            let (class, test) = (xml(&control.id), xml(test));
            if differences.is_empty() {
                let _ = writeln!(out, "    <testcase classname=\"{class}\" name=\"{test}\"/>");
            } else {
                let (first, all) = (xml(&differences[0]), xml(&differences.join("\n")));
                let _ = writeln!(
                    out,
                    "    <testcase classname=\"{class}\" name=\"{test}\">\n      <failure message=\"{first}\">{all}</failure>\n    </testcase>"
                );
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text within XML: what XML 1.0 cannot hold at all becomes U+FFFD.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn json(controls: &[Control], failures: &[TestFailure]) -> serde_json::Value {
    let tests: Vec<serde_json::Value> = told(controls, failures)
        .flat_map(|(control, tests)| {
            tests.into_iter().map(|(test, differences)| {
                serde_json::json!({ "control": control.id, "test": test, "holds": differences.is_empty(), "differences": differences })
            })
        })
        .collect();
    serde_json::json!({ "schema": "tickmark/tests/1", "tests": tests })
}
