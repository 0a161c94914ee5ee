//! The command line's documented examples run: those of the README, and what `--help` shows.

use std::process::Command;

#[test]
fn the_readme_shows_what_happens() {
    trycmd::TestCases::new().case("README.md").case("examples/seed-mapping/README.md");
}

/// The README's control, as it stands there, is accepted and its test holds.
#[test]
fn the_readmes_control_holds() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let control = readme.split("```toml\n").find(|block| block.starts_with("id = ")).unwrap().split("```").next().unwrap();
    let folder = crate::scratch::folder();
    std::fs::create_dir(folder.path().join("controls")).unwrap();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"own\"\ncontrols = [\"controls\"]\n").unwrap();
    std::fs::write(folder.path().join("controls/BANK-02.toml"), control).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["test", "--project"]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(said, "controls: 1; tests that hold: 1 of 1\n");
}

/// `.ci/run` calls the README's own test command.
#[test]
fn the_readmes_test_command_is_the_one_that_counts() {
    let read = |name: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    assert!(read("README.md").contains("```sh\ncargo test\n```"));
    assert!(read(".ci/run").lines().any(|line| line == "cargo test"));
}
