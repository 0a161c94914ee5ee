//! A control: its TOML, its conditions, its parameters, and its tests, judged.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tickmark::cli::run_tests;
use tickmark::load;
use tickmark::model::control::Control;
use tickmark::model::diagnostic::Diagnostics;
use tickmark::model::framework::Framework;
use tickmark::mutate::mutants;
use tickmark_fuzz::{below, sow, told};

/// How many of a control's tests are run, and how many of its mutants: each costs as much as reading the control.
const TESTS: usize = 2;
const MUTANTS: usize = 2;

static FRAMEWORKS: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let read = |text: String| load::framework("framework.toml", &text, &mut Diagnostics::default()).unwrap();
    below("frameworks").into_iter().map(text).map(read).collect()
});
static SELECTED: LazyLock<Vec<String>> = LazyLock::new(|| FRAMEWORKS.iter().map(|framework| framework.id.clone()).collect());

fn read(text: &str) -> (Option<Control>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let control = load::control("control.toml", text, &FRAMEWORKS, &SELECTED, &mut diagnostics);
    (control.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn seeds() -> Vec<Vec<u8>> {
    let files = below("controls").into_iter().chain(below("tests/cases/load"));
    files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).map(|path| std::fs::read(path).unwrap()).collect()
}

fuzz_target!(
    init: sow("controls", seeds()),
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let _ = load::framework("framework.toml", text, &mut Diagnostics::default());
        let (control, diagnostics) = read(text);
        told(&diagnostics);
        let Some(mut control) = control else {
            return;
        };
        assert_eq!(control.text, text, "a package holds it as it was read");
        control.tests.truncate(TESTS);
        let before = run_tests(std::slice::from_ref(&control)).ok();
        assert_eq!(before, run_tests(std::slice::from_ref(&control)).ok(), "judged again it is another");
        for mutant in mutants(&control).into_iter().step_by(1 + data.len() % 7).take(MUTANTS) {
            let _ = run_tests(std::slice::from_ref(&mutant.control));
        }
    }
);
