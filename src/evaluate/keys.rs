//! What the two sides of a join say: keys as they stand, and what is known of where a missing key may belong
//! (SEMANTICS §4.3).

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use arrow_array::{Array, BooleanArray, Int64Array, StringArray};
use rayon::prelude::*;

use super::alike::Alike;
use super::codes::Codes;
use super::expr::prefix;
use super::kleene::Tri;
use super::world::{Rows, World, at, key_text};
use crate::model::condition::{Join, Path, Subquery};
use crate::model::schema::{self, SCHEMA, Type};
use crate::model::value::State;

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Joins nothing: `none`, `never`.
    Nothing,
    /// May be any.
    Unknown,
    /// A value, by its code; equal values have equal codes.
    Is(u32),
    /// A reference to a row that is not there, by its code.
    Dangling(u32),
}

impl Key {
    pub fn code(self) -> Option<u32> {
        match self {
            Key::Is(code) | Key::Dangling(code) => Some(code),
            _ => None,
        }
    }
}

/// The keys of one side of a join.
#[derive(Clone, Debug)]
pub struct Side {
    pub keys: Vec<Key>,
    /// The key names a row that is there and whose native id is unknown: a dangling reference may mean it.
    pub unnamed: Vec<bool>,
    /// The row that the key names; [`NO_ROW`] if there is none.
    pub row: Vec<u32>,
    /// Fingerprints: a code for algorithm and key; compares only within one.
    pub prefixes: Option<Vec<u32>>,
    /// The table that the keys are ids of, if any.
    pub names: Option<usize>,
}

/// Both sides of one join.
#[derive(Debug)]
pub struct Keys {
    pub parent: Side,
    pub child: Side,
    /// How far a missing key is narrowed down; only where a reference is joined to the id it names.
    pub compat: Option<Compat>,
    /// Which rows dangling references resemble, where both sides name rows of one table.
    pub alike: Alike,
}

impl Keys {
    /// Reads both sides.
    #[must_use]
    pub fn new(world: &World, query: &Subquery, join: &Join, parents: Rows, children: Rows) -> Keys {
        let mut texts = Read::default();
        let mut parent = Side::new(world, &join.parent, parents, join.reference, &mut texts);
        // A table joined to itself on one column has one side.
        let same = !join.reference && join.parent.steps == join.child.steps && parents.index.is_none() && parents.len == children.len;
        let mut child = (!same).then(|| Side::new(world, &join.child, children, join.reference, &mut texts));
        let codes = classes(&texts.values);
        let mut dangling: BTreeMap<u32, &str> = BTreeMap::new();
        for key in parent.keys.iter_mut().chain(child.iter_mut().flat_map(|child| &mut child.keys)) {
            match key {
                Key::Is(code) if !join.reference => *code = codes[*code as usize],
                Key::Dangling(code) => {
                    let text = texts.values[*code as usize];
                    *code = codes[*code as usize] | if join.reference { DANGLING } else { 0 };
                    if let Value::Text(text) = text {
                        dangling.insert(*code, text);
                    }
                }
                _ => {}
            }
        }
        let child = child.unwrap_or_else(|| parent.clone());
        // Only a key that is missing, or leads nowhere, needs narrowing down.
        let open = |side: &Side| side.keys.iter().any(|key| matches!(key, Key::Unknown | Key::Dangling(_)));
        let narrowed = join.reference && (open(&parent) || open(&child));
        let compat = narrowed.then(|| Compat::new(world, query, join, parents, children));
        let alike = match parent.names.filter(|names| child.names == Some(*names) && !dangling.is_empty()) {
            Some(table) => Alike::new(world, table, &dangling),
            None => Alike::default(),
        };
        Keys { parent, child, compat, alike }
    }

