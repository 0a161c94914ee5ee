//! Comparisons and IN, with `none` and `never` recognised.

use std::ops::Range;

use sqlparser::ast::Expr;

use super::lower::Lower;
use super::names::may_be_none;
use super::tokens::problem;
use super::{ITEMS, walk};
use crate::model::condition::{Kind, Node, Op};
use crate::model::diagnostic::Code;
use crate::model::schema::{Never, SCHEMA, Type};
use crate::model::value::Constant;

impl Lower<'_, '_> {
    /// A comparison, with `none` and `never` recognised.
    pub fn compare(&mut self, op: Op, left: Node, right: Node, span: Range<usize>) -> Option<Node> {
        for (value, other) in [(&left, &right), (&right, &left)] {
            if let Some(word) = sentinel(value) {
                return self.sentinel(op, word, value.span.clone(), other.clone(), span);
            }
        }
        let (left, right) = self.fit(op, left, right)?;
        Some(self.node(span, Type::Bool, Kind::Compare { op, left: Box::new(left), right: Box::new(right) }))
    }

    fn sentinel(&mut self, op: Op, word: &str, place: Range<usize>, operand: Node, span: Range<usize>) -> Option<Node> {
        if !matches!(op, Op::Eq | Op::Ne) {
            self.report(problem(
                Code::ConditionSentinel,
                format!("`'{word}'` cannot be ordered"),
                place,
                "only `=` and `<>`",
                "`never` needs no test to be ordered: it lies before or after every time",
            ));
            return None;
        }
        let Kind::Path(path) = &operand.kind else {
            self.report(problem(
                Code::ConditionSentinel,
                format!("`'{word}'` is compared with something that is no column"),
                place,
                "only a column or path can hold it",
                "",
            ));
            return None;
        };
        let (table, column) = path.last();
        let able = if word == "none" { may_be_none(path) } else { SCHEMA[table].columns[column].never != Never::No };
        if !able {
            let message = format!("`{}` is never `'{word}'`", path.dotted());
            let help = if word == "none" {
                "docs/evidence.md says which columns may be `none`"
            } else {
                "docs/evidence.md says which columns may be `never`"
            };
            self.report(problem(Code::ConditionSentinel, message, place, "cannot be", help));
            return None;
        }
        let (operand, negated) = (Box::new(operand), op == Op::Ne);
        let kind = if word == "none" { Kind::IsNone { operand, negated } } else { Kind::IsNever { operand, negated } };
        Some(self.node(span, Type::Bool, kind))
    }

    pub(super) fn in_list(&mut self, inner: &Expr, items: &[Expr], negated: bool, span: Range<usize>, depth: usize) -> Option<Node> {
        let left = self.expr(inner, depth);
        if items.len() > ITEMS {
            self.report(problem(
                Code::ConditionLimit,
                format!("an IN list of {} items, more than {ITEMS}", items.len()),
                span,
                "too long",
                "",
            ));
            return None;
        }
        let values: Vec<Option<Node>> = items.iter().map(|item| self.expr(item, depth)).collect();
        let left = left?;
        // An aggregate is an interval, and IN asks for one value.
        let mut aggregated = false;
        walk(&left, &mut |node| aggregated |= matches!(node.kind, Kind::Aggregate { .. }));
        if aggregated {
            let place = left.span.clone();
            self.report(problem(
                Code::ConditionOutside,
                "an aggregate cannot stand before IN".to_owned(),
                place,
                "not part of the language",
                "compare it: `= 1 OR … = 2`, or BETWEEN",
            ));
            return None;
        }
        let mut or_none = false;
        let mut kept = Vec::new();
        let mut sound = true;
        for value in values {
            let Some(value) = value else {
                sound = false;
                continue;
            };
            match sentinel(&value) {
                Some("none") => {
                    sound &= self.sentinel(Op::Eq, "none", value.span.clone(), left.clone(), span.clone()).is_some();
                    or_none = true;
                }
                Some(_) => {
                    self.report(problem(
                        Code::ConditionSentinel,
                        "`'never'` in a list".to_owned(),
                        value.span,
                        "test it by itself",
                        "write `expires_at = 'never' OR …`",
                    ));
                    sound = false;
                }
                None if !matches!(value.kind, Kind::Literal(_) | Kind::Param(_)) => {
                    self.report(problem(
                        Code::ConditionOutside,
                        "an IN list holds literals and parameters".to_owned(),
                        value.span,
                        "neither",
                        "write `a = b OR a = c`",
                    ));
                    sound = false;
                }
                None => match self.fit(Op::Eq, left.clone(), value) {
                    Some((_, value)) => kept.push(value),
                    None => sound = false,
                },
            }
        }
        sound.then(|| self.node(span, Type::Bool, Kind::In { left: Box::new(left), items: kept, or_none, negated }))
    }
}

/// `none` or `never`, if that is what a literal says.
pub fn sentinel(node: &Node) -> Option<&'static str> {
    match &node.kind {
        Kind::Literal(Constant::Text(text)) if text == "none" => Some("none"),
        Kind::Literal(Constant::Text(text)) if text == "never" => Some("never"),
        _ => None,
    }
}
