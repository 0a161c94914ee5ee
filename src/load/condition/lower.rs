//! SQL tree → typed tree. Everything outside the language is refused with the reason and what to write instead.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlparser::ast::{BinaryOperator, CaseWhen, DataType, Expr, InTarget, UnaryOperator, Value};

use super::names::nearest;
use super::tokens::{Tokens, problem};
use super::{DEPTH, Place, Problem};
use crate::model::condition::{Kind, Node, Op};
use crate::model::diagnostic::Code;
use crate::model::schema::{SCHEMA, Type};
use crate::model::value::{Constant, Duration, Number, Time};

/// The subquery that is being lowered.
#[derive(Clone, Debug)]
pub struct ChildTable {
    pub table: usize,
    pub alias: String,
}

/// Lowers one condition.
pub struct Lower<'t, 'p> {
    pub tokens: &'t Tokens<'t>,
    pub table: usize,
    pub child: Option<ChildTable>,
    pub(super) params: &'p BTreeMap<String, Type>,
    pub(super) place: Place,
    problems: Vec<Problem>,
    next: usize,
    /// Under a NOT, a CASE or a subquery, where IS NOT NULL would not be monotone.
    pub(super) guarded: usize,
}

impl<'t, 'p> Lower<'t, 'p> {
    pub fn new(tokens: &'t Tokens<'t>, table: usize, params: &'p BTreeMap<String, Type>, place: Place) -> Self {
        Lower { tokens, table, child: None, params, place, problems: Vec::new(), next: 0, guarded: 0 }
    }

    pub fn finish(self) -> (usize, Vec<Problem>) {
        (self.next, self.problems)
    }

    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub fn node(&mut self, span: Range<usize>, ty: Type, kind: Kind) -> Node {
        self.next += 1;
        Node { id: self.next - 1, span, ty, kind }
    }

    pub(super) fn refuse(&mut self, code: Code, expr: &Expr, message: &str, label: &str, help: &str) -> Option<Node> {
        let place = self.tokens.place(expr);
        self.report(problem(code, message.to_owned(), place, label, help));
        None
    }

    /// An expression that must be a condition.
    pub fn boolean(&mut self, expr: &Expr, depth: usize) -> Option<Node> {
        let node = self.expr(expr, depth)?;
        if node.ty == Type::Bool {
            return Some(node);
        }
        self.report(problem(
            Code::ConditionType,
            format!("expected a condition, found {}", node.ty.word()),
            node.span,
            "is neither true nor false",
            "compare it with something",
        ));
        None
    }

