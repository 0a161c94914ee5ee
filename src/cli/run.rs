//! `tickmark run`: the main job.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::assessing::{Assessed, Given, assessed};
use super::exit::Exit;
use super::export::FormatOptions;
use super::progress;
use super::summary::Ending;
use super::{clock, github, one_file, open, output, sign, summary, terminal};
use crate::attest::{self, ledger, manifest};
use crate::model::assessment::{Assessment, Outcome};
use crate::model::project::Gate;
use crate::model::table::Evidence;
use crate::model::value::{Duration, SECOND};
use crate::report::{self, Rendered};

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
    /// Show the report with the desktop's opener, where there is one.
    #[arg(long, conflicts_with = "archive")]
    pub open: bool,
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
    #[arg(long, value_name = "SEVERITY", value_parser = Gate::WORDS)]
    pub fail_on: Option<String>,
    #[command(flatten)]
    pub formats: FormatOptions,
    /// From this severity on an unknown verdict is insufficient evidence (exit 3). Default: as for fails.
    #[arg(long, value_name = "SEVERITY", value_parser = Gate::WORDS)]
    pub fail_on_unknown: Option<String>,
    /// Judge these alone: controls, families (`OFF`) or frameworks, with commas or several times. The report says so.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these out: controls, families (`OFF`) or frameworks. The report says so.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Let only what is new since the project's baseline gate; `tickmark baseline` makes one. PACKAGE: where its package lies, if not where `baseline.toml` says.
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1)]
    pub baseline: Option<Option<PathBuf>>,
    /// Show the trend since this earlier package of the project, a folder or an archive; may be given several times. Its figures become an input.
    #[arg(long, value_name = "PACKAGE")]
    pub earlier: Vec<PathBuf>,
    /// Write the fails as a code quality report of GitLab.
    #[arg(long, value_name = "FILE")]
    pub gitlab_code_quality: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Evidence that cannot be read, a condition beyond the limits, output that cannot be written: exit 2.
pub fn run(options: &RunOptions) -> anyhow::Result<Exit> {
    let given = Given {
        as_of: options.as_of.as_deref(),
        fail_on: options.fail_on.as_deref().and_then(Gate::from_word),
        fail_on_unknown: options.fail_on_unknown.as_deref().and_then(Gate::from_word),
        only: &options.only,
        skip: &options.skip,
        baseline: options.baseline.as_ref().map(|package| package.as_deref()),
        earlier: &options.earlier,
    };
    let Some(assessed) = assessed(&options.project, &given)? else { return Ok(Exit::Usage) };
    let Assessed { project, evidence, assessment, as_of_from_evidence } = assessed;
    terminal::done("judged");
    let Rendered { mut files, digests } = progress::during(|watch| report::render(&assessment, &evidence, &project, watch))?;
    terminal::done("report made");
    let manifest = attest::manifest(&files, &digests, assessment.as_of)?;
    let root = attest::package::read_manifest(&manifest)?.root;
    files.insert(manifest::PATH.to_owned(), manifest);
    if let Some(ledger) = &options.ledger {
        let key = options.ledger_key.as_deref().map(|key| sign::key(key, options.passphrase_file.as_deref())).transpose()?;
        let run = ledger::Run { as_of: assessment.as_of, exit: Exit::from(assessment.outcome).code(), name: &assessment.name, root: &root };
        let receipt = ledger::append(ledger, run, key.as_ref()).with_context(|| format!("{} is not written", ledger.display()))?;
        files.insert(ledger::PATH.to_owned(), serde_json_canonicalizer::to_vec(&receipt)?);
    }
    let formats = options.formats.made(&files, &root)?;
    let name = if options.archive { "report.tar.gz" } else { "report" };
    let out = options.out.clone().unwrap_or_else(|| options.project.join(name));
    let write = if options.archive { one_file::write_archive } else { output::write };
    write(&out, &files).with_context(|| format!("the report package could not be written to {}", out.display()))?;
    terminal::done("package written");
    let exported = FormatOptions::write(&formats, &out)?;

    if let Some(path) = &options.gitlab_code_quality {
        let bytes = report::code_quality::json(&assessment, &options.project)?;
        std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }

    let mut ending = ending(&assessment, &evidence, as_of_from_evidence);
    if assessment.as_of_from == "configuration" {
        ending.reason +=
            &format!("; as of {}, pinned in tickmark.toml: what has an end is held against that, not against the clock", assessment.as_of);
    }
    let mut said = String::new();
    if !terminal::quiet() {
        said += &summary::render(&assessment, &evidence, terminal::colour());
        said += &summary::vanished(&assessment);
    }
    said.extend(exported.iter().map(|path| format!("Also: {}\n", path.display())));
    let shown = if options.archive { out } else { out.join("report.html") };
    let last = summary::ending(&shown, &ending);
    match github::Step::of_environment() {
        Some(step) => {
            step.say(&said, &last, &assessment, &project, &ending, &options.project);
            step.summarise(&report::formats::Package::read(&files, &root)?, &ending);
        }
        None => print!("{said}{last}"),
    }
    if options.open {
        open::open(&shown);
    }
    Ok(ending.exit)
}

/// How far two machines' clocks may differ.
const AHEAD: Duration = Duration(10 * 60 * SECOND);

/// The outcome, and what only the command line may add: evidence that has grown old since it was collected
/// (SEMANTICS §5.8). The package shows up to when it holds, and no clock.
fn ending(assessment: &Assessment, evidence: &Evidence, from_evidence: bool) -> Ending {
    let exit = Exit::from(assessment.outcome);
    if exit == Exit::Done && from_evidence && assessment.as_of.0 > clock::now().0 + AHEAD.0 {
        let reason = format!(
            "the evidence says that it was collected at {}, and that lies ahead of this machine's clock: give the time that it was collected at, or say which time is meant with --as-of",
            assessment.as_of
        );
        return Ending { exit: Exit::Insufficient, outcome: Outcome::Insufficient, reason };
    }
    if exit == Exit::Done
        && from_evidence
        && let Some(until) = evidence.holds_until()
        && clock::now() > until
    {
        let said = assessment.outcome.word();
        let reason = format!(
            "the report says `{said}` and holds until {until}; that is over by this machine's clock: collect again, or say which time is meant with --as-of"
        );
        return Ending { exit: Exit::Insufficient, outcome: Outcome::Insufficient, reason };
    }
    Ending { exit, outcome: assessment.outcome, reason: assessment.reason.clone() }
}
