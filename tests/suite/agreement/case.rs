//! One random case, how it is shown, and how a failing one is made small.

use std::fmt;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tickmark::model::condition::{Condition, Kind, Node, Subquery};
use tickmark::model::row::Cell;
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::value::{Constant, State, Time};

use super::estate::{AS_OF, Estate, Random};
use super::maker::Maker;
use super::print::sql;

/// Evidence and a control.
#[derive(Clone)]
pub struct Case {
    pub estate: Estate,
    pub applies: Option<Condition>,
    pub assert: Condition,
    /// For what the property wants to choose by itself.
    pub seed: u64,
}

/// Random cases.
#[derive(Debug)]
pub struct Cases {
    /// IS NOT NULL also where the parser refuses it.
    pub anywhere: bool,
}

impl Case {
    pub fn random(seed: u64, anywhere: bool) -> Case {
        let mut random = Random(seed | 1);
        (0..4).for_each(|_| {
            random.below(2);
        });
        let estate = Estate::random(&mut random);
        let subject = random.pick(&[
            "credential",
            "credential",
            "credential",
            "identity",
            "identity",
            "identity",
            "grant",
            "event",
            "exposure",
            "party",
            "attestation",
            "tool",
            "interface",
            "waiver",
            "source",
            "system",
        ]);
        let subject = table(subject).unwrap();
        let depth = random.below(4);
        let applies = random.chance(50).then(|| Maker::new(&mut random, subject, anywhere, anywhere).condition(1));
        let assert = Maker::new(&mut random, subject, true, anywhere).condition(depth);
        let seed = u64::try_from(random.below(1 << 31)).unwrap();
        Case { estate, applies, assert, seed }
    }

    /// The columns that its conditions read by name, and those that rules on joins and absence read.
    pub fn reads(&self) -> Vec<(usize, usize)> {
        let mut read = Vec::new();
        for condition in [Some(&self.assert), self.applies.as_ref()].into_iter().flatten() {
            look(&condition.root, &mut |node| match &node.kind {
                Kind::Path(path) | Kind::IsNotNull(path) => {
                    read.extend(&path.steps);
                    let (last, column) = path.last();
                    if SCHEMA[last].columns[column].derived {
                        read.extend(derived_from());
                    }
                }
                Kind::Exists(query) | Kind::Aggregate { from: query, .. } => {
                    read.extend(query.joins.iter().flat_map(|join| join.child.steps.iter().chain(&join.parent.steps)));
                    let silent = [
                        ("identity", "system"),
                        ("credential", "accepted_at"),
                        ("credential", "identity"),
                        ("identity", "native_id"),
                        ("credential", "native_id"),
                    ];
                    read.extend(silent.map(|(name, column)| (table(name).unwrap(), SCHEMA[table(name).unwrap()].column(column).unwrap())));
                    read.push((query.table, 0));
                    read.extend(SCHEMA[query.table].column("system").map(|column| (query.table, column)));
                }
                _ => {}
            });
        }
        read
    }
}

/// The columns that derived ones are made of.
pub fn derived_from() -> impl Iterator<Item = (usize, usize)> {
    const READ: [(&str, &[&str]); 3] = [
        ("identity", &["id", "status", "system", "third_party"]),
        ("grant", &["id", "identity", "target", "system", "kind", "principal_scope", "external", "privileged", "expires_at"]),
        ("party", &["id", "offboarded_at", "contract_end"]),
    ];
    READ.into_iter().flat_map(|(name, columns)| {
        let table = table(name).unwrap();
        columns.iter().map(move |column| (table, SCHEMA[table].column(column).unwrap()))
    })
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "on {} at {}", SCHEMA[self.assert.table].name, Time(AS_OF))?;
        if let Some(applies) = &self.applies {
            writeln!(f, "  applies {}", sql(&applies.root, applies.table))?;
        }
        writeln!(f, "  assert  {}", sql(&self.assert.root, self.assert.table))?;
        for (position, schema) in SCHEMA.iter().enumerate() {
            for gap in &self.estate.gaps[position] {
                writeln!(f, "  {} incomplete: {:?}", schema.name, gap.why)?;
            }
            for row in &self.estate.tables[position] {
                let said = row.iter().zip(schema.columns).filter(|(said, _)| said.cell != Cell::Absent(State::Missing));
                let said = said.map(|(said, column)| {
                    format!("{}={}{}", column.name, said.cell.display(column), if said.fresh { "" } else { " (stale)" })
                });
                writeln!(f, "  {} {}", schema.name, said.collect::<Vec<_>>().join("; "))?;
            }
        }
        writeln!(f, "  systems {:?}, logs of everything: {}", self.estate.systems, self.estate.logs.everything)?;
        for ((system, ty), stretches) in self.estate.logs.stretches.iter().filter(|_| !self.estate.logs.everything) {
            let stretches: Vec<String> = stretches.iter().map(|(from, until)| format!("{from} to {until}")).collect();
            writeln!(f, "  log of {system} on {ty}: {}", stretches.join(", "))?;
        }
        Ok(())
    }
}

