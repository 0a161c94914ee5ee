//! `tickmark schema`: JSON Schemas of the TOML files, for editors, and of what a package holds, for programs.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::named::hint;
use super::one_file;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark schema control
  tickmark schema --out schemas")]
pub struct SchemaOptions {
    /// tickmark, control, waiver, attestation, baseline, mappings, framework, source, policy; of a package: assessment-1, finding-1, manifest-1. Default: their names.
    #[arg(value_name = "KIND", conflicts_with = "out")]
    pub kind: Option<String>,
    /// Write all of them into this folder, as KIND.schema.json.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Kind → schema. A test holds each against what the loader knows, or what a package holds, both ways.
pub const SCHEMAS: [(&str, &str); 12] = [
    ("tickmark", include_str!("../../schemas/tickmark.schema.json")),
    ("control", include_str!("../../schemas/control.schema.json")),
    ("waiver", include_str!("../../schemas/waiver.schema.json")),
    ("attestation", include_str!("../../schemas/attestation.schema.json")),
    ("baseline", include_str!("../../schemas/baseline.schema.json")),
    ("mappings", include_str!("../../schemas/mappings.schema.json")),
    ("framework", include_str!("../../schemas/framework.schema.json")),
    ("source", include_str!("../../schemas/source.schema.json")),
    ("policy", include_str!("../../schemas/policy.schema.json")),
    ("assessment-1", include_str!("../../schemas/assessment-1.schema.json")),
    ("finding-1", include_str!("../../schemas/finding-1.schema.json")),
    ("manifest-1", include_str!("../../schemas/manifest-1.schema.json")),
];

/// Runs the command.
///
/// # Errors
/// There is no such kind, or the folder cannot be written.
pub fn schema(options: &SchemaOptions) -> anyhow::Result<Exit> {
    match (&options.out, &options.kind) {
        (Some(folder), _) => write(folder)?,
        (None, Some(kind)) => {
            let Some((_, text)) = SCHEMAS.iter().find(|(known, _)| known == kind) else {
                let all = SCHEMAS.map(|(kind, _)| kind);
                anyhow::bail!("there is no schema `{kind}`; {}", hint(kind, all, &format!("there are {}", all.join(", "))));
            };
            print!("{text}");
        }
        (None, None) => SCHEMAS.iter().for_each(|(kind, _)| println!("{kind}")),
    }
    Ok(Exit::Done)
}

/// What the first line of a new file names, relative to the file; `path`: of the file, below the project.
pub fn directive(kind: &str, path: &Path) -> String {
    let up = match path.components().count() {
        0 | 1 => "./".to_owned(),
        parts => "../".repeat(parts - 1),
    };
    format!("#:schema {up}{FOLDER}/{}\n", file_name(kind))
}

/// Writes a schema into the project where there is none, so that editors need no network; gives its path where it was made.
///
/// # Errors
/// It cannot be written.
pub fn beside(root: &Path, kind: &str) -> anyhow::Result<Option<PathBuf>> {
    let path = root.join(FOLDER).join(file_name(kind));
    if path.exists() {
        return Ok(None);
    }
    let text = SCHEMAS.iter().find(|(known, _)| *known == kind).map_or("", |(_, text)| text);
    one_file::replace(&path, text.as_bytes())?;
    Ok(Some(path))
}

/// The folder of a project that holds its schemas.
const FOLDER: &str = "schemas";

fn file_name(kind: &str) -> String {
    format!("{kind}.schema.json")
}

fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (kind, text) in SCHEMAS {
        let path = folder.join(file_name(kind));
        one_file::replace(&path, text.as_bytes())?;
        println!("{}", path.display());
    }
    Ok(())
}
