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
  4  `verify`: the package is not what its inputs give, or not what the policy asks

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
    /// Source mappings: which there are, what one reads, and what it makes of a sample.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Take a control apart: what it says and, for a subject, what every part of it came to and why.
    Explain(ExplainOptions),
    /// Perform a package's assessment again, from the package alone, compare every byte, and hold its signatures against a policy.
    Verify(VerifyOptions),
    /// Put your name to a package, as its preparer or its reviewer.
    Sign(SignOptions),
    /// Take verdicts out of a package that prove themselves, with nothing of the others.
    Disclose(DiscloseOptions),
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
  tickmark sign report --key ~/.ssh/id_ed25519 --name 'J. Moreau' --role preparer
  tickmark sign report.tar.gz --key audit.pem --name 'A. Lindqvist' --role reviewer
  tickmark sign report --role preparer --timestamp-request moreau.tsq
  tickmark sign report --timestamp-response moreau.tsr")]
pub struct SignOptions {
    /// The package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// Your private Ed25519 key: OpenSSH (`ssh-keygen -t ed25519`) or PKCS#8 PEM (`openssl genpkey -algorithm ed25519`).
    #[arg(long, value_name = "FILE", required_unless_present_any = ["timestamp_request", "timestamp_response"], requires = "name")]
    pub key: Option<PathBuf>,
    /// A file with the key's passphrase. Without it: the environment variable TICKMARK_PASSPHRASE, else the terminal is asked.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub passphrase_file: Option<PathBuf>,
    /// Your name, as the statement shall say it.
    #[arg(long, value_name = "NAME", requires = "key")]
    pub name: Option<String>,
    /// In which part you sign, or signed.
    #[arg(long, value_name = "ROLE", value_parser = ["preparer", "reviewer"], required_unless_present = "timestamp_response")]
    pub role: Option<String>,
    /// What you state. Default: a sentence that fits the role.
    #[arg(long, value_name = "TEXT", requires = "key")]
    pub statement: Option<String>,
    /// When you sign, as 2026-07-01T09:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", requires = "key")]
    pub at: Option<String>,
    /// Write the query for a time stamp (RFC 3161) over the signature: with --key over that one, else over one of the role that has none yet.
    /// Nothing is sent.
    #[arg(long, value_name = "FILE")]
    pub timestamp_request: Option<PathBuf>,
    /// Put the time stamp of an authority's reply beside the signature that it is of.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "role", "timestamp_request"])]
    pub timestamp_response: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark disclose report --control OFF-01 --subject kong:partner-gw:key-auth/old-partner --out disclosed
  tickmark disclose report --control INV-01 --redact owner --out inv-01.tar.gz")]
pub struct DiscloseOptions {
    /// The package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// A control to show, with its counts and parameters.
    #[arg(long, value_name = "ID", required = true)]
    pub control: Vec<String>,
    /// A subject to show, as the report prints it. Default: every subject of the controls.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Vec<String>,
    /// Withhold what was read of this column, or the field `subject`, `reasons`, `reason` or `evidence`, and all that repeats it.
    #[arg(long, value_name = "COLUMN")]
    pub redact: Vec<String>,
    /// Where the disclosure goes: a new folder, or a file that ends in .tar.gz.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark verify reports/bank --unsigned
  tickmark verify report.tar.gz --policy policy.toml")]
pub struct VerifyOptions {
    /// The package or disclosure: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE", required_unless_present = "ledger")]
    pub package: Option<PathBuf>,
    /// Ask for nobody's signature: re-performance alone.
    #[arg(long, conflicts_with = "policy")]
    pub unsigned: bool,
    /// What you ask of the package before you believe it: whose keys you trust, which signatures must be there, which controls you expect.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The ledger in which the run is recorded, or (with `--since`) a proof that was made of it with `--prove`. Without a package: the ledger alone.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// A receipt (`attest/ledger.json` of an earlier package) or head (signed, or bare: root and size) that you kept: the ledger must have grown from it.
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Write what proves to somebody without the ledger that it grew from the head of `--since`.
    #[arg(long, value_name = "FILE", requires_all = ["ledger", "since"])]
    pub prove: Option<PathBuf>,
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
