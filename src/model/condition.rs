//! The typed tree of a condition: what `applies` and `assert` say once they are parsed and checked.
//!
//! Made by [`crate::load`], run by [`crate::evaluate`]. `BETWEEN`, `IN` over columns and `age(t)` are kept or lowered
//! as each variant says, so that an evaluator needs no more than the rules of `docs/conditions.md`.

use std::ops::Range;

use super::schema::{SCHEMA, Type};
use super::value::Constant;

/// A parsed and checked condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// As written.
    pub text: String,
    /// The subject's table: position in [`SCHEMA`].
    pub table: usize,
    /// A boolean node.
    pub root: Node,
    /// One more than the largest [`Node::id`].
    pub nodes: usize,
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique within the condition.
    pub id: usize,
    /// Bytes of [`Condition::text`] that it was written in.
    pub span: Range<usize>,
    pub ty: Type,
    pub kind: Kind,
}

/// What a node does. *Boolean nodes* have three values: true, false, unknown.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A literal.
    Literal(Constant),
    /// A parameter, by the name after `$`.
    Param(String),
    /// `$as_of`.
    AsOf,
    /// A column, or a path along references.
    Path(Path),
    /// `left op right`; both sides of one type. Boolean.
    Compare { op: Op, left: Box<Node>, right: Box<Node> },
    /// `path = 'none'` (`negated`: `<>`). Also what `none` means in an `IN` list. Boolean.
    IsNone { operand: Box<Node>, negated: bool },
    /// `path = 'never'` (`negated`: `<>`). Boolean.
    IsNever { operand: Box<Node>, negated: bool },
    /// `left IN (…)`: literals and parameters of the left side's type, and perhaps `'none'`. Boolean.
    In { left: Box<Node>, items: Vec<Node>, or_none: bool, negated: bool },
    /// `left LIKE pattern`: `%` is any run of characters; there is no `_`, no escape. Boolean.
    Like { left: Box<Node>, pattern: String, negated: bool },
    /// `path IS NOT NULL`: false where the value is unknown; unknown itself only where no source could say it. Boolean.
    IsNotNull(Path),
    /// Kleene's AND over two or more. `BETWEEN` arrives as this. Boolean.
    And(Vec<Node>),
    /// Kleene's OR over two or more. Boolean.
    Or(Vec<Node>),
    /// Boolean.
    Not(Box<Node>),
    /// `+` or `-` on times, durations and numbers; `age(t)` arrives as `$as_of - t`.
    Arith { minus: bool, left: Box<Node>, right: Box<Node> },
    /// `CASE`: each `when` is boolean (`CASE x WHEN v` arrives as `x = v`). An unknown `when` leaves every later
    /// branch possible: the result is known only if all possible branches agree.
    Case { branches: Vec<(Node, Node)>, otherwise: Box<Node> },
    /// `contains(list, item)`. Boolean.
    Contains { list: Box<Node>, item: Box<Node> },
    /// `cardinality(list)`: a number; a `none` list has 0; unknown where a member is.
    Cardinality(Box<Node>),
    /// `lower(text)`: ASCII letters only.
    Lower(Box<Node>),
    /// `starts_with(text, prefix)`: the prefix is a literal or a parameter. Boolean.
    StartsWith { text: Box<Node>, prefix: Box<Node> },
    /// `regexp_like(text, 'pattern')`; the pattern is checked (SEMANTICS §3.4) and matches anywhere unless anchored. Boolean.
    RegexpLike { text: Box<Node>, pattern: String },
    /// `in_network(address, list)`: the list is a column or a list parameter of CIDR blocks. Boolean.
    InNetwork { address: Box<Node>, networks: Box<Node> },
    /// `EXISTS (SELECT 1 FROM …)`; `NOT EXISTS` is a [`Kind::Not`] around it. Boolean.
    Exists(Box<Subquery>),
    /// `(SELECT count(DISTINCT x) | min(x) | max(x) FROM …)`: an interval.
    Aggregate { function: Aggregate, of: Box<Node>, from: Box<Subquery> },
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    /// As written in SQL.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "<>",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }

    /// The operator with its sides exchanged: `a < b` is `b > a`.
    #[must_use]
    pub fn mirrored(self) -> Op {
        match self {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            same => same,
        }
    }
}

