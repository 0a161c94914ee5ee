//! When "there is no such row" is known: complete tables, and complete logs of every system that would have seen it
//! (SEMANTICS §4.4).

use arrow_array::{Array, UInt32Array};
use arrow_buffer::BooleanBuffer;

use super::LimitError;
use super::expr::{Evaluator, Frame};
use super::world::{Rows, World, at, key_text};
use crate::model::assessment::{Cause, Reason};
use crate::model::condition::{Kind, Node, Op, Scope, Subquery};
use crate::model::schema::{EVENT_TYPES, SCHEMA};
use crate::model::table::{Gap, Table, Why};
use crate::model::value::{Constant, FAR, State, Time};

/// What a subquery over events would have to be silent about: one window per subject.
struct Windows {
    /// `None`: no known lower bound.
    from: Vec<Option<i64>>,
    until: Vec<i64>,
    types: Vec<&'static str>,
}

/// Whether a log must be looked into, and whose.
enum Whose {
    /// Every system of the evidence.
    All,
    /// The reach of the credential (`true`) or identity that the parent's key names.
    Of { credential: bool, rows: Vec<Option<usize>> },
}

/// The subjects for which a missing row is surely not there.
///
/// # Errors
/// A bound could not be evaluated within the limits.
pub fn proven(evaluator: &mut Evaluator, query: &Subquery) -> Result<BooleanBuffer, LimitError> {
    let world = evaluator.world;
    let rows = evaluator.frame.len;
    if !SCHEMA[query.table].is_log() {
        let complete = world.table(query.table).is_complete(world.fresh_only);
        return Ok(if complete { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) });
    }
    let windows = windows(evaluator, query)?;
    let whose = whose(world, query, subjects(evaluator));
    // Per system, where all the types are covered at once.
    let covered: Vec<Vec<(i64, i64)>> = world.evidence.systems.iter().map(|system| stretches(world, system, &windows.types)).collect();
    let inside = |system: u32, from: i64, until: i64| {
        world.evidence.logs.everything
            || covered.get(system as usize).is_some_and(|known| {
                let next = known.partition_point(|(start, _)| *start <= from);
                next > 0 && until <= known[next - 1].1
            })
    };
    let all: Vec<u32> = (0..u32::try_from(covered.len()).unwrap_or(u32::MAX)).collect();
    Ok(BooleanBuffer::collect_bool(rows, |row| {
        let Some(from) = windows.from[row] else { return false };
        let until = windows.until[row];
        if from >= FAR || until <= -FAR || from > until {
            return true;
        }
        let systems = match &whose {
            Whose::All => Some(&all),
            Whose::Of { credential, rows } => rows[row].and_then(|named| {
                let reach = if *credential { &world.reach().credential } else { &world.reach().identity };
                reach[named].as_ref()
            }),
        };
        from > -FAR && systems.is_some_and(|systems| !systems.is_empty() && systems.iter().all(|system| inside(*system, from, until)))
    }))
}

