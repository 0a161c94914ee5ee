//! Which values go together.

use std::net::IpAddr;
use std::ops::Range;

use super::lower::Lower;
use super::names::nearest;
use super::tokens::problem;
use crate::model::condition::{Kind, Node, Op};
use crate::model::diagnostic::Code;
use crate::model::schema::Type;
use crate::model::value::Constant;

impl Lower<'_, '_> {
    /// Checks that two sides can be compared, and gives a literal the type of what it is compared with.
    pub fn fit(&mut self, op: Op, mut left: Node, mut right: Node) -> Option<(Node, Node)> {
        let ordered = !matches!(op, Op::Eq | Op::Ne);
        if ordered && !matches!(left.ty, Type::Number | Type::Time | Type::Duration) {
            self.report(problem(
                Code::ConditionType,
                format!("{} has no order", left.ty.word()),
                left.span.start..right.span.end.max(left.span.end),
                "cannot be ordered",
                "only times, durations and numbers are; compare with `=`, `<>` or IN",
            ));
            return None;
        }
        if !self.literal_fits(&left, &mut right) || !self.literal_fits(&right, &mut left) {
            return None;
        }
        let same = match (left.ty, right.ty) {
            (Type::List, _) | (_, Type::List) => false,
            (Type::Address, other) | (other, Type::Address) => other == Type::Address,
            (a, b) if textual(a) && textual(b) => true,
            (a, b) => a == b,
        };
        if same {
            return Some((left, right));
        }
        let help = match (left.ty, right.ty) {
            (Type::List, _) | (_, Type::List) => "use contains(list, item)",
            (Type::Time, Type::Duration) | (Type::Duration, Type::Time) => "compare with `$as_of - INTERVAL '90d'`, or use age(t)",
            (Type::Time, Type::Text) | (Type::Text, Type::Time) => "write TIMESTAMP '2026-06-30T00:00:00Z'",
            (Type::Duration, Type::Text) | (Type::Text, Type::Duration) => "write INTERVAL '90d'",
            _ => "",
        };
        self.report(problem(
            Code::ConditionType,
            format!("{} is compared with {}", left.ty.word(), right.ty.word()),
            left.span.start.min(right.span.start)..right.span.end.max(left.span.end),
            "of different types",
            help,
        ));
        None
    }

    /// A literal beside an enumeration must be one of its words; beside an address, an address.
    fn literal_fits(&mut self, column: &Node, literal: &mut Node) -> bool {
        let Kind::Literal(Constant::Text(text)) = &literal.kind else { return true };
        match column.ty {
            Type::Enum(words) if !words.contains(&text.as_str()) => {
                let help = nearest(text, words).unwrap_or_else(|| format!("one of {}", words.join(", ")));
                self.report(problem(
                    Code::ConditionType,
                    format!("`{text}` is no word of this enumeration"),
                    literal.span.clone(),
                    "never equal",
                    &help,
                ));
                false
            }
            Type::Address => {
                let good = text.parse::<IpAddr>().is_ok();
                if good {
                    literal.ty = Type::Address;
                } else {
                    self.report(problem(
                        Code::ConditionType,
                        format!("`{text}` is no address"),
                        literal.span.clone(),
                        "never equal",
                        "write '192.0.2.1' or '2001:db8::1'; for blocks use in_network(address, list)",
                    ));
                }
                good
            }
            _ => true,
        }
    }

    /// `+` and `-`.
    pub fn arithmetic(&mut self, minus: bool, left: Node, right: Node, span: Range<usize>) -> Option<Node> {
        let ty = match (left.ty, minus, right.ty) {
            (Type::Time, _, Type::Duration) | (Type::Duration, false, Type::Time) => Type::Time,
            (Type::Time, true, Type::Time) | (Type::Duration, _, Type::Duration) => Type::Duration,
            (Type::Number, _, Type::Number) => Type::Number,
            (a, _, b) => {
                let sign = if minus { '-' } else { '+' };
                self.report(problem(
                    Code::ConditionType,
                    format!("{} {sign} {} has no meaning", a.word(), b.word()),
                    span,
                    "of types that do not add up",
                    "time ± duration, time - time, duration ± duration, number ± number",
                ));
                return None;
            }
        };
        Some(self.node(span, ty, Kind::Arith { minus, left: Box::new(left), right: Box::new(right) }))
    }

