//! Which rows match, EXISTS, aggregates.

use std::collections::BTreeSet;

use tickmark::model::condition::{Aggregate, Join, Node, Op, Path, Subquery};
use tickmark::model::schema::{SCHEMA, Type};
use tickmark::model::value::{FAR, ONE};

use super::expr::{Place, comparable};
use super::value::{Truth, Value, and, compare};
use super::world::{Key, Row, World};

impl World<'_> {
    /// Whether a row may refer to another, as far as their identities, and the system of a log, say.
    pub fn may_refer(&self, from: Row, to: Row) -> bool {
        let identity = |row: Row| match SCHEMA[row.0].column("identity").map(|column| self.key_of(row, column)) {
            Some(Key::Text { text, dangling: None, .. }) => Some(text),
            _ => None,
        };
        if let (Some(a), Some(b)) = (identity(from), identity(to))
            && a != b
        {
            return false;
        }
        // Only a log tells of its own system alone: any other reference may lead into another one.
        let system = SCHEMA[from.0].column("system").filter(|_| SCHEMA[from.0].is_log()).map(|column| self.value(from, column));
        let Some(Value::Text(seen_by)) = system else { return true };
        match self.reach(to) {
            Some(systems) => systems.iter().any(|system| plain(system) == plain(&seen_by)),
            None => true,
        }
    }
}

