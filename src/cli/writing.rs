//! What the commands share that write settings: a TOML file of the project, written whole or not at all, never over another.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::exit::Exit;
use super::{clock, diagnostics, schema, terminal};
use crate::load::quoted;
use crate::model::diagnostic::Diagnostics;
use crate::model::digest::sha256;
use crate::model::project::Project;
use crate::model::value::{SECOND, Time};

/// When it is, for what a person writes: the time that the project pins, else the clock's, to the second.
///
/// # Errors
/// What was given is no time.
pub fn when(given: Option<&str>, flag: &str, project: &Project) -> anyhow::Result<Time> {
    match given {
        Some(text) => Time::parse(text).map_err(|why| anyhow::anyhow!("{flag}: {why}")),
        None => Ok(project.as_of.unwrap_or_else(|| Time(clock::now().0 / SECOND * SECOND))),
    }
}

/// That it ends after it begins.
///
/// # Errors
/// It does not, or what was given is no time.
pub fn ends(until: &str, begins: Time) -> anyhow::Result<()> {
    let ends = Time::parse(until).map_err(|why| anyhow::anyhow!("--until: {why}"))?;
    anyhow::ensure!(ends > begins, "--until {until}: it would end before it begins, at {begins}; give a later time");
    Ok(())
}

/// `key = "text"`, with what TOML does not take as it stands escaped.
pub fn line(key: &str, text: &str) -> String {
    format!("{key} = {}\n", quoted(text))
}

/// The lines that name a document of the project, with its digest.
///
/// # Errors
/// It cannot be read.
pub fn document(root: &Path, path: &str) -> anyhow::Result<String> {
    let full = root.join(path);
    let bytes = std::fs::read(&full).with_context(|| format!("the document {} cannot be read", full.display()))?;
    Ok(line("document", path) + &line("sha256", &sha256(&bytes)))
}

/// The id that was given, or one made from what is written; fit for a file's name.
///
/// # Errors
/// It is not.
pub fn id(given: Option<&str>, prefix: &str, said: &str) -> anyhow::Result<String> {
    let id = given.map_or_else(|| format!("{prefix}-{}", &sha256(said.as_bytes())[..8]), str::to_owned);
    let plain = !id.is_empty() && id.len() <= 100 && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    anyhow::ensure!(
        plain && !id.starts_with('.'),
        "--id: `{id}` should be letters, digits, dashes, dots and underscores: it names the file"
    );
    Ok(id)
}

/// What was wrong with what would have been written.
pub fn refused(path: &str, problems: &Diagnostics) -> Exit {
    eprint!("{}", diagnostics::render(problems, terminal::colour_on_errors()));
    eprintln!("{path} is not written: this is what it would have said.");
    Exit::Usage
}

/// Writes a file of the project that is not there yet; its first line names its schema, which is written beside it where it is missing.
///
/// # Errors
/// It is there, or cannot be written; nothing is left behind then.
pub fn new_file(root: &Path, path: &str, kind: &str, text: &str) -> anyhow::Result<()> {
    let full = root.join(path);
    let folder = full.parent().unwrap_or(root);
    let there = || anyhow::anyhow!("{path} is there already, and is not written over; remove it yourself, or give another --id");
    anyhow::ensure!(full.symlink_metadata().is_err(), there());
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut file = tempfile::Builder::new()
        .prefix(".tickmark-")
        .tempfile_in(folder)
        .with_context(|| format!("{} cannot be written to", folder.display()))?;
    let text = schema::directive(kind, Path::new(path)) + text;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(|| format!("{path} cannot be written"))?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable).with_context(|| format!("{path} cannot be made readable"))?;
    schema::beside(root, kind)?;
    match file.persist_noclobber(&full) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(there()),
        Err(error) => Err(error.error).with_context(|| format!("{path} cannot be written")),
    }
}
