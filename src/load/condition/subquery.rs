//! EXISTS and aggregates: which table, joined how, with which terms (SEMANTICS §4.1).

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, Query, Select, SelectItem, SetExpr, TableFactor, Value};

use super::lower::{ChildTable, Lower, flatten};
use super::names::nearest;
use super::tokens::problem;
use crate::model::condition::{Aggregate, Join, Kind, Node, Op, Path, Scope, Subquery, Term};
use crate::model::diagnostic::Code;
use crate::model::schema::{SCHEMA, Type, table};

impl Lower<'_, '_> {
    /// `EXISTS (SELECT 1 FROM …)`.
    pub fn exists(&mut self, query: &Query, place: &Range<usize>, depth: usize) -> Option<Subquery> {
        let select = self.select(query, place)?;
        let one = matches!(select.projection.as_slice(), [SelectItem::UnnamedExpr(Expr::Value(value))] if matches!(&value.value, Value::Number(one, _) if one == "1"));
        if !one {
            self.outside(place, "EXISTS that selects something", "write EXISTS (SELECT 1 FROM …)");
            return None;
        }
        self.rows(select, place, depth, |_, _| Some(())).map(|((), query)| query)
    }

    /// `(SELECT max(at) FROM …)`.
    pub fn aggregate(&mut self, query: &Query, place: &Range<usize>, depth: usize) -> Option<Node> {
        let select = self.select(query, place)?;
        let [SelectItem::UnnamedExpr(selected)] = select.projection.as_slice() else {
            self.outside(place, "a subquery that selects anything but one aggregate", "select count(DISTINCT x), min(x) or max(x)");
            return None;
        };
        let (function, of) = self.aggregated(selected)?;
        let (of, query) = self.rows(select, place, depth, |lower, depth| {
            let of = lower.expr(of, depth)?;
            let ordered = matches!(of.ty, Type::Number | Type::Time | Type::Duration);
            if of.ty == Type::Fingerprint {
                let help = "two fingerprints under different keys may be of one secret; join on `fingerprint` instead";
                let message = "a count of fingerprints".to_owned();
                lower.report(problem(Code::ConditionType, message, of.span, "cannot be told apart", help));
                return None;
            }
            if reads(&of, Scope::Subject) || of.ty == Type::List || (function != Aggregate::CountDistinct && !ordered) {
                let help = "min and max take times, durations and numbers of the subquery's own row; count(DISTINCT x) anything but a list";
                lower.report(problem(
                    Code::ConditionType,
                    format!("an aggregate of {}", of.ty.word()),
                    of.span,
                    "cannot be aggregated",
                    help,
                ));
                return None;
            }
            Some(of)
        })?;
        let ty = if function == Aggregate::CountDistinct { Type::Number } else { of.ty };
        Some(self.node(place.clone(), ty, Kind::Aggregate { function, of: Box::new(of), from: Box::new(query) }))
    }

    fn outside(&mut self, place: &Range<usize>, message: &str, help: &str) {
        self.report(problem(Code::ConditionOutside, message.to_owned(), place.clone(), "not part of the language", help));
    }