impl Strategy for Cases {
    type Tree = CaseTree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = proptest::arbitrary::any::<u64>().new_tree(runner)?.current();
        let case = Case::random(seed, self.anywhere);
        Ok(CaseTree { best: case.clone(), current: case, next: 0, gained: false })
    }
}

/// The smallest failing case so far, and the smaller one being tried.
#[derive(Debug)]
pub struct CaseTree {
    best: Case,
    current: Case,
    next: usize,
    gained: bool,
}

impl CaseTree {
    fn attempt(&mut self) -> bool {
        loop {
            let edits = edits(&self.best);
            match edits.get(self.next) {
                Some(edit) => {
                    self.next += 1;
                    let mut case = self.best.clone();
                    apply(&mut case, edit);
                    self.current = case;
                    return true;
                }
                None if self.gained => {
                    self.gained = false;
                    self.next = 0;
                }
                None => {
                    self.current = self.best.clone();
                    return false;
                }
            }
        }
    }
}

impl ValueTree for CaseTree {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.best = self.current.clone();
        self.gained = true;
        // What follows has moved up by what was taken away.
        self.next = self.next.saturating_sub(1);
        self.attempt()
    }

    fn complicate(&mut self) -> bool {
        self.attempt()
    }
}

/// One way to make a case smaller.
enum Edit {
    NoApplies,
    /// Replace the node at this place of a condition by the given one below it.
    Hoist {
        applies: bool,
        at: usize,
        below: usize,
    },
    Constant {
        applies: bool,
        at: usize,
        yes: bool,
    },
    /// Drop a term of an AND, an OR, an IN or a subquery, a branch of a CASE, or a join.
    Drop {
        applies: bool,
        at: usize,
        part: usize,
    },
    Clear(usize),
    NoGaps(usize),
    DropRow(usize, usize),
    Freshen(usize, usize),
    Blank(usize, usize),
    BlankOne(usize, usize, usize),
    AllLogs,
    Log(usize),
}

fn edits(case: &Case) -> Vec<Edit> {
    let mut edits = Vec::new();
    if case.applies.is_some() {
        edits.push(Edit::NoApplies);
    }
    for (applies, condition) in [(false, Some(&case.assert)), (true, case.applies.as_ref())] {
        let Some(condition) = condition else { continue };
        let mut at = 0;
        look(&condition.root, &mut |node| {
            let below = crate::interpreter::children(node);
            if !matches!(node.kind, Kind::Exists(_) | Kind::Aggregate { .. }) {
                let same = below
                    .iter()
                    .enumerate()
                    .filter(|(_, child)| child.ty == node.ty || node.ty == Type::Text && super::maker::textual(child.ty));
                edits.extend(same.map(|(below, _)| Edit::Hoist { applies, at, below }));
            }
            let constant = matches!(node.kind, Kind::Literal(_) | Kind::Param(_) | Kind::AsOf);
            if node.ty == Type::Bool && !constant {
                edits.extend([true, false].map(|yes| Edit::Constant { applies, at, yes }));
            }
            edits.extend((0..parts(node)).map(|part| Edit::Drop { applies, at, part }));
            at += 1;
        });
    }
    for (position, rows) in case.estate.tables.iter().enumerate() {
        if !rows.is_empty() {
            edits.push(Edit::Clear(position));
        }
        if !case.estate.gaps[position].is_empty() {
            edits.push(Edit::NoGaps(position));
        }
        edits.extend((0..rows.len()).map(|row| Edit::DropRow(position, row)));
    }
    if !case.estate.logs.everything {
        edits.push(Edit::AllLogs);
    }
    for (position, rows) in case.estate.tables.iter().enumerate() {
        for column in 0..SCHEMA[position].columns.len() {
            if rows.iter().any(|row| !row[column].fresh) {
                edits.push(Edit::Freshen(position, column));
            }
            let said: Vec<usize> = (0..rows.len()).filter(|row| rows[*row][column].cell != Cell::Absent(State::Missing)).collect();
            if column > 0 && !said.is_empty() {
                edits.push(Edit::Blank(position, column));
                edits.extend(said.into_iter().map(|row| Edit::BlankOne(position, column, row)));
            }
        }
    }
    edits.extend((0..case.estate.logs.stretches.len()).map(Edit::Log));
    edits
}

