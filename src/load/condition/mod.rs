//! Conditions: SQL text → typed tree, checked against the schema before any evidence is read.
//!
//! | module | what |
//! |---|---|
//! | `tokens` | text → tokens: what is refused by its word alone, and where everything stands |
//! | `lower` | SQL tree → typed tree |
//! | `compare`, `functions` | parts of it: comparisons and IN; functions |
//! | `names` | columns and paths |
//! | `types` | which values go together |
//! | `subquery` | EXISTS and aggregates: tables, joins, terms |
//! | `lint` | what is right but probably not meant |

mod compare;
mod functions;
mod lint;
mod lower;
mod names;
mod subquery;
mod tokens;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::condition::{Condition, Kind};
pub(crate) use crate::model::condition::{children, walk};
use crate::model::diagnostic::{Code, Level};
use crate::model::schema::Type;

/// The longest condition, in bytes.
pub const LENGTH: usize = 8 * 1024;
/// The deepest nesting of parentheses and operators.
pub const DEPTH: usize = 32;
/// The most nodes of a typed tree.
pub const NODES: usize = 512;
/// The most operators: each is a step of nesting to the parser, `1 + 1 + 1 + …` as much as parentheses.
pub const OPERATORS: usize = 256;
/// The most items of an `IN` list.
pub const ITEMS: usize = 256;

/// Which condition it is: one of a control's two, or a waiver's `where`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Applies,
    Assert,
    Where,
}

/// One thing that is wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub level: Level,
    pub message: String,
    /// Bytes of the condition's text.
    pub span: Range<usize>,
    /// What was expected here.
    pub label: String,
    /// What to do; may be empty.
    pub help: String,
}

/// Parses and checks a condition on a table. Gives warnings beside the condition.
///
/// # Errors
/// Every problem that was found; at least one is an error.
pub fn parse(text: &str, table: usize, params: &BTreeMap<String, Type>, place: Place) -> Result<(Condition, Vec<Problem>), Vec<Problem>> {
    let tokens = tokens::read(text)?;
    let tree = tokens.parse().map_err(|problem| vec![problem])?;
    let mut lower = lower::Lower::new(&tokens, table, params, place);
    let root = lower.boolean(&tree, 0);
    let (nodes, mut problems) = lower.finish();
    if nodes > NODES {
        problems.push(Problem {
            code: Code::ConditionLimit,
            level: Level::Error,
            message: format!("the condition has {nodes} parts, more than {NODES}"),
            span: 0..text.len(),
            label: "too large".to_owned(),
            help: "split the control in two".to_owned(),
        });
    }
    match root {
        Some(root) if problems.iter().all(|problem| problem.level != Level::Error) => {
            let condition = Condition { text: text.to_owned(), table, root, nodes };
            problems.extend(lint::none_would_pass(&condition));
            problems.extend(lint::settled(&condition, place));
            Ok((condition, problems))
        }
        _ => {
            problems.sort_by_key(|problem| (problem.span.start, problem.code));
            problems.dedup();
            Err(problems)
        }
    }
}

/// The parameters that a condition reads.
#[must_use]
pub fn params_read(condition: &Condition) -> BTreeSet<String> {
    let mut read = BTreeSet::new();
    walk(&condition.root, &mut |node| {
        if let Kind::Param(name) = &node.kind {
            read.insert(name.clone());
        }
    });
    read
}
