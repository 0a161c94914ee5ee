//! `tickmark check`: everything that can be known without evidence.

use std::io::IsTerminal;
use std::path::Path;

use super::args::CheckOptions;
use super::assessing::{Gathered, gathered};
use super::diagnostics;
use super::exit::Exit;
use crate::load;
use crate::model::project::Project;
use crate::report::judgeable;

/// Reads a project and says on standard error what is wrong with it; `None`: it cannot be used.
pub fn load(root: &Path) -> Option<Project> {
    let colour = std::io::stderr().is_terminal();
    match load::project(root) {
        Ok((project, warnings)) => {
            if !warnings.list.is_empty() {
                eprint!("{}", diagnostics::render(&warnings, colour));
            }
            Some(project)
        }
        Err(problems) => {
            eprint!("{}", diagnostics::render(&problems, colour));
            None
        }
    }
}

/// Runs the command.
///
/// # Errors
/// With `--evidence`, evidence that cannot be read. Problems of the project are diagnostics and exit 2.
pub fn check(options: &CheckOptions) -> anyhow::Result<Exit> {
    if let Some(format) = &options.evidence {
        let Some(Gathered { project, evidence, .. }) = gathered(&options.project, None)? else { return Ok(Exit::Usage) };
        let shipped = load::shipped_mappings();
        match format.as_str() {
            "csv" => print!("{}", String::from_utf8_lossy(&judgeable::csv(&project, &evidence, &shipped)?)),
            _ => print!("{}", judgeable::markdown(&project, &evidence, &shipped)),
        }
        return Ok(Exit::Done);
    }
    let Some(project) = load(&options.project) else { return Ok(Exit::Usage) };
    println!(
        "{}: {} controls, {} frameworks and {} sources are in order",
        project.name,
        project.controls.len(),
        project.frameworks.len(),
        project.sources.len()
    );
    Ok(Exit::Done)
}
