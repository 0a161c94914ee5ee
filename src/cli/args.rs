//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Compliance as code for non-human identities.
///
/// Controls in TOML are judged against evidence, and come out as a report package that anyone can check.
#[derive(Debug, Parser)]
#[command(name = "tickmark", version, after_help = EXITS)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXITS: &str = "Exit codes:
  0  done; for `run`: no finding at or above the gate
  1  violations at or above the gate; for `test`: a test does not hold
  2  usage, configuration or control error: nothing was assessed
  3  evidence is insufficient: no violation at the gate, but an unknown verdict
  4  `verify`: the package is not what its inputs give, or was not asked for its signatures

Example:
  tickmark run --project examples/bank";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the project's controls against its evidence and write the report package.
    Run(RunOptions),
    /// Check the project's controls, frameworks and settings without reading any evidence.
    Check(CheckOptions),
    /// Make a project: settings, an evidence folder, the key for fingerprints.
    Init(InitOptions),
    /// Run the commands of the project's sources, or take files, and keep what comes in the locker.
    Collect(CollectOptions),
    /// Run the controls' own tests.
    Test(TestOptions),
    /// Say, requirement by requirement, what the evidence supports.
    Coverage(CoverageOptions),
    /// Take a control apart: what it says and, for a subject, what every part of it came to and why.
    Explain(ExplainOptions),
    /// Perform a package's assessment again, from the package alone, and compare every byte.
    Verify(VerifyOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark run --project examples/bank --fail-on high
  tickmark run --project . --out build/report --as-of 2026-06-30T00:00:00Z")]
pub struct RunOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Where the report package goes; replaced whole. Default: `report` in the project.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The instant that the assessment speaks of, as 2026-06-30T00:00:00Z. Default: `as-of` in `tickmark.toml`, else the newest collection time of the evidence.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Fail from this severity on: low, medium, high, critical; `any`: every fail and unknown; `none`: the gate is off.
    #[arg(long, value_name = "SEVERITY", value_parser = ["low", "medium", "high", "critical", "any", "none"])]
    pub fail_on: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark check --project examples/bank
  tickmark check --project examples/bank --evidence=csv")]
pub struct CheckOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// text: for people, on standard error; json: for programs, on standard output.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text", conflicts_with = "evidence")]
    pub format: String,
    /// Read the evidence and list what it lets us judge, control by control and fact by fact, and what would settle the rest: as a Markdown table, or as CSV.
    #[arg(long, value_name = "FORMAT", value_parser = ["markdown", "csv"], num_args = 0..=1, require_equals = true, default_missing_value = "markdown")]
    pub evidence: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark init nhi")]
pub struct InitOptions {
    /// The folder that becomes a project; made if it is not there.
    #[arg(value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0, everything was collected; 3, something was not, and what was collected before counts as stale; 2, nothing was.

Example:
  tickmark collect --project nhi
  tickmark collect --project nhi --dry-run
  tickmark collect --project nhi --source kong-deck --file dump.yaml --collected-at 2026-06-29T22:00:00Z
  tickmark collect --project nhi --list"
)]
pub struct CollectOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Only these sources, by id; default: every source with a command.
    #[arg(value_name = "SOURCE", conflicts_with = "file")]
    pub sources: Vec<String>,
    /// Take files for this source instead of running its command.
    #[arg(long, value_name = "ID", requires = "file")]
    pub source: Option<String>,
    /// A file to take; may be given several times, for an export of several files.
    #[arg(long, value_name = "FILE", requires = "source")]
    pub file: Vec<PathBuf>,
    /// When the files were exported, where they do not say.
    #[arg(long, value_name = "TIME", requires = "file")]
    pub collected_at: Option<String>,
    /// Say what would be run, with which variables of the environment and which permissions, and run nothing.
    #[arg(long, conflicts_with_all = ["file", "list"])]
    pub dry_run: bool,
    /// List what the locker holds, and whether it is sound.
    #[arg(long, conflicts_with = "file")]
    pub list: bool,
    /// text: for people; json: for programs.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
    /// How many commands may run at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
}

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

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark verify reports/bank --unsigned")]
pub struct VerifyOptions {
    /// The folder of the package.
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// Ask for nobody's signature: re-performance alone.
    #[arg(long)]
    pub unsigned: bool,
    /// text: for people; json: for programs.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
}
