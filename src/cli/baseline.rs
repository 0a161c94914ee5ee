//! `tickmark baseline`: an earlier package is accepted as it stood, so that `run --baseline` lets only what is new gate.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::assessing;
use super::exit::Exit;
use super::writing;
use crate::attest::{earlier, package};
use crate::load;
use crate::model::baseline::{ACCEPTED, LONGEST};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark run --project . --out accepted
  tickmark baseline accepted --approver s.tanaka --reason 'What there was when the gate came.' --until 2026-09-01T00:00:00Z
  tickmark run --project . --baseline

docs/gate.md says what it excuses, and what not.")]
pub struct BaselineOptions {
    /// The package, a folder or an archive below the project.
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// Why it is accepted as it stands.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The id of the party that accepts it.
    #[arg(long, value_name = "PARTY")]
    pub approver: String,
    /// When it ends, as 2026-09-01T00:00:00Z: 90 days after it was granted at most.
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// From when it counts. Default: the time that the project pins with `as-of`, else now.
    #[arg(long, value_name = "TIME")]
    pub granted: Option<String>,
    /// Where the decision is tracked.
    #[arg(long, value_name = "TEXT")]
    pub ticket: Option<String>,
    /// The document that shows the approval, as a path below the project; its digest is written beside it.
    #[arg(long, value_name = "PATH")]
    pub document: Option<String>,
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// The package is not whole, is not of this project, or lies outside it; there is a baseline already.
pub fn baseline(options: &BaselineOptions) -> anyhow::Result<Exit> {
    let Some(project) = assessing::load(&options.project) else { return Ok(Exit::Usage) };
    let files = package::files(&options.package)?;
    let manifest = package::manifest(&options.package, &files)?;
    if let Some(first) = package::differences(&manifest, &files).first() {
        anyhow::bail!("{} is not whole: {first}", options.package.display());
    }
    let (earlier, root) = earlier::read(&earlier::part(&files)).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(
        earlier.name == project.name,
        "{} is a package of `{}`, and the project is `{}`",
        options.package.display(),
        earlier.name,
        project.name
    );
    let granted = writing::when(options.granted.as_deref(), "--granted", &project)?;
    writing::ends(&options.until, granted)?;
    let mut text = writing::line("package", &below(&options.project, &options.package)?);
    text += &writing::line("root", &root);
    text += &writing::line("reason", &options.reason);
    text += &writing::line("approver", &options.approver);
    text += &writing::line("granted-at", &granted.to_string());
    text += &writing::line("expires-at", &options.until);
    if let Some(ticket) = &options.ticket {
        text += &writing::line("ticket", ticket);
    }
    if let Some(path) = &options.document {
        text += &format!("\n[approval]\n{}", writing::document(&options.project, path)?);
    }
    let accepted = match load::baseline_drafted(&options.project, &text) {
        Ok(accepted) => accepted,
        Err(problems) => {
            return Ok(writing::refused(ACCEPTED, &problems));
        }
    };
    anyhow::ensure!(
        accepted.expires_at.0.saturating_sub(accepted.granted_at.0) <= LONGEST.0,
        "--until {}: a baseline lasts {LONGEST} at most, from {granted}",
        options.until
    );
    writing::new_file(&options.project, ACCEPTED, "baseline", &text)?;
    let fails: usize = earlier.controls.values().map(|control| control.failed.values().filter(|fail| !fail.waived).count()).sum();
    let what = if fails == 1 { "1 fail is known".to_owned() } else { format!("{fails} fails are known") };
    println!("{ACCEPTED}: {what} until {}, as of {}", accepted.expires_at, earlier.as_of);
    if accepted.approval.is_none() {
        println!("The report will say *approval not evidenced*: give `--document`, or add `[approval]` with the document's `sha256`.");
    }
    Ok(Exit::Done)
}

/// The package's path below the project.
fn below(project: &Path, package: &Path) -> anyhow::Result<String> {
    let (inside, full) = (project.canonicalize()?, package.canonicalize()?);
    let path = full.strip_prefix(&inside).ok().and_then(Path::to_str).with_context(|| {
        format!("{} lies outside the project: copy it into {}, where the baseline finds it again", package.display(), project.display())
    })?;
    anyhow::ensure!(
        path != "report" && path != "report.tar.gz",
        "{} is what the next run replaces: copy it, or run with `--out accepted`",
        package.display()
    );
    Ok(path.to_owned())
}
