//! What is right but probably not meant.

use super::names::may_be_none;
use super::{Place, Problem, children};
use crate::model::condition::{Condition, Kind, Node, Op, Path};
use crate::model::diagnostic::{Code, Level};
use crate::model::value::Constant;

/// A negated comparison with a literal is true for `none` (SEMANTICS §1.3): a warning where the condition does not say
/// what it means for `none`.
pub fn none_would_pass(condition: &Condition) -> Vec<Problem> {
    let mut tested: Vec<&Path> = Vec::new();
    super::walk(&condition.root, &mut |node| match &node.kind {
        Kind::IsNone { operand, .. } => tested.extend(path(operand)),
        Kind::In { left, or_none: true, .. } => tested.extend(path(left)),
        _ => {}
    });
    let mut found = Vec::new();
    look(&condition.root, false, &mut |node, operand: &Path| {
        let covered = tested.iter().any(|known| known.scope == operand.scope && operand.steps.starts_with(&known.steps));
        if may_be_none(operand) && !covered {
            found.push(Problem {
                code: Code::ConditionNone,
                level: Level::Warning,
                message: format!("`{}` may be `none`, and would then satisfy this", operand.dotted()),
                span: node.span.clone(),
                label: "true for `none`".to_owned(),
                help: format!("say what `none` means: add `AND {0} <> 'none'` or `OR {0} = 'none'`", operand.dotted()),
            });
        }
    });
    found
}

fn path(node: &Node) -> Option<&Path> {
    match &node.kind {
        Kind::Path(path) => Some(path),
        Kind::Lower(inner) => path(inner),
        _ => None,
    }
}

/// Visits every comparison with a literal that stands negated.
fn look<'n>(node: &'n Node, negated: bool, visit: &mut impl FnMut(&'n Node, &'n Path)) {
    match &node.kind {
        Kind::Not(inner) => return look(inner, !negated, visit),
        Kind::Compare { op, left, right } if (*op == Op::Ne) != negated && matches!(op, Op::Eq | Op::Ne) => {
            for (value, other) in [(left, right), (right, left)] {
                if let (Some(path), Kind::Literal(_) | Kind::Param(_) | Kind::AsOf) = (path(value), &other.kind) {
                    visit(node, path);
                }
            }
        }
        Kind::In { left, negated: not, or_none: false, .. } | Kind::Like { left, negated: not, .. } if *not != negated => {
            if let Some(path) = path(left) {
                visit(node, path);
            }
        }
        Kind::StartsWith { text, .. } | Kind::RegexpLike { text, .. } if negated => {
            if let Some(path) = path(text) {
                visit(node, path);
            }
        }
        _ => {}
    }
    for child in children(node) {
        look(child, negated, visit);
    }
}

/// A condition whose answer is settled before any evidence is read, or cannot be left open by what is not known. What is seen:
/// literals, one expression on both sides, opposite terms side by side, one value held to two words.
pub fn settled(condition: &Condition, place: Place) -> Vec<Problem> {
    let answers = Answers { text: &condition.text }.of(&condition.root);
    let problem = |message: &str, help: &str| Problem {
        code: Code::ConditionSettled,
        level: Level::Warning,
        message: message.to_owned(),
        span: condition.root.span.clone(),
        label: "whatever the evidence says".to_owned(),
        help: help.to_owned(),
    };
    let reads = {
        let mut reads = false;
        super::walk(&condition.root, &mut |node| reads |= matches!(node.kind, Kind::Path(_) | Kind::IsNotNull(_)));
        reads
    };
    let mut found = Vec::new();
    match place {
        Place::Applies if !answers.yes => {
            found.push(problem("this is never true: the control never applies", "mend it, or leave `applies` out"))
        }
        Place::Applies if !answers.no && !answers.open => {
            found.push(problem("this is always true: the control applies to every subject", "leave `applies` out"));
        }
        Place::Applies if !answers.no => {
            found.push(problem(
                "this is never false: no subject is left out for what is known of it",
                "leave `applies` out, or say which are",
            ));
        }
        Place::Where if !answers.yes => found.push(problem("this is never true: the waiver covers nobody", "say whom it covers")),
        Place::Where if !answers.no && !answers.open => {
            found.push(problem("this is always true: the waiver covers every subject", "say which subjects are meant"));
        }
        Place::Where if !answers.no => {
            found.push(problem("this is never false: no subject is left out for what is known of it", "say which subjects are meant"));
        }
        Place::Assert if !answers.no => found.push(problem("this is never false: no subject can fail", "say what must hold")),
        Place::Assert if !answers.yes => found.push(problem("this is never true: no subject can pass", "say what must hold")),
        Place::Assert if reads && !answers.open => found.push(problem(
            "this is never unknown, although it reads what evidence may leave out",
            "`IS NOT NULL` takes not knowing for an answer: add what the value must be",
        )),
        _ => {}
    }
    found
}

