//! `tickmark completions` and `tickmark man`: made from the command line's own description.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark completions bash > ~/.local/share/bash-completion/completions/tickmark")]
pub struct CompletionsOptions {
    /// For which shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark man ~/.local/share/man/man1
  tickmark man | man -l -")]
pub struct ManOptions {
    /// Where a page for every command goes. Default: the program's own page, to standard output.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Runs `tickmark completions`.
///
/// # Errors
/// None of its own.
pub fn completions(options: &CompletionsOptions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "tickmark", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// Runs `tickmark man`.
///
/// # Errors
/// The folder cannot be written.
pub fn man(options: &ManOptions) -> anyhow::Result<Exit> {
    match &options.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
                .with_context(|| format!("{} cannot be written", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            print!("{}", String::from_utf8_lossy(&page));
        }
    }
    Ok(Exit::Done)
}