    /// The one type of several results; words of enumerations are text.
    pub fn one_type<'n>(&mut self, nodes: impl Iterator<Item = &'n Node>) -> Option<Type> {
        let mut common: Option<Type> = None;
        for node in nodes {
            let aggregate = contains_aggregate(node);
            if aggregate || node.ty == Type::List {
                let what = if aggregate { "an aggregate" } else { "a list" };
                self.report(problem(
                    Code::ConditionOutside,
                    format!("{what} as a result of CASE"),
                    node.span.clone(),
                    "not part of the language",
                    "compare it first, and combine with AND and OR",
                ));
                return None;
            }
            let ty = if textual(node.ty) || node.ty == Type::Address { Type::Text } else { node.ty };
            match common {
                Some(before) if before != ty => {
                    self.report(problem(
                        Code::ConditionType,
                        format!("CASE gives {} here and {} elsewhere", ty.word(), before.word()),
                        node.span.clone(),
                        "of another type",
                        "",
                    ));
                    return None;
                }
                _ => common = Some(ty),
            }
        }
        common
    }

    /// Text of any kind, and no interval of values.
    pub fn textual(&mut self, node: &Node) -> Option<()> {
        if textual(node.ty) && !contains_aggregate(node) {
            return Some(());
        }
        self.report(problem(Code::ConditionType, format!("expected text, found {}", node.ty.word()), node.span.clone(), "not text", ""));
        None
    }

    /// Exactly this type, and no interval of values.
    pub fn typed(&mut self, node: &Node, wanted: Type) -> Option<()> {
        if node.ty == wanted && !contains_aggregate(node) {
            return Some(());
        }
        self.report(problem(
            Code::ConditionType,
            format!("expected {}, found {}", wanted.word(), if contains_aggregate(node) { "an aggregate" } else { node.ty.word() }),
            node.span.clone(),
            "of the wrong type",
            "",
        ));
        None
    }
}

fn contains_aggregate(node: &Node) -> bool {
    let mut found = false;
    super::walk(node, &mut |node| found |= node.ty != Type::Bool && matches!(node.kind, Kind::Aggregate { .. }));
    found && node.ty != Type::Bool
}

fn textual(ty: Type) -> bool {
    matches!(ty, Type::Text | Type::Enum(_) | Type::Fingerprint)
}

/// Checks a pattern of regexp_like (SEMANTICS §3.4): ASCII, no flags, no `\d \w \s \b`, bounded repeats.
///
/// # Errors
/// What it holds that engines read differently.
pub fn pattern(pattern: &str) -> Result<(), String> {
    if !pattern.is_ascii() {
        return Err("a pattern that is not ASCII".to_owned());
    }
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = chars.next() {
        match c {
            // What one engine reads as set arithmetic, another reads as characters.
            '[' if class => return Err("a class within a class of a pattern".to_owned()),
            '&' | '-' | '~' if class && chars.peek() == Some(&c) => return Err(format!("`{c}{c}` in a class of a pattern")),
            ']' if class => class = false,
            '\\' => match chars.next() {
                Some(next) if next.is_ascii_alphanumeric() => return Err(format!("`\\{next}` in a pattern")),
                Some(_) => {}
                None => return Err("a backslash at the end of a pattern".to_owned()),
            },
            '(' if chars.peek() == Some(&'?') => return Err("`(?` in a pattern: no flags, no named groups".to_owned()),
            '[' => {
                class = true;
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
                // A bracket that comes first stands for itself.
                if chars.peek() == Some(&']') {
                    chars.next();
                }
            }
            _ => {}
        }
    }
    regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .nest_limit(32)
        .build()
        .map(|_| ())
        .map_err(|error| error.to_string().lines().last().unwrap_or("a pattern that cannot be read").trim().to_owned())
}