/// Why absence is not proven for one subject (a row of its table), in words that name what would settle it.
///
/// # Errors
/// A bound could not be evaluated within the limits.
pub fn why(
    world: &World,
    params: &std::collections::BTreeMap<String, Constant>,
    query: &Subquery,
    table: usize,
    row: usize,
) -> Result<Vec<Reason>, LimitError> {
    let schema = &SCHEMA[query.table];
    if !schema.is_log() {
        return Ok(world.table(query.table).gaps.iter().map(|gap| gap_reason(schema.name, gap)).collect());
    }
    let index = UInt32Array::from(vec![u32::try_from(row).unwrap_or(u32::MAX)]);
    let subject = Rows { table, index: Some(&index), len: 1 };
    let mut evaluator = Evaluator::new(world, params, Frame { subject: Some(subject), child: None, len: 1 });
    let windows = windows(&mut evaluator, query)?;
    let reason = |detail: String| vec![Reason { word: "no-log", detail, cause: Cause::Said }];
    let Some(from) = windows.from[0].filter(|from| *from > -FAR) else {
        return Ok(reason("the start of the window in which nothing may have happened is not known".to_owned()));
    };
    let until = windows.until[0];
    let what = if windows.types.len() == EVENT_TYPES.len() { "every type of event".to_owned() } else { windows.types.join(", ") };
    let systems: Vec<String> = match whose(world, query, subject) {
        Whose::All => world.evidence.systems.clone(),
        Whose::Of { credential, rows } => {
            let reach = if credential { &world.reach().credential } else { &world.reach().identity };
            match rows[0].map(|named| reach[named].clone()) {
                Some(Some(systems)) => systems.iter().map(|system| world.reach().systems[*system as usize].clone()).collect(),
                Some(None) if credential => {
                    return Ok(reason(
                        "the systems that accept this credential are not known (`accepted_at`), so no log can show that it was not used"
                            .to_owned(),
                    ));
                }
                Some(None) => {
                    let because = world
                        .reach()
                        .identity_open
                        .clone()
                        .unwrap_or_else(|| "its system, or where one of its credentials is accepted, is not known".to_owned());
                    return Ok(reason(format!("the systems where this identity could be seen are not known: {because}")));
                }
                None => return Ok(reason("whose use to look for is not known".to_owned())),
            }
        }
    };
    if systems.is_empty() {
        return Ok(reason("no system is known to accept it, so no log can show that it was not used".to_owned()));
    }
    Ok(systems
        .iter()
        .filter(|system| !world.evidence.logs.cover(system, &windows.types, Time(from), Time(until)))
        .map(|system| Reason {
            word: "no-log",
            detail: format!("no complete log of `{system}` that observes {what} covers {} to {}", Time(from), Time(until)),
            cause: Cause::Log { system: system.clone(), types: what.clone() },
        })
        .collect())
}

/// A gap of a table, as a reason.
#[must_use]
pub fn gap_reason(table: &str, gap: &Gap) -> Reason {
    let source = &gap.source;
    let (word, detail) = match &gap.why {
        Why::NoSource => ("no-source", format!("no source is configured that observes `{table}`")),
        Why::Absent => ("absent-source", format!("source `{source}`, which observes `{table}`, yielded nothing")),
        Why::Partial(why) => ("partial-source", format!("source `{source}`, which observes `{table}`, is not known to be complete: {why}")),
        Why::Stale(why) => ("stale-source", format!("source `{source}`, which observes `{table}`, is stale: {why}")),
    };
    Reason { word, detail, cause: Cause::Said }
}

/// Why a subject table's population is not known to be complete.
#[must_use]
pub fn population(table: &Table) -> Vec<Reason> {
    table.gaps.iter().map(|gap| gap_reason(table.schema.name, gap)).collect()
}

/// Whether every system has the window covered that `applies` sets on the events it judges (SEMANTICS §5.2).
///
/// # Errors
/// A bound could not be evaluated within the limits.
pub fn event_population(
    world: &World,
    params: &std::collections::BTreeMap<String, Constant>,
    applies: Option<&Node>,
) -> Result<Vec<Reason>, LimitError> {
    let reason = |detail: &str| Ok(vec![Reason { word: "no-log", detail: detail.to_owned(), cause: Cause::Said }]);
    let Some(applies) = applies else { return reason("the control does not bound `at`, so no log can be complete for it") };
    let mut evaluator = Evaluator::new(world, params, Frame { subject: None, child: None, len: 1 });
    let windows = bounds(&mut evaluator, &[applies], Scope::Subject)?;
    let (Some(from), until) = (windows.from[0].filter(|from| *from > -FAR), windows.until[0]) else {
        return reason("the control does not bound `at` from below, so no log can be complete for it");
    };
    if world.evidence.systems.is_empty() {
        return reason("no system is named anywhere, so no log is known to be complete");
    }
    Ok(world
        .evidence
        .systems
        .iter()
        .filter(|system| !world.evidence.logs.cover(system, &windows.types, Time(from), Time(until)))
        .map(|system| Reason {
            word: "no-log",
            detail: format!(
                "no complete log of `{system}` that observes {} covers {} to {}",
                windows.types.join(", "),
                Time(from),
                Time(until)
            ),
            cause: Cause::Log { system: system.clone(), types: windows.types.join(", ") },
        })
        .collect())
}

