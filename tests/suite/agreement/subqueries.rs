//! Random subqueries: joins written and implied, windows, types.

use tickmark::model::condition::{Aggregate, Join, Kind, Node, Op, Path, Scope, Subquery, Term};
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::value::Constant;

use super::maker::{Maker, textual};
use crate::interpreter::children;

impl Maker<'_> {
    pub fn subquery(&mut self, depth: usize) -> Subquery {
        let name = self.random.pick(&[
            "event",
            "event",
            "event",
            "event",
            "event",
            "credential",
            "credential",
            "identity",
            "grant",
            "exposure",
            "attestation",
            "tool",
            "party",
            "waiver",
            "interface",
            "source",
            "system",
        ]);
        self.subquery_over(table(name).unwrap(), depth)
    }

    pub fn subquery_over(&mut self, child: usize, depth: usize) -> Subquery {
        self.child = Some(child);
        let joins = self.joins(child);
        let mut parts = Vec::new();
        if SCHEMA[child].is_log() {
            self.window(child, &mut parts);
        }
        for _ in 0..self.random.pick(&[0, 0, 1, 1, 2]) {
            parts.push(self.boolean(depth.min(1)));
        }
        let mut terms = Vec::new();
        parts.into_iter().for_each(|part| split(part, &mut terms));
        self.child = None;
        Subquery { table: child, alias: "other".to_owned(), excludes_self: child == self.subject, joins, terms }
    }

    pub fn aggregate(&mut self, ty: Type, depth: usize) -> Node {
        let counts = ty == Type::Number && self.random.chance(75);
        let function = if counts { Aggregate::CountDistinct } else { self.random.pick(&[Aggregate::Min, Aggregate::Max]) };
        loop {
            let mut query = self.subquery(depth);
            self.child = Some(query.table);
            self.only_child = true;
            let of = if counts && self.random.chance(10) {
                Some(self.boolean(0))
            } else if !counts && self.random.chance(15) {
                Some(self.arithmetic(ty, 0, false))
            } else {
                self.path(|column| if counts { !matches!(column.ty, Type::List | Type::Fingerprint) } else { column.ty == ty })
                    .map(|path| self.read_path(path))
            };
            self.child = None;
            self.only_child = false;
            if let Some(of) = of {
                query.alias = "other".to_owned();
                return self.node(ty, Kind::Aggregate { function, of: Box::new(of), from: Box::new(query) });
            }
        }
    }

    fn joins(&mut self, child: usize) -> Vec<Join> {
        let implied = self.implied(child);
        if let [only] = implied.as_slice()
            && self.random.chance(40)
        {
            return vec![only.clone()];
        }
        let fingerprint =
            |scope, position: usize| SCHEMA[position].column("fingerprint").map(|column| Path { scope, steps: vec![(position, column)] });
        if let (Some(child), Some(parent)) = (fingerprint(Scope::Child, child), fingerprint(Scope::Subject, self.subject))
            && self.random.chance(30)
        {
            return vec![Join { child, parent, reference: false, implied: false }];
        }
        let mut joins = Vec::new();
        if !implied.is_empty() && self.random.chance(60) {
            let way = self.random.below(implied.len());
            joins.push(Join { implied: false, ..implied[way].clone() });
        }
        while joins.is_empty() || self.random.chance(20) {
            joins.push(self.written(child));
        }
        joins
    }

    /// The ways along one reference between the two tables.
    fn implied(&self, child: usize) -> Vec<Join> {
        if child == self.subject {
            return Vec::new();
        }
        let refers = |from: usize, to: usize| {
            SCHEMA[from].columns.iter().enumerate().filter(move |(_, column)| column.refers == Some(SCHEMA[to].name)).map(|(at, _)| at)
        };
        let path = |scope, table, column| Path { scope, steps: vec![(table, column)] };
        let join = |child, parent| Join { child, parent, reference: true, implied: true };
        let up = refers(child, self.subject).map(|column| join(path(Scope::Child, child, column), path(Scope::Subject, self.subject, 0)));
        let down = refers(self.subject, child).map(|column| join(path(Scope::Child, child, 0), path(Scope::Subject, self.subject, column)));
        up.chain(down).collect()
    }

    /// An equality of any two columns that can be compared.
    fn written(&mut self, child: usize) -> Join {
        loop {
            let key = self.random.below(10);
            let favoured = move |column: &'static tickmark::model::schema::Column| match key {
                0..=4 => column.refers.is_some() || column.name == "id" || column.name == "subject",
                5 | 6 => column.ty == Type::Fingerprint,
                7 => matches!(column.name, "system" | "environment" | "native_id"),
                _ => column.ty != Type::List,
            };
            let (child, parent) = (self.path_from(Scope::Child, child, &favoured), self.path_from(Scope::Subject, self.subject, &favoured));
            let (Some(child), Some(parent)) = (child, parent) else { continue };
            let ty = |path: &Path| SCHEMA[path.last().0].columns[path.last().1].ty;
            if ty(&child) == ty(&parent) || textual(ty(&child)) && textual(ty(&parent)) {
                let reference = is_reference(&child, &parent);
                return Join { child, parent, reference, implied: false };
            }
        }
    }

    /// Terms that say from when, until when, and of which type.
    fn window(&mut self, event: usize, parts: &mut Vec<Node>) {
        let column = |name: &str| Path { scope: Scope::Child, steps: vec![(event, SCHEMA[event].column(name).unwrap())] };
        let lower = self.random.pick(&[0, 1, 1, 1, 1, 1, 2]);
        let upper = self.random.pick(&[0, 0, 1, 2]);
        let ops = [vec![[Op::Gt, Op::Ge]; lower], vec![[Op::Lt, Op::Le]; upper]].concat();
        for ops in ops {
            let op = self.random.pick(&ops);
            self.only_subject = true;
            let bound = self.bound(op);
            self.only_subject = false;
            let at = self.read_path(column("at"));
            let (op, left, right) = if self.random.chance(25) { (op.mirrored(), bound, at) } else { (op, at, bound) };
            parts.push(self.node(Type::Bool, Kind::Compare { op, left: Box::new(left), right: Box::new(right) }));
        }
        for _ in 0..self.random.pick(&[0, 1, 1, 1, 2]) {
            let left = Box::new(self.read_path(column("type")));
            let mut words = vec!["used", "signed_in", "rotated"];
            words.truncate(1 + self.random.below(3));
            let mut items: Vec<Node> =
                words.into_iter().map(|word| self.node(Type::Text, Kind::Literal(Constant::Text(word.to_owned())))).collect();
            let kind = match self.random.below(4) {
                0 | 1 => Kind::Compare { op: Op::Eq, left, right: Box::new(items.remove(0)) },
                2 => Kind::In { left, items, or_none: false, negated: false },
                _ => Kind::In { left, items, or_none: false, negated: true },
            };
            parts.push(self.node(Type::Bool, kind));
        }
    }

    fn bound(&mut self, op: Op) -> Node {
        let now = self.node(Type::Time, Kind::AsOf);
        let name = self.random.pick(&["window", "window", "grace", "huge"]);
        let span = self.node(Type::Duration, Kind::Param(name.to_owned()));
        let path = if self.random.chance(50) { self.path(|column| column.ty == Type::Time) } else { None };
        let minus = self.random.chance(80);
        match path {
            None if matches!(op, Op::Lt | Op::Le) => now,
            None => self.node(Type::Time, Kind::Arith { minus, left: Box::new(now), right: Box::new(span) }),
            Some(path) => {
                let time = self.read_path(path);
                match self.random.below(3) {
                    0 => self.node(Type::Time, Kind::Arith { minus: !minus, left: Box::new(time), right: Box::new(span) }),
                    1 => {
                        let when = self.boolean(0);
                        self.node(Type::Time, Kind::Case { branches: vec![(when, time)], otherwise: Box::new(now) })
                    }
                    _ => time,
                }
            }
        }
    }
}

