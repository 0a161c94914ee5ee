//! What the targets share: fixtures of the project as seeds, and what every diagnostic must be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tickmark::cli::diagnostics::{json, render};
use tickmark::model::diagnostic::Diagnostics;
use tickmark::model::project::Format;

/// A package's files.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Below the project.
#[must_use]
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A fixture.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn fixture(path: &str) -> Vec<u8> {
    fs::read(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of a folder and below it, sorted.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn below(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![project(folder)]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The frozen package, or the disclosure of it.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn frozen(name: &str) -> Files {
    tickmark::attest::package::files(&project("tests/frozen/1").join(name)).unwrap()
}

/// What an export of a format is called.
#[must_use]
pub fn name(format: Format) -> &'static str {
    match format {
        Format::Canonical | Format::Ndjson => "export.ndjson",
        Format::Csv => "export.csv",
        Format::Json => "export.json",
        Format::Yaml => "export.yaml",
        Format::Toml => "export.toml",
        Format::Lines => "export.txt",
        Format::Pem => "export.pem",
    }
}

/// Puts seeds into a target's corpus, before libFuzzer reads it.
///
/// # Panics
/// They cannot be written.
pub fn sow(target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).unwrap();
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number:04}")), seed).unwrap();
    }
}

/// A file of this process alone, in memory where there is such a place.
#[must_use]
pub fn scratch(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("tickmark-fuzz-{}-{name}", std::process::id()))
}

/// Every problem stands within its text, and can be told to people and to programs.
///
/// # Panics
/// It does not, or cannot.
pub fn told(diagnostics: &Diagnostics) {
    for diagnostic in &diagnostics.list {
        if let (Some(text), Some(span)) = (diagnostics.texts.get(&diagnostic.file), &diagnostic.span) {
            assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text: {diagnostic:?}");
        }
    }
    let _ = render(diagnostics, false);
    let _ = json(diagnostics);
}

/// Files, each after a line `==== PATH`; `None`: the first line is no such line.
#[must_use]
pub fn parts(data: &[u8]) -> Option<Files> {
    let mut files = Files::new();
    let mut at: Option<String> = None;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(path) = line.strip_prefix(b"==== ") {
            let path = String::from_utf8_lossy(path).trim_end().to_owned();
            files.entry(path.clone()).or_default();
            at = Some(path);
        } else {
            files.entry(at.clone()?).or_default().extend(line);
        }
    }
    Some(files)
}

/// The same the other way: every file ends with a line feed.
#[must_use]
pub fn whole<'f>(files: impl IntoIterator<Item = (&'f String, &'f Vec<u8>)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        out.extend(format!("==== {path}\n").into_bytes());
        out.extend(bytes);
        if bytes.last() != Some(&b'\n') {
            out.push(b'\n');
        }
    }
    out
}
