//! What is right but probably not meant.

use super::names::may_be_none;
use super::{Problem, children};
use crate::model::condition::{Condition, Kind, Node, Op, Path};
use crate::model::diagnostic::{Code, Level};

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
