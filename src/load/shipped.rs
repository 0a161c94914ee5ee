//! What ships with the program: controls, frameworks, source mappings. Named `builtin/…`, wherever a file is named.

use include_dir::{Dir, include_dir};

static CONTROLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/controls");
static FRAMEWORKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/frameworks");
static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sources");

/// The TOML files of a folder and below it, sorted by path: (path, text).
fn files(folder: &'static Dir<'static>) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        open.extend(folder.dirs());
        for file in folder.files() {
            if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8())
                && path.ends_with(".toml")
            {
                found.push((path.replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

/// Every shipped control: (`builtin/offboarding/OFF-01-….toml`, text).
pub fn controls() -> Vec<(String, &'static str)> {
    named(&CONTROLS)
}

/// Every shipped framework.
pub fn frameworks() -> Vec<(String, &'static str)> {
    named(&FRAMEWORKS)
}

/// Every shipped source mapping.
pub fn sources() -> Vec<(String, &'static str)> {
    named(&SOURCES)
}

fn named(folder: &'static Dir<'static>) -> Vec<(String, &'static str)> {
    files(folder).into_iter().map(|(path, text)| (format!("builtin/{path}"), text)).collect()
}