/// As the parser says it: one side is the `id` that the other, a reference of its own row, refers to.
fn is_reference(child: &Path, parent: &Path) -> bool {
    let refers = |path: &Path| SCHEMA[path.last().0].columns[path.last().1].refers.and_then(table);
    let up = child.steps.len() == 1 && parent.steps.len() == 1 && parent.last().1 == 0 && refers(child) == Some(parent.last().0);
    let down = child.steps.len() == 1 && child.last().1 == 0 && refers(parent) == Some(child.last().0);
    up || down
}

/// The conjuncts of a term. An equality of a column of each side would be a join: it is left out.
fn split(node: Node, terms: &mut Vec<Term>) {
    match node.kind {
        Kind::And(parts) => parts.into_iter().for_each(|part| split(part, terms)),
        Kind::Compare { op: Op::Eq, ref left, ref right } if matches!((&left.kind, &right.kind), (Kind::Path(a), Kind::Path(b)) if a.scope != b.scope) =>
            {}
        _ => {
            let parent_free = !reads_subject(&node);
            terms.push(Term { node, parent_free });
        }
    }
}

fn reads_subject(node: &Node) -> bool {
    matches!(&node.kind, Kind::Path(path) | Kind::IsNotNull(path) if path.scope == Scope::Subject)
        || children(node).into_iter().any(reads_subject)
}
