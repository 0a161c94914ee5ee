//! A condition: parsed, printed and parsed again, and judged on random evidence by the evaluator and by the slow reading of the same rules that
//! the suite has. An input is the name of a table, a line feed, and the condition.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tickmark::evaluate;
use tickmark::load;
use tickmark::load::condition::{Place, Problem, parse};
use tickmark::model::condition::{Condition, Kind, walk};
use tickmark::model::diagnostic::{Code, Level};
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::table::Evidence;
use tickmark::model::value::{Constant, Time};
use tickmark_fuzz::{scratch, sow};

#[path = "../../tests/suite/interpreter/mod.rs"]
mod interpreter;

#[path = "../../tests/suite/agreement/estate.rs"]
mod estate;
#[path = "../../tests/suite/agreement/maker.rs"]
mod maker;
#[path = "../../tests/suite/agreement/print.rs"]
mod print;
#[path = "../../tests/suite/agreement/subqueries.rs"]
mod subqueries;
#[path = "../../tests/suite/agreement/texts.rs"]
mod texts;

use estate::{AS_OF, Estate, Random};
use maker::{params, type_of};
use print::sql;

static CONTROLS: LazyLock<Vec<tickmark::model::control::Control>> = LazyLock::new(|| {
    let folder = scratch("project");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tickmark.toml"), "name = \"seeds\"\n").unwrap();
    let (project, _) = load::project(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    project.controls
});

/// Those of the suite, and of every control that ships.
static PARAMS: LazyLock<BTreeMap<String, Constant>> = LazyLock::new(|| {
    let mut all = params();
    for control in CONTROLS.iter() {
        for (name, param) in &control.params {
            all.entry(name.clone()).or_insert_with(|| param.value.clone());
        }
    }
    all
});
static TYPES: LazyLock<BTreeMap<String, Type>> =
    LazyLock::new(|| PARAMS.iter().map(|(name, value)| (name.clone(), type_of(value))).collect());

static EVIDENCE: LazyLock<Vec<Evidence>> = LazyLock::new(|| {
    let random = |seed: u64| Estate::random(&mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))).evidence();
    (1..=32).map(random).collect()
});

fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for control in CONTROLS.iter() {
        for condition in control.applies.iter().chain([&control.assert]) {
            found.push(format!("{}\n{}", SCHEMA[condition.table].name, condition.text).into_bytes());
        }
    }
    for seed in 1..300_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let subject = random.below(SCHEMA.len());
        let condition = maker::Maker::new(&mut random, subject, true, false).condition(3);
        found.push(format!("{}\n{}", SCHEMA[condition.table].name, condition.text).into_bytes());
    }
    found
}

fn stand(problems: &[Problem], text: &str) {
    for problem in problems {
        assert!(text.get(problem.span.clone()).is_some(), "{:?} is no part of the text: {problem:?}", problem.span);
        assert!(!problem.message.is_empty());
    }
}

/// A quote in a text cannot be printed by the suite's printer, and has no need to be.
fn printable(condition: &Condition) -> bool {
    let mut fine = true;
    walk(&condition.root, &mut |node| {
        let plain = |text: &str| !text.contains('\'');
        fine &= match &node.kind {
            Kind::Literal(Constant::Text(text)) => plain(text),
            Kind::Like { pattern, .. } | Kind::RegexpLike { pattern, .. } => plain(pattern),
            _ => true,
        };
    });
    fine
}

fn judged(condition: &Condition, evidence: &Evidence) {
    let (fast, slow) = (
        evaluate::verdicts(None, condition, evidence, Time(AS_OF), &PARAMS),
        interpreter::verdicts(None, condition, evidence, Time(AS_OF), &PARAMS),
    );
    if let Ok(fast) = &fast {
        assert_eq!(*fast, slow, "left the evaluator, right the interpreter");
    }
    if !printable(condition) {
        return;
    }
    let printed = sql(&condition.root, condition.table);
    let place = [Place::Assert, Place::Applies].map(|place| parse(&printed, condition.table, &TYPES, place));
    match place {
        [Ok((again, _)), _] | [_, Ok((again, _))] => {
            let again = evaluate::verdicts(None, &again, evidence, Time(AS_OF), &PARAMS);
            assert_eq!(fast.ok(), again.ok(), "printed and parsed again it is another: {printed}");
        }
        // It may be longer and deeper than what it was printed from.
        [Err(problems), _] => {
            let beyond = problems.iter().any(|problem| problem.code == Code::ConditionLimit);
            assert!(beyond, "printed it is refused: {printed}\n{problems:?}");
        }
    }
}

fuzz_target!(
    init: sow("conditions", seeds()),
    |data: &[u8]| {
        let Ok(input) = std::str::from_utf8(data) else { return };
        let Some((name, text)) = input.split_once('\n') else { return };
        let subject = table(name).unwrap_or(name.len() % SCHEMA.len());
        for place in [Place::Assert, Place::Applies] {
            match parse(text, subject, &TYPES, place) {
                Err(problems) => {
                    stand(&problems, text);
                    assert!(problems.iter().any(|problem| problem.level == Level::Error), "it is refused for no reason");
                }
                Ok((condition, warnings)) => {
                    stand(&warnings, text);
                    walk(&condition.root, &mut |node| {
                        assert!(node.id < condition.nodes && text.get(node.span.clone()).is_some(), "{:?}", node.span);
                    });
                    judged(&condition, &EVIDENCE[text.len() % EVIDENCE.len()]);
                    break;
                }
            }
        }
    }
);
