//! `tickmark waive`: an accepted exception, written as a file of the project.

use std::path::PathBuf;

use clap::Args;

use super::assessing::{Assessed, Given, assessed};
use super::exit::Exit;
use super::named;
use super::summary::printable;
use super::writing;
use crate::evaluate::waivers;
use crate::load::{self, quoted};
use crate::model::assessment::{ControlResult, Verdict};
use crate::model::waiver::Expanded;

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

/// Runs the command. Nothing is written unless every subject fails now and the waiver would count for it.
///
/// # Errors
/// The subject does not fail, the waiver would waive nothing, or it is there already.
pub fn waive(options: &WaiveOptions) -> anyhow::Result<Exit> {
    let Some(assessed) = assessed(&options.project, &Given::default())? else { return Ok(Exit::Usage) };
    let Assessed { project, evidence, assessment, .. } = assessed;
    let Some(result) = assessment.controls.iter().find(|result| result.control.id == options.control) else {
        return Err(named::unselected(&project, &options.control));
    };
    for subject in &options.subjects {
        fails(result, subject)?;
    }
    let granted = writing::when(options.granted.as_deref(), "--granted", &project)?;
    writing::ends(&options.until, granted)?;
    let mut text = writing::line("control", &options.control);
    let subjects: Vec<String> = options.subjects.iter().map(|subject| quoted(subject)).collect();
    text += &format!("subjects = [{}]\n", subjects.join(", "));
    text += &writing::line("reason", &options.reason);
    text += &writing::line("approver", &options.approver);
    text += &writing::line("granted-at", &granted.to_string());
    text += &writing::line("expires-at", &options.until);
    if !options.compensating.is_empty() {
        let ids: Vec<String> = options.compensating.iter().map(|id| quoted(id)).collect();
        text += &format!("compensating = [{}]\n", ids.join(", "));
    }
    if let Some(ticket) = &options.ticket {
        text += &writing::line("ticket", ticket);
    }
    if let Some(path) = &options.document {
        text += &format!("\n[approval]\n{}", writing::document(&options.project, path)?);
    }
    let id = writing::id(options.id.as_deref(), &options.control, &text)?;
    let text = writing::line("id", &id) + &text;
    let path = format!("{}/{id}.toml", load::WAIVERS);
    let waiver = match load::waiver(&options.project, &project, &path, &text) {
        Ok(waiver) => waiver,
        Err(problems) => {
            return Ok(writing::refused(&path, &problems));
        }
    };
    let evidenced = waiver.approval.is_some();
    for one in waivers::expand(&[waiver], &evidence, granted.max(assessment.as_of))? {
        counts(&one)?;
    }
    writing::new_file(&options.project, &path, "waiver", &text)?;
    println!("{path}: {} until {}", options.control, options.until);
    if granted > assessment.as_of {
        println!("It counts from {granted} on: the evidence of now is as of {}.", assessment.as_of);
    }
    if !evidenced {
        println!("The report will say *approval not evidenced*: give `--document`, or add `[approval]` with the document's `sha256`.");
    }
    Ok(Exit::Done)
}

fn fails(result: &ControlResult, subject: &str) -> anyhow::Result<()> {
    let verdict = result.population.iter().find(|judged| judged.subject == subject).map(|judged| judged.verdict);
    let (id, subject) = (&result.control.id, printable(subject));
    match verdict {
        Some(Verdict::Fail | Verdict::Waived) => Ok(()),
        Some(Verdict::Unknown) => {
            anyhow::bail!(
                "{id} is unknown for `{subject}`: a waiver never turns that into anything; `tickmark explain {id} …` says what would settle it"
            )
        }
        Some(verdict) => anyhow::bail!("{id} is {} for `{subject}`: there is nothing to waive", verdict.word()),
        None => {
            let all = result.population.iter().map(|judged| judged.subject.as_str());
            let help = named::hint(&subject, all, &format!("populations/{id}.csv of a report lists them"));
            anyhow::bail!("`{subject}` is no subject of {id}; {help}")
        }
    }
}

/// Whether it would waive all that it names, once it is live.
fn counts(one: &Expanded) -> anyhow::Result<()> {
    if let Some(standing) = &one.barred {
        let why = if standing.why().is_empty() { String::new() } else { format!(": {}", standing.why()) };
        anyhow::bail!("the waiver would waive nothing, being {}{why}", standing.word());
    }
    let owner = one.own.first().map(|subject| format!("`{}` owns `{}`", one.waiver.approver, printable(subject)));
    let open = one
        .open
        .first()
        .map(|subject| format!("nobody says who owns `{}`, so that it may be `{}`", printable(subject), one.waiver.approver));
    match owner.or(open) {
        Some(why) => anyhow::bail!("{why}: a waiver is accepted by somebody else than the owner"),
        None => Ok(()),
    }
}
