//! `tickmark init`: a project to begin with.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::exit::Exit;
use crate::evidence::FingerprintKey;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark init nhi")]
pub struct InitOptions {
    /// The folder that becomes a project; made if it is not there.
    #[arg(value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

/// What a new project holds: path → text.
const FILES: [(&str, &str); 5] = [
    ("tickmark.toml", include_str!("../../templates/project/tickmark.toml")),
    // `#:schema` in the settings names it: beside them it is there for everybody, without a network.
    ("schemas/tickmark.schema.json", include_str!("../../schemas/tickmark.schema.json")),
    (".gitignore", include_str!("../../templates/project/gitignore")),
    ("evidence/identities.csv", include_str!("../../templates/project/identities.csv")),
    ("evidence/parties.csv", include_str!("../../templates/project/parties.csv")),
];

/// Runs the command.
///
/// # Errors
/// Something of that name is there already: nothing is overwritten, and nothing is written. Exit 2.
pub fn init(options: &InitOptions) -> anyhow::Result<Exit> {
    let root = &options.project;
    if let Some((path, _)) = FILES.iter().find(|(path, _)| root.join(path).symlink_metadata().is_ok()) {
        bail!("{} is there already; `init` overwrites nothing: give it a folder of its own", root.join(path).display());
    }
    for (path, text) in FILES {
        let target = root.join(path);
        fs::create_dir_all(target.parent().unwrap_or(root)).with_context(|| format!("{} cannot be made", root.display()))?;
        let written = fs::File::create_new(&target).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.with_context(|| format!("{} cannot be written", target.display()))?;
    }
    let key = FingerprintKey::of(root);
    let made = key.ensure()?;
    // Whatever becomes of the project's own .gitignore, the key stays out.
    match fs::File::create_new(root.join(".tickmark/.gitignore")).and_then(|mut file| std::io::Write::write_all(&mut file, b"*\n")) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).context("the key's folder cannot be kept out of version control");
        }
        _ => {}
    }
    for (path, _) in FILES {
        println!("made {}", root.join(path).display());
    }
    let place = root.join(".tickmark/fingerprint.key");
    println!("{} {}: keep it, and keep it to yourself", if made { "made" } else { "kept" }, place.display());
    println!("\nNext: name your exports in {}, then", root.join("tickmark.toml").display());
    println!("  tickmark run --project {}", root.display());
    Ok(Exit::Done)
}
