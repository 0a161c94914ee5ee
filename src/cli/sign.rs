//! `tickmark sign`: the preparer or the reviewer of a package puts their name to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::Context;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::args::SignOptions;
use super::exit::Exit;
use super::one_file;
use super::summary::printable;
use crate::attest::key::{KeyError, SecretKey};
use crate::attest::sign_off::{self, Role};
use crate::attest::{manifest, package};
use crate::model::value::Time;

/// The environment variable that holds a key's passphrase.
const PASSPHRASE: &str = "TICKMARK_PASSPHRASE";

/// Runs the command.
///
/// # Errors
/// The package or the key cannot be read, or the signature cannot be written: exit 2.
pub fn sign(options: &SignOptions) -> anyhow::Result<Exit> {
    let files = package::files(&options.package)?;
    let manifest = package::manifest(&options.package, &files)?;
    let differences = package::differences(&manifest, &files);
    if !differences.is_empty() {
        eprintln!("not signed: the package is not what its manifest says");
        differences.iter().take(5).for_each(|line| eprintln!("  - {}", printable(line)));
        return Ok(Exit::NotVerified);
    }
    let role = if options.role == Role::Reviewer.word() { Role::Reviewer } else { Role::Preparer };
    let key = key(&options.key, options.passphrase_file.as_deref())?;
    let at = options.at.as_deref().map(Time::parse).transpose().map_err(|why| anyhow::anyhow!("--at: {why}"))?.unwrap_or_else(now);
    let statement = options.statement.as_deref().unwrap_or_else(|| role.statement());
    let (path, envelope) = sign_off::sign(&files, &manifest, &key, (role, &options.name, statement), at)?;
    if files.contains_key(&path) {
        anyhow::bail!("`{path}` is there already: this key has signed as {}; remove the file to sign again", role.word());
    }
    one_file::add(&options.package, &files, &path, &envelope)
        .with_context(|| format!("the signature could not be added to {}", options.package.display()))?;
    println!("signed as {} by {} ({})", role.word(), printable(&options.name), key.public().fingerprint());
    println!("  statement: {}", printable(statement));
    println!("  root:      {}, over {} leaves", manifest.root, manifest.leaves);
    println!(
        "  as of:     {}, made by {} {}",
        printable(&manifest.as_of),
        printable(&manifest.engine.name),
        printable(&manifest.engine.version)
    );
    println!("  written:   {path} in {}", options.package.display());
    println!(
        "Whether the verdicts follow from the evidence, `{} verify` says: the files were only held against {}.",
        env!("CARGO_PKG_NAME"),
        manifest::PATH
    );
    Ok(Exit::Done)
}

/// A private key from its file; the passphrase from a file, the environment, or the terminal.
///
/// # Errors
/// It cannot be read.
pub fn key(path: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<SecretKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("the key {} cannot be read", path.display()))?;
    let given = match passphrase_file {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("the passphrase in {} cannot be read", file.display()))?;
            Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
        None => std::env::var(PASSPHRASE).ok(),
    };
    SecretKey::read(&text, || given.or_else(|| asked(path))).map_err(|why| {
        let help = if why == KeyError::Encrypted {
            format!(": put it into {PASSPHRASE} or give --passphrase-file, where there is no terminal to ask at")
        } else {
            String::new()
        };
        anyhow::anyhow!("the key {} cannot be used: {why}{help}", path.display())
    })
}

/// Asks at the terminal, without showing what is typed; `None`: there is no terminal.
fn asked(path: &Path) -> Option<String> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
    let before = tcgetattr(&terminal).ok()?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    write!(terminal, "passphrase of {}: ", path.display()).ok()?;
    tcsetattr(&terminal, OptionalActions::Flush, &silent).ok()?;
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    let _ = tcsetattr(&terminal, OptionalActions::Flush, &before);
    let _ = writeln!(terminal);
    read.ok()?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[expect(clippy::disallowed_methods, reason = "when somebody signs is not part of the assessment: it stands in `attest/` only")]
fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(i64::try_from(since).unwrap_or(0).saturating_mul(crate::model::value::SECOND))
}
