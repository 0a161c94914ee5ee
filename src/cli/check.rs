//! `tickmark check`: everything that can be known without evidence.

use std::path::PathBuf;

use clap::Args;

use super::assessing::{Gathered, gathered, load};
use super::diagnostics;
use super::exit::Exit;
use super::terminal;
use crate::evidence;
use crate::model::diagnostic::Diagnostics;
use crate::model::project::Project;
use crate::report::judgeable;

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

/// Runs the command.
///
/// # Errors
/// With `--evidence`, evidence that cannot be read. Problems of the project are diagnostics and exit 2.
pub fn check(options: &CheckOptions) -> anyhow::Result<Exit> {
    if let Some(format) = &options.evidence {
        let Some(Gathered { project, evidence, .. }) = gathered(&options.project, None)? else { return Ok(Exit::Usage) };
        let shipped = crate::load::shipped_mappings();
        match format.as_str() {
            "csv" => print!("{}", String::from_utf8_lossy(&judgeable::csv(&project, &evidence, shipped)?)),
            _ => print!("{}", judgeable::markdown(&project, &evidence, shipped)),
        }
        return Ok(Exit::Done);
    }
    if options.format == "json" {
        let (diagnostics, exit) = match crate::load::judging(&options.project) {
            Ok((project, mut warnings)) => {
                let problems = filters(&project);
                let exit = if problems.list.is_empty() { Exit::Done } else { Exit::Usage };
                warnings.list.extend(problems.list);
                warnings.texts.extend(problems.texts);
                (warnings, exit)
            }
            Err(problems) => (problems, Exit::Usage),
        };
        println!("{}", diagnostics::json(&diagnostics));
        return Ok(exit);
    }
    let Some(project) = load(&options.project) else { return Ok(Exit::Usage) };
    terminal::done("project read");
    let problems = filters(&project);
    if !problems.list.is_empty() {
        eprint!("{}", diagnostics::render(&problems, terminal::colour_on_errors()));
        return Ok(Exit::Usage);
    }
    terminal::done("filters compiled");
    println!(
        "{}: {} controls, {} frameworks and {} sources are in order",
        project.name,
        project.controls.len(),
        project.frameworks.len(),
        project.sources.len()
    );
    Ok(Exit::Done)
}

/// What does not compile of the filters of the mappings in use.
fn filters(project: &Project) -> Diagnostics {
    let mut all = Diagnostics::default();
    for problems in project.mappings.values().filter_map(|mapping| evidence::compiles(mapping).err()) {
        all.list.extend(problems.list);
        all.texts.extend(problems.texts);
    }
    all
}
