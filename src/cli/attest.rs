//! `tickmark attest`: what somebody signs for, written as a file of the project; and which attestations end soon.

use std::path::PathBuf;

use clap::Args;

use super::assessing::{Gathered, gathered};
use super::exit::Exit;
use super::named::hint;
use super::summary::printable;
use super::writing;
use crate::evidence;
use crate::load;
use crate::model::schema::table;
use crate::model::value::Duration;
use crate::report::attestations;

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

/// Runs the command.
///
/// # Errors
/// The subject is not there, what is said cannot stand, or it is there already.
pub fn attest(options: &AttestOptions) -> anyhow::Result<Exit> {
    let Some(gathered) = gathered(&options.project, None)? else { return Ok(Exit::Usage) };
    if options.list {
        let within = Duration::parse(&options.within).map_err(|why| anyhow::anyhow!("--within: {why}"))?;
        print!("{}", list(&gathered, within));
        return Ok(Exit::Done);
    }
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let (kind, subject) = (text(&options.kind), text(&options.subject));
    let Gathered { project, evidence, .. } = &gathered;
    if let Some(position) = table(&kind)
        && !evidence::ids(evidence, position).contains(&subject.as_str())
    {
        let help = hint(&subject, evidence::ids(evidence, position), "reports print the ids");
        anyhow::bail!("the evidence holds no {kind} `{}`; {}", printable(&subject), printable(&help));
    }
    let by = text(&options.by);
    if evidence.table("party").is_some_and(|parties| parties.find(&by).is_none()) {
        anyhow::bail!("the evidence holds no party `{}`; what nobody known signs for counts for nothing", printable(&by));
    }
    let at = writing::when(options.at.as_deref(), "--at", project)?;
    if text(&options.until) != "never" {
        writing::ends(&text(&options.until), at)?;
    }
    let mut said = writing::line("subject-kind", &kind);
    said += &writing::line("subject", &subject);
    said += &writing::line("claim", &text(&options.claim));
    said += &writing::line("by", &by);
    said += &writing::line("at", &at.to_string());
    said += &writing::line("valid-until", &text(&options.until));
    if let Some(path) = &options.document {
        said += &writing::document(&options.project, path)?;
    }
    let id = writing::id(options.id.as_deref(), "ATT", &said)?;
    let said = writing::line("id", &id) + &said;
    let path = format!("{}/{id}.toml", load::ATTESTATIONS);
    if let Err(problems) = load::attestation(&options.project, &path, &said) {
        return Ok(writing::refused(&path, &problems));
    }
    writing::new_file(&options.project, &path, "attestation", &said)?;
    println!("{path}: {} of {kind} {} until {}", text(&options.claim), printable(&subject), text(&options.until));
    if options.document.is_none() {
        let word = if text(&options.claim) == "approval" { "approval not evidenced" } else { "none" };
        println!("For its document the report will say *{word}*: give `--document`, or add the document's `sha256`.");
    }
    Ok(Exit::Done)
}

/// Those that have ended and those that end soon, the earliest first.
fn list(gathered: &Gathered, within: Duration) -> String {
    let all = attestations(&gathered.evidence, gathered.as_of, within);
    let soon: Vec<_> = all.iter().filter(|one| one.standing.word != "live").collect();
    let mut out = format!("As of {}: {} of {} attestations need a look\n", gathered.as_of, soon.len(), all.len());
    for one in soon {
        let line = format!(
            "  {:<16} {}  {} of {} {}, by {}, until {}\n",
            one.standing.word, one.id, one.claim, one.subject_kind, one.subject, one.by, one.until
        );
        out.push_str(&line.split('\n').map(printable).collect::<Vec<_>>().join("\n"));
    }
    out
}