/// Which answers an expression may have.
#[derive(Clone, Copy)]
struct Set {
    yes: bool,
    no: bool,
    /// Unknown.
    open: bool,
}

const ANY: Set = Set { yes: true, no: true, open: true };

impl Set {
    fn negated(self) -> Set {
        Set { yes: self.no, no: self.yes, open: self.open }
    }

    fn and(self, other: Set) -> Set {
        Set {
            yes: self.yes && other.yes,
            no: self.no || other.no,
            open: self.open && (other.yes || other.open) || other.open && (self.yes || self.open),
        }
    }
}

struct Answers<'t> {
    text: &'t str,
}

impl Answers<'_> {
    fn of(&self, node: &Node) -> Set {
        let known = |yes: bool| Set { yes, no: !yes, open: false };
        match &node.kind {
            Kind::Literal(Constant::Bool(yes)) => known(*yes),
            Kind::Not(inner) => self.of(inner).negated(),
            Kind::And(terms) => {
                let all = terms.iter().fold(known(true), |all, term| all.and(self.of(term)));
                if self.pair(terms, Op::Eq) { Set { yes: false, ..all } } else { all }
            }
            Kind::Or(terms) => {
                let none = terms.iter().fold(known(true), |none, term| none.and(self.of(term).negated()));
                let any = none.negated();
                if self.pair(terms, Op::Ne) { Set { no: false, ..any } } else { any }
            }
            Kind::IsNotNull(_) => Set { open: false, ..ANY },
            Kind::Compare { op, left, right } if self.said(left) == self.said(right) => match op {
                Op::Eq | Op::Le | Op::Ge => Set { no: false, ..ANY },
                Op::Ne | Op::Lt | Op::Gt => Set { yes: false, ..ANY },
            },
            Kind::Compare { op, left, right } => match (&left.kind, &right.kind) {
                (Kind::Literal(a), Kind::Literal(b)) if matches!(op, Op::Eq | Op::Ne) => known((a == b) == (*op == Op::Eq)),
                _ => ANY,
            },
            _ => ANY,
        }
    }

    fn said(&self, node: &Node) -> String {
        self.text.get(node.span.clone()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether two of these are each other's opposite, or compare one value with two literals by this operator: by `=` they cannot both be
    /// true, by `<>` not both be false.
    fn pair(&self, terms: &[Node], op: Op) -> bool {
        let two = |a: &Node, b: &Node| match (self.held(a, op), self.held(b, op)) {
            (Some((value, one)), Some((other, two))) => value == other && one != two,
            _ => false,
        };
        terms.iter().enumerate().any(|(at, a)| terms[at + 1..].iter().any(|b| self.opposite(a, b) || two(a, b)))
    }

    /// What a comparison by this operator holds a value to.
    fn held<'n>(&self, node: &'n Node, wanted: Op) -> Option<(String, &'n Constant)> {
        let Kind::Compare { op, left, right } = &node.kind else { return None };
        match (&left.kind, &right.kind) {
            (Kind::Path(_), Kind::Literal(word)) if *op == wanted => Some((self.said(left), word)),
            (Kind::Literal(word), Kind::Path(_)) if *op == wanted => Some((self.said(right), word)),
            _ => None,
        }
    }

    fn opposite(&self, a: &Node, b: &Node) -> bool {
        match (&a.kind, &b.kind) {
            // What BETWEEN became has two parts of one text.
            _ if a.span == b.span => false,
            (Kind::Not(inner), _) if !matches!(b.kind, Kind::Not(_)) => self.said(inner) == self.said(b),
            (_, Kind::Not(inner)) if !matches!(a.kind, Kind::Not(_)) => self.said(inner) == self.said(a),
            (Kind::Compare { op, left, right }, Kind::Compare { op: other, left: l, right: r }) => {
                let pairs = [(Op::Eq, Op::Ne), (Op::Lt, Op::Ge), (Op::Le, Op::Gt)];
                let contrary = pairs.iter().any(|(x, y)| (x, y) == (op, other) || (y, x) == (op, other));
                contrary && self.said(left) == self.said(l) && self.said(right) == self.said(r)
            }
            (Kind::IsNone { operand, negated }, Kind::IsNone { operand: o, negated: n })
            | (Kind::IsNever { operand, negated }, Kind::IsNever { operand: o, negated: n }) => {
                negated != n && self.said(operand) == self.said(o)
            }
            _ => false,
        }
    }
}
