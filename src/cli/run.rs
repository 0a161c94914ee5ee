//! `tickmark run`: the main job.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::assessing::{Assessed, assessed};
use super::exit::Exit;
use super::{clock, one_file, output, sign, summary};
use crate::attest::{self, ledger, manifest};
use crate::model::assessment::{Assessment, Outcome};
use crate::model::control::Severity;
use crate::model::project::Gate;
use crate::model::table::Evidence;
use crate::report;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark run --project examples/bank --fail-on high
  tickmark run --project . --out build/report --as-of 2026-06-30T00:00:00Z")]
pub struct RunOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Where the report package goes; replaced whole. Default: `report` in the project, with `--archive` `report.tar.gz`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write the package as one file, a .tar.gz.
    #[arg(long)]
    pub archive: bool,
    /// Record the run in this ledger; made where it is not there. The package keeps the receipt.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// The private Ed25519 key that signs the ledger's head.
    #[arg(long, value_name = "FILE", requires = "ledger")]
    pub ledger_key: Option<PathBuf>,
    /// A file with that key's passphrase. Without it: the environment variable TICKMARK_PASSPHRASE, else the terminal is asked.
    #[arg(long, value_name = "FILE", requires = "ledger_key")]
    pub passphrase_file: Option<PathBuf>,
    /// The instant that the assessment speaks of, as 2026-06-30T00:00:00Z. Default: `as-of` in `tickmark.toml`, else the newest collection time of the evidence.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Fail from this severity on: low, medium, high, critical; `any`: every fail and unknown; `none`: the gate is off.
    #[arg(long, value_name = "SEVERITY", value_parser = ["low", "medium", "high", "critical", "any", "none"])]
    pub fail_on: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Evidence that cannot be read, a condition beyond the limits, output that cannot be written: exit 2.
pub fn run(options: &RunOptions) -> anyhow::Result<Exit> {
    let gate = options.fail_on.as_deref().map(|word| match word {
        "any" => Gate::Any,
        "none" => Gate::Off,
        word => Severity::from_word(word).map_or(Gate::Any, Gate::AtLeast),
    });
    let Some(assessed) = assessed(&options.project, options.as_of.as_deref(), gate)? else { return Ok(Exit::Usage) };
    let Assessed { project, evidence, assessment, as_of_from_evidence } = assessed;
    let mut files = report::render(&assessment, &evidence, &project)?;
    let manifest = attest::manifest(&files, assessment.as_of)?;
    let root = attest::package::read_manifest(&manifest)?.root;
    files.insert(manifest::PATH.to_owned(), manifest);
    if let Some(ledger) = &options.ledger {
        let key = options.ledger_key.as_deref().map(|key| sign::key(key, options.passphrase_file.as_deref())).transpose()?;
        let run = ledger::Run { as_of: assessment.as_of, exit: Exit::from(assessment.outcome).code(), name: &assessment.name, root: &root };
        let receipt = ledger::append(ledger, run, key.as_ref()).with_context(|| format!("{} is not written", ledger.display()))?;
        files.insert(ledger::PATH.to_owned(), serde_json_canonicalizer::to_vec(&receipt)?);
    }
    let name = if options.archive { "report.tar.gz" } else { "report" };
    let out = options.out.clone().unwrap_or_else(|| options.project.join(name));
    let write = if options.archive { one_file::write_archive } else { output::write };
    write(&out, &files).with_context(|| format!("the report package could not be written to {}", out.display()))?;

    print!("{}", summary::render(&assessment, &evidence, std::io::stdout().is_terminal()));
    let (exit, word, reason) = ending(&assessment, &evidence, as_of_from_evidence);
    print!("{}", summary::ending(&(if options.archive { out } else { out.join("report.html") }), word, &reason, exit.code()));
    Ok(exit)
}

/// The outcome, and what only the command line may add: evidence that has grown old since it was collected
/// (SEMANTICS §5.8). The package shows up to when it holds, and no clock.
fn ending(assessment: &Assessment, evidence: &Evidence, from_evidence: bool) -> (Exit, &'static str, String) {
    let exit = Exit::from(assessment.outcome);
    if exit == Exit::Done
        && from_evidence
        && let Some(until) = evidence.holds_until()
        && clock::now() > until
    {
        let said = assessment.outcome.word();
        let reason = format!(
            "the report says `{said}` and holds until {until}; that is over by this machine's clock: collect again, or say which time is meant with --as-of"
        );
        return (Exit::Insufficient, Outcome::Insufficient.word(), reason);
    }
    (exit, assessment.outcome.word(), assessment.reason.clone())
}
