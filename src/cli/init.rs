//! `tickmark init`: a project to begin with.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::exit::Exit;
use super::schema;
use crate::evidence::FingerprintKey;
use crate::load;
use crate::model::project::{Declared, Format, SourceMapping};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark init nhi
  tickmark init nhi --with aws,kubernetes,kong")]
pub struct InitOptions {
    /// The folder that becomes a project; made if it is not there.
    #[arg(value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Sources to begin with: kinds (`kong-deck`), or whoever makes them (`aws`, `kubernetes`, `kong`), with commas. `tickmark source list` lists the kinds.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub with: Vec<String>,
}

/// What a new project holds: path → text.
const FILES: [(&str, &str); 5] = [
    (SETTINGS, include_str!("../../templates/project/tickmark.toml")),
    (".gitignore", include_str!("../../templates/project/gitignore")),
    ("evidence/identities.csv", include_str!("../../templates/project/identities.csv")),
    ("evidence/parties.csv", include_str!("../../templates/project/parties.csv")),
    // Not called `.toml`: an example is no exception of anybody's, and no report should list it.
    ("waivers/example.toml.txt", include_str!("../../templates/project/waiver.toml")),
];

/// The schemas that their first lines name.
const SCHEMAS: [&str; 2] = ["tickmark", "waiver"];

const SETTINGS: &str = "tickmark.toml";

/// Runs the command.
///
/// # Errors
/// Something of that name is there already, or no source is called as `--with` says: nothing is overwritten, and nothing is written. Exit 2.
pub fn init(options: &InitOptions) -> anyhow::Result<Exit> {
    let root = &options.project;
    if let Some((path, _)) = FILES.iter().find(|(path, _)| root.join(path).symlink_metadata().is_ok()) {
        bail!("{} is there already; `init` overwrites nothing: give it a folder of its own", root.join(path).display());
    }
    let sources = sources(&options.with)?;
    for (path, text) in FILES {
        let text = if path == SETTINGS { format!("{text}{sources}") } else { text.to_owned() };
        let target = root.join(path);
        fs::create_dir_all(target.parent().unwrap_or(root)).with_context(|| format!("{} cannot be made", root.display()))?;
        let written = fs::File::create_new(&target).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.with_context(|| format!("{} cannot be written", target.display()))?;
    }
    let schemas = SCHEMAS.map(|kind| schema::beside(root, kind)).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let key = FingerprintKey::of(root);
    let made = key.ensure()?;
    // Whatever becomes of the project's own .gitignore, the key stays out.
    match fs::File::create_new(root.join(".tickmark/.gitignore")).and_then(|mut file| std::io::Write::write_all(&mut file, b"*\n")) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).context("the key's folder cannot be kept out of version control");
        }
        _ => {}
    }
    for path in FILES.iter().map(|(path, _)| root.join(path)).chain(schemas.into_iter().flatten()) {
        println!("made {}", path.display());
    }
    let place = root.join(".tickmark/fingerprint.key");
    println!("{} {}: keep it, and keep it to yourself", if made { "made" } else { "kept" }, place.display());
    println!("\nNext: name your exports in {}, then", root.join("tickmark.toml").display());
    println!("  tickmark run --project {}", root.display());
    Ok(Exit::Done)
}

/// A `[[source]]` for each kind that is named, by itself or by who makes it.
fn sources(names: &[String]) -> anyhow::Result<String> {
    let shipped = load::shipped_mappings();
    let deployed = |mapping: &&SourceMapping| mapping.state == Declared::Deployed && mapping.format != Format::Canonical;
    let mut text = String::new();
    for name in names {
        let exact: Vec<&SourceMapping> = shipped.iter().filter(|mapping| mapping.kind == *name).collect();
        let of_maker = |mapping: &&SourceMapping| {
            mapping.collect.is_some()
                && mapping.kind.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        // Whoever names a maker wants what can be collected of it.
        let chosen: Vec<&SourceMapping> = match exact.is_empty() {
            true => shipped.iter().filter(deployed).filter(of_maker).collect(),
            false => exact,
        };
        if chosen.is_empty() {
            let makers = shipped.iter().filter(deployed).filter_map(|mapping| mapping.kind.split('-').next());
            let near = load::nearest(name, shipped.iter().map(|mapping| mapping.kind.as_str()).chain(makers));
            let help = if near.is_empty() { "`tickmark source list` lists them".to_owned() } else { near };
            bail!("--with {name}: no shipped source is called so; {help}");
        }
        chosen.into_iter().for_each(|mapping| text += &source(mapping));
    }
    Ok(text)
}

fn source(mapping: &SourceMapping) -> String {
    let kind = &mapping.kind;
    let (said, exports) = match &mapping.collect {
        Some(collect) => {
            let permissions = collect.permissions.join(", ");
            (format!("Collected with `{}`, which must be allowed: {permissions}", collect.tool), "command = \"suggested\"\n".to_owned())
        }
        None => {
            let ending = match mapping.format {
                Format::Ndjson => "ndjson",
                Format::Csv => "csv",
                Format::Yaml => "yaml",
                Format::Pem => "pem",
                Format::Toml => "toml",
                Format::Lines => "txt",
                Format::Json | Format::Canonical => "json",
            };
            ("Put the export here".to_owned(), format!("path = \"evidence/{kind}.{ending}\"\n"))
        }
    };
    format!(
        "\n# {}. {said}.\n[[source]]\nkind = \"{kind}\"\n{exports}# systems = [\"…\"]                             # what it must yield to be called complete\n",
        mapping.title.trim_end_matches('.')
    )
}