fn subjects<'a>(evaluator: &Evaluator<'a>) -> Rows<'a> {
    evaluator.frame.subject.unwrap_or(Rows { table: 0, index: None, len: 0 })
}

fn windows(evaluator: &mut Evaluator, query: &Subquery) -> Result<Windows, LimitError> {
    let terms: Vec<&Node> = query.terms.iter().map(|term| &term.node).collect();
    let mut windows = bounds(evaluator, &terms, Scope::Child)?;
    // Nothing happens to a subject before it was made.
    let subjects = subjects(evaluator);
    let born = match SCHEMA[subjects.table].name {
        "credential" => SCHEMA[subjects.table].column("issued_at"),
        "identity" => SCHEMA[subjects.table].column("created_at"),
        _ => None,
    };
    if let Some(born) = born {
        let path = crate::model::condition::Path { scope: Scope::Subject, steps: vec![(subjects.table, born)] };
        let reading = evaluator.read(&path);
        for (row, from) in windows.from.iter_mut().enumerate() {
            if let (Some(from), Some(born)) = (from.as_mut(), reading.vector.int(row)) {
                *from = (*from).max(born);
            }
        }
    }
    Ok(windows)
}

/// The window and types that top-level terms on `at` and `type` of one scope describe.
fn bounds(evaluator: &mut Evaluator, terms: &[&Node], scope: Scope) -> Result<Windows, LimitError> {
    let rows = evaluator.frame.len;
    let mut lower: Vec<Option<i64>> = vec![Some(i64::MIN); rows];
    let mut upper = vec![evaluator.world.as_of.0; rows];
    let mut bounded = false;
    let mut types: Vec<&'static str> = EVENT_TYPES.to_vec();
    let mut open: Vec<&Node> = terms.iter().rev().copied().collect();
    while let Some(term) = open.pop() {
        match &term.kind {
            Kind::And(inner) => open.extend(inner.iter().rev()),
            Kind::Compare { op, left, right } => {
                let (column, op, other) = if is_column(left, scope, "at") {
                    (true, *op, right)
                } else if is_column(right, scope, "at") {
                    (true, op.mirrored(), left)
                } else {
                    (false, *op, right)
                };
                if column && !reads(other, scope) {
                    if matches!(op, Op::Gt | Op::Ge) {
                        bounded = true;
                        let bound = evaluator.value(other)?;
                        for (row, lower) in lower.iter_mut().enumerate() {
                            *lower = lower.zip(bound.int(row)).map(|(a, b)| a.max(b));
                        }
                    }
                    if matches!(op, Op::Lt | Op::Le) {
                        let bound = evaluator.value(other)?;
                        for (row, upper) in upper.iter_mut().enumerate() {
                            *upper = bound.int(row).map_or(*upper, |bound| bound.min(*upper));
                        }
                    }
                } else if op == Op::Eq {
                    for (column, other) in [(left, right), (right, left)] {
                        if is_column(column, scope, "type")
                            && let Some(word) = constant_text(other, evaluator)
                        {
                            types.retain(|ty| *ty == word);
                        }
                    }
                }
            }
            Kind::In { left, items, negated: false, or_none: false } if is_column(left, scope, "type") => {
                let words: Option<Vec<String>> = items.iter().map(|item| constant_text(item, evaluator)).collect();
                if let Some(words) = words {
                    types.retain(|ty| words.iter().any(|word| word == ty));
                }
            }
            _ => {}
        }
    }
    if !bounded {
        lower.fill(None);
    }
    Ok(Windows { from: lower, until: upper, types })
}

fn is_column(node: &Node, scope: Scope, name: &str) -> bool {
    matches!(&node.kind, Kind::Path(path) if path.scope == scope && path.steps.len() == 1 && {
        let (table, column) = path.last();
        SCHEMA[table].is_log() && SCHEMA[table].columns[column].name == name
    })
}

