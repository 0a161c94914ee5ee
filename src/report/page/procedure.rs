//! A condition in words: what was looked at for each subject, and what had to hold.

use crate::model::condition::{Aggregate, Condition, Kind, Node, Op, Path, Scope, Subquery};
use crate::model::control::Control;
use crate::model::schema::{SCHEMA, Type};
use crate::model::value::Constant;
use crate::report::escape::code;

/// The procedure of a control as a nested Markdown list.
pub fn procedure(control: &Control) -> String {
    let mut told = Told { control, lines: Vec::new() };
    let table = SCHEMA.get(control.subject).map_or("", |table| table.name);
    if let Some(applies) = &control.applies {
        told.whole(&format!("Of the rows of {}, take those for which", code(table)), applies);
        told.whole("For each of them, see that", &control.assert);
    } else {
        told.whole(&format!("For each row of {}, see that", code(table)), &control.assert);
    }
    told.lines.join("\n")
}

/// The terms of a control's assertion at these positions, each said not to hold; Markdown clauses.
pub fn broken(control: &Control, terms: &[usize]) -> Vec<String> {
    let told = Told { control, lines: Vec::new() };
    match &control.assert.root.kind {
        Kind::And(all) if !terms.is_empty() => terms.iter().filter_map(|at| all.get(*at)).map(|term| told.denial(term, false)).collect(),
        _ => vec![told.denial(&control.assert.root, false)],
    }
}

struct Told<'c> {
    control: &'c Control,
    lines: Vec<String>,
}

