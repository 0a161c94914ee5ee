//! What ships with the program: controls, frameworks, source mappings. Named `builtin/…`, wherever a file is named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::files::toml_files;
use super::{control, framework};
use crate::model::control::Control;
use crate::model::diagnostic::Diagnostics;
use crate::model::framework::Framework;

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

/// Files that ship: (`builtin/offboarding/OFF-01-….toml`, text). Borrowed: this program ships it.
pub type Files = Vec<(String, Cow<'static, str>)>;

/// Everything that ships.
#[derive(Debug)]
pub struct Shipped {
    pub controls: Files,
    pub frameworks: Files,
    pub sources: Files,
}

/// The shipped controls, sorted by id, and frameworks.
pub fn shipped() -> (Vec<Control>, Vec<Framework>) {
    let (files, mut problems) = (Shipped::compiled(), Diagnostics::default());
    let frameworks: Vec<Framework> =
        files.frameworks.iter().filter_map(|(name, text)| framework::read(name, text, &mut problems)).collect();
    let ids: Vec<String> = frameworks.iter().map(|framework| framework.id.clone()).collect();
    let read = |(name, text): &(String, Cow<'static, str>)| control::read(name, text, &frameworks, &ids, &mut problems);
    let mut controls: Vec<Control> = files.controls.iter().filter_map(read).collect();
    controls.sort_by(|a, b| a.id.cmp(&b.id));
    (controls, frameworks)
}

impl Shipped {
    /// What this program ships.
    pub fn compiled() -> Shipped {
        Shipped { controls: named(&CONTROLS), frameworks: named(&FRAMEWORKS), sources: named(&SOURCES) }
    }

    /// What the program shipped that packed the inputs in this folder. A package holds every control that shipped, and only those frameworks and
    /// mappings that were in use: others are this program's.
    pub fn packed(root: &Path) -> Shipped {
        let compiled = Shipped::compiled();
        let frameworks = read(root, "frameworks").into_iter();
        let sources = read(root, "sources").into_iter();
        // One that is this program's, to the letter, is read as this program's.
        let known = |packed| compiled.controls.iter().find(|own| **own == packed).cloned().unwrap_or(packed);
        Shipped {
            controls: read(root, "controls").into_iter().map(known).collect(),
            frameworks: compiled.frameworks.into_iter().chain(frameworks).collect::<BTreeMap<_, _>>().into_iter().collect(),
            sources: compiled.sources.into_iter().chain(sources).collect::<BTreeMap<_, _>>().into_iter().collect(),
        }
    }
}

/// The packed files of one kind; one that cannot be read is not there, and what needs it says so.
fn read(root: &Path, kind: &str) -> Files {
    let folder = format!("builtin/{kind}");
    let paths = toml_files(root, &folder).unwrap_or_default();
    let text = |path: &String| std::fs::read_to_string(root.join(path)).ok();
    paths.iter().filter_map(|path| Some((path.replacen(&folder, "builtin", 1), Cow::Owned(text(path)?)))).collect()
}

fn named(folder: &'static Dir<'static>) -> Files {
    files(folder).into_iter().map(|(path, text)| (format!("builtin/{path}"), Cow::Borrowed(text))).collect()
}
