//! Random conditions, well typed, as trees: what the parser would give for the text that `print` writes.

use std::collections::BTreeMap;

use tickmark::model::condition::{Condition, Kind, Node, Op, Path, Scope};
use tickmark::model::row::Cell;
use tickmark::model::schema::{Never, SCHEMA, Type, table};
use tickmark::model::value::{Constant, Duration, FAR, LIMIT, Number, ONE, Time};

use super::estate::{AS_OF, DAY, NETWORKS, Random, sample};

/// The parameters that every condition may read.
pub fn params() -> BTreeMap<String, Constant> {
    let texts = |items: &[&str]| Constant::List(items.iter().map(|item| (*item).to_owned()).collect());
    [
        ("window", Constant::Duration(Duration(5 * DAY))),
        ("grace", Constant::Duration(Duration(DAY))),
        ("huge", Constant::Duration(Duration(LIMIT))),
        ("limit", Constant::Number(Number(ONE))),
        ("most", Constant::Number(Number(FAR - 1))),
        ("since", Constant::Time(Time(AS_OF - 6 * DAY))),
        ("word", Constant::Text("a".to_owned())),
        ("used", Constant::Text("used".to_owned())),
        ("flag", Constant::Bool(true)),
        ("words", texts(&["a", "b", "used"])),
        ("nothing", texts(&[])),
        ("blocks", texts(&NETWORKS[..4])),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

pub fn type_of(constant: &Constant) -> Type {
    match constant {
        Constant::Text(_) => Type::Text,
        Constant::Bool(_) => Type::Bool,
        Constant::Number(_) => Type::Number,
        Constant::Time(_) => Type::Time,
        Constant::Duration(_) => Type::Duration,
        Constant::List(_) => Type::List,
    }
}

pub fn textual(ty: Type) -> bool {
    matches!(ty, Type::Text | Type::Enum(_) | Type::Fingerprint)
}

/// Makes one condition.
pub struct Maker<'r> {
    pub random: &'r mut Random,
    pub subject: usize,
    /// The table of the subquery that is being made.
    pub child: Option<usize>,
    /// Within it, the subject is not read.
    pub only_child: bool,
    /// Within it, the subquery's own row is not read.
    pub only_subject: bool,
    /// Whether IS NOT NULL may stand here.
    pub null_ok: bool,
    /// Whether IS NOT NULL may stand anywhere, which the parser refuses.
    pub anywhere: bool,
    pub nodes: usize,
}

impl<'r> Maker<'r> {
    pub fn new(random: &'r mut Random, subject: usize, null_ok: bool, anywhere: bool) -> Maker<'r> {
        Maker { random, subject, child: None, only_child: false, only_subject: false, null_ok, anywhere, nodes: 0 }
    }

    pub fn condition(mut self, depth: usize) -> Condition {
        let root = if self.random.chance(35) { self.focused() } else { self.boolean(depth) };
        let text = super::print::sql(&root, self.subject);
        Condition { text, table: self.subject, root, nodes: self.nodes }
    }

    /// One subquery, or one comparison of fingerprints, with little around it that would hide what it comes to.
    fn focused(&mut self) -> Node {
        let op = self.random.pick(&[Op::Eq, Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
        match self.random.below(8) {
            0..=3 => {
                let query = self.guarded(|maker| maker.subquery(0));
                let exists = self.yes_no(Kind::Exists(Box::new(query)));
                if self.random.chance(50) { self.yes_no(Kind::Not(Box::new(exists))) } else { exists }
            }
            4..=6 => {
                let ty = self.random.pick(&[Type::Time, Type::Duration, Type::Number]);
                let left = Box::new(if self.random.chance(40) { self.arithmetic(ty, 0, true) } else { self.ordered_value(ty, 0, true) });
                let right = Box::new(self.ordered_value(ty, 0, false));
                self.yes_no(Kind::Compare { op, left, right })
            }
            _ => {
                let fingerprint = |maker: &mut Self| maker.read(|ty| ty == Type::Fingerprint);
                match (fingerprint(self), fingerprint(self)) {
                    (Some(left), Some(right)) => {
                        let op = if op == Op::Eq { op } else { Op::Ne };
                        self.yes_no(Kind::Compare { op, left: Box::new(left), right: Box::new(right) })
                    }
                    _ => self.boolean(0),
                }
            }
        }
    }

    pub fn node(&mut self, ty: Type, kind: Kind) -> Node {
        self.nodes += 1;
        Node { id: self.nodes - 1, span: 0..0, ty, kind }
    }

    pub fn yes_no(&mut self, kind: Kind) -> Node {
        self.node(Type::Bool, kind)
    }

    /// Makes something that stands under a NOT, a CASE or a subquery.
    pub fn guarded<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.null_ok, self.anywhere);
        let made = make(self);
        self.null_ok = before;
        made
    }

    pub fn boolean(&mut self, depth: usize) -> Node {
        loop {
            let choice = if depth == 0 { 9 + self.random.below(22) } else { self.random.below(37) };
            let made = match choice {
                0..=2 => {
                    let terms = (0..2 + self.random.below(2)).map(|_| self.boolean(depth - 1)).collect();
                    Some(self.yes_no(Kind::And(terms)))
                }
                3..=5 => {
                    let terms = (0..2 + self.random.below(2)).map(|_| self.boolean(depth - 1)).collect();
                    Some(self.yes_no(Kind::Or(terms)))
                }
                6 | 7 => {
                    let inner = Box::new(self.guarded(|maker| maker.boolean(depth - 1)));
                    Some(self.yes_no(Kind::Not(inner)))
                }
                8 => Some(self.guarded(|maker| maker.case(Type::Bool, depth - 1, &mut Maker::boolean))),
                9..=13 => self.ordered(depth, false),
                14..=18 => self.equal(depth),
                19 => self.is_none(),
                20 => self.is_never(),
                21 | 22 => self.is_in(),
                23 => self.pattern(depth),
                24 => self.is_not_null(),
                25 => self.contains(depth),
                26 => self.in_network(),
                27 | 28 => self.read(|ty| ty == Type::Bool),
                29 => {
                    let yes = self.random.chance(50);
                    Some(self.yes_no(Kind::Literal(Constant::Bool(yes))))
                }
                30 => Some(self.yes_no(Kind::Param("flag".to_owned()))),
                31..=34 if self.child.is_none() => {
                    let query = self.guarded(|maker| maker.subquery(depth - 1));
                    Some(self.yes_no(Kind::Exists(Box::new(query))))
                }
                35 | 36 if self.child.is_none() => self.ordered(depth, true),
                _ => None,
            };
            if let Some(node) = made {
                return node;
            }
        }
    }

    /// A path to a column of a wanted type, one to three steps long; `None` if none was met.
    pub fn path(&mut self, wanted: impl Fn(&'static tickmark::model::schema::Column) -> bool) -> Option<Path> {
        let scope = match self.child {
            Some(_) if self.only_child => Scope::Child,
            Some(_) if self.only_subject => Scope::Subject,
            Some(_) if self.random.chance(65) => Scope::Child,
            _ => Scope::Subject,
        };
        let start = if scope == Scope::Child { self.child.unwrap() } else { self.subject };
        (0..12).find_map(|_| self.path_from(scope, start, &wanted))
    }

    pub fn path_from(
        &mut self,
        scope: Scope,
        start: usize,
        wanted: &impl Fn(&'static tickmark::model::schema::Column) -> bool,
    ) -> Option<Path> {
        let mut steps = Vec::new();
        let mut at = start;
        let length = self.random.pick(&[1, 1, 1, 2, 2, 3]);
        while steps.len() + 1 < length {
            let references: Vec<usize> =
                (0..SCHEMA[at].columns.len()).filter(|column| SCHEMA[at].columns[*column].refers.is_some()).collect();
            if references.is_empty() {
                break;
            }
            let column = self.random.pick(&references);
            steps.push((at, column));
            at = SCHEMA[at].columns[column].refers.and_then(table).unwrap();
        }
        let ends: Vec<usize> = (0..SCHEMA[at].columns.len()).filter(|column| wanted(&SCHEMA[at].columns[*column])).collect();
        if ends.is_empty() {
            return None;
        }
        steps.push((at, self.random.pick(&ends)));
        Some(Path { scope, steps })
    }

    pub fn read_path(&mut self, path: Path) -> Node {
        let (position, column) = path.last();
        self.node(SCHEMA[position].columns[column].ty, Kind::Path(path))
    }

    pub fn read(&mut self, wanted: impl Fn(Type) -> bool) -> Option<Node> {
        let path = self.path(|column| wanted(column.ty))?;
        Some(self.read_path(path))
    }

    /// A literal that a column might hold; a time within the years that can be written.
    fn literal_beside(&mut self, path: &Path) -> Node {
        let (position, column) = path.last();
        let ty = SCHEMA[position].columns[column].ty;
        let constant = match sample(self.random, position, column) {
            Cell::Text(text) => Constant::Text(text),
            Cell::Bool(yes) => Constant::Bool(yes),
            Cell::Int(number) if ty == Type::Number => Constant::Number(Number(number)),
            Cell::Int(number) if ty == Type::Duration => Constant::Duration(Duration(number)),
            Cell::Int(number) if number.abs() == LIMIT => Constant::Time(Time(AS_OF)),
            Cell::Int(number) => Constant::Time(Time(number)),
            Cell::List(_) | Cell::Absent(_) => panic!("no literal beside a list"),
        };
        let ty = if ty == Type::Address { ty } else { type_of(&constant) };
        self.node(ty, Kind::Literal(constant))
    }

    /// A time, duration or number.
    fn ordered_value(&mut self, ty: Type, depth: usize, aggregate: bool) -> Node {
        if aggregate && self.random.chance(if depth == 0 { 100 } else { 60 }) {
            return self.guarded(|maker| maker.aggregate(ty, depth.saturating_sub(1)));
        }
        let choice = if depth == 0 { self.random.below(14) } else { self.random.below(20) };
        match choice {
            0..=7 => match self.read(|found| found == ty) {
                Some(node) => node,
                None => self.ordered_value(ty, 0, false),
            },
            8..=10 => {
                let constant = match ty {
                    Type::Time => Constant::Time(Time(AS_OF + self.random.pick(&[-10, -5, -4, 0, 1]) * DAY)),
                    Type::Duration => Constant::Duration(Duration(self.random.pick(&[0, 1, 5, 10, -1]) * DAY)),
                    _ => Constant::Number(Number(self.random.pick(&[0, ONE, 2 * ONE, ONE / 2, -ONE, FAR - 1]))),
                };
                self.node(ty, Kind::Literal(constant))
            }
            11..=13 => match ty {
                Type::Time if self.random.chance(70) => self.node(ty, Kind::AsOf),
                Type::Time => self.node(ty, Kind::Param("since".to_owned())),
                Type::Duration => {
                    let name = self.random.pick(&["window", "grace", "huge"]);
                    self.node(ty, Kind::Param(name.to_owned()))
                }
                _ => {
                    let name = self.random.pick(&["limit", "most"]);
                    self.node(ty, Kind::Param(name.to_owned()))
                }
            },
            14..=17 => self.arithmetic(ty, depth - 1, aggregate),
            18 if ty == Type::Number => match self.list() {
                Some(list) => self.node(ty, Kind::Cardinality(Box::new(list))),
                None => self.ordered_value(ty, 0, false),
            },
            _ => self.guarded(|maker| maker.case(ty, depth - 1, &mut |maker, depth| maker.ordered_value(ty, depth, false))),
        }
    }

    pub fn arithmetic(&mut self, ty: Type, depth: usize, aggregate: bool) -> Node {
        let first = self.random.chance(50);
        let (minus, left, right) = match (ty, self.random.below(3)) {
            (Type::Time, 0) => (false, Type::Duration, Type::Time),
            (Type::Time, 1) => (false, Type::Time, Type::Duration),
            (Type::Time, _) => (true, Type::Time, Type::Duration),
            (Type::Duration, 0) => (false, Type::Duration, Type::Duration),
            (Type::Duration, 1) => (true, Type::Duration, Type::Duration),
            (Type::Duration, _) => (true, Type::Time, Type::Time),
            (_, 0) => (false, ty, ty),
            _ => (true, ty, ty),
        };
        let left = self.ordered_value(left, depth, aggregate && first);
        let right = self.ordered_value(right, depth, aggregate && !first);
        self.node(ty, Kind::Arith { minus, left: Box::new(left), right: Box::new(right) })
    }

    /// A comparison of times, durations or numbers, or of an aggregate with anything.
    fn ordered(&mut self, depth: usize, aggregate: bool) -> Option<Node> {
        let ty = self.random.pick(&[Type::Time, Type::Time, Type::Time, Type::Duration, Type::Number]);
        let op = self.random.pick(&[Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::Eq, Op::Ne]);
        let depth = depth.min(2);
        let left = self.ordered_value(ty, depth, aggregate);
        let other = aggregate && self.random.chance(15);
        let right = self.ordered_value(ty, depth, other);
        let (left, right) = if self.random.chance(25) { (right, left) } else { (left, right) };
        Some(self.yes_no(Kind::Compare { op, left: Box::new(left), right: Box::new(right) }))
    }

    /// `=` or `<>` on anything but a list.
    fn equal(&mut self, depth: usize) -> Option<Node> {
        let op = self.random.pick(&[Op::Eq, Op::Ne]);
        let (left, right) = if self.random.chance(80) {
            let path = self.path(|column| column.ty != Type::List)?;
            let (position, column) = path.last();
            let ty = SCHEMA[position].columns[column].ty;
            let right = match self.random.below(10) {
                0..=4 => self.literal_beside(&path),
                _ if textual(ty) && self.random.chance(60) => self.read(textual)?,
                _ if textual(ty) => self.text(depth.min(1), ty),
                _ if ty == Type::Bool && self.random.chance(30) => self.guarded(|maker| maker.boolean(depth.min(1))),
                _ => self.read(|found| found == ty)?,
            };
            (self.read_path(path), right)
        } else {
            (self.text(depth.min(2), Type::Text), self.text(depth.min(1), Type::Text))
        };
        // A bare word beside an enumeration must be one of its words.
        for (column, literal) in [(&left, &right), (&right, &left)] {
            if let (Type::Enum(words), Kind::Literal(Constant::Text(text))) = (column.ty, &literal.kind)
                && !words.contains(&text.as_str())
            {
                return None;
            }
        }
        let (left, right) = if self.random.chance(20) { (right, left) } else { (left, right) };
        Some(self.yes_no(Kind::Compare { op, left: Box::new(left), right: Box::new(right) }))
    }

    pub fn case(&mut self, ty: Type, depth: usize, make: &mut dyn FnMut(&mut Self, usize) -> Node) -> Node {
        let branches = (0..1 + self.random.below(2))
            .map(|_| {
                let when = self.boolean(depth.min(1));
                (when, make(self, depth))
            })
            .collect();
        let otherwise = Box::new(make(self, depth));
        self.node(ty, Kind::Case { branches, otherwise })
    }

    /// A path that may be none at its end.
    fn none_path(&mut self) -> Option<Path> {
        let path = self.path(|_| true)?;
        path.steps.iter().any(|(position, column)| SCHEMA[*position].columns[*column].none).then_some(path)
    }

    fn is_none(&mut self) -> Option<Node> {
        let path = self.none_path()?;
        let operand = Box::new(self.read_path(path));
        let negated = self.random.chance(50);
        Some(self.yes_no(Kind::IsNone { operand, negated }))
    }

    fn is_never(&mut self) -> Option<Node> {
        let path = self.path(|column| column.never != Never::No)?;
        let operand = Box::new(self.read_path(path));
        let negated = self.random.chance(50);
        Some(self.yes_no(Kind::IsNever { operand, negated }))
    }

    fn is_in(&mut self) -> Option<Node> {
        let or_none = self.random.chance(30);
        let path = if or_none { self.none_path()? } else { self.path(|column| column.ty != Type::List)? };
        let (position, column) = path.last();
        let ty = SCHEMA[position].columns[column].ty;
        let count = if ty == Type::List { 0 } else { self.random.below(4).max(usize::from(!or_none)) };
        let mut items: Vec<Node> = (0..count).map(|_| self.literal_beside(&path)).collect();
        if textual(ty) && self.random.chance(15) {
            let name = self.random.pick(&["word", "used"]);
            items.push(self.node(Type::Text, Kind::Param(name.to_owned())));
        }
        let left = Box::new(self.read_path(path));
        let negated = self.random.chance(35);
        Some(self.yes_no(Kind::In { left, items, or_none, negated }))
    }

    fn is_not_null(&mut self) -> Option<Node> {
        if !self.null_ok {
            return None;
        }
        let path = self.path(|_| true)?;
        Some(self.yes_no(Kind::IsNotNull(path)))
    }
}
