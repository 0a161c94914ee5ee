//! Functions of values and of subqueries.

use std::ops::Range;

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::compare::sentinel;
use super::lower::Lower;
use super::names::nearest;
use super::tokens::problem;
use crate::model::condition::{Aggregate, Kind, Node};
use crate::model::diagnostic::Code;
use crate::model::schema::Type;

/// Functions of the language, for "did you mean".
const FUNCTIONS: [&str; 10] =
    ["age", "contains", "cardinality", "lower", "starts_with", "regexp_like", "in_network", "count", "min", "max"];

impl Lower<'_, '_> {
    pub(super) fn function(&mut self, expr: &Expr, function: &Function, span: Range<usize>, depth: usize) -> Option<Node> {
        let name = function.name.to_string();
        let place = self.tokens.place(expr);
        let FunctionArguments::List(list) = &function.args else {
            return self.refuse(Code::ConditionOutside, expr, "a function without a list of values", "not part of the language", "");
        };
        let plain = list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
            && function.filter.is_none()
            && function.over.is_none()
            && function.within_group.is_empty();
        let known = FUNCTIONS.iter().find(|known| known.eq_ignore_ascii_case(&name)).copied();
        let Some(known) = known else {
            let help = match name.to_ascii_lowercase().as_str() {
                "now" | "today" | "clock" | "sysdate" | "getdate" => "the only clock is `$as_of`".to_owned(),
                "upper" => "use lower".to_owned(),
                "sum" | "avg" => "aggregates are count(DISTINCT x), min(x) and max(x)".to_owned(),
                other => nearest(other, &FUNCTIONS).unwrap_or_else(|| format!("functions are {}", FUNCTIONS.join(", "))),
            };
            return self.refuse(Code::ConditionName, expr, &format!("there is no function `{name}`"), "unknown function", &help);
        };
        if matches!(known, "count" | "min" | "max") || !plain {
            return self.refuse(
                Code::ConditionOutside,
                expr,
                &format!("`{known}` outside a subquery, or with clauses of its own"),
                "not here",
                "write `(SELECT max(at) FROM event WHERE …)`",
            );
        }
        let mut args = Vec::new();
        for arg in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg else {
                self.report(problem(Code::ConditionOutside, "a named argument or `*`".to_owned(), place, "not part of the language", ""));
                return None;
            };
            args.push(arg);
        }
        let wanted = if matches!(known, "age" | "cardinality" | "lower") { 1 } else { 2 };
        if args.len() != wanted {
            return self.refuse(
                Code::ConditionType,
                expr,
                &format!("`{known}` takes {wanted} values, found {}", args.len()),
                "wrong number of values",
                "",
            );
        }
        match known {
            "age" => {
                let time = self.expr(args[0], depth)?;
                let now = self.node(span.clone(), Type::Time, Kind::AsOf);
                self.typed(&time, Type::Time)?;
                self.arithmetic(true, now, time, span)
            }
            "cardinality" => {
                let list = self.expr(args[0], depth)?;
                self.typed(&list, Type::List)?;
                Some(self.node(span, Type::Number, Kind::Cardinality(Box::new(list))))
            }
            "lower" => {
                let text = self.expr(args[0], depth)?;
                self.textual(&text)?;
                if text.ty == Type::Fingerprint {
                    return self.refuse(
                        Code::ConditionType,
                        args[0],
                        "a fingerprint is no plain text",
                        "compares only as it stands",
                        "leave `lower` out",
                    );
                }
                Some(self.node(span, Type::Text, Kind::Lower(Box::new(text))))
            }
            "contains" => {
                let (list, item) = (self.expr(args[0], depth), self.expr(args[1], depth));
                let (list, item) = (list?, item?);
                self.typed(&list, Type::List)?;
                self.textual(&item)?;
                if sentinel(&item).is_some() {
                    return self.refuse(
                        Code::ConditionSentinel,
                        args[1],
                        "a list holds no `none` and no `never`",
                        "never in a list",
                        "test the list itself: `expected_networks = 'none'`",
                    );
                }
                Some(self.node(span, Type::Bool, Kind::Contains { list: Box::new(list), item: Box::new(item) }))
            }
            "in_network" => {
                let (address, networks) = (self.expr(args[0], depth), self.expr(args[1], depth));
                let (address, networks) = (address?, networks?);
                self.typed(&address, Type::Address)?;
                self.typed(&networks, Type::List)?;
                Some(self.node(span, Type::Bool, Kind::InNetwork { address: Box::new(address), networks: Box::new(networks) }))
            }
            "starts_with" => {
                let (text, prefix) = (self.expr(args[0], depth), self.expr(args[1], depth));
                let (text, prefix) = (text?, prefix?);
                self.textual(&text)?;
                self.textual(&prefix)?;
                if !matches!(prefix.kind, Kind::Literal(_) | Kind::Param(_)) {
                    return self.refuse(
                        Code::ConditionOutside,
                        args[1],
                        "a prefix that is read from evidence",
                        "a literal or a parameter",
                        "",
                    );
                }
                Some(self.node(span, Type::Bool, Kind::StartsWith { text: Box::new(text), prefix: Box::new(prefix) }))
            }
            _ => {
                let text = self.expr(args[0], depth);
                let pattern = self.text_literal(args[1], "a pattern is a literal")?;
                let text = text?;
                self.textual(&text)?;
                if let Err(why) = super::types::pattern(&pattern) {
                    return self.refuse(
                        Code::ConditionOutside,
                        args[1],
                        &why,
                        "engines differ on it",
                        "use ASCII classes such as [0-9], groups, |, bounded repeats and anchors",
                    );
                }
                Some(self.node(span, Type::Bool, Kind::RegexpLike { text: Box::new(text), pattern }))
            }
        }
    }

    /// The aggregate that a subquery selects, with what it is of.
    pub fn aggregated<'e>(&mut self, expr: &'e Expr) -> Option<(Aggregate, &'e Expr)> {
        const HELP: &str = "select count(DISTINCT x), min(x) or max(x)";
        let refused = |lower: &mut Self, message: &str| {
            let place = lower.tokens.place(expr);
            lower.report(problem(Code::ConditionOutside, message.to_owned(), place, "not part of the language", HELP));
            None
        };
        let Expr::Function(function) = expr else { return refused(self, "a subquery that selects no aggregate") };
        let FunctionArguments::List(list) = &function.args else { return refused(self, "a subquery that selects no aggregate") };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let name = function.name.to_string().to_ascii_lowercase();
        let aggregate = match (name.as_str(), distinct) {
            ("count", true) => Aggregate::CountDistinct,
            ("count", false) => return refused(self, "count without DISTINCT: a record read twice would count twice"),
            ("min", false) => Aggregate::Min,
            ("max", false) => Aggregate::Max,
            _ => return refused(self, "this aggregate"),
        };
        match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(of))]
                if list.clauses.is_empty() && function.filter.is_none() && function.over.is_none() =>
            {
                Some((aggregate, of))
            }
            _ => refused(self, "an aggregate of anything but one value"),
        }
    }

    pub(super) fn text_literal(&mut self, expr: &Expr, message: &str) -> Option<String> {
        if let Expr::Value(value) = expr
            && let Value::SingleQuotedString(text) = &value.value
        {
            return Some(text.clone());
        }
        let place = self.tokens.place(expr);
        self.report(problem(Code::ConditionOutside, message.to_owned(), place, "write it in single quotes", ""));
        None
    }
}
