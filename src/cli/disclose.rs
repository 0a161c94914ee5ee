//! `tickmark disclose`: a part of a package that proves itself.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::exit::Exit;
use super::named::hint;
use super::one_file;
use super::summary::printable;
use crate::attest::disclosure::{self, Chosen, DisclosureError};
use crate::attest::manifest::GROWING;
use crate::attest::package;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark disclose report --control OFF-01 --subject kong:partner-gw:key-auth/old-partner --out disclosed
  tickmark disclose report --control INV-01 --redact owner --out inv-01.tar.gz")]
pub struct DiscloseOptions {
    /// The package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// A control to show, with its counts and parameters.
    #[arg(long, value_name = "ID", required = true)]
    pub control: Vec<String>,
    /// A subject to show, as the report prints it. Default: every subject of the controls.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Vec<String>,
    /// Withhold what was read of this column, or the field `subject`, `reasons`, `reason` or `evidence`, and all that repeats it.
    #[arg(long, value_name = "COLUMN")]
    pub redact: Vec<String>,
    /// Where the disclosure goes: a new folder, or a file that ends in .tar.gz.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
}

/// The input that may hold a salt.
const SETTINGS: &str = "inputs/tickmark.toml";

/// Runs the command.
///
/// # Errors
/// The package cannot be read, what is asked for is not in it, or the disclosure cannot be written: exit 2.
pub fn disclose(options: &DiscloseOptions) -> anyhow::Result<Exit> {
    let files = package::files(&options.package)?;
    let manifest = package::manifest(&options.package, &files)?;
    let differences = package::differences(&manifest, &files);
    if !differences.is_empty() {
        eprintln!("nothing is disclosed: the package is not what its manifest says");
        differences.iter().take(5).for_each(|line| eprintln!("  - {}", printable(line)));
        return Ok(Exit::NotVerified);
    }
    let chosen = Chosen { controls: &options.control, subjects: &options.subject, withheld: &options.redact };
    let disclosure = disclosure::disclose(&files, &manifest, chosen).map_err(|error| match &error {
        DisclosureError::Control(id) => {
            let judged = files.keys().filter_map(|path| path.strip_prefix("populations/")?.strip_suffix(".csv"));
            let help = hint(id, judged, "its populations/ has a file for each control");
            anyhow::Error::msg(format!("{error}; {help}"))
        }
        _ => error.into(),
    })?;
    let mut out: std::collections::BTreeMap<String, Vec<u8>> =
        files.iter().filter(|(path, _)| path.starts_with(GROWING)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
    out.insert(disclosure::PATH.to_owned(), serde_json_canonicalizer::to_vec(&disclosure)?);
    one_file::write_new(&options.out, &out).with_context(|| format!("the disclosure could not be written to {}", options.out.display()))?;
    let count = |kind: &str| disclosure.shown.iter().filter(|shown| shown.kind == kind).count();
    println!(
        "disclosed: {} of {} leaves, {} verdicts and {} findings, to {}",
        disclosure.shown.len(),
        disclosure.leaves,
        count("verdict"),
        count("finding"),
        options.out.display()
    );
    if !salted(files.get(SETTINGS).map_or(&[][..], Vec::as_slice)) {
        println!(
            "note: the salts rest on the inputs alone. Whoever could guess all of them but one value could confirm that one: put `salt = \"…\"` into \
             {} and run again, if that may be",
            Path::new(SETTINGS).file_name().unwrap_or_default().display()
        );
    }
    Ok(Exit::Done)
}

fn salted(settings: &[u8]) -> bool {
    std::str::from_utf8(settings).ok().and_then(|text| text.parse::<toml::Table>().ok()).is_some_and(|table| table.contains_key("salt"))
}
