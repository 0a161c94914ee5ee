//! The derived columns of `identity`, by the definition: every grant against every pair of identities, then closures.

use tickmark::model::schema::{SCHEMA, table};
use tickmark::model::value::{ONE, State};

use super::value::{Truth, Value, and, or};
use super::world::{Row, World};

const CAP: i64 = 16;

/// One value per identity.
#[derive(Debug)]
pub struct Derived {
    privileged: Vec<Truth>,
    overdue: Vec<Truth>,
    chain: Vec<(i64, i64)>,
}

/// What a reference says.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Nobody,
    Row(usize),
    /// The name of no row.
    Dangling,
    Unknown,
}

/// From one identity to another over one grant. The last of the identities is one that no table names.
struct Edge {
    from: usize,
    to: usize,
    truth: Truth,
    chain: Truth,
    cross: Truth,
    privileged: Truth,
}

impl Derived {
    pub fn value(&self, column: &str, row: usize) -> Value {
        match column {
            "reaches_privileged" => Value::of(self.privileged[row]),
            "upstream_overdue" => Value::of(self.overdue[row]),
            "chain_length" => Value::Span(self.chain[row].0 * ONE, self.chain[row].1 * ONE),
            other => panic!("{other} is not derived"),
        }
    }
}

impl World<'_> {
    fn end(&self, row: Row, column: &str) -> End {
        let column = SCHEMA[row.0].column(column).unwrap();
        match (self.state(row, column), self.follow(row, column)) {
            (State::None, _) => End::Nobody,
            (State::Dangling, _) => End::Dangling,
            (_, Some((_, row))) => End::Row(row),
            _ => End::Unknown,
        }
    }

    fn word(&self, row: Row, column: &str) -> Option<String> {
        match self.named(row, column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn flag(&self, row: Row, column: &str) -> Truth {
        match self.named(row, column) {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// Whether an end has come; `none` never does.
    fn over(&self, row: Row, column: &str) -> Truth {
        match self.named(row, column) {
            Value::None => Some(false),
            Value::Span(at, _) => Some(at <= self.as_of.0),
            _ => None,
        }
    }

    pub fn derive(&self) -> Derived {
        let [identity, grant, party] = ["identity", "grant", "party"].map(|name| table(name).unwrap());
        let count = self.rows(identity);
        let complete = [identity, grant].into_iter().all(|table| self.evidence.tables[table].is_complete(self.strict));
        let acts =
            |row: usize| -> Truth { if row == count { None } else { self.word((identity, row), "status").map(|word| word == "active") } };
        let system = |row: usize| self.word((identity, row), "system");
        let same = |a: Option<String>, b: Option<String>| a.is_none() || b.is_none() || a == b;
        let third = |row: usize| self.end((identity, row), "third_party");

        let mut edges: Vec<Edge> = Vec::new();
        let mut holds = vec![Some(false); count + 1];
        // To hold a privileged grant by way of a group is a step of its own.
        let mut steps = vec![Some(false); count + 1];
        for number in 0..self.rows(grant) {
            let row = (grant, number);
            let given = if self.strict && !self.fresh(row, 0) { None } else { Some(true) };
            let exists = and([given, self.over(row, "expires_at").map(|over| !over)]);
            let privileged = self.flag(row, "privileged");
            let (holder, scope, own) = (self.end(row, "identity"), self.word(row, "principal_scope"), self.word(row, "system"));
            let target = self.end(row, "target");
            let chain = self.word(row, "kind").map(|kind| kind == "hop" || kind == "impersonation");
            for user in 0..=count {
                let named = Some(holder == End::Row(user));
                // Among those that the grant does not name.
                let among = if user == count {
                    let outside = match (holder, scope.as_deref()) {
                        (End::Dangling | End::Unknown, _) => true,
                        (_, Some("one")) | (End::Row(_), Some("group" | "account")) => false,
                        _ => self.flag(row, "external") != Some(false),
                    };
                    if outside { None } else { Some(false) }
                } else {
                    let near = same(system(user), own.clone());
                    let with_holder = matches!(holder, End::Row(holder) if same(system(user), system(holder)));
                    let is_named = matches!(holder, End::Row(_));
                    let far = holder == End::Unknown;
                    let among = match scope.as_deref() {
                        Some("one") => (!(holder == End::Dangling && near)).then_some(false),
                        Some("everyone") if own.is_some() && system(user) == own => Some(true),
                        Some("everyone") => (!near).then_some(false),
                        Some(_) if is_named => (!with_holder).then_some(false),
                        Some(_) => (!near).then_some(false),
                        None => (!near && !with_holder).then_some(false),
                    };
                    // Whoever it is, it may be this one.
                    if far { or([among, None]) } else { among }
                };
                let held = |by: Truth| and([exists, privileged, by, acts(user)]);
                holds[user] = or([holds[user], held(named)]);
                if scope.as_deref() == Some("one") {
                    holds[user] = or([holds[user], held(among)]);
                } else {
                    steps[user] = or([steps[user], held(among)]);
                }
                for to in 0..=count {
                    let (leads, exact) = match target {
                        End::Nobody => (Some(false), true),
                        End::Row(target) => (Some(target == to), true),
                        _ if to == count => (None, false),
                        End::Unknown => (None, false),
                        End::Dangling => ((!same(system(to), own.clone())).then_some(false), false),
                    };
                    for (uses, exactly) in [(named, true), (among, false)] {
                        let truth = and([exists, uses, leads, acts(user), acts(to)]);
                        // A grant that names one identity at both its ends leads nowhere.
                        if truth == Some(false) || (exact && exactly && user == to) {
                            continue;
                        }
                        let cross = if exact && exactly && user < count && to < count {
                            match (third(user), third(to)) {
                                (a @ (End::Nobody | End::Row(_)), b @ (End::Nobody | End::Row(_))) => Some(a != b),
                                _ => None,
                            }
                        } else {
                            None
                        };
                        edges.push(Edge { from: user, to, truth, chain, cross, privileged });
                    }
                }
            }
        }
        holds[count] = None;

        let reach = |sure: bool| -> Vec<Vec<bool>> {
            let mut reach = vec![vec![false; count + 1]; count + 1];
            for edge in edges.iter().filter(|edge| !sure || edge.truth == Some(true)) {
                reach[edge.from][edge.to] = true;
            }
            for by in 0..=count {
                for from in 0..=count {
                    for to in 0..=count {
                        reach[from][to] |= reach[from][by] && reach[by][to];
                    }
                }
            }
            reach
        };
        let holds_it = |truth: Truth, sure: bool| if sure { truth == Some(true) } else { truth != Some(false) };
        let decided = |row: usize, sure: bool, maybe: bool| -> Truth {
            match (sure, maybe) {
                (true, _) => Some(true),
                (false, false) if complete || acts(row) == Some(false) => Some(false),
                _ => None,
            }
        };
        let (sure, maybe) = (reach(true), reach(false));
        let privileged = |row: usize, reach: &Vec<Vec<bool>>, known: bool| {
            (0..=count).any(|at| {
                (at == row || reach[row][at])
                    && (holds_it(steps[at], known)
                        || reach[row][at] && holds_it(holds[at], known)
                        || edges.iter().any(|edge| edge.from == at && holds_it(and([edge.truth, edge.privileged]), known)))
            })
        };
        let overdue = |row: usize| -> Truth {
            if row == count {
                return None;
            }
            let gone = match third(row) {
                End::Nobody => Some(false),
                End::Row(row) => or([self.over((party, row), "offboarded_at"), self.over((party, row), "contract_end")]),
                End::Dangling | End::Unknown => None,
            };
            and([acts(row), gone])
        };
        let upstream =
            |row: usize, reach: &Vec<Vec<bool>>, known: bool| (0..=count).any(|at| reach[at][row] && holds_it(overdue(at), known));
        let length = |known: bool| -> Vec<i64> {
            let mut length = vec![0; count + 1];
            length[count] = if known { 0 } else { CAP };
            loop {
                let mut changed = false;
                for edge in edges.iter().filter(|edge| holds_it(and([edge.truth, edge.chain]), known)) {
                    let longer = (length[edge.from] + i64::from(holds_it(edge.cross, known))).min(CAP);
                    changed |= longer > length[edge.to];
                    length[edge.to] = length[edge.to].max(longer);
                }
                if !changed {
                    return length;
                }
            }
        };
        let (least, most) = (length(true), length(false));
        Derived {
            privileged: (0..count).map(|row| decided(row, privileged(row, &sure, true), privileged(row, &maybe, false))).collect(),
            overdue: (0..count).map(|row| decided(row, upstream(row, &sure, true), upstream(row, &maybe, false))).collect(),
            chain: (0..count)
                .map(|row| match acts(row) {
                    Some(false) => (0, 0),
                    _ => (least[row], if complete { most[row] } else { CAP }),
                })
                .collect(),
        }
    }
}