    /// Whether the keys of a parent and a child are equal.
    #[must_use]
    pub fn equal(&self, parent: usize, child: usize) -> Tri {
        let (p, c) = (self.parent.keys[parent], self.child.keys[child]);
        if p == Key::Nothing || c == Key::Nothing {
            return Tri::False;
        }
        let (Some(a), Some(b)) = (p.code(), c.code()) else { return Tri::Unknown };
        if let (Some(ps), Some(cs)) = (&self.parent.prefixes, &self.child.prefixes)
            && ps[parent] != cs[child]
        {
            return Tri::Unknown;
        }
        if a == b {
            return Tri::True;
        }
        let may_mean = match (p, c) {
            (Key::Is(_), Key::Dangling(text)) => self.parent.unnamed[parent] || self.alike.texts(self.parent.row[parent]).contains(&text),
            (Key::Dangling(text), Key::Is(_)) => self.child.unnamed[child] || self.alike.texts(self.child.row[child]).contains(&text),
            _ => false,
        };
        if may_mean && self.parent.names.is_some() && self.parent.names == self.child.names { Tri::Unknown } else { Tri::False }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Value<'a> {
    Text(&'a str),
    Int(i64),
    Bool(bool),
}

/// The values of both sides as they were read; a key stands for one by its position until it has its code.
#[derive(Default)]
struct Read<'a> {
    values: Vec<Value<'a>>,
    prefixes: Codes<&'a str>,
    /// The prefix of the row before: as a rule that of the next.
    last: Option<(&'a str, u32)>,
}

impl<'a> Read<'a> {
    fn push(&mut self, value: Value<'a>) -> u32 {
        self.values.push(value);
        u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
    }

    fn prefix(&mut self, text: &'a str) -> u32 {
        let prefix = prefix(text);
        match self.last {
            Some((last, code)) if last == prefix => code,
            _ => {
                let code = self.prefixes.of(prefix);
                self.last = Some((prefix, code));
                code
            }
        }
    }
}

/// A code for each value: equal values have equal codes. By sorting hashes, on all threads; a map of millions of texts would be slower.
fn classes(values: &[Value]) -> Vec<u32> {
    let hasher = foldhash::fast::FixedState::default();
    let hashed = |(at, value): (usize, &Value)| (hasher.hash_one(value), u32::try_from(at).unwrap_or(u32::MAX));
    let mut order: Vec<(u64, u32)> = values.par_iter().enumerate().map(hashed).collect();
    order.par_sort_unstable();
    let mut codes = vec![0; values.len()];
    let mut next = 0;
    for run in order.chunk_by_mut(|a, b| a.0 == b.0) {
        if let [(_, only)] = run {
            codes[*only as usize] = next;
            next += 1;
            continue;
        }
        // Values of one hash are equal as a rule; where they are not, they are put in order.
        let first = values[run[0].1 as usize];
        if run.iter().any(|(_, at)| values[*at as usize] != first) {
            run.sort_unstable_by_key(|(_, at)| (values[*at as usize], *at));
        }
        for class in run.chunk_by(|a, b| values[a.1 as usize] == values[b.1 as usize]) {
            for (_, at) in class {
                codes[*at as usize] = next;
            }
            next += 1;
        }
    }
    codes
}

/// Codes of dangling references lie above those of rows.
pub const DANGLING: u32 = 1 << 31;
/// A key that names no row.
pub const NO_ROW: u32 = u32::MAX;

impl Side {
    fn new<'a>(world: &'a World<'a>, path: &Path, rows: Rows, reference: bool, texts: &mut Read<'a>) -> Side {
        let (table, position) = path.last();
        let column = world.column(table, position);
        let schema_column = &SCHEMA[table].columns[position];
        let is_id = position == 0;
        let names = if is_id { Some(table) } else { schema_column.refers.and_then(schema::table) };
        let (index, stops) = world.follow(path, rows);
        let fingerprint = schema_column.ty == Type::Fingerprint;
        let mut side = Side {
            keys: Vec::with_capacity(rows.len),
            unnamed: vec![false; rows.len],
            row: vec![NO_ROW; rows.len],
            prefixes: fingerprint.then(Vec::new),
            names,
        };
        let states = world.states(column);
        let any = column.values.as_any();
        let (strings, ints, bools) =
            (any.downcast_ref::<StringArray>(), any.downcast_ref::<Int64Array>(), any.downcast_ref::<BooleanArray>());
        let value = |row: usize| -> Option<Value<'a>> {
            match (strings, ints, bools) {
                (Some(strings), ..) => strings.is_valid(row).then(|| Value::Text(strings.value(row))),
                (_, Some(ints), _) => ints.is_valid(row).then(|| Value::Int(ints.value(row))),
                (_, _, Some(bools)) => bools.is_valid(row).then(|| Value::Bool(bools.value(row))),
                _ => None,
            }
        };
        let native = names.and_then(|named| SCHEMA[named].column("native_id"));
        for (position_in_frame, stop) in stops.iter().enumerate() {
            let mut prefix_code = 0;
            let key = match at(index.as_ref(), position_in_frame) {
                None if *stop == State::None as u8 => Key::Nothing,
                None => Key::Unknown,
                Some(row) => {
                    let state = if is_id { State::Known } else { State::from_byte(states[row]) };
                    match state {
                        State::None | State::Never => Key::Nothing,
                        State::Known if reference && is_id => Key::Is(u32::try_from(row).unwrap_or(u32::MAX)),
                        State::Known if reference => match column.link.as_ref().filter(|links| links.is_valid(row)) {
                            Some(links) => Key::Is(links.value(row)),
                            None => Key::Unknown,
                        },
                        State::Dangling => key_text(column, row).map_or(Key::Unknown, |text| Key::Dangling(texts.push(Value::Text(text)))),
                        State::Known => match value(row) {
                            Some(value) => {
                                if fingerprint && let Value::Text(text) = value {
                                    prefix_code = texts.prefix(text);
                                }
                                Key::Is(texts.push(value))
                            }
                            None => Key::Unknown,
                        },
                        _ => Key::Unknown,
                    }
                }
            };
            if let (Some(prefixes), true) = (&mut side.prefixes, fingerprint) {
                prefixes.push(prefix_code);
            }
            if matches!(key, Key::Is(_))
                && let Some(named) = names
            {
                let row = at(index.as_ref(), position_in_frame).and_then(|row| {
                    if is_id {
                        Some(row)
                    } else {
                        column.link.as_ref().filter(|links| links.is_valid(row)).map(|links| links.value(row) as usize)
                    }
                });
                if let Some(row) = row {
                    side.row[position_in_frame] = u32::try_from(row).unwrap_or(NO_ROW);
                    side.unnamed[position_in_frame] = native.is_some_and(|native| world.state(named, native, row).is_unknown());
                }
            }
            side.keys.push(key);
        }
        side
    }
}

