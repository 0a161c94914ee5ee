//! The settings that a package brings: `tickmark.toml` and what it names; and a reader's policy. An input is files, each after a line
//! `==== PATH`.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tickmark::attest::policy::Policy;
use tickmark::load;
use tickmark_fuzz::{Files, below, fixture, frozen, parts, project, scratch, sow, told, whole};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| scratch("project"));

/// The largest file of a seed.
const FILE: usize = 6 << 10;

fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let small = |files: &mut Files| files.retain(|path, bytes| path.ends_with(".toml") && bytes.len() <= FILE);
    let mut inputs: Files =
        frozen("package.tar.gz").into_iter().filter_map(|(path, bytes)| Some((path.strip_prefix("inputs/")?.to_owned(), bytes))).collect();
    inputs.retain(|path, _| !path.starts_with("builtin/"));
    small(&mut inputs);
    found.push(whole(&inputs));
    for folder in ["examples", "tests/cases/load"] {
        for root in fs::read_dir(project(folder)).unwrap() {
            let root = root.unwrap().path();
            let name = root.file_name().unwrap().to_string_lossy().into_owned();
            let mut files: Files = below(&format!("{folder}/{name}"))
                .into_iter()
                .map(|path| {
                    (
                        path.strip_prefix(project(&format!("{folder}/{name}"))).unwrap().to_string_lossy().into_owned(),
                        fs::read(&path).unwrap(),
                    )
                })
                .collect();
            small(&mut files);
            found.push(whole(&files));
        }
    }
    let policy = Files::from([
        ("policy.toml".to_owned(), fixture("tests/frozen/1/policy.toml")),
        ("lindqvist.pub".to_owned(), fixture("tests/frozen/1/lindqvist.pub")),
        ("ledger.pub".to_owned(), fixture("tests/frozen/1/ledger.pub")),
        ("ec-root.pem".to_owned(), fixture("tests/cases/time-stamps/ec-root.pem")),
    ]);
    found.push(whole(&policy));
    found
}

fuzz_target!(
    init: sow("projects", seeds()),
    |data: &[u8]| {
        let Some(files) = parts(data) else { return };
        let inside = |path: &str| !path.split('/').any(|part| matches!(part, "" | "." | "..")) && !path.contains('\0');
        let _ = fs::remove_dir_all(&*FOLDER);
        fs::create_dir_all(&*FOLDER).unwrap();
        for (path, bytes) in files.iter().filter(|(path, _)| inside(path)).take(24) {
            let target = FOLDER.join(path);
            // A file may stand where a folder is needed, and a name be too long.
            let _ = target.parent().map(fs::create_dir_all);
            let _ = fs::write(target, bytes);
        }
        match load::packed(&FOLDER) {
            Ok((project, warnings)) => {
                assert!(!warnings.has_errors());
                told(&warnings);
                assert!(!project.name.is_empty() || project.text.contains("name"));
            }
            Err(problems) => {
                assert!(problems.has_errors(), "it is refused for no reason");
                told(&problems);
            }
        }
        if files.contains_key("policy.toml") {
            let _ = Policy::read(&FOLDER.join("policy.toml"));
        }
    }
);
