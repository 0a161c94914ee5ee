//! The package as a whole: the same bytes wherever it is made, and never half a package.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

pub const NOBODY: u32 = 65534;

fn tickmark() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tickmark"))
}

fn bank() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank")
}

/// Every file below a folder, by its path.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Copies a project, without an earlier report; `reversed`: its files are made in the opposite order.
pub fn copy(from: &Path, to: &Path, reversed: bool) {
    let mut files: Vec<(String, Vec<u8>)> = contents(from).into_iter().filter(|(path, _)| !path.starts_with("report/")).collect();
    if reversed {
        files.reverse();
    }
    for (path, bytes) in files {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let key = to.join(".tickmark/fingerprint.key");
    if key.exists() {
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

pub fn is_root() -> bool {
    let probe = crate::scratch::folder();
    chown(probe.path(), Some(NOBODY), None).is_ok()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_same_bytes_in_another_place() {
    let work = crate::scratch::folder();
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (here, there) = (work.path().join("here"), work.path().join("there/deeper"));
    copy(&bank(), &here, false);
    copy(&bank(), &there, true);

    let first = tickmark().args(["run", "--project"]).arg(&here).env("TZ", "UTC").env("LANG", "C").output().unwrap();
    assert!(first.status.success(), "{}", said(&first));

    let mut other = tickmark();
    other
        .args(["run", "--project", "deeper", "--out", "out"])
        .current_dir(work.path().join("there"))
        .env_clear()
        .env("TZ", "Asia/Kathmandu")
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("RAYON_NUM_THREADS", "1");
    if is_root() {
        give(&work.path().join("there"), NOBODY);
        other.uid(NOBODY).gid(NOBODY);
    } else {
        eprintln!("skipped: another user id, because this is not root");
    }
    let second = other.output().unwrap();
    assert!(second.status.success(), "{}", said(&second));

    let (first, second) = (contents(&here.join("report")), contents(&work.path().join("there/out")));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (path, bytes) in &first {
        assert!(second[path] == *bytes, "{path} differs");
    }
}

#[test]
fn the_checked_in_report_is_what_the_example_gives() {
    let work = crate::scratch::folder();
    let out = work.path().join("bank");
    let output = tickmark().args(["run", "--project"]).arg(bank()).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let expected = contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank"));
    let made = contents(&out);
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>(),
        "cargo run -- run --project examples/bank --out reports/bank"
    );
    for (path, bytes) in &expected {
        assert!(made[path] == *bytes, "{path} differs: cargo run -- run --project examples/bank --out reports/bank");
    }
}

/// What an auditor does who has nothing but the package: no key, no project, another folder.
#[test]
fn the_package_is_made_again_from_itself() {
    let work = crate::scratch::folder();
    let inputs = work.path().join("received");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank/inputs"), &inputs, true);
    let again = tickmark().args(["run", "--project"]).arg(&inputs).arg("--out").arg(work.path().join("again")).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    assert!(!inputs.join(".tickmark").exists(), "no secret is left that would need a key");
    let (expected, made) = (contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank")), contents(&work.path().join("again")));
    assert_eq!(expected.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    for (path, bytes) in &expected {
        assert!(made[path] == *bytes, "{path} differs");
    }
    // A digit more in the evidence is another report.
    let file = inputs.join("evidence/inventory/parties.csv");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("2026-04-02T09:00:00Z", "2026-07-02T09:00:00Z", 1)).unwrap();
    tickmark().args(["run", "--project"]).arg(&inputs).arg("--out").arg(work.path().join("again")).output().unwrap();
    assert!(contents(&work.path().join("again"))["assessment.json"] != expected["assessment.json"]);
}

/// Every file that the manifest names is there with its digest, and nothing else is.
fn assert_whole(package: &Path) {
    let files = contents(package);
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let named = manifest["files"].as_array().unwrap();
    assert_eq!(named.len() + 1, files.len());
    for file in named {
        let path = file["path"].as_str().unwrap();
        assert_eq!(file["sha256"].as_str().unwrap(), tickmark::model::digest::sha256(&files[path]), "{path}");
    }
}

#[test]
fn a_killed_run_leaves_the_old_package_or_the_new() {
    let work = crate::scratch::folder();
    let project = work.path().join("bank");
    copy(&bank(), &project, false);
    let run = |gate: &str| {
        let mut command = tickmark();
        command.args(["run", "--fail-on", gate, "--project"]).arg(&project);
        command
    };
    let started = std::time::Instant::now();
    run("none").output().unwrap();
    let whole = started.elapsed();
    assert_whole(&project.join("report"));
    for step in 0..4u32 {
        let mut child = run(if step % 2 == 0 { "critical" } else { "none" }).stdout(std::process::Stdio::null()).spawn().unwrap();
        // The last steps fall where the package is written.
        std::thread::sleep(whole.mul_f64(0.4 + 0.18 * f64::from(step)));
        let _ = child.kill();
        child.wait().unwrap();
        assert_whole(&project.join("report"));
    }
    std::thread::sleep(Duration::from_millis(1));
    run("none").output().unwrap();
    let left: Vec<String> =
        fs::read_dir(&project).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| !name.contains("tmp") && !name.contains("old")), "{left:?}");
}

#[test]
fn a_write_that_fails_leaves_the_old_package() {
    let work = crate::scratch::folder();
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let project = work.path().join("bank");
    copy(&bank(), &project, false);
    let out = work.path().join("out");
    fs::create_dir(&out).unwrap();
    let good = tickmark().args(["run", "--project"]).arg(&project).arg("--out").arg(out.join("report")).output().unwrap();
    assert!(good.status.success(), "{}", said(&good));
    let before = contents(&out.join("report"));

    // No file may grow beyond 8 blocks: what a full disk does, for anybody.
    let limited = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_tickmark"), "run", "--project"])
        .arg(&project)
        .arg("--out")
        .arg(out.join("report"))
        .output()
        .unwrap();
    assert_eq!(limited.status.code(), Some(2), "{}", said(&limited));
    assert!(said(&limited).contains("could not be written"), "{}", said(&limited));
    assert!(contents(&out) == before.iter().map(|(path, bytes)| (format!("report/{path}"), bytes.clone())).collect());

    if !is_root() {
        eprintln!("skipped: a read-only folder and a full disk, because this is not root");
        return;
    }
    give(&project, NOBODY);
    let refused =
        tickmark().args(["run", "--project"]).arg(&project).arg("--out").arg(out.join("report")).uid(NOBODY).gid(NOBODY).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("is read-only, so the report package was not written"), "{}", said(&refused));
    assert!(contents(&out.join("report")) == before);

    let disk = work.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&disk).output().is_ok_and(|o| o.status.success());
    if !mounted {
        eprintln!("skipped: a full disk, because no file system may be mounted here");
        return;
    }
    let full = tickmark().args(["run", "--project"]).arg(&project).arg("--out").arg(disk.join("report")).output().unwrap();
    let left = contents(&disk);
    Command::new("umount").arg(&disk).status().unwrap();
    assert_eq!(full.status.code(), Some(2), "{}", said(&full));
    assert!(said(&full).contains("the disk is full"), "{}", said(&full));
    assert!(left.is_empty(), "{:?}", left.keys());
}