/// What narrows a row down: the identity it speaks of and, where an event refers to it or it is one, the systems that could have seen it.
#[derive(Clone, Debug, Default)]
pub struct Signature {
    /// `None`: any.
    pub systems: Option<Vec<u32>>,
    /// `None`: any.
    pub identity: Option<u32>,
}

impl Signature {
    #[must_use]
    pub fn fits(&self, other: &Signature) -> bool {
        let systems = match (&self.systems, &other.systems) {
            (Some(a), Some(b)) => a.iter().any(|system| b.contains(system)),
            _ => true,
        };
        let identities = match (self.identity, other.identity) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        systems && identities
    }
}

/// Signatures of parents and children.
#[derive(Debug)]
pub struct Compat {
    pub parent: Vec<Signature>,
    pub child: Vec<Signature>,
}

impl Compat {
    fn new(world: &World, query: &Subquery, join: &Join, parents: Rows, children: Rows) -> Compat {
        // The side that names another row refers; the side whose id is named is referred to.
        let child_is_named = join.child.last().1 == 0 && join.child.steps.len() == 1;
        let mut identities = Codes::default();
        let (referring_table, named_table) =
            if child_is_named { (join.parent.last().0, query.table) } else { (query.table, join.parent.last().0) };
        let event = SCHEMA[referring_table].is_log();
        let mut side = |rows: Rows, table: usize, index: Option<&arrow_array::UInt32Array>, named: bool| -> Vec<Signature> {
            let role = match (event, named) {
                (true, true) => Role::NamedByEvent,
                (true, false) => Role::Event,
                (false, _) => Role::Other,
            };
            (0..rows.len)
                .map(|position| at(index, position).map(|row| signature(world, table, row, role, &mut identities)).unwrap_or_default())
                .collect()
        };
        // The referring row of a longer path is the one that holds the reference.
        let (parent_index, _) = world.follow(&join.parent, parents);
        let has_identity = |table: usize| SCHEMA[table].column("identity").is_some();
        let both = has_identity(referring_table) && has_identity(named_table);
        let mut compat = Compat {
            parent: side(parents, join.parent.last().0, parent_index.as_ref().or(parents.index), !child_is_named),
            child: side(children, query.table, children.index, child_is_named),
        };
        if !both {
            for signature in compat.parent.iter_mut().chain(&mut compat.child) {
                signature.identity = None;
            }
        }
        compat
    }
}

/// What a row is in a join along a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It refers, and is an event.
    Event,
    /// An event refers to it.
    NamedByEvent,
    Other,
}

fn signature<'a>(world: &World<'a>, table: usize, row: usize, role: Role, identities: &mut Codes<&'a str>) -> Signature {
    let schema = &SCHEMA[table];
    let column_code = |name: &str| -> Option<u32> {
        let column = schema.column(name)?;
        if world.state(table, column, row) != State::Known {
            return None;
        }
        let text = key_text(&world.table(table).columns[column], row)?;
        world.reach().systems.binary_search_by(|known| known.as_str().cmp(text)).ok().map(|at| world.reach().same[at])
    };
    // Only a log tells of its own system alone: any other reference may lead into another one.
    let systems = match role {
        Role::NamedByEvent => match schema.name {
            "credential" => world.reach().credential[row].as_ref(),
            "identity" => world.reach().identity[row].as_ref(),
            _ => None,
        }
        .map(|systems| systems.iter().map(|system| world.reach().same[*system as usize]).collect()),
        Role::Event => column_code("system").map(|system| vec![system]),
        Role::Other => None,
    };
    let identity = schema.column("identity").and_then(|column| {
        // One that leads nowhere may be anybody under another name.
        if world.state(table, column, row) != State::Known {
            return None;
        }
        key_text(&world.table(table).columns[column], row).map(|text| identities.of(text))
    });
    Signature { systems, identity }
}
