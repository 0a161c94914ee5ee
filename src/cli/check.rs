//! `tickmark check`: everything that can be known without evidence.

use std::io::IsTerminal;
use std::path::Path;

use super::args::CheckOptions;
use super::diagnostics;
use super::exit::Exit;
use crate::load;
use crate::model::project::Project;

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
/// None so far: problems of the project are diagnostics and exit 2.
pub fn check(options: &CheckOptions) -> anyhow::Result<Exit> {
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
