//! `tickmark explain`: a control in words, and what every part of it came to for one subject.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::assessing::{Assessed, Given, assessed, load};
use super::exit::Exit;
use super::named;
use super::summary::printable;
use crate::evaluate::kleene::Tri;
use crate::evaluate::trace::{Part, Trace, What, outline, trace};
use crate::model::assessment::Verdict;
use crate::model::control::Control;
use crate::model::schema::SCHEMA;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark explain OFF-01 --project examples/bank
  tickmark explain OFF-01 kong:partner-gw:key-auth/old-partner --project examples/bank")]
pub struct ExplainOptions {
    /// The control.
    #[arg(value_name = "CONTROL")]
    pub control: String,
    /// The id of one of its subjects, as the report prints it; without it no evidence is read.
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// The instant that the assessment speaks of, as 2026-06-30T00:00:00Z. Default: as for `run`.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
}

/// How many subjects are named when the one that was asked for is not there.
const NAMED: usize = 5;

/// Runs the command.
///
/// # Errors
/// A control or subject that is not there; otherwise as for `run`.
pub fn explain(options: &ExplainOptions) -> anyhow::Result<Exit> {
    let Some(subject) = &options.subject else {
        let Some(project) = load(&options.project) else { return Ok(Exit::Usage) };
        print!("{}", control(named::control(&project, &options.control)?));
        return Ok(Exit::Done);
    };
    let Some(assessed) = assessed(&options.project, &Given { as_of: options.as_of.as_deref(), ..Given::default() })? else {
        return Ok(Exit::Usage);
    };
    let Assessed { project, evidence, assessment, .. } = assessed;
    let found = named::control(&project, &options.control)?;
    let traces = trace(found, &evidence, assessment.as_of, subject)?;
    if traces.is_empty() {
        let population = assessment.controls.iter().find(|result| result.control.id == found.id);
        let near: Vec<String> = population
            .into_iter()
            .flat_map(|result| &result.population)
            .filter(|judged| judged.subject.contains(subject.as_str()))
            .take(NAMED)
            .map(|judged| format!("`{}`", printable(&judged.subject)))
            .collect();
        let help = if near.is_empty() {
            let all = population.into_iter().flat_map(|result| &result.population).map(|judged| judged.subject.as_str());
            named::hint(subject, all, &format!("the report's populations/{}.csv lists every subject", found.id))
        } else {
            format!("these contain it: {}", near.join(", "))
        };
        anyhow::bail!("`{}` is no subject of {}; {help}", printable(subject), found.id);
    }
    let mut out = heading(found);
    let covering = assessment.waivers.iter().filter(|result| result.expanded.waiver.control == found.id && result.waived.contains(subject));
    let waived: String = covering.map(|result| format!(", waived by {}", result.expanded.waiver.id)).collect();
    for trace in &traces {
        let _ = write!(out, "\n{}: {}{}, as of {}\n", printable(subject), trace.verdict.word(), waived, assessment.as_of);
        out.push_str(&told(found, trace));
    }
    print!("{out}");
    Ok(Exit::Done)
}

fn heading(control: &Control) -> String {
    format!("{} {} ({})\n", control.id, control.title, control.severity.word())
}

/// A control in words, without evidence.
pub fn control(control: &Control) -> String {
    let mut out = heading(control);
    let _ = write!(out, "\n{}\n\nWhy: {}\n", control.statement.trim(), control.risk.trim());
    if !control.params.is_empty() {
        out.push_str("\nParameters\n");
    }
    for (name, param) in &control.params {
        let set = if param.overridden { ", set by the project" } else { "" };
        let allowed = param.allowed().map_or_else(String::new, |bounds| format!(", allowed {bounds}"));
        let _ = writeln!(out, "  ${name} = {}{set}; default {}{allowed}: {}", param.written, param.default, param.basis);
    }
    let table = SCHEMA.get(control.subject).map_or("", |table| table.name);
    if let Some(applies) = &control.applies {
        let _ = write!(out, "\nApplies to a row of `{table}` if\n");
        tree(&mut out, &outline(applies), 1);
        out.push_str("\nand then this must hold\n");
    } else {
        let _ = write!(out, "\nOf every row of `{table}` this must hold\n");
    }
    tree(&mut out, &outline(&control.assert), 1);
    out.push_str("\nSupports\n");
    for mapping in &control.mappings {
        let by = mapping.file.as_ref().map_or_else(String::new, |file| format!(" [{file}]"));
        let (framework, requirement) = (&mapping.framework, &mapping.requirement);
        let _ = writeln!(out, "  {framework} {requirement} ({}): {}{by}", mapping.relationship, mapping.rationale);
    }
    let _ = write!(out, "\nIf it fails: {}\n", control.remediation.trim());
    out
}

