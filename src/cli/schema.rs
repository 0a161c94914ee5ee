//! `tickmark schema`: JSON Schemas of the TOML files, for editors.

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
    /// tickmark, control, waiver, mappings, framework, source or policy. Default: their names.
    #[arg(value_name = "KIND", conflicts_with = "out")]
    pub kind: Option<String>,
    /// Write all of them into this folder, as KIND.schema.json.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Kind → schema. A test holds each against what the loader knows, both ways.
pub const SCHEMAS: [(&str, &str); 7] = [
    ("tickmark", include_str!("../../schemas/tickmark.schema.json")),
    ("control", include_str!("../../schemas/control.schema.json")),
    ("waiver", include_str!("../../schemas/waiver.schema.json")),
    ("mappings", include_str!("../../schemas/mappings.schema.json")),
    ("framework", include_str!("../../schemas/framework.schema.json")),
    ("source", include_str!("../../schemas/source.schema.json")),
    ("policy", include_str!("../../schemas/policy.schema.json")),
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

fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (kind, text) in SCHEMAS {
        let path = folder.join(format!("{kind}.schema.json"));
        one_file::replace(&path, text.as_bytes())?;
        println!("{}", path.display());
    }
    Ok(())
}