/// Functions over the rows of a subquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    CountDistinct,
    Min,
    Max,
}

/// Whose row a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The subject's row. In a subquery: the outer, parent row.
    Subject,
    /// The row of the subquery's own table.
    Child,
}

/// A column, reached along references: `identity.owner.status` on `credential` is
/// (credential, identity), (identity, owner), (party, status).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub scope: Scope,
    /// Positions of (table, column) in [`SCHEMA`]; every step but the last is a reference to the next step's table.
    pub steps: Vec<(usize, usize)>,
}

impl Path {
    /// The column at its end.
    ///
    /// # Panics
    /// Never: a path has at least one step.
    #[must_use]
    pub fn last(&self) -> (usize, usize) {
        self.steps.last().copied().unwrap_or((0, 0))
    }

    /// As a person writes it, without the scope: `identity.owner.status`.
    #[must_use]
    pub fn dotted(&self) -> String {
        let names: Vec<&str> = self.steps.iter().map(|(table, column)| SCHEMA[*table].columns[*column].name).collect();
        names.join(".")
    }
}

/// The rows that an EXISTS or an aggregate looks at. Its conjuncts are split already:
/// every row of `table` for which all of `joins` and `terms` hold, Kleene's AND over them.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// The child table: position in [`SCHEMA`].
    pub table: usize,
    /// The name it goes by in the condition: its alias, else the table's name.
    pub alias: String,
    /// The subject's own row is left out: the table is its own relative.
    pub excludes_self: bool,
    /// Equalities between a column of the child and a column or path of the subject; at least one.
    pub joins: Vec<Join>,
    /// The other top-level terms of the WHERE.
    pub terms: Vec<Term>,
}

/// One equality of a join. Its keys are compared as they stand: a dangling reference keeps its text, `none` joins
/// nothing, an unknown key may be any (SEMANTICS §4.3).
#[derive(Clone, Debug)]
pub struct Join {
    /// Scope [`Scope::Child`].
    pub child: Path,
    /// Scope [`Scope::Subject`].
    pub parent: Path,
    /// One side is a reference and the other the `id` that it refers to, so that the child's or the parent's missing key names a
    /// row of the same system.
    pub reference: bool,
    /// The join was implied, not written.
    pub implied: bool,
}

/// A conjunct of a subquery's WHERE that is no join.
#[derive(Clone, Debug)]
pub struct Term {
    pub node: Node,
    /// Reads nothing of the subject's row.
    pub parent_free: bool,
}

/// Visits a node and everything below it, subqueries included.
pub fn walk<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Node)) {
    visit(node);
    for child in children(node) {
        walk(child, visit);
    }
}

/// The nodes directly below a node, subqueries' terms included.
#[must_use]
pub fn children(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf | Kind::Path(_) | Kind::IsNotNull(_) => Vec::new(),
        Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => vec![left, right],
        Kind::IsNone { operand, .. } | Kind::IsNever { operand, .. } => vec![operand],
        Kind::In { left, items, .. } => std::iter::once(&**left).chain(items).collect(),
        Kind::Like { left, .. } => vec![left],
        Kind::And(terms) | Kind::Or(terms) => terms.iter().collect(),
        Kind::Not(inner) | Kind::Cardinality(inner) | Kind::Lower(inner) => vec![inner],
        Kind::Case { branches, otherwise } => {
            branches.iter().flat_map(|(when, then)| [when, then]).chain(std::iter::once(&**otherwise)).collect()
        }
        Kind::Contains { list, item } => vec![list, item],
        Kind::StartsWith { text, prefix } => vec![text, prefix],
        Kind::RegexpLike { text, .. } => vec![text],
        Kind::InNetwork { address, networks } => vec![address, networks],
        Kind::Exists(query) => query.terms.iter().map(|term| &term.node).collect(),
        Kind::Aggregate { of, from, .. } => std::iter::once(&**of).chain(from.terms.iter().map(|term| &term.node)).collect(),
    }
}
