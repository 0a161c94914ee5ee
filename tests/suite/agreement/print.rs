//! A condition as SQL: what a reader of a failing case sees, and what is parsed again.

use tickmark::model::condition::{Aggregate, Kind, Node, Path, Scope, Subquery};
use tickmark::model::schema::SCHEMA;
use tickmark::model::value::Constant;

/// A condition of this subject. Within a subquery every name is qualified.
pub fn sql(node: &Node, subject: usize) -> String {
    Printer { subject, inside: false }.node(node)
}

struct Printer {
    subject: usize,
    inside: bool,
}

impl Printer {
    fn node(&self, node: &Node) -> String {
        let list = |nodes: &[Node], between: &str| nodes.iter().map(|node| self.node(node)).collect::<Vec<_>>().join(between);
        let no = |negated: bool| if negated { "NOT " } else { "" };
        let sign = |negated: bool| if negated { "<>" } else { "=" };
        match &node.kind {
            Kind::Literal(constant) => literal(constant),
            Kind::Param(name) => format!("${name}"),
            Kind::AsOf => "$as_of".to_owned(),
            Kind::Path(path) => self.path(path),
            Kind::Compare { op, left, right } => format!("({} {} {})", self.node(left), op.symbol(), self.node(right)),
            Kind::IsNone { operand, negated } => format!("({} {} 'none')", self.node(operand), sign(*negated)),
            Kind::IsNever { operand, negated } => format!("({} {} 'never')", self.node(operand), sign(*negated)),
            Kind::In { left, items, or_none, negated } => {
                let mut items: Vec<String> = items.iter().map(|item| self.node(item)).collect();
                if *or_none {
                    items.push("'none'".to_owned());
                }
                format!("({} {}IN ({}))", self.node(left), no(*negated), items.join(", "))
            }
            Kind::Like { left, pattern, negated } => format!("({} {}LIKE '{pattern}')", self.node(left), no(*negated)),
            Kind::IsNotNull(path) => format!("({} IS NOT NULL)", self.path(path)),
            Kind::And(terms) => format!("({})", list(terms, " AND ")),
            Kind::Or(terms) => format!("({})", list(terms, " OR ")),
            Kind::Not(inner) => format!("(NOT {})", self.node(inner)),
            Kind::Arith { minus, left, right } => {
                format!("({} {} {})", self.node(left), if *minus { "-" } else { "+" }, self.node(right))
            }
            Kind::Case { branches, otherwise } => {
                let branches: String =
                    branches.iter().map(|(when, then)| format!(" WHEN {} THEN {}", self.node(when), self.node(then))).collect();
                format!("CASE{branches} ELSE {} END", self.node(otherwise))
            }
            Kind::Contains { list, item } => format!("contains({}, {})", self.node(list), self.node(item)),
            Kind::Cardinality(list) => format!("cardinality({})", self.node(list)),
            Kind::Lower(text) => format!("lower({})", self.node(text)),
            Kind::StartsWith { text, prefix } => format!("starts_with({}, {})", self.node(text), self.node(prefix)),
            Kind::RegexpLike { text, pattern } => format!("regexp_like({}, '{pattern}')", self.node(text)),
            Kind::InNetwork { address, networks } => format!("in_network({}, {})", self.node(address), self.node(networks)),
            Kind::Exists(query) => format!("EXISTS (SELECT 1 {})", self.rows(query)),
            Kind::Aggregate { function, of, from } => {
                let of = Printer { inside: true, ..*self }.node(of);
                let selected = match function {
                    Aggregate::CountDistinct => format!("count(DISTINCT {of})"),
                    Aggregate::Min => format!("min({of})"),
                    Aggregate::Max => format!("max({of})"),
                };
                format!("(SELECT {selected} {})", self.rows(from))
            }
        }
    }

    fn path(&self, path: &Path) -> String {
        match path.scope {
            Scope::Child => format!("other.{}", path.dotted()),
            Scope::Subject if self.inside => format!("{}.{}", SCHEMA[self.subject].name, path.dotted()),
            Scope::Subject => path.dotted(),
        }
    }

    fn rows(&self, query: &Subquery) -> String {
        let inner = Printer { inside: true, ..*self };
        let mut parts: Vec<String> = query
            .joins
            .iter()
            .filter(|join| !join.implied)
            .map(|join| format!("{} = {}", inner.path(&join.child), inner.path(&join.parent)))
            .collect();
        parts.extend(query.terms.iter().map(|term| inner.node(&term.node)));
        let condition = if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) };
        format!("FROM {} AS other{condition}", SCHEMA[query.table].name)
    }
}

fn literal(constant: &Constant) -> String {
    match constant {
        Constant::Text(text) => format!("'{text}'"),
        Constant::Bool(true) => "TRUE".to_owned(),
        Constant::Bool(false) => "FALSE".to_owned(),
        Constant::Number(number) => number.to_string(),
        Constant::Time(time) => format!("TIMESTAMP '{time}'"),
        Constant::Duration(span) => format!("INTERVAL '{span}'"),
        Constant::List(items) => format!("[{}]", items.join(", ")),
    }
}
