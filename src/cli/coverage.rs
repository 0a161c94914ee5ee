//! `tickmark coverage`: what the evidence supports, requirement by requirement.

use std::path::PathBuf;

use clap::Args;

use super::assessing::{Given, assessed};
use super::exit::Exit;
use super::named::hint;
use crate::model::assessment::Outcome;
use crate::report::coverage;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark coverage --project examples/bank
  tickmark coverage --project examples/bank --framework nist-csf-2.0 --format markdown")]
pub struct CoverageOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Only this framework; default: every framework of the project.
    #[arg(long, value_name = "ID")]
    pub framework: Option<String>,
    /// The instant that the assessment speaks of, as 2026-06-30T00:00:00Z. Default: as for `run`.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// text: for a terminal; markdown: every requirement in a table; json: for programs.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "markdown", "json"], default_value = "text")]
    pub format: String,
}

/// Runs the command.
///
/// # Errors
/// As for `run`; a framework that the project does not select.
pub fn coverage(options: &CoverageOptions) -> anyhow::Result<Exit> {
    let Some(mut assessed) = assessed(&options.project, &Given { as_of: options.as_of.as_deref(), ..Given::default() })? else {
        return Ok(Exit::Usage);
    };
    let assessment = &mut assessed.assessment;
    if let Some(id) = &options.framework {
        let selected: Vec<String> = assessment.frameworks.iter().map(|framework| framework.id.clone()).collect();
        let help = hint(id, selected.iter().map(String::as_str), &format!("it selects {}", selected.join(", ")));
        assessment.frameworks.retain(|framework| framework.id == *id);
        if assessment.frameworks.is_empty() {
            anyhow::bail!("the project selects no framework called `{id}`; {help}");
        }
    }
    match options.format.as_str() {
        "json" => println!("{}", String::from_utf8_lossy(&coverage::json(assessment)?)),
        "markdown" => print!("{}", coverage::markdown(assessment)),
        _ => print!("{}", coverage::text(assessment)),
    }
    Ok(if assessment.outcome == Outcome::NothingAssessed {
        eprintln!("{}: {}", assessment.outcome.word(), assessment.reason);
        Exit::Usage
    } else {
        Exit::Done
    })
}
