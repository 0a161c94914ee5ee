//! `tickmark sign`: the preparer or the reviewer of a package puts their name to it, and has an authority say by when.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::exit::Exit;
use super::one_file;
use super::summary::printable;
use crate::attest::key::{KeyError, SecretKey};
use crate::attest::manifest::GROWING;
use crate::attest::sign_off::{self, Role};
use crate::attest::{manifest, package, time_stamp};
use crate::model::value::Time;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark sign report --key ~/.ssh/id_ed25519 --name 'J. Moreau' --role preparer
  tickmark sign report.tar.gz --key audit.pem --name 'A. Lindqvist' --role reviewer
  tickmark sign report --role preparer --timestamp-request moreau.tsq
  tickmark sign report --timestamp-response moreau.tsr")]
pub struct SignOptions {
    /// The package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// Your private Ed25519 key: OpenSSH (`ssh-keygen -t ed25519`) or PKCS#8 PEM (`openssl genpkey -algorithm ed25519`).
    #[arg(long, value_name = "FILE", required_unless_present_any = ["timestamp_request", "timestamp_response"], requires = "name")]
    pub key: Option<PathBuf>,
    /// A file with the key's passphrase. Without it: the environment variable TICKMARK_PASSPHRASE, else the terminal is asked.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub passphrase_file: Option<PathBuf>,
    /// Your name, as the statement shall say it.
    #[arg(long, value_name = "NAME", requires = "key")]
    pub name: Option<String>,
    /// In which part you sign, or signed.
    #[arg(long, value_name = "ROLE", value_parser = ["preparer", "reviewer"], required_unless_present = "timestamp_response")]
    pub role: Option<String>,
    /// What you state. Default: a sentence that fits the role.
    #[arg(long, value_name = "TEXT", requires = "key")]
    pub statement: Option<String>,
    /// When you sign, as 2026-07-01T09:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", requires = "key")]
    pub at: Option<String>,
    /// Write the query for a time stamp (RFC 3161) over the signature: with --key over that one, else over one of the role that has none yet.
    /// Nothing is sent.
    #[arg(long, value_name = "FILE")]
    pub timestamp_request: Option<PathBuf>,
    /// Put the time stamp of an authority's reply beside the signature that it is of.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "role", "timestamp_request"])]
    pub timestamp_response: Option<PathBuf>,
}

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
    if let Some(reply) = &options.timestamp_response {
        return stamp(&options.package, &files, reply);
    }
    let role = if options.role.as_deref() == Some(Role::Reviewer.word()) { Role::Reviewer } else { Role::Preparer };
    let (Some(file), Some(name)) = (&options.key, &options.name) else {
        return unstamped(&options.package, &files, role, options.timestamp_request.as_deref());
    };
    let key = key(file, options.passphrase_file.as_deref())?;
    let at = options.at.as_deref().map(Time::parse).transpose().map_err(|why| anyhow::anyhow!("--at: {why}"))?.unwrap_or_else(now);
    let statement = options.statement.as_deref().unwrap_or_else(|| role.statement());
    let (path, envelope) = sign_off::sign(&files, &manifest, &key, (role, name, statement), at)?;
    if files.contains_key(&path) {
        anyhow::bail!("`{path}` is there already: this key has signed as {}; remove the file to sign again", role.word());
    }
    one_file::add(&options.package, &files, &path, &envelope)
        .with_context(|| format!("the signature could not be added to {}", options.package.display()))?;
    println!("signed as {} by {} ({})", role.word(), printable(name), key.public().fingerprint());
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
    if let Some(query) = &options.timestamp_request {
        ask(query, &path, &envelope)?;
    }
    Ok(Exit::Done)
}

/// Writes the query over a signature of this role that bears no time stamp.
fn unstamped(package: &Path, files: &BTreeMap<String, Vec<u8>>, role: Role, query: Option<&Path>) -> anyhow::Result<Exit> {
    let first = format!("{GROWING}{}-", role.word());
    let mut all = files.iter().filter(|(path, _)| path.starts_with(&first) && path.ends_with(sign_off::ENDING));
    let (Some((path, envelope)), Some(query)) = (all.find(|(path, _)| !files.contains_key(&time_stamp::path(path))), query) else {
        anyhow::bail!(
            "{} holds no signature as {} without a time stamp, and a time stamp is one of a signature: sign first, with --key",
            package.display(),
            role.word()
        );
    };
    ask(query, path, envelope)?;
    Ok(Exit::Done)
}

fn ask(query: &Path, path: &str, envelope: &[u8]) -> anyhow::Result<()> {
    std::fs::write(query, time_stamp::query(envelope)?).with_context(|| format!("{} cannot be written", query.display()))?;
    println!("query for a time stamp of {path}: {}", query.display());
    println!(
        "Send it to an authority, and add its reply with --timestamp-response: curl -H 'Content-Type: application/timestamp-query' --data-binary @{} -o reply.tsr URL",
        query.display()
    );
    Ok(())
}

/// Adds the token of a reply, if it is a good one for a signature that is there. Who may be trusted to stamp is the reader's to say.
fn stamp(package: &Path, files: &BTreeMap<String, Vec<u8>>, reply: &Path) -> anyhow::Result<Exit> {
    let bytes = std::fs::read(reply).with_context(|| format!("the reply {} cannot be read", reply.display()))?;
    let refused = |why: &dyn std::fmt::Display| {
        eprintln!("not added: the reply {} does not count: {}", reply.display(), printable(&why.to_string()));
        Ok(Exit::NotVerified)
    };
    let token = match time_stamp::token(&bytes) {
        Ok(token) => token,
        Err(why) => return refused(&why),
    };
    let signatures: Vec<_> = files.iter().filter(|(path, _)| path.starts_with(GROWING) && path.ends_with(sign_off::ENDING)).collect();
    let meant = signatures.iter().find(|(_, envelope)| time_stamp::stamps(&token, envelope));
    let Some((path, envelope)) = meant.or_else(|| signatures.first()) else {
        anyhow::bail!("{} holds no signature, and a time stamp is one of a signature: sign first, with --key", package.display());
    };
    let stamp = match time_stamp::read(&token, envelope) {
        Ok(stamp) => stamp,
        Err(why) => return refused(&why),
    };
    let target = time_stamp::path(path);
    if files.contains_key(&target) {
        anyhow::bail!("`{target}` is there already; remove the file to put another in its place");
    }
    one_file::add(package, files, &target, &token)
        .with_context(|| format!("the time stamp could not be added to {}", package.display()))?;
    println!("time stamp of {path}");
    println!("  existed by: {}", stamp.by);
    println!("  authority:  {}", printable(&stamp.authority.name));
    println!("  policy:     {}", stamp.policy);
    println!("  written:    {target} in {}", package.display());
    println!("Whether that authority is to be trusted, a reader's policy says: its root is pinned there, under [time-stamp].");
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