/// What one subject came to.
fn told(control: &Control, trace: &Trace) -> String {
    let mut out = String::new();
    if let Some(applies) = &trace.applies {
        out.push_str("\nApplies if\n");
        tree(&mut out, applies, 1);
    }
    out.push_str("\nMust hold\n");
    tree(&mut out, &trace.assert, 1);
    match trace.verdict {
        Verdict::Fail | Verdict::Waived => {
            out.push_str("\nIt would pass if\n");
            wanted(&mut out, &trace.assert, true, 1);
            let _ = write!(out, "\nWhat to do: {}\n", control.remediation.trim());
        }
        Verdict::Unknown => {
            if let Some(applies) = trace.applies.as_ref().filter(|applies| applies.truth == Some(Tri::Unknown)) {
                out.push_str("\nWhether it applies is open. It would apply if\n");
                wanted(&mut out, applies, true, 1);
            }
            out.push_str("\nIt would pass if\n");
            wanted(&mut out, &trace.assert, true, 1);
        }
        Verdict::Pass | Verdict::NotApplicable => {}
    }
    out.push_str("\nRead in\n");
    for position in &trace.evidence {
        let _ = writeln!(out, "  {} {} {}", position.source, printable(&position.file), position.record);
    }
    out
}

fn shape(truth: Option<Tri>) -> &'static str {
    match truth {
        Some(Tri::True) => "✓ ",
        Some(Tri::False) => "✗ ",
        Some(Tri::Unknown) => "? ",
        None => "",
    }
}

/// Every part on a line of its own, with what it read below it.
fn tree(out: &mut String, part: &Part, depth: usize) {
    let indent = "  ".repeat(depth);
    let words = match part.what {
        What::All => "all of",
        What::Any => "at least one of",
        What::Not => "not",
        What::Term => part.text.as_str(),
    };
    let _ = writeln!(out, "{indent}{}{words}", shape(part.truth));
    for (name, value) in &part.observed {
        // A subquery's own text stands on the line above.
        let name = if *name == part.text { "it" } else { name };
        let _ = writeln!(out, "{indent}    {name}: {}", printable(value));
    }
    for reason in &part.reasons {
        let _ = writeln!(out, "{indent}    ({}) {}", reason.word, printable(&reason.detail));
    }
    for below in &part.below {
        tree(out, below, depth + 1);
    }
}

/// What would have to be otherwise for a part to come to `want`.
fn wanted(out: &mut String, part: &Part, want: bool, depth: usize) {
    let goal = if want { Tri::True } else { Tri::False };
    if part.truth == Some(goal) {
        return;
    }
    let indent = "  ".repeat(depth);
    match part.what {
        What::Not => {
            for below in &part.below {
                wanted(out, below, !want, depth);
            }
        }
        What::Term => {
            let verb = match (part.truth, want) {
                (Some(Tri::Unknown), true) => "were known to hold",
                (Some(Tri::Unknown), false) => "were known not to hold",
                (_, true) => "held",
                (_, false) => "did not hold",
            };
            let _ = writeln!(out, "{indent}- {} {verb}", part.text);
            for reason in &part.reasons {
                let _ = writeln!(out, "{indent}    {}", printable(&reason.detail));
            }
        }
        What::All | What::Any => {
            let open: Vec<&Part> = part.below.iter().filter(|below| below.truth != Some(goal)).collect();
            // All parts must change for AND to hold or OR not to; one is enough the other way round.
            let every = (part.what == What::All) == want;
            if open.len() > 1 {
                let _ = writeln!(out, "{indent}- {}", if every { "all of these:" } else { "one of these:" });
            }
            for below in &open {
                wanted(out, below, want, if open.len() > 1 { depth + 1 } else { depth });
            }
        }
    }
}