/// Whether a node reads a row of this scope. Subqueries have a scope of their own and do not stand here.
fn reads(node: &Node, scope: Scope) -> bool {
    match &node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf => false,
        Kind::Path(path) => path.scope == scope,
        Kind::Arith { left, right, .. } => reads(left, scope) || reads(right, scope),
        Kind::Case { branches, otherwise } => {
            reads(otherwise, scope) || branches.iter().any(|(when, then)| reads(when, scope) || reads(then, scope))
        }
        Kind::Compare { left, right, .. } => reads(left, scope) || reads(right, scope),
        Kind::And(terms) | Kind::Or(terms) => terms.iter().any(|term| reads(term, scope)),
        Kind::Not(inner) | Kind::Lower(inner) | Kind::Cardinality(inner) => reads(inner, scope),
        Kind::IsNone { operand, .. } | Kind::IsNever { operand, .. } => reads(operand, scope),
        Kind::In { left, items, .. } => reads(left, scope) || items.iter().any(|item| reads(item, scope)),
        Kind::IsNotNull(path) => path.scope == scope,
        Kind::Like { left: text, .. } | Kind::RegexpLike { text, .. } => reads(text, scope),
        Kind::StartsWith { text: a, prefix: b } | Kind::Contains { list: a, item: b } | Kind::InNetwork { address: a, networks: b } => {
            reads(a, scope) || reads(b, scope)
        }
        // A subquery: taken to read it, which proves nothing.
        Kind::Exists(_) | Kind::Aggregate { .. } => true,
    }
}

fn constant_text(node: &Node, evaluator: &Evaluator) -> Option<String> {
    match &node.kind {
        Kind::Literal(Constant::Text(text)) => Some(text.clone()),
        Kind::Param(name) => match evaluator.params.get(name) {
            Some(Constant::Text(text)) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn whose(world: &World, query: &Subquery, subjects: Rows) -> Whose {
    let named = |name: &str| {
        query.joins.iter().find(|join| join.child.steps.len() == 1 && SCHEMA[query.table].columns[join.child.last().1].name == name)
    };
    let (join, credential) = match (named("credential"), named("identity")) {
        (Some(join), _) => (join, true),
        (None, Some(join)) => (join, false),
        (None, None) => return Whose::All,
    };
    let (table, position) = join.parent.last();
    let wanted = if credential { "credential" } else { "identity" };
    let (index, _) = world.follow(&join.parent, subjects);
    let column = &world.table(table).columns[position];
    let rows = (0..subjects.len)
        .map(|at_position| {
            let row = at(index.as_ref(), at_position)?;
            if position == 0 {
                return (SCHEMA[table].name == wanted).then_some(row);
            }
            if SCHEMA[table].columns[position].refers != Some(wanted) || world.state(table, position, row) != State::Known {
                return None;
            }
            key_text(column, row)?;
            column.link.as_ref().filter(|links| links.is_valid(row)).map(|links| links.value(row) as usize)
        })
        .collect();
    Whose::Of { credential, rows }
}

/// Where one system's complete logs cover all of the types at once; sorted and disjoint.
fn stretches(world: &World, system: &str, types: &[&str]) -> Vec<(i64, i64)> {
    let mut common: Option<Vec<(i64, i64)>> = None;
    for ty in types {
        let known: Vec<(i64, i64)> = world
            .evidence
            .logs
            .stretches
            .get(&(system.to_owned(), (*ty).to_owned()))
            .map(|stretches| stretches.iter().map(|(from, until)| (from.0, until.0)).collect())
            .unwrap_or_default();
        common = Some(match common {
            None => known,
            Some(before) => {
                let mut both = Vec::new();
                for (a, b) in &before {
                    for (c, d) in &known {
                        let (from, until) = (*a.max(c), *b.min(d));
                        if from <= until {
                            both.push((from, until));
                        }
                    }
                }
                both
            }
        });
    }
    common.unwrap_or_else(|| vec![(-FAR, FAR)])
}