    fn select<'q>(&mut self, query: &'q Query, place: &Range<usize>) -> Option<&'q Select> {
        let plain = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none()
            && query.locks.is_empty();
        match &*query.body {
            SetExpr::Select(select)
                if plain
                    && select.distinct.is_none()
                    && select.top.is_none()
                    && select.having.is_none()
                    && select.qualify.is_none()
                    && select.prewhere.is_none() =>
            {
                Some(select)
            }
            _ => {
                self.outside(place, "this kind of subquery", "write (SELECT … FROM table WHERE …) and nothing more");
                None
            }
        }
    }

    fn rows<T>(
        &mut self,
        select: &Select,
        place: &Range<usize>,
        depth: usize,
        selected: impl FnOnce(&mut Self, usize) -> Option<T>,
    ) -> Option<(T, Subquery)> {
        if self.child.is_some() {
            self.outside(place, "a subquery inside a subquery", "combine two subqueries with AND, or follow a path");
            return None;
        }
        let (child, named) = self.from(select, place)?;
        let excludes_self = child.table == self.table;
        if excludes_self && !named {
            let name = SCHEMA[child.table].name;
            let help = format!("write FROM {name} AS other WHERE other.x = {name}.x");
            self.report(problem(
                Code::ConditionJoin,
                format!("`{name}` is joined with itself without an alias"),
                place.clone(),
                "needs an alias",
                &help,
            ));
            return None;
        }
        self.child = Some(child.clone());
        let mut joins = Vec::new();
        let mut terms = Vec::new();
        let mut sound = true;
        let mut parts = Vec::new();
        if let Some(selection) = &select.selection {
            flatten(selection, &BinaryOperator::And, &mut parts);
        }
        for part in parts {
            match self.boolean(part, depth + 1) {
                None => sound = false,
                Some(node) => match self.join(&node, child.table) {
                    Some(join) => joins.push(join),
                    None => split(node, &mut terms),
                },
            }
        }
        let selected = selected(self, depth + 1);
        self.child = None;
        if !sound {
            return None;
        }
        if joins.is_empty() {
            joins.push(self.implied(child.table, place)?);
        }
        Some((selected?, Subquery { table: child.table, alias: child.alias, excludes_self, joins, terms }))
    }

    fn from(&mut self, select: &Select, place: &Range<usize>) -> Option<(ChildTable, bool)> {
        let [from] = select.from.as_slice() else {
            self.outside(place, "a subquery over no table or several", "one table; a path or a second subquery reaches others");
            return None;
        };
        let TableFactor::Table { name, alias, args: None, .. } = &from.relation else {
            self.outside(place, "a subquery over something that is no table", "FROM one of the canonical tables");
            return None;
        };
        if !from.joins.is_empty() {
            self.outside(place, "a join", "joins are implied along references, or written as an equality in WHERE");
            return None;
        }
        let name = name.to_string();
        let Some(found) = table(&name) else {
            let known: Vec<&str> = SCHEMA.iter().map(|schema| schema.name).collect();
            let help = nearest(&name, &known).unwrap_or_else(|| format!("tables are {}", known.join(", ")));
            self.report(problem(Code::ConditionName, format!("there is no table `{name}`"), place.clone(), "unknown table", &help));
            return None;
        };
        let alias_name = alias.as_ref().map(|alias| alias.name.value.clone());
        if let Some(alias) = &alias_name
            && table(alias).is_some_and(|other| other != found || other == self.table)
        {
            self.report(problem(
                Code::ConditionName,
                format!("the alias `{alias}` is the name of a table"),
                place.clone(),
                "choose another",
                "",
            ));
            return None;
        }
        let named = alias_name.is_some();
        Some((ChildTable { table: found, alias: alias_name.unwrap_or(name) }, named))
    }

    /// An equality between a column of the child and one of the subject.
    fn join(&self, node: &Node, child_table: usize) -> Option<Join> {
        let Kind::Compare { op: Op::Eq, left, right } = &node.kind else { return None };
        let (Kind::Path(a), Kind::Path(b)) = (&left.kind, &right.kind) else { return None };
        let (child, parent) = match (a.scope, b.scope) {
            (Scope::Child, Scope::Subject) => (a, b),
            (Scope::Subject, Scope::Child) => (b, a),
            _ => return None,
        };
        let refers = |path: &Path| {
            let (table_position, column) = path.last();
            SCHEMA[table_position].columns[column].refers.and_then(table)
        };
        let child_refers = child.steps.len() == 1 && parent.steps.len() == 1 && parent.last().1 == 0 && refers(child) == Some(self.table);
        let child_is_named = child.steps.len() == 1 && child.last().1 == 0 && refers(parent) == Some(child_table);
        Some(Join { child: child.clone(), parent: parent.clone(), reference: child_refers || child_is_named, implied: false })
    }

    /// The join along the one reference between the two tables.
    fn implied(&mut self, child: usize, place: &Range<usize>) -> Option<Join> {
        let (own, subject) = (&SCHEMA[child], &SCHEMA[self.table]);
        let path = |scope: Scope, table: usize, column: usize| Path { scope, steps: vec![(table, column)] };
        let mut ways = Vec::new();
        if child != self.table {
            for (column, schema) in own.columns.iter().enumerate().filter(|(_, column)| column.refers == Some(subject.name)) {
                let join = Join {
                    child: path(Scope::Child, child, column),
                    parent: path(Scope::Subject, self.table, 0),
                    reference: true,
                    implied: true,
                };
                ways.push((format!("{}.{} = {}.id", own.name, schema.name, subject.name), join));
            }
            for (column, schema) in subject.columns.iter().enumerate().filter(|(_, column)| column.refers == Some(own.name)) {
                let join = Join {
                    child: path(Scope::Child, child, 0),
                    parent: path(Scope::Subject, self.table, column),
                    reference: true,
                    implied: true,
                };
                ways.push((format!("{}.id = {}.{}", own.name, subject.name, schema.name), join));
            }
        }
        if ways.len() == 1 {
            return ways.pop().map(|(_, join)| join);
        }
        let (message, help) = if ways.is_empty() {
            (
                format!("no reference joins `{}` to `{}`", own.name, subject.name),
                format!("write an equality between a column of each: `{}.x = {}.y`", own.name, subject.name),
            )
        } else {
            let all: Vec<String> = ways.into_iter().map(|(text, _)| format!("`{text}`")).collect();
            (format!("`{}` is joined to `{}` in several ways", own.name, subject.name), format!("write one of {}", all.join(", ")))
        };
        self.report(problem(Code::ConditionJoin, message, place.clone(), "which rows belong to the subject?", &help));
        None
    }
}

/// The conjuncts of a term, each by itself (BETWEEN is two).
fn split(node: Node, terms: &mut Vec<Term>) {
    match node.kind {
        Kind::And(parts) => parts.into_iter().for_each(|part| split(part, terms)),
        _ => {
            let parent_free = !reads(&node, Scope::Subject);
            terms.push(Term { node, parent_free });
        }
    }
}

fn reads(node: &Node, scope: Scope) -> bool {
    let mut found = false;
    super::walk(node, &mut |node| match &node.kind {
        Kind::Path(path) | Kind::IsNotNull(path) => found |= path.scope == scope,
        _ => {}
    });
    found
}
