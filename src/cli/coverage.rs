//! `tickmark coverage`: what the evidence supports, requirement by requirement.

use super::args::CoverageOptions;
use super::assessing::assessed;
use super::exit::Exit;
use crate::model::assessment::Outcome;
use crate::report::coverage;

/// Runs the command.
///
/// # Errors
/// As for `run`; a framework that the project does not select.
pub fn coverage(options: &CoverageOptions) -> anyhow::Result<Exit> {
    let Some(mut assessed) = assessed(&options.project, options.as_of.as_deref(), None)? else { return Ok(Exit::Usage) };
    let assessment = &mut assessed.assessment;
    if let Some(id) = &options.framework {
        let selected: Vec<String> = assessment.frameworks.iter().map(|framework| framework.id.clone()).collect();
        assessment.frameworks.retain(|framework| framework.id == *id);
        if assessment.frameworks.is_empty() {
            anyhow::bail!("the project selects no framework called `{id}`; it selects {}", selected.join(", "));
        }
    }
    match options.format.as_str() {
        "json" => println!("{}", String::from_utf8_lossy(&coverage::json(assessment)?)),
        "markdown" => print!("{}", coverage::markdown(assessment)),
        _ => print!("{}", coverage::text(assessment)),
    }
    Ok(if assessment.outcome == Outcome::NothingAssessed {
        eprintln!("{}: {}", assessment.outcome.word(), assessment.reason);
        Exit::Usage
    } else {
        Exit::Done
    })
}
