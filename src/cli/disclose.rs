//! `tickmark disclose`: a part of a package that proves itself.

use std::path::Path;

use anyhow::Context;

use super::args::DiscloseOptions;
use super::exit::Exit;
use super::one_file;
use super::summary::printable;
use crate::attest::disclosure::{self, Chosen};
use crate::attest::manifest::GROWING;
use crate::attest::package;

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
    let disclosure = disclosure::disclose(&files, &manifest, chosen)?;
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