fn apply(case: &mut Case, edit: &Edit) {
    let mut on = |applies: bool, at: usize, change: &dyn Fn(&mut Node)| {
        let condition = if applies { case.applies.as_mut().unwrap() } else { &mut case.assert };
        let mut left = at;
        edit_at(&mut condition.root, &mut left, change);
        condition.text = sql(&condition.root, condition.table);
    };
    match *edit {
        Edit::NoApplies => case.applies = None,
        Edit::Hoist { applies, at, below } => on(applies, at, &|node| *node = crate::interpreter::children(node)[below].clone()),
        Edit::Constant { applies, at, yes } => on(applies, at, &|node| node.kind = Kind::Literal(Constant::Bool(yes))),
        Edit::Drop { applies, at, part } => on(applies, at, &|node| drop_part(node, part)),
        Edit::Clear(table) => case.estate.tables[table].clear(),
        Edit::NoGaps(table) => case.estate.gaps[table].clear(),
        Edit::DropRow(table, row) => drop(case.estate.tables[table].remove(row)),
        Edit::Freshen(table, column) => case.estate.tables[table].iter_mut().for_each(|row| row[column].fresh = true),
        Edit::Blank(table, column) => {
            case.estate.tables[table].iter_mut().for_each(|row| row[column].cell = Cell::Absent(State::Missing));
        }
        Edit::BlankOne(table, column, row) => case.estate.tables[table][row][column].cell = Cell::Absent(State::Missing),
        Edit::AllLogs => case.estate.logs.everything = true,
        Edit::Log(at) => {
            let key = case.estate.logs.stretches.keys().nth(at).unwrap().clone();
            case.estate.logs.stretches.remove(&key);
        }
    }
}

fn look<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Node)) {
    visit(node);
    for child in crate::interpreter::children(node) {
        look(child, visit);
    }
}

/// Changes the node at a place, counted as `look` visits.
fn edit_at(node: &mut Node, left: &mut usize, change: &dyn Fn(&mut Node)) -> bool {
    if *left == 0 {
        change(node);
        return true;
    }
    *left -= 1;
    children_mut(node).into_iter().any(|child| edit_at(child, left, change))
}

fn parts(node: &Node) -> usize {
    let rows = |query: &Subquery| query.terms.len() + if query.joins.len() > 1 { query.joins.len() } else { 0 };
    match &node.kind {
        Kind::And(terms) | Kind::Or(terms) if terms.len() > 2 => terms.len(),
        Kind::In { items, or_none, .. } if items.len() > usize::from(!or_none) => items.len(),
        Kind::Case { branches, .. } if branches.len() > 1 => branches.len(),
        Kind::Exists(query) => rows(query),
        Kind::Aggregate { from, .. } => rows(from),
        _ => 0,
    }
}

fn drop_part(node: &mut Node, part: usize) {
    match &mut node.kind {
        Kind::And(terms) | Kind::Or(terms) => drop(terms.remove(part)),
        Kind::In { items, .. } => drop(items.remove(part)),
        Kind::Case { branches, .. } => drop(branches.remove(part)),
        Kind::Exists(query) | Kind::Aggregate { from: query, .. } => match part.checked_sub(query.terms.len()) {
            None => drop(query.terms.remove(part)),
            Some(join) => drop(query.joins.remove(join)),
        },
        _ => {}
    }
}

/// As [`crate::interpreter::children`], in the same order.
fn children_mut(node: &mut Node) -> Vec<&mut Node> {
    match &mut node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf | Kind::Path(_) | Kind::IsNotNull(_) => Vec::new(),
        Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => vec![left, right],
        Kind::IsNone { operand: inner, .. }
        | Kind::IsNever { operand: inner, .. }
        | Kind::Like { left: inner, .. }
        | Kind::Not(inner)
        | Kind::Cardinality(inner)
        | Kind::Lower(inner)
        | Kind::RegexpLike { text: inner, .. } => vec![inner],
        Kind::In { left, items, .. } => [&mut **left].into_iter().chain(items).collect(),
        Kind::And(terms) | Kind::Or(terms) => terms.iter_mut().collect(),
        Kind::Case { branches, otherwise } => branches.iter_mut().flat_map(|(when, then)| [when, then]).chain([&mut **otherwise]).collect(),
        Kind::Contains { list, item } => vec![list, item],
        Kind::StartsWith { text, prefix } => vec![text, prefix],
        Kind::InNetwork { address, networks } => vec![address, networks],
        Kind::Exists(query) => query.terms.iter_mut().map(|term| &mut term.node).collect(),
        Kind::Aggregate { of, from, .. } => [&mut **of].into_iter().chain(from.terms.iter_mut().map(|term| &mut term.node)).collect(),
    }
}