    /// Any expression.
    pub fn expr(&mut self, expr: &Expr, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return self.refuse(Code::ConditionLimit, expr, "the condition is nested too deep", "too deep", "split the control in two");
        }
        let span = self.tokens.place(expr);
        let depth = depth + 1;
        match expr {
            Expr::Nested(inner) => self.expr(inner, depth),
            Expr::Identifier(name) => self.name(std::slice::from_ref(&name.value), span),
            Expr::CompoundIdentifier(names) => {
                let names: Vec<String> = names.iter().map(|name| name.value.clone()).collect();
                self.name(&names, span)
            }
            Expr::Value(value) => self.literal(expr, &value.value, span),
            Expr::TypedString(text) => match (&text.data_type, text.value.value.clone().into_string()) {
                (DataType::Timestamp(..), Some(said)) => match Time::parse(&said) {
                    Ok(time) => Some(self.node(span, Type::Time, Kind::Literal(Constant::Time(time)))),
                    Err(why) => self.refuse(Code::ConditionType, expr, &why, "no point in time", "write TIMESTAMP '2026-06-30T00:00:00Z'"),
                },
                _ => self.refuse(
                    Code::ConditionOutside,
                    expr,
                    "a literal of this type",
                    "not part of the language",
                    "write TIMESTAMP '2026-06-30T00:00:00Z'",
                ),
            },
            Expr::Interval(interval) => {
                let said = match &*interval.value {
                    Expr::Value(value) => value.value.clone().into_string(),
                    _ => None,
                };
                match (said, interval.leading_field.is_some() || interval.last_field.is_some()) {
                    (Some(said), false) => match Duration::parse(&said) {
                        Ok(length) => Some(self.node(span, Type::Duration, Kind::Literal(Constant::Duration(length)))),
                        Err(why) => self.refuse(
                            Code::ConditionType,
                            expr,
                            &why,
                            "no duration",
                            "units are w, d, h, min and s; months and years vary in length",
                        ),
                    },
                    _ => self.refuse(
                        Code::ConditionOutside,
                        expr,
                        "an interval with a unit word",
                        "not part of the language",
                        "write INTERVAL '90d'",
                    ),
                }
            }
            Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right, span, depth),
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                self.guarded += 1;
                let inner = self.boolean(inner, depth);
                self.guarded -= 1;
                Some(self.node(span, Type::Bool, Kind::Not(Box::new(inner?))))
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => match &**inner {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => self.number(expr, &format!("-{digits}"), span),
                    _ => self.refuse(
                        Code::ConditionType,
                        expr,
                        "a minus before something that is no number",
                        "not a number",
                        "subtract: `$as_of - issued_at`",
                    ),
                },
                _ => self.refuse(
                    Code::ConditionOutside,
                    expr,
                    "a minus before an expression",
                    "not part of the language",
                    "subtract: `$as_of - issued_at`",
                ),
            },
            Expr::Between { expr: inner, negated, low, high } => {
                let (inner_low, low) = (self.expr(inner, depth), self.expr(low, depth));
                let (inner_high, high) = (self.expr(inner, depth), self.expr(high, depth));
                let low = self.compare(Op::Ge, inner_low?, low?, span.clone())?;
                let high = self.compare(Op::Le, inner_high?, high?, span.clone())?;
                let both = self.node(span.clone(), Type::Bool, Kind::And(vec![low, high]));
                Some(if *negated { self.node(span, Type::Bool, Kind::Not(Box::new(both))) } else { both })
            }
            Expr::In { expr: inner, target: InTarget::List(items), negated, .. } => self.in_list(inner, items, *negated, span, depth),
            Expr::In { .. } => self.refuse(
                Code::ConditionOutside,
                expr,
                "IN over anything but a list",
                "not part of the language",
                "write EXISTS (SELECT 1 FROM … WHERE …)",
            ),
            Expr::Like { negated, any: false, expr: inner, pattern, escape_char: None } => {
                let left = self.expr(inner, depth);
                let pattern = self.text_literal(pattern, "a LIKE pattern is a literal");
                let (left, pattern) = (left?, pattern?);
                self.textual(&left)?;
                if pattern.contains('_') || pattern.contains('\\') {
                    return self.refuse(
                        Code::ConditionOutside,
                        expr,
                        "`_` or `\\` in a LIKE pattern",
                        "engines differ on it",
                        "use starts_with or regexp_like",
                    );
                }
                Some(self.node(span, Type::Bool, Kind::Like { left: Box::new(left), pattern, negated: *negated }))
            }
            Expr::IsNotNull(inner) => self.is_not_null(expr, inner, span, depth),
            Expr::IsNull(_) => self.refuse(
                Code::ConditionOutside,
                expr,
                "IS NULL",
                "would decide from knowing nothing",
                "absence is typed: write `= 'none'` or `= 'never'` for what is known not to be there; an unknown value stays unknown",
            ),
            Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..) => self.refuse(
                Code::ConditionOutside,
                expr,
                "IS with anything but NOT NULL",
                "would decide from knowing nothing",
                "write `privileged`, `NOT privileged` or a comparison",
            ),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(expr, operand.as_deref(), conditions, else_result.as_deref(), span, depth)
            }
            Expr::Function(function) => self.function(expr, function, span, depth),
            Expr::Exists { subquery, negated } => {
                let query = self.exists(subquery, &span, depth)?;
                let node = self.node(span.clone(), Type::Bool, Kind::Exists(Box::new(query)));
                Some(if *negated { self.node(span, Type::Bool, Kind::Not(Box::new(node))) } else { node })
            }
            Expr::Subquery(query) => self.aggregate(query, &span, depth),
            _ => self.refuse(
                Code::ConditionOutside,
                expr,
                "this is not part of the language",
                "refused",
                "docs/conditions.md has the whole language",
            ),
        }
    }

    pub(super) fn name(&mut self, names: &[String], span: Range<usize>) -> Option<Node> {
        let path = self.path(names, &span)?;
        let (table, column) = path.last();
        let ty = SCHEMA[table].columns[column].ty;
        Some(self.node(span, ty, Kind::Path(path)))
    }

    fn literal(&mut self, expr: &Expr, value: &Value, span: Range<usize>) -> Option<Node> {
        match value {
            Value::SingleQuotedString(text) => Some(self.node(span, Type::Text, Kind::Literal(Constant::Text(text.clone())))),
            Value::Number(digits, _) => self.number(expr, digits, span),
            Value::Boolean(yes) => Some(self.node(span, Type::Bool, Kind::Literal(Constant::Bool(*yes)))),
            Value::Placeholder(name) if name == "$as_of" => Some(self.node(span, Type::Time, Kind::AsOf)),
            Value::Placeholder(name) => {
                let bare = name.trim_start_matches('$');
                match self.params.get(bare) {
                    Some(ty) => {
                        let ty = *ty;
                        Some(self.node(span, ty, Kind::Param(bare.to_owned())))
                    }
                    None => {
                        let known: Vec<&str> = self.params.keys().map(String::as_str).chain(["as_of"]).collect();
                        let help = nearest(bare, &known).unwrap_or_else(|| format!("declare it: [params.{}]", bare.replace('_', "-")));
                        self.refuse(
                            Code::UndeclaredParameter,
                            expr,
                            &format!("the control has no parameter `{bare}`"),
                            "not declared",
                            &help,
                        )
                    }
                }
            }
            Value::Null => {
                self.refuse(Code::ConditionOutside, expr, "NULL", "nothing equals it", "test `= 'none'`, `= 'never'` or IS NOT NULL")
            }
            _ => self.refuse(
                Code::ConditionOutside,
                expr,
                "a literal of this kind",
                "not part of the language",
                "text stands in single quotes",
            ),
        }
    }

    fn number(&mut self, expr: &Expr, digits: &str, span: Range<usize>) -> Option<Node> {
        match Number::parse(digits) {
            Ok(number) => Some(self.node(span, Type::Number, Kind::Literal(Constant::Number(number)))),
            Err(why) => self.refuse(Code::ConditionType, expr, &why, "no number", ""),
        }
    }

    fn binary(&mut self, expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr, span: Range<usize>, depth: usize) -> Option<Node> {
        let op = match op {
            BinaryOperator::And | BinaryOperator::Or => {
                // A long chain is one node, not a deep tree.
                let mut parts = Vec::new();
                flatten(expr, op, &mut parts);
                let terms: Vec<Option<Node>> = parts.into_iter().map(|part| self.boolean(part, depth)).collect();
                let terms: Vec<Node> = terms.into_iter().collect::<Option<_>>()?;
                let kind = if *op == BinaryOperator::And { Kind::And(terms) } else { Kind::Or(terms) };
                return Some(self.node(span, Type::Bool, kind));
            }
            BinaryOperator::Plus | BinaryOperator::Minus => {
                let minus = *op == BinaryOperator::Minus;
                let (left, right) = (self.expr(left, depth), self.expr(right, depth));
                return self.arithmetic(minus, left?, right?, span);
            }
            BinaryOperator::Eq => Op::Eq,
            BinaryOperator::NotEq => Op::Ne,
            BinaryOperator::Lt => Op::Lt,
            BinaryOperator::LtEq => Op::Le,
            BinaryOperator::Gt => Op::Gt,
            BinaryOperator::GtEq => Op::Ge,
            _ => {
                return self.refuse(
                    Code::ConditionOutside,
                    expr,
                    "this operator",
                    "not part of the language",
                    "operators are = <> < <= > >= + - AND OR NOT",
                );
            }
        };
        let (left, right) = (self.expr(left, depth), self.expr(right, depth));
        self.compare(op, left?, right?, span)
    }

    fn is_not_null(&mut self, expr: &Expr, inner: &Expr, span: Range<usize>, depth: usize) -> Option<Node> {
        let operand = self.expr(inner, depth)?;
        let elsewhere = match self.place {
            Place::Assert => None,
            Place::Applies => Some(("IS NOT NULL in `applies`", "knowing less would judge fewer subjects", "test it in `assert`")),
            Place::Where => Some(("IS NOT NULL in `where`", "a waiver covers what is known, not that it is", "say what the value must be")),
        };
        if let Some((message, label, help)) = elsewhere {
            return self.refuse(Code::ConditionOutside, expr, message, label, help);
        }
        if self.guarded > 0 || self.child.is_some() {
            return self.refuse(
                Code::ConditionOutside,
                expr,
                "IS NOT NULL under NOT, CASE or in a subquery",
                "knowing less could decide more",
                "use it at the top of `assert`, under AND and OR only",
            );
        }
        let Kind::Path(path) = operand.kind else {
            return self.refuse(Code::ConditionOutside, expr, "IS NOT NULL on something that is no column", "only columns and paths", "");
        };
        Some(self.node(span, Type::Bool, Kind::IsNotNull(path)))
    }

    fn case(
        &mut self,
        expr: &Expr,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        span: Range<usize>,
        depth: usize,
    ) -> Option<Node> {
        let Some(otherwise) = otherwise else {
            return self.refuse(Code::ConditionOutside, expr, "CASE without ELSE", "would be unknown without saying so", "add ELSE");
        };
        self.guarded += 1;
        let mut branches = Vec::new();
        for branch in conditions {
            let when = match operand {
                None => self.boolean(&branch.condition, depth),
                Some(operand) => {
                    let (left, right) = (self.expr(operand, depth), self.expr(&branch.condition, depth));
                    let place = self.tokens.place(&branch.condition);
                    left.zip(right).and_then(|(left, right)| self.compare(Op::Eq, left, right, place))
                }
            };
            branches.push(when.zip(self.expr(&branch.result, depth)));
        }
        let otherwise = self.expr(otherwise, depth);
        self.guarded -= 1;
        let branches: Vec<(Node, Node)> = branches.into_iter().collect::<Option<_>>()?;
        let otherwise = otherwise?;
        let ty = self.one_type(branches.iter().map(|(_, then)| then).chain([&otherwise]))?;
        if ty == Type::Fingerprint {
            let message = "a fingerprint cannot be the result of a CASE".to_owned();
            self.report(problem(Code::ConditionType, message, span, "compares only as it stands", "compare it in each branch"));
            return None;
        }
        Some(self.node(span, ty, Kind::Case { branches, otherwise: Box::new(otherwise) }))
    }
}

/// The parts of a chain of one operator, in order; parentheses around a part of the same chain fall away.
pub fn flatten<'e>(expr: &'e Expr, wanted: &BinaryOperator, parts: &mut Vec<&'e Expr>) {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        let mut bare = expr;
        while let Expr::Nested(inner) = bare {
            bare = inner;
        }
        match bare {
            Expr::BinaryOp { left, op, right } if op == wanted => open.extend([&**right, &**left]),
            _ => parts.push(expr),
        }
    }
}
