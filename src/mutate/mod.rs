//! Small wrong versions of a control: one part of its conditions changed by one step. A control's own tests should notice each.
//!
//! Which steps there are stands in `docs/conditions.md`, under *Mutants*. Nothing here judges; [`crate::cli`] runs the tests.

mod condition;
mod paths;

use crate::model::condition::Condition;
use crate::model::control::{Control, Param};
use crate::model::value::{Constant, Duration, Number, Time};

/// A control with one change.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was changed, and where: stable for as long as the condition stays as it is.
    pub what: String,
    pub control: Control,
}

/// Every mutant of a control, in the order of its conditions; no two of one name.
#[must_use]
pub fn mutants(control: &Control) -> Vec<Mutant> {
    let mut found: Vec<Mutant> = Vec::new();
    let mut add = |what: String, control: Control| {
        if found.iter().all(|there| there.what != what) {
            found.push(Mutant { what, control });
        }
    };
    let named = |place: &str, condition: &Condition, what: &str, at: usize| {
        let line = condition.text[..at.min(condition.text.len())].matches('\n').count() + 1;
        format!("{place} {line}: {what}")
    };
    if let Some(applies) = &control.applies {
        add("applies: dropped".to_owned(), Control { applies: None, ..control.clone() });
        for change in condition::changes(applies) {
            let mutant = Control { applies: Some(Condition { root: change.root, ..applies.clone() }), ..control.clone() };
            add(named("applies", applies, &change.what, change.at), mutant);
        }
    }
    for change in condition::changes(&control.assert) {
        let mutant = Control { assert: Condition { root: change.root, ..control.assert.clone() }, ..control.clone() };
        add(named("assert", &control.assert, &change.what, change.at), mutant);
    }
    for (name, param) in &control.params {
        for (what, value) in moved(param) {
            let mut mutant = control.clone();
            if let Some(param) = mutant.params.get_mut(name) {
                param.value = value;
            }
            add(format!("${name}: {what}"), mutant);
        }
    }
    found
}

/// A parameter one unit more or less, or a list without one of its members.
fn moved(param: &Param) -> Vec<(String, Constant)> {
    let both = |value: i64, unit: i64, make: fn(i64) -> Constant, word: &str| {
        [("more", unit), ("less", -unit)]
            .into_iter()
            .filter_map(|(way, by)| Some((format!("{word} {way}"), make(value.checked_add(by)?))))
            .collect()
    };
    match &param.value {
        Constant::Duration(length) => both(length.0, 1, |value| Constant::Duration(Duration(value)), "a microsecond"),
        Constant::Time(at) => both(at.0, 1, |value| Constant::Time(Time(value)), "a microsecond"),
        Constant::Number(number) => both(number.0, crate::model::value::ONE, |value| Constant::Number(Number(value)), "one"),
        Constant::Bool(yes) => vec![("negated".to_owned(), Constant::Bool(!yes))],
        Constant::List(items) => (0..items.len())
            .map(|at| {
                let mut fewer = items.clone();
                let gone = fewer.remove(at);
                (format!("without `{gone}`"), Constant::List(fewer))
            })
            .collect(),
        Constant::Text(_) => Vec::new(),
    }
}
