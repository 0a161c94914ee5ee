//! Which systems could see a use, and whether it is known that nothing was there.

use std::collections::BTreeSet;

use tickmark::model::condition::{Kind, Node, Op, Path, Scope, Subquery};
use tickmark::model::schema::{EVENT_TYPES, SCHEMA, table};
use tickmark::model::value::{FAR, Time};

use super::expr::{Place, children};
use super::value::Value;
use super::world::{Key, Row, World};

impl World<'_> {
    /// The systems whose logs could see a use of a credential or by an identity; `None`: no bound is known.
    pub fn reach(&self, row: Row) -> Option<BTreeSet<String>> {
        match SCHEMA[row.0].name {
            "credential" => match self.named(row, "accepted_at") {
                Value::None => Some(BTreeSet::new()),
                Value::List(systems) => systems.into_iter().collect(),
                _ => None,
            },
            "identity" => {
                let Value::Text(system) = self.named(row, "system") else { return None };
                let mut systems = BTreeSet::from([system]);
                let credential = table("credential").unwrap();
                if !self.evidence.tables[credential].is_complete(self.strict) {
                    return None;
                }
                let Key::Text { text: id, .. } = self.key_of(row, 0) else { return None };
                for other in 0..self.rows(credential) {
                    let holder = SCHEMA[credential].column("identity").unwrap();
                    match self.key_of((credential, other), holder) {
                        Key::Nothing => {}
                        Key::Text { dangling: None, text, .. } => {
                            if text == id {
                                systems.extend(self.reach((credential, other))?);
                            }
                        }
                        _ => return None,
                    }
                }
                Some(systems)
            }
            _ => None,
        }
    }
}

impl Place<'_> {
    pub fn absence_is_proven(&self, query: &Subquery) -> bool {
        if !SCHEMA[query.table].is_log() {
            return self.world.evidence.tables[query.table].is_complete(self.world.strict);
        }
        let column = |name: &str| Path { scope: Scope::Child, steps: vec![(query.table, SCHEMA[query.table].column(name).unwrap())] };

        // The window.
        let at = column("at");
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for term in &query.terms {
            let Kind::Compare { op, left, right } = &term.node.kind else { continue };
            for (side, bound, op) in [(left, right, *op), (right, left, op.mirrored())] {
                if matches!(&side.kind, Kind::Path(path) if *path == at) && !reads_child(bound) {
                    match op {
                        Op::Gt | Op::Ge => lower.push(self.value(bound)),
                        Op::Lt | Op::Le => upper.push(self.value(bound)),
                        _ => {}
                    }
                }
            }
        }
        let Some(lower) = lower.into_iter().map(point).collect::<Option<Vec<i64>>>() else { return false };
        let Some(latest) = lower.into_iter().max() else { return false };
        let born = match SCHEMA[self.table].name {
            "credential" => point(self.world.named((self.table, self.row), "issued_at")),
            "identity" => point(self.world.named((self.table, self.row), "created_at")),
            _ => None,
        };
        let from = born.map_or(latest, |born| born.max(latest));
        let until = upper.into_iter().filter_map(point).fold(self.world.as_of.0, i64::min);
        // An empty window is empty whatever the logs say, also one that would begin before everything.
        if from == FAR || until == -FAR || from > until {
            return true;
        }
        if from == -FAR {
            return false;
        }

        // The types.
        let ty = column("type");
        let mut types: Vec<&str> = EVENT_TYPES.to_vec();
        for term in &query.terms {
            let is_type = |node: &Node| matches!(&node.kind, Kind::Path(path) if *path == ty);
            let named: Vec<&Node> = match &term.node.kind {
                Kind::Compare { op: Op::Eq, left, right } if is_type(left) => vec![right],
                Kind::Compare { op: Op::Eq, left, right } if is_type(right) => vec![left],
                Kind::In { left, items, negated: false, .. } if is_type(left) => items.iter().collect(),
                _ => continue,
            };
            if named.iter().all(|node| matches!(node.kind, Kind::Literal(_) | Kind::Param(_))) {
                types.retain(|ty| named.iter().any(|node| self.value(node) == Value::Text((*ty).to_owned())));
            }
        }

        // The systems whose logs would have seen it.
        let systems =
            match self.actor(query, &column("credential"), "credential").or_else(|| self.actor(query, &column("identity"), "identity")) {
                None => Some(self.world.evidence.systems.iter().cloned().collect()),
                Some(row) => row.and_then(|row| self.world.reach(row)),
            };
        systems.is_some_and(|systems| {
            !systems.is_empty() && systems.iter().all(|system| self.world.evidence.logs.cover(system, &types, Time(from), Time(until)))
        })
    }

    /// The credential or identity that the subquery's events are joined to: `None` if they are not, `Some(None)` if
    /// it is not known which row that is.
    fn actor(&self, query: &Subquery, column: &Path, name: &str) -> Option<Option<Row>> {
        let join = query.joins.iter().find(|join| join.child == *column)?;
        Some(match self.world.key(&join.parent, self.start(Scope::Subject)) {
            Key::Text { names, .. } => names.filter(|(to, _)| Some(*to) == table(name)),
            _ => None,
        })
    }
}

/// A known time, `never` included.
fn point(value: Value) -> Option<i64> {
    match value {
        Value::Span(low, high) if low == high => Some(low),
        _ => None,
    }
}

fn reads_child(node: &Node) -> bool {
    matches!(&node.kind, Kind::Path(path) | Kind::IsNotNull(path) if path.scope == Scope::Child)
        || children(node).into_iter().any(reads_child)
}