impl Place<'_> {
    /// For every row of the subquery's table, whether it matches this subject.
    fn matches(&self, query: &Subquery) -> Vec<(usize, Truth)> {
        (0..self.world.rows(query.table))
            .filter(|row| !(query.excludes_self && query.table == self.table && *row == self.row))
            .map(|row| {
                let place = Place { child: Some((query.table, row)), ..*self };
                let present = if self.world.strict && !self.world.fresh((query.table, row), 0) { None } else { Some(true) };
                let joins = query.joins.iter().map(|join| {
                    let joined = place.joined(join);
                    if joined.is_none() && join.reference && !place.compatible(join) { Some(false) } else { joined }
                });
                let terms = query.terms.iter().map(|term| place.truth(&term.node));
                (row, and([present].into_iter().chain(joins).chain(terms)))
            })
            .collect()
    }

    fn joined(&self, join: &Join) -> Truth {
        let keys = (self.world.key(&join.child, self.start(join.child.scope)), self.world.key(&join.parent, self.start(join.parent.scope)));
        match keys {
            (Key::Nothing, _) | (_, Key::Nothing) => Some(false),
            (Key::Unknown, _) | (_, Key::Unknown) => None,
            (Key::Other(a), Key::Other(b)) => compare(Op::Eq, &a, &b),
            (Key::Text { text: a, dangling: a_dangling, names: a_names }, Key::Text { text: b, dangling: b_dangling, names: b_names }) => {
                let fingerprints = [&join.child, &join.parent].into_iter().all(|path| column_type(path) == Type::Fingerprint);
                if fingerprints && !comparable(&a, &b) {
                    return None;
                }
                if a == b {
                    return Some(true);
                }
                // A reference that names no row may name one by the id that its own system uses.
                match (a_dangling, a_names, b_dangling, b_names) {
                    (Some(to), _, None, Some(row)) if to == row.0 && self.may_be_called(row, &a) => None,
                    (None, Some(row), Some(to), _) if to == row.0 && self.may_be_called(row, &b) => None,
                    _ => Some(false),
                }
            }
            (a, b) => panic!("keys of two types: {a:?} {b:?}"),
        }
    }

    /// Whether a reference that names no row may mean this one: nobody knows what its own system calls it, or it is called much the same.
    fn may_be_called(&self, row: Row, said: &str) -> bool {
        let Key::Text { text: id, .. } = self.world.key_of(row, 0) else { return false };
        let native = SCHEMA[row.0].column("native_id").map(|column| self.world.value(row, column));
        if native == Some(Value::Unknown) {
            return true;
        }
        let said = plain(said);
        let of: Vec<String> = self
            .world
            .evidence
            .systems
            .iter()
            .filter(|system| said.starts_with(&format!("{}:", plain(system))))
            .map(|system| plain(system))
            .collect();
        let own = SCHEMA[row.0].column("system").map(|column| self.world.value(row, column));
        if let Some(Value::Text(own)) = own
            && !of.is_empty()
            && !of.contains(&plain(&own))
        {
            return false;
        }
        let ends = |long: &str, short: &str| {
            !short.is_empty() && (long == short || [":", "/"].iter().any(|mark| long.ends_with(&format!("{mark}{short}"))))
        };
        let native = if let Some(Value::Text(native)) = native { Some(native) } else { None };
        [Some(id), native].into_iter().flatten().map(|name| plain(&name)).any(|name| ends(&said, &name) || ends(&name, &said))
    }

    /// Whether a row that refers to an unknown one may refer to this one.
    fn compatible(&self, join: &Join) -> bool {
        let Some((from, to)) = self.ends(join) else { return true };
        self.world.may_refer(from, to)
    }

    /// The row that refers, and the row whose id it may say.
    fn ends(&self, join: &Join) -> Option<(Row, Row)> {
        let child = self.world.walk(&join.child, self.start(join.child.scope)).ok()?;
        let parent = self.world.walk(&join.parent, self.start(join.parent.scope)).ok()?;
        Some(if join.child.last().1 == 0 { (parent, child) } else { (child, parent) })
    }

    pub fn exists(&self, query: &Subquery) -> Truth {
        let matches = self.matches(query);
        if matches.iter().any(|(_, truth)| *truth == Some(true)) {
            return Some(true);
        }
        let possible = matches.iter().any(|(_, truth)| truth.is_none());
        if possible || !self.absence_is_proven(query) { None } else { Some(false) }
    }

    pub fn aggregate(&self, function: Aggregate, of: &Node, query: &Subquery) -> Value {
        let proven = self.absence_is_proven(query);
        let mut sure = BTreeSet::new();
        let mut all = BTreeSet::new();
        let (mut unknown, mut possible) = (0, 0);
        for (row, truth) in self.matches(query) {
            if truth == Some(false) {
                continue;
            }
            possible += i64::from(truth.is_none());
            match (Place { child: Some((query.table, row)), ..*self }).value(of) {
                Value::None => {}
                value if !value.is_exact() => unknown += 1,
                value => {
                    if truth == Some(true) {
                        sure.insert(value.clone());
                    }
                    all.insert(value);
                }
            }
        }
        let count = |values: &BTreeSet<Value>| i64::try_from(values.len()).unwrap();
        if function == Aggregate::CountDistinct {
            return Value::Span(count(&sure) * ONE, if proven { (count(&all) + unknown) * ONE } else { FAR });
        }
        let numbers = |values: &BTreeSet<Value>| -> Vec<i64> {
            values.iter().map(|value| if let Value::Span(low, _) = value { *low } else { panic!("no order: {value:?}") }).collect()
        };
        let (sure, all) = (numbers(&sure), numbers(&all));
        if sure.is_empty() && of.ty != Type::Time {
            return if possible == 0 && unknown == 0 && proven { Value::None } else { Value::Unknown };
        }
        let open = unknown > 0 || !proven;
        let smallest = |values: &[i64]| values.iter().copied().min().unwrap_or(FAR);
        let largest = |values: &[i64]| values.iter().copied().max().unwrap_or(-FAR);
        match function {
            Aggregate::Min => Value::Span(if open { -FAR } else { smallest(&all) }, smallest(&sure)),
            _ => Value::Span(largest(&sure), if open { FAR } else { largest(&all) }),
        }
    }
}

/// Without what people write in more than one way.
fn plain(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn column_type(path: &Path) -> Type {
    let (table, column) = path.last();
    SCHEMA[table].columns[column].ty
}
