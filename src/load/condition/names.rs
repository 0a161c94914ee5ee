//! Names: columns of the subject or of a subquery's own row, and paths along references.

use std::ops::Range;

use super::lower::Lower;
use super::tokens::problem;
use crate::model::condition::{Path, Scope};
use crate::model::diagnostic::Code;
use crate::model::schema::{self, SCHEMA};

impl Lower<'_, '_> {
    /// Resolves a dotted name. Problems are reported; `None` then.
    pub fn path(&mut self, names: &[String], place: &Range<usize>) -> Option<Path> {
        let subject = &SCHEMA[self.table];
        let (first, rest) = names.split_first()?;
        let Some(child) = self.child.clone() else {
            if !rest.is_empty() && subject.column(first).is_none() && first == subject.name {
                return self.steps(Scope::Subject, self.table, rest, place);
            }
            return self.steps(Scope::Subject, self.table, names, place);
        };
        let own = &SCHEMA[child.table];
        if *first == child.alias && !rest.is_empty() {
            return self.steps(Scope::Child, child.table, rest, place);
        }
        if first == subject.name {
            if rest.is_empty() {
                let what =
                    if own.column(first).is_some() { format!("write `{}.{first}`", child.alias) } else { format!("write `{first}.id`") };
                self.report(problem(
                    Code::ConditionName,
                    format!("`{first}` is also the subject's table"),
                    place.clone(),
                    "qualify it",
                    &what,
                ));
                return None;
            }
            return self.steps(Scope::Subject, self.table, rest, place);
        }
        if own.column(first).is_some() {
            return self.steps(Scope::Child, child.table, names, place);
        }
        if subject.column(first).is_some() {
            let help = format!("write `{}.{}`", subject.name, names.join("."));
            self.report(problem(
                Code::ConditionName,
                format!("`{first}` is a column of `{}`, not of `{}`", subject.name, own.name),
                place.clone(),
                "qualify it",
                &help,
            ));
            return None;
        }
        self.steps(Scope::Child, child.table, names, place)
    }

    fn steps(&mut self, scope: Scope, table: usize, names: &[String], place: &Range<usize>) -> Option<Path> {
        let mut steps = Vec::with_capacity(names.len());
        let mut table = table;
        for (position, name) in names.iter().enumerate() {
            let Some(column) = SCHEMA[table].column(name) else {
                let known: Vec<&str> = SCHEMA[table].columns.iter().map(|column| column.name).collect();
                let help = nearest(name, &known).unwrap_or_else(|| format!("`{}` has {}", SCHEMA[table].name, known.join(", ")));
                self.report(problem(
                    Code::ConditionName,
                    format!("`{}` has no column `{name}`", SCHEMA[table].name),
                    place.clone(),
                    "unknown column",
                    &help,
                ));
                return None;
            };
            steps.push((table, column));
            if position + 1 < names.len() {
                let Some(next) = SCHEMA[table].columns[column].refers.and_then(schema::table) else {
                    self.report(problem(
                        Code::ConditionName,
                        format!(
                            "`{name}` of `{}` refers to no row, so `{}` cannot be read from it",
                            SCHEMA[table].name,
                            names[position + 1]
                        ),
                        place.clone(),
                        "not a reference",
                        "a path follows references only; docs/evidence.md lists them",
                    ));
                    return None;
                };
                table = next;
            }
        }
        Some(Path { scope, steps })
    }
}

/// True if a value at the end of the path may be `none`: some step of it may.
pub fn may_be_none(path: &Path) -> bool {
    path.steps.iter().any(|(table, column)| SCHEMA[*table].columns[*column].none)
}

/// ``did you mean `x`?`` for the nearest known name, if one is near.
pub fn nearest(name: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
