//! The command line. Each command's options stand beside the command.

use clap::{Parser, Subcommand};

use super::attest::AttestOptions;
use super::baseline::BaselineOptions;
use super::catalogue::{ControlCommand, FrameworkCommand};
use super::check::CheckOptions;
use super::collect::CollectOptions;
use super::coverage::CoverageOptions;
use super::diff::DiffOptions;
use super::disclose::DiscloseOptions;
use super::explain::ExplainOptions;
use super::export::ExportOptions;
use super::init::InitOptions;
use super::run::RunOptions;
use super::schema::SchemaOptions;
use super::shell::{CompletionsOptions, ManOptions};
use super::sign::SignOptions;
use super::source::SourceCommand;
use super::terminal::Manners;
use super::test::TestOptions;
use super::verify::VerifyOptions;
use super::waive::WaiveOptions;

/// Compliance as code for non-human identities.
///
/// Controls in TOML are judged against evidence, and come out as a report package that anyone can check.
#[derive(Debug, Parser)]
#[command(name = "tickmark", version, after_help = EXITS)]
pub struct Arguments {
    #[command(flatten)]
    pub manners: Manners,
    #[command(subcommand)]
    pub command: Command,
}

const EXITS: &str = "Exit codes:
  0  done; for `run`: no finding at or above the gate
  1  violations at or above the gate; for `test`: a test does not hold; for `diff`: something got worse
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
    /// Controls: which there are, and what one says.
    #[command(subcommand, visible_alias = "controls")]
    Control(ControlCommand),
    /// Frameworks: which there are, what one holds, and another from an OSCAL catalogue or a CSV.
    #[command(subcommand, visible_alias = "frameworks")]
    Framework(FrameworkCommand),
    /// Source mappings: which there are, what one reads, and what it makes of a sample.
    #[command(subcommand, visible_alias = "sources")]
    Source(SourceCommand),
    /// Take a control apart: what it says and, for a subject, what every part of it came to and why.
    Explain(ExplainOptions),
    /// Perform a package's assessment again, from the package alone, compare every byte, and hold its signatures against a policy.
    Verify(VerifyOptions),
    /// Put your name to a package, as its preparer or its reviewer.
    Sign(SignOptions),
    /// Take verdicts out of a package that prove themselves, with nothing of the others.
    Disclose(DiscloseOptions),
    /// Write a package in the formats that other tools read: SARIF, JUnit XML, OSCAL, CSV, Parquet, a Markdown summary.
    Export(ExportOptions),
    /// Write a waiver for failing subjects of a control: an accepted exception with an approver and an end.
    Waive(WaiveOptions),
    /// Write an attestation: what somebody signs for, with the digest of the document; or list those that end soon.
    Attest(AttestOptions),
    /// Accept a package as it stands, so that `run --baseline` lets only what is new gate.
    Baseline(BaselineOptions),
    /// Say what changed between two packages, and whether anything got worse.
    Diff(DiffOptions),
    /// JSON Schemas of the TOML files, for editors.
    Schema(SchemaOptions),
    /// A script that completes commands and options, for a shell.
    Completions(CompletionsOptions),
    /// Manual pages.
    Man(ManOptions),
}
