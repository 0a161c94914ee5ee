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
    /// Run the controls' own tests.
    Test(TestOptions),
    /// Say, requirement by requirement, what the evidence supports.
    Coverage(CoverageOptions),
    /// Source mappings: which there are, what one reads, and what it makes of a sample.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Take a control apart: what it says and, for a subject, what every part of it came to and why.
    Explain(ExplainOptions),
    /// Perform a package's assessment again, from the package alone, and compare every byte.
    Verify(VerifyOptions),
    /// Write a waiver for failing subjects of a control: an accepted exception with an approver and an end.
    Waive(WaiveOptions),
    /// Write an attestation: what somebody signs for, with the digest of the document; or list those that end soon.
    Attest(AttestOptions),
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

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Every kind of export that can be read.
    List(SourceListOptions),
    /// One mapping in words: what it reads, what its export does not say, where its vendor documents it.
    Show(SourceShowOptions),
    /// Run a mapping on the sample in a folder: its rows, what is quarantined, and how they differ from the rows expected.
    Test(SourceTestOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source list")]
pub struct SourceListOptions {
    /// A project whose own mappings are listed, too.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source show kong-deck
  tickmark source show kong-deck --toml > sources/our-gateway.toml")]
pub struct SourceShowOptions {
    /// The mapping.
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// The mapping itself, to begin one of your own with.
    #[arg(long)]
    pub toml: bool,
    /// A project whose own mappings go before the shipped ones.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source test samples/our-gateway
  tickmark source test samples/our-gateway --write")]
pub struct SourceTestOptions {
    /// A folder with `export.*`; perhaps `mapping.toml`, `file.json` (the `systems` of its source) and `expected.ndjson`.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where the folder holds no `mapping.toml`: the project whose mapping, or else the shipped one, of the folder's name is meant.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Write `expected.ndjson` anew.
    #[arg(long)]
    pub write: bool,
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

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark waive ROT-02 kong:partner-gw:key-auth/key-0007 --project examples/bank --reason 'The partner moves to tokens in August.' \\
    --approver s.tanaka --until 2026-09-01T00:00:00Z --ticket RISK-118 --compensating MON-01

What it counts for is said by `run`; docs/exceptions.md has the format.")]
pub struct WaiveOptions {
    /// The control that it excuses from.
    #[arg(value_name = "CONTROL")]
    pub control: String,
    /// Ids of subjects that fail it, as the report prints them.
    #[arg(value_name = "SUBJECT", required = true)]
    pub subjects: Vec<String>,
    /// Why the exception is accepted.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The id of the party that accepts it; not the subject's owner.
    #[arg(long, value_name = "PARTY")]
    pub approver: String,
    /// When it ends, as 2026-09-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// From when it counts. Default: the time that the project pins with `as-of`, else now.
    #[arg(long, value_name = "TIME")]
    pub granted: Option<String>,
    /// A control that holds instead; may be given several times.
    #[arg(long, value_name = "CONTROL")]
    pub compensating: Vec<String>,
    /// Where the decision is tracked.
    #[arg(long, value_name = "TEXT")]
    pub ticket: Option<String>,
    /// The document that shows the approval, as a path below the project; its digest is written beside it.
    #[arg(long, value_name = "PATH")]
    pub document: Option<String>,
    /// What the waiver is called. Default: made from what it says.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark attest party velo --project examples/bank --claim offboarding-tested --by j.moreau --until 2027-06-30T00:00:00Z
  tickmark attest --list --project examples/bank --within 90d")]
pub struct AttestOptions {
    /// Which table the subject is a row of: identity, credential, grant, party, interface.
    #[arg(value_name = "KIND", required_unless_present = "list", conflicts_with = "list")]
    pub kind: Option<String>,
    /// The id of what it speaks of, as the report prints it.
    #[arg(value_name = "SUBJECT", required_unless_present = "list")]
    pub subject: Option<String>,
    /// What is claimed, in the word that controls read: `approval`, `offboarding-tested`.
    #[arg(long, value_name = "WORD", required_unless_present = "list")]
    pub claim: Option<String>,
    /// The id of the party that says so.
    #[arg(long, value_name = "PARTY", required_unless_present = "list")]
    pub by: Option<String>,
    /// When it stops counting, as 2027-06-30T00:00:00Z, or `never`.
    #[arg(long, value_name = "TIME", required_unless_present = "list")]
    pub until: Option<String>,
    /// When it was said. Default: the time that the project pins with `as-of`, else now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The document behind it, as a path below the project; its digest is written beside it.
    #[arg(long, value_name = "PATH")]
    pub document: Option<String>,
    /// What the attestation is called. Default: made from what it says.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// List the attestations that have ended, or end soon.
    #[arg(long)]
    pub list: bool,
    /// With `--list`: how soon.
    #[arg(long, value_name = "DURATION", default_value = "30d", requires = "list")]
    pub within: String,
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}
