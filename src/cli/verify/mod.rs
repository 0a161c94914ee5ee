//! `tickmark verify`: the assessment performed again from a package and nothing else, every byte compared, and signatures and ledger
//! held against a reader's policy.
//!
//! | module | what |
//! |---|---|
//! | `again` | re-performance |
//! | `difference` | where two assessments first differ |
//! | `recorded` | the ledger, and what the reader kept of it |
//! | `referenced` | exports that the package names and does not hold |
//! | `disclosed` | a part of a package |
//! | `expect` | what a policy expects of the assessment |
//! | `own` | the reader's own project beside the one that was judged |

mod again;
mod difference;
mod disclosed;
mod expect;
mod own;
mod recorded;
mod referenced;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use recorded::Recorded;
use serde_json::Value;

use super::exit::Exit;
use super::summary::printable;
use crate::attest::account::Account;
use crate::attest::disclosure;
use crate::attest::manifest::{self, GROWING};
use crate::attest::package;
use crate::attest::policy::Policy;
use crate::attest::recorded as receipts;
use crate::attest::sign_off::About;
use crate::attest::signatures::{self, Signed};

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
    /// Where the exports lie that the package names by their digests and does not hold; found there under whatever names.
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
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

/// How many sentences of a kind are told.
const TOLD: usize = 20;

/// Runs the command.
///
/// # Errors
/// The package or the policy cannot be read: exit 2.
pub fn verify(options: &VerifyOptions) -> anyhow::Result<Exit> {
    let policy = options.policy.as_deref().map(Policy::read).transpose()?;
    let mut account = Account::default();
    let recorded = Recorded::of(options, policy.as_ref(), &mut account)?;
    let Some(path) = &options.package else {
        recorded.alone(policy.as_ref(), options, &mut account);
        return Ok(told(options, policy.is_some(), &account));
    };
    let files = package::files(path)?;
    if let (None, Some(bytes)) = (files.get(manifest::PATH), files.get(disclosure::PATH)) {
        let disclosure = disclosure::read(bytes).map_err(|why| anyhow::anyhow!("{}: {why}", disclosure::PATH))?;
        for path in files.keys().filter(|path| path.as_str() != disclosure::PATH && !path.starts_with(GROWING)) {
            account.failed(format!("`{path}` is there, and no disclosure holds it"));
        }
        let holds = disclosed::check(&disclosure, policy.as_ref(), &mut account);
        let (root, about) = (&disclosure.root, disclosure.about());
        let said = disclosure.shown.first().map_or_else(Value::default, |shown| Value::Object(shown.open.clone()));
        vouched(options, (&files, Signed { root, holds, about: &about, files: None }, &said), policy.as_ref(), &recorded, &mut account);
        return Ok(told(options, policy.is_some(), &account));
    }
    let manifest = package::manifest(path, &files)?;
    let differences = package::differences(&manifest, &files);
    let holds = differences.is_empty();
    if holds {
        account.proved(format!("the {} files are those that {} lists, and there are no others", manifest.len(), manifest::PATH));
        account.proved(format!("their root, over {} leaves, is {}", manifest.leaves, manifest.root));
    }
    account.failed.extend(differences);
    let project = again::check(&files, &manifest, options.evidence.as_deref(), &mut account);
    let about = About::of(&manifest);
    let said: Value = files.get("assessment.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let signed = Signed { root: &manifest.root, holds, about: &about, files: Some(&files) };
    if let Some(policy) = &policy {
        expect::check(policy, &files, project.as_ref(), &mut account)?;
    }
    vouched(options, (&files, signed, &said), policy.as_ref(), &recorded, &mut account);
    Ok(told(options, policy.is_some(), &account))
}

/// Who answers for it, and where the run stands; the same for a package and for a part of one.
fn vouched(
    options: &VerifyOptions,
    (files, signed, said): (&BTreeMap<String, Vec<u8>>, Signed, &Value),
    policy: Option<&Policy>,
    recorded: &Recorded,
    account: &mut Account,
) {
    let attested = attested(files);
    signatures::check(&attested, signed, policy, account);
    let exit = said["outcome"]["exit"].as_u64();
    let run = receipts::Package { root: signed.root, as_of: &signed.about.as_of, exit, name: said["name"].as_str() };
    receipts::check(&attested, run, policy, recorded.known.as_ref(), &recorded.earlier, account);
    recorded.head(policy, options, account);
    if policy.is_none() && !options.unsigned {
        account.failed(
            "nobody's signature was asked for: give the keys that you trust with `--policy FILE`, or say `--unsigned` if re-performance alone will do",
        );
    }
    account.unprovable.push("that the evidence was collected honestly and completely: no program can show that".to_owned());
}

/// What lies in `attest/`.
fn attested(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.iter().filter(|(path, _)| path.starts_with(GROWING)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

fn told(options: &VerifyOptions, policy: bool, account: &Account) -> Exit {
    let verified = account.failed.is_empty();
    if options.format == "json" {
        let value = serde_json::json!({
            "schema": "tickmark/verification/1",
            "verified": verified,
            "policy": policy,
            "proved": account.proved,
            "failed": account.failed,
            "not_checked": account.unchecked,
            "cannot_be_proved": account.unprovable,
        });
        println!("{value}");
    } else {
        let section = |title: &str, lines: &[String]| {
            if !lines.is_empty() {
                println!("{title}");
                lines.iter().take(TOLD).for_each(|line| println!("  - {}", printable(line)));
                if lines.len() > TOLD {
                    println!("  - and {} more", lines.len() - TOLD);
                }
            }
        };
        section("Proved", &account.proved);
        section("Not so", &account.failed);
        section("Not checked", &account.unchecked);
        section("Cannot be proved", &account.unprovable);
        println!(
            "{}",
            match (verified, policy) {
                (true, true) => "verified, as the policy asks (exit 0)",
                (true, false) => "verified, unsigned (exit 0)",
                (false, _) => "not verified (exit 4)",
            }
        );
    }
    if verified { Exit::Done } else { Exit::NotVerified }
}
