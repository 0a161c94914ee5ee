//! `tickmark export`: a package in the formats that other tools read; and `run --format`, which is the same right after a run.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::exit::Exit;
use super::one_file;
use super::summary::printable;
use crate::attest::package;
use crate::report::formats::{self, Export, Format, Options, Package};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark export reports/bank --format sarif --out tickmark.sarif
  tickmark export report.tar.gz --format oscal --out oscal")]
pub struct ExportOptions {
    /// The package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    /// sarif, junit, markdown and parquet are one file; oscal and csv are a folder of several.
    #[arg(long, value_name = "FORMAT", value_parser = format_word)]
    pub format: Format,
    /// Where it goes: a file, or a folder. Default: standard output, for what is one file of text.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// SARIF: an earlier package, against which each result is new, unchanged, updated or absent.
    #[arg(long, value_name = "PACKAGE")]
    pub baseline: Option<PathBuf>,
    /// SARIF: also a result for what passes and for what does not apply.
    #[arg(long)]
    pub all: bool,
}

/// `--format` of a run.
#[derive(Debug, Args)]
pub struct FormatOptions {
    /// Write the package in this format too: sarif, junit, oscal, csv, parquet or markdown; where, after a `=`. Default: beside the package, as `report.sarif`.
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = wanted, value_delimiter = ',')]
    pub format: Vec<Wanted>,
}

/// A format, and where it goes.
#[derive(Clone, Debug)]
pub struct Wanted {
    format: Format,
    path: Option<PathBuf>,
}

type Files = BTreeMap<String, Vec<u8>>;

/// Runs the command.
///
/// # Errors
/// The package cannot be read, the format cannot be had, or it cannot be written: exit 2.
pub fn export(options: &ExportOptions) -> anyhow::Result<Exit> {
    let Some((files, root)) = sound(&options.package)? else { return Ok(Exit::NotVerified) };
    let package = Package::read(&files, &root)?;
    let earlier = options.baseline.as_deref().map(sound).transpose()?;
    let Some(earlier) = earlier.map_or(Some(None), |earlier| earlier.map(Some)) else { return Ok(Exit::NotVerified) };
    let baseline = earlier.as_ref().map(|(files, root)| Package::read(files, root)).transpose()?;
    let export = formats::export(options.format, &package, Options { baseline: baseline.as_ref(), all: options.all })?;
    match (&export, &options.out) {
        (_, Some(out)) => write(&options.package, out, &export)?,
        (Export::File(bytes), None) if options.format != Format::Parquet => {
            std::io::stdout().lock().write_all(bytes).context("standard output could not be written")?;
        }
        _ => anyhow::bail!("{} is no text for standard output: say where it goes with --out PATH", options.format.word()),
    }
    Ok(Exit::Done)
}

/// A package whose files are those of its manifest, with the root; `None`: they are not, and that was said.
fn sound(path: &Path) -> anyhow::Result<Option<(Files, String)>> {
    let files = package::files(path)?;
    let manifest = package::manifest(path, &files)?;
    let differences = package::differences(&manifest, &files);
    if differences.is_empty() {
        return Ok(Some((files, manifest.root)));
    }
    eprintln!("nothing is exported: {} is not what its manifest says", path.display());
    differences.iter().take(5).for_each(|line| eprintln!("  - {}", printable(line)));
    Ok(None)
}

impl FormatOptions {
    /// Every format that was asked for, made from the files of a package; nothing is written yet.
    ///
    /// # Errors
    /// A format that cannot be had.
    pub fn made(&self, files: &Files, root: &str) -> anyhow::Result<Vec<(&Wanted, Export)>> {
        if self.format.is_empty() {
            return Ok(Vec::new());
        }
        let package = Package::read(files, root)?;
        self.format.iter().map(|wanted| Ok((wanted, formats::export(wanted.format, &package, Options::default())?))).collect()
    }

    /// Writes them; `package`: where the package is. Gives the places.
    ///
    /// # Errors
    /// One cannot be written; those before it are.
    pub fn write(made: &[(&Wanted, Export)], package: &Path) -> anyhow::Result<Vec<PathBuf>> {
        made.iter()
            .map(|(wanted, export)| {
                let out = wanted.path.clone().unwrap_or_else(|| beside(package, wanted.format));
                write(package, &out, export)?;
                Ok(out)
            })
            .collect()
    }
}

/// `report.sarif` beside `report` and `report.tar.gz`.
fn beside(package: &Path, format: Format) -> PathBuf {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    package.with_file_name(format!("{}.{}", name.strip_suffix(".tar.gz").unwrap_or(&name), format.ending()))
}

/// Writes a file, or the files of a folder in which nothing else lies, and never into the package.
fn write(package: &Path, out: &Path, export: &Export) -> anyhow::Result<()> {
    let within = |out: &Path| {
        let package = std::fs::canonicalize(package).ok();
        let there = out.ancestors().filter(|path| !path.as_os_str().is_empty()).find_map(|path| std::fs::canonicalize(path).ok());
        package.zip(there).is_some_and(|(package, there)| there.starts_with(package))
    };
    anyhow::ensure!(
        !within(out),
        "{} lies in the package, which would no longer be what its manifest says; give another path",
        out.display()
    );
    // Folders are made below the one where the user stands. Elsewhere a mistyped path would leave them where nobody looks.
    let below = out.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if let Some(folder) = out.parent().filter(|folder| !below && !folder.is_dir()) {
        anyhow::bail!("{} cannot be written: there is no folder {}; make it first", out.display(), folder.display());
    }
    match export {
        Export::File(_) if out.is_dir() => {
            anyhow::bail!("{} is a folder, and this format is one file: give the file's path", out.display())
        }
        Export::File(bytes) => one_file::replace(out, bytes)?,
        Export::Folder(_) if out.is_file() => {
            anyhow::bail!("{} is a file, and this format is a folder of files: give the folder's path", out.display())
        }
        Export::Folder(files) => folder(out, files).with_context(|| format!("{} could not be written", out.display()))?,
    }
    Ok(())
}

/// A file that is none of the export's would be taken for one of them.
fn folder(out: &Path, files: &Files) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    for entry in std::fs::read_dir(out)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        anyhow::ensure!(
            files.contains_key(&name),
            "it holds `{name}`, which this export does not write; move it away, or give another path"
        );
    }
    files.iter().try_for_each(|(name, bytes)| one_file::replace(&out.join(name), bytes))?;
    Ok(())
}

fn format_word(word: &str) -> Result<Format, String> {
    let known = || Format::ALL.map(Format::word).join(", ");
    Format::ALL
        .into_iter()
        .find(|format| format.word() == word)
        .ok_or_else(|| format!("there is no format `{word}`; there are {}", known()))
}

fn wanted(text: &str) -> Result<Wanted, String> {
    match text.split_once('=') {
        Some((_, "")) => Err(format!("`{text}` does not say where it goes")),
        Some((word, path)) => Ok(Wanted { format: format_word(word)?, path: Some(PathBuf::from(path)) }),
        None => Ok(Wanted { format: format_word(text)?, path: None }),
    }
}