impl Told<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.lines.push(format!("{}- {text}", "  ".repeat(depth)));
    }

    fn whole(&mut self, heading: &str, condition: &Condition) {
        match &condition.root.kind {
            Kind::And(terms) => {
                self.line(0, &format!("{heading} all of this holds:"));
                for term in terms {
                    self.block(1, "", term, false);
                }
            }
            _ => {
                self.line(0, &format!("{heading}:"));
                self.block(1, "", &condition.root, false);
            }
        }
    }

    /// A boolean node on lines of its own; `before` goes in front of the first. `inside`: it stands in a subquery.
    fn block(&mut self, depth: usize, before: &str, node: &Node, inside: bool) {
        match &node.kind {
            Kind::And(terms) => {
                self.line(depth, &format!("{before}all of:"));
                self.blocks(depth + 1, terms, inside);
            }
            Kind::Or(terms) => {
                self.line(depth, &format!("{before}at least one of:"));
                self.blocks(depth + 1, terms, inside);
            }
            Kind::Not(inner) => match &inner.kind {
                Kind::Exists(query) => self.exists(depth, before, "there is no row of", query),
                Kind::And(_) | Kind::Or(_) | Kind::Case { .. } => self.block(depth, &format!("{before}not "), inner, inside),
                _ => {
                    let text = format!("{before}{}", self.denial(inner, inside));
                    self.line(depth, &text);
                }
            },
            Kind::Exists(query) => self.exists(depth, before, "there is a row of", query),
            Kind::Case { branches, otherwise } => {
                self.line(depth, &format!("{before}by case:"));
                for (when, then) in branches {
                    let text = format!("if {}: {}", self.claim(when, inside), self.claim(then, inside));
                    self.line(depth + 1, &text);
                }
                let text = format!("otherwise: {}", self.claim(otherwise, inside));
                self.line(depth + 1, &text);
            }
            _ => {
                let text = format!("{before}{}", self.claim(node, inside));
                self.line(depth, &text);
            }
        }
    }

    fn blocks(&mut self, depth: usize, nodes: &[Node], inside: bool) {
        for node in nodes {
            self.block(depth, "", node, inside);
        }
    }

    fn exists(&mut self, depth: usize, before: &str, what: &str, query: &Subquery) {
        let head = format!("{before}{what} {}", self.joined(query));
        if query.terms.is_empty() {
            self.line(depth, &head);
            return;
        }
        self.line(depth, &format!("{head}, and:"));
        for term in &query.terms {
            self.block(depth + 1, "", &term.node, true);
        }
    }

    /// `` `event` whose `credential` is the subject's `id` ``
    fn joined(&self, query: &Subquery) -> String {
        let table = SCHEMA.get(query.table).map_or("", |table| table.name);
        let joins: Vec<String> = query
            .joins
            .iter()
            .map(|join| format!("{} is the subject's {}", code(&join.child.dotted()), code(&join.parent.dotted())))
            .collect();
        let other = if query.excludes_self { ", other than the subject itself," } else { "" };
        format!("{}{other} whose {}", code(table), joins.join(" and whose "))
    }

    /// A boolean node within a line.
    fn claim(&self, node: &Node, inside: bool) -> String {
        match &node.kind {
            Kind::Path(_) | Kind::Param(_) => format!("{} is true", self.phrase(node, inside)),
            Kind::Literal(Constant::Bool(true)) => "it holds".to_owned(),
            Kind::Literal(Constant::Bool(false)) => "it does not hold".to_owned(),
            _ => self.phrase(node, inside),
        }
    }

    /// That a boolean node does not hold.
    fn denial(&self, node: &Node, inside: bool) -> String {
        match &node.kind {
            Kind::Path(_) | Kind::Param(_) => format!("{} is false", self.phrase(node, inside)),
            Kind::Not(inner) => self.claim(inner, inside),
            _ => format!("it is not so that {}", self.claim(node, inside)),
        }
    }

    /// A node within a line.
    fn phrase(&self, node: &Node, inside: bool) -> String {
        match &node.kind {
            Kind::Literal(constant) => literal(constant),
            Kind::Param(name) => {
                let value = self.control.params.get(name).map_or("", |param| &param.written);
                format!("{} ({})", code(value), code(&format!("${name}")))
            }
            Kind::AsOf => "the time of the assessment".to_owned(),
            Kind::Path(path) => path_words(path, inside),
            Kind::Compare { op, left, right } => {
                format!("{} {} {}", self.phrase(left, inside), compared(*op, left.ty), self.phrase(right, inside))
            }
            Kind::IsNone { operand, negated } => {
                format!("{} is {}", self.phrase(operand, inside), if *negated { "given, not none" } else { "known to be none" })
            }
            Kind::IsNever { operand, negated } => {
                format!("{} is {}", self.phrase(operand, inside), if *negated { "given, not never" } else { "known to be never" })
            }
            Kind::In { left, items, or_none, negated } => {
                let mut words: Vec<String> = items.iter().map(|item| self.phrase(item, inside)).collect();
                if *or_none {
                    words.push("none".to_owned());
                }
                format!("{} is {} of {}", self.phrase(left, inside), if *negated { "none" } else { "one" }, words.join(", "))
            }
            Kind::Like { left, pattern, negated } => {
                format!("{} {} the pattern {}", self.phrase(left, inside), if *negated { "does not fit" } else { "fits" }, code(pattern))
            }
            Kind::IsNotNull(path) => format!("{} is known", path_words(path, inside)),
            Kind::And(terms) => self.joined_by(terms, " and ", inside),
            Kind::Or(terms) => self.joined_by(terms, " or ", inside),
            Kind::Not(inner) => match &inner.kind {
                Kind::Exists(query) => self.exists_phrase("there is no row of", query),
                _ => self.denial(inner, inside),
            },
            Kind::Arith { minus, left, right } => match (&left.kind, minus) {
                (Kind::AsOf, true) if right.ty == Type::Time => format!("the age of {}", self.phrase(right, inside)),
                _ => format!("{} {} {}", self.phrase(left, inside), if *minus { "less" } else { "plus" }, self.phrase(right, inside)),
            },
            Kind::Case { branches, otherwise } => {
                let mut parts: Vec<String> =
                    branches.iter().map(|(when, then)| format!("{} if {}", self.phrase(then, inside), self.claim(when, inside))).collect();
                parts.push(format!("otherwise {}", self.phrase(otherwise, inside)));
                format!("({})", parts.join(", "))
            }
            Kind::Contains { list, item } if matches!(list.kind, Kind::Param(_)) => {
                format!("{} is one of {}", self.phrase(item, inside), self.phrase(list, inside))
            }
            Kind::Contains { list, item } => format!("{} contains {}", self.phrase(list, inside), self.phrase(item, inside)),
            Kind::Cardinality(list) => format!("the number of members of {}", self.phrase(list, inside)),
            Kind::Lower(text) => format!("{} in lower case", self.phrase(text, inside)),
            Kind::StartsWith { text, prefix } => format!("{} begins with {}", self.phrase(text, inside), self.phrase(prefix, inside)),
            Kind::RegexpLike { text, pattern } => format!("{} matches the expression {}", self.phrase(text, inside), code(pattern)),
            Kind::InNetwork { address, networks } => {
                format!("{} lies in a network of {}", self.phrase(address, inside), self.phrase(networks, inside))
            }
            Kind::Exists(query) => self.exists_phrase("there is a row of", query),
            Kind::Aggregate { function, of, from } => {
                let what = match function {
                    Aggregate::CountDistinct => "the number of different",
                    Aggregate::Min if of.ty == Type::Time => "the earliest",
                    Aggregate::Max if of.ty == Type::Time => "the latest",
                    Aggregate::Min => "the least",
                    Aggregate::Max => "the greatest",
                };
                format!("{what} {} among the rows of {}", self.phrase(of, true), self.narrowed(from))
            }
        }
    }

    fn joined_by(&self, terms: &[Node], word: &str, inside: bool) -> String {
        format!("({})", terms.iter().map(|term| self.claim(term, inside)).collect::<Vec<_>>().join(word))
    }

    fn exists_phrase(&self, what: &str, query: &Subquery) -> String {
        format!("({what} {})", self.narrowed(query))
    }

    fn narrowed(&self, query: &Subquery) -> String {
        let terms: String = query.terms.iter().map(|term| format!(" and {}", self.claim(&term.node, true))).collect();
        format!("{}{terms}", self.joined(query))
    }
}

/// Within a subquery, what is read of the subject is said to be the subject's.
fn path_words(path: &Path, inside: bool) -> String {
    let words = code(&path.dotted());
    if inside && path.scope == Scope::Subject { format!("the subject's {words}") } else { words }
}

fn literal(constant: &Constant) -> String {
    match constant {
        Constant::Bool(true) => "true".to_owned(),
        Constant::Bool(false) => "false".to_owned(),
        other => code(&other.to_string()),
    }
}

fn compared(op: Op, ty: Type) -> &'static str {
    match (op, ty == Type::Time) {
        (Op::Eq, _) => "is",
        (Op::Ne, _) => "is not",
        (Op::Lt, true) => "is before",
        (Op::Le, true) => "is no later than",
        (Op::Gt, true) => "is after",
        (Op::Ge, true) => "is no earlier than",
        (Op::Lt, false) => "is less than",
        (Op::Le, false) => "is at most",
        (Op::Gt, false) => "is more than",
        (Op::Ge, false) => "is at least",
    }
}
