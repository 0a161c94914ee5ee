//! The files of a project: read whole, never from outside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::reader::{At, Keys};
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};

/// The file that makes a folder a project.
pub const FILE: &str = "tickmark.toml";
/// The largest TOML file.
const LIMIT: u64 = 4 << 20;

fn whole_file(code: Code, file: &str, message: String, help: &str) -> Diagnostic {
    Diagnostic { code, level: Level::Error, message, file: file.to_owned(), span: None, label: String::new(), help: help.to_owned() }
}

/// The text of a file of the project; what stops it is reported.
pub fn read_text(root: &Path, path: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let full = root.join(path);
    let mut fault = |code, message: String, help: &str| {
        diagnostics.list.push(whole_file(code, path, message, help));
        None
    };
    let inside = |full: &Path| -> std::io::Result<bool> { Ok(full.canonicalize()?.starts_with(root.canonicalize()?)) };
    match inside(&full) {
        Ok(true) => {}
        Ok(false) => {
            return fault(
                Code::OutsideProject,
                "the file lies outside the project".to_owned(),
                "copy it into the project: a package holds all that it was made from",
            );
        }
        Err(error) if error.kind() == ErrorKind::NotFound && path == FILE => {
            let help = format!("a project is a folder with a {FILE}; name it with --project");
            return fault(Code::Unreadable, format!("{} does not exist", full.display()), &help);
        }
        Err(error) => return fault(Code::Unreadable, format!("cannot be read: {error}"), ""),
    }
    match fs::metadata(&full) {
        Ok(meta) if meta.len() > LIMIT => {
            return fault(Code::Unreadable, format!("the file is {} bytes, more than {LIMIT}", meta.len()), "");
        }
        Ok(meta) if !meta.is_file() => return fault(Code::Unreadable, "not a file".to_owned(), ""),
        _ => {}
    }
    match fs::read(&full).map(String::from_utf8) {
        Ok(Ok(text)) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Ok(Err(error)) => fault(Code::Unreadable, format!("not UTF-8, from byte {}", error.utf8_error().valid_up_to()), "save it as UTF-8"),
        Err(error) => fault(Code::Unreadable, format!("cannot be read: {error}"), ""),
    }
}

/// The largest document behind an attestation or approval: it is packed with the evidence.
const DOCUMENT: u64 = 64 << 20;

/// The bytes of a document of the project.
///
/// # Errors
/// The rest of a sentence that starts with its path.
pub fn bytes(root: &Path, path: &str) -> Result<Vec<u8>, String> {
    let full = root.join(path);
    let real = full.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => "is not there".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if !root.canonicalize().is_ok_and(|root| real.starts_with(root)) {
        return Err("lies outside the project".to_owned());
    }
    match fs::metadata(&real) {
        Ok(meta) if !meta.is_file() => Err("is not a file".to_owned()),
        Ok(meta) if meta.len() > DOCUMENT => Err(format!("is {} bytes, more than {DOCUMENT}", meta.len())),
        _ => fs::read(&real).map_err(|error| format!("cannot be read: {error}")),
    }
}

/// True for a path that stays below the project as it is written.
pub fn stays_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

pub fn outside(keys: &Keys<'_, '_>, path: &At<String>) {
    let message = format!("`{}` is no path below the project", path.value);
    keys.file.error(
        Code::OutsideProject,
        &path.span,
        message,
        "expected a relative path without `..`",
        "copy the file into the project, and name it from there with `/`",
    );
}

/// The .toml files of a folder and below it, sorted, as paths below the project; or the one file that is named.
///
/// # Errors
/// It cannot be read, or holds a folder that is a link: it is not followed, as it may lead outside or in a circle, and not passed over,
/// as what it holds would then be missed.
pub fn toml_files(root: &Path, path: &str) -> std::io::Result<Vec<String>> {
    let full = root.join(path);
    if fs::metadata(&full)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(path)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_symlink() && !fs::metadata(root.join(&path)).is_ok_and(|there| there.is_file()) {
                let message =
                    format!("{} is a link, and to no file; links to folders are not followed: put the folder there", path.display());
                return Err(std::io::Error::other(message));
            } else if let Some(text) = path.to_str().filter(|text| text.ends_with(".toml")) {
                found.push(text.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
