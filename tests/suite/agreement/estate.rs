//! Random evidence: few rows, values that collide, every kind of absence, every kind of gap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray, UInt8Array, UInt32Array};
use arrow_buffer::BooleanBuffer;
use tickmark::model::row::Cell;
use tickmark::model::schema::{EVENT_TYPES, Never, SCHEMA, Type, table};
use tickmark::model::table::{Column, Evidence, Gap, Logs, Table, Why};
use tickmark::model::value::{FAR, LIMIT, ONE, SECOND, State, Time};

pub const DAY: i64 = 86_400 * SECOND;
/// The one `as_of` of every case.
pub const AS_OF: i64 = 1_000 * DAY;
pub const SYSTEMS: [&str; 3] = ["s0", "s1", "s2"];

/// A small generator of numbers (xorshift64*), from a seed that the test runner gives.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit as u64).unwrap()
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// One value of one row, and whether a fresh source says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub cell: Cell,
    pub fresh: bool,
}

/// Evidence before it is put into arrays. Ids are the first cells; rows are sorted by them.
#[derive(Clone, Debug)]
pub struct Estate {
    pub tables: Vec<Vec<Vec<Said>>>,
    pub gaps: Vec<Vec<Gap>>,
    pub logs: Logs,
    pub systems: Vec<String>,
}

/// How much is unknown in a case.
struct Mood {
    unknown: usize,
    stale: usize,
    gaps: usize,
    covered: usize,
}

impl Estate {
    /// Empty, complete, fresh, every system seen at all times.
    pub fn empty() -> Estate {
        Estate {
            tables: vec![Vec::new(); SCHEMA.len()],
            gaps: vec![Vec::new(); SCHEMA.len()],
            logs: Logs { everything: true, ..Logs::default() },
            systems: SYSTEMS.map(str::to_owned).to_vec(),
        }
    }

    /// A row of which nothing is known but what is named.
    #[must_use]
    pub fn with(mut self, name: &str, id: &str, cells: &[(&str, Cell)]) -> Estate {
        let position = table(name).unwrap();
        let mut row: Vec<Said> =
            SCHEMA[position].columns.iter().map(|_| Said { cell: Cell::Absent(State::Missing), fresh: true }).collect();
        row[0].cell = Cell::Text(id.to_owned());
        for (column, cell) in cells {
            row[SCHEMA[position].column(column).unwrap()].cell = cell.clone();
        }
        self.tables[position].push(row);
        self
    }

    pub fn random(random: &mut Random) -> Estate {
        let mood = Mood {
            unknown: random.pick(&[0, 0, 5, 15, 40]),
            stale: random.pick(&[0, 0, 0, 10, 35]),
            gaps: random.pick(&[0, 0, 20, 60]),
            covered: random.pick(&[100, 97, 60]),
        };
        let sizes: Vec<usize> = SCHEMA.iter().map(|_| random.pick(&[0, 1, 2, 3, 4, 5, 6])).collect();
        let mut estate = Estate::empty();
        for (position, schema) in SCHEMA.iter().enumerate() {
            for row in 0..sizes[position] {
                let mut cells = vec![Said { cell: Cell::Text(id(position, row)), fresh: !random.chance(mood.stale) }];
                for column in 1..schema.columns.len() {
                    cells.push(Said { cell: cell(random, &mood, &sizes, position, column), fresh: !random.chance(mood.stale) });
                }
                estate.tables[position].push(cells);
            }
            if random.chance(mood.gaps) {
                let why = match random.below(4) {
                    0 => Why::NoSource,
                    1 => Why::Absent,
                    2 => Why::Partial("half of it".to_owned()),
                    _ => Why::Stale("too old".to_owned()),
                };
                estate.gaps[position].push(Gap { source: "test".to_owned(), why });
            }
        }
        estate.logs.everything = random.chance(25);
        for system in SYSTEMS {
            for ty in EVENT_TYPES {
                if random.chance(mood.covered) {
                    let from = AS_OF - random.pick(&[30, 30, 30, 10, 5]) * DAY;
                    let until = AS_OF + random.pick(&[0, 0, 0, 0, 5, -4]) * DAY;
                    let mut stretches = vec![(Time(from), Time(until))];
                    if random.chance(5) {
                        stretches.insert(0, (Time(from - 20 * DAY), Time(from - DAY)));
                    }
                    estate.logs.stretches.insert((system.to_owned(), (*ty).to_owned()), stretches);
                }
            }
        }
        let named = estate.named();
        estate.systems.retain(|system| named.contains(system) || random.chance(30));
        estate
    }

    /// Numbers of a size that things come in.
    pub fn shrink_numbers(&mut self) {
        for said in self.tables.iter_mut().flatten().flatten() {
            if matches!(said.cell, Cell::Int(number) if number.abs() == FAR - 1) {
                said.cell = Cell::Int(4 * ONE);
            }
        }
    }

    /// Mends references that the rules take to be impossible: a copy of what the other row says, else nothing.
    pub fn reconcile(&mut self) {
        for copy in [true, false] {
            for ((table, row), column, (to, other)) in crate::interpreter::contradictions(&self.evidence()) {
                for name in ["identity", "system"] {
                    let (mine, theirs) = (SCHEMA[table].column(name), SCHEMA[to].column(name));
                    let Some(mine) = mine.filter(|mine| *mine != column) else { continue };
                    self.tables[table][row][mine].cell = match theirs {
                        Some(theirs) if copy => self.tables[to][other][theirs].cell.clone(),
                        _ => Cell::Absent(State::Missing),
                    };
                }
            }
        }
        for ((table, row), column, _) in crate::interpreter::contradictions(&self.evidence()) {
            self.tables[table][row][column].cell = Cell::Absent(State::Missing);
        }
    }

    /// Takes something away that was known, and says what; `None`: nothing was hit. Ids are what rows are called, not what
    /// is said of them, and evidence about the evidence is spared.
    /// Mostly it is one of the columns given.
    pub fn lose(&mut self, random: &mut Random, read: &[(usize, usize)]) -> Option<String> {
        let (position, column) = if read.is_empty() || random.chance(15) {
            let position = random.below(SCHEMA.len());
            (position, random.below(SCHEMA[position].columns.len()))
        } else {
            random.pick(read)
        };
        let schema = &SCHEMA[position];
        match random.below(12) {
            0 => {
                self.gaps[position].push(Gap { source: "test".to_owned(), why: Why::Partial("lost".to_owned()) });
                Some(format!("a whole {}", schema.name))
            }
            1 => {
                self.gaps[position].push(Gap { source: "test".to_owned(), why: Why::Stale("lost".to_owned()) });
                Some(format!("a fresh {}", schema.name))
            }
            2 => {
                let said = std::mem::take(&mut self.logs.everything);
                let key = self.logs.stretches.keys().nth(random.below(self.logs.stretches.len().max(1))).cloned();
                let cut = key.and_then(|key| self.logs.stretches.remove(&key).map(|_| key));
                (said || cut.is_some()).then(|| format!("the log {cut:?}"))
            }
            chance => {
                let rows = &mut self.tables[position];
                if rows.is_empty() || schema.derived {
                    return None;
                }
                let row = random.below(rows.len());
                let said = &mut rows[row][column];
                let what = format!("{} of {} {row}", schema.columns[column].name, schema.name);
                if chance == 3 {
                    said.fresh = false;
                    return Some(format!("a fresh {what}"));
                }
                if column == 0 || said.cell == Cell::Absent(State::Missing) {
                    return None;
                }
                said.cell = Cell::Absent(State::Missing);
                Some(what)
            }
        }
    }

    /// Every system that some row names.
    fn named(&self) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        for (schema, rows) in SCHEMA.iter().zip(&self.tables) {
            for (column, said) in rows.iter().flat_map(|row| schema.columns.iter().zip(row)) {
                match &said.cell {
                    Cell::Text(system) if column.name == "system" => drop(named.insert(system.clone())),
                    Cell::List(systems) if column.name == "accepted_at" => named.extend(systems.iter().flatten().cloned()),
                    _ => {}
                }
            }
        }
        named
    }

    /// As the evaluator takes it: a reference to a row that is there is known and linked, another dangles.
    pub fn evidence(&self) -> Evidence {
        let tables = SCHEMA
            .iter()
            .enumerate()
            .map(|(position, schema)| {
                let rows = &self.tables[position];
                let columns = (0..schema.columns.len()).map(|column| self.column(position, column)).collect();
                Table {
                    schema,
                    rows: rows.len(),
                    columns,
                    origins: vec![Vec::new(); rows.len()],
                    gaps: self.gaps[position].clone(),
                    // Something of the shape of the rows: some columns of some tables, and never the same for long.
                    untold: (1..schema.columns.len()).filter(|column| (rows.len() + column).is_multiple_of(3)).collect(),
                    conflicts: BTreeMap::new(),
                }
            })
            .collect();
        Evidence { tables, logs: self.logs.clone(), systems: self.systems.clone(), ..Evidence::default() }
    }

    fn column(&self, position: usize, column: usize) -> Column {
        let schema = &SCHEMA[position].columns[column];
        let said: Vec<&Said> = self.tables[position].iter().map(|row| &row[column]).collect();
        let texts =
            || said.iter().map(|said| if let Cell::Text(text) = &said.cell { Some(text.as_str()) } else { None }).collect::<Vec<_>>();
        let values: ArrayRef = match schema.ty {
            Type::Text | Type::Enum(_) | Type::Address | Type::Fingerprint => Arc::new(StringArray::from(texts())),
            Type::Bool => {
                Arc::new(BooleanArray::from_iter(said.iter().map(|said| if let Cell::Bool(yes) = said.cell { Some(yes) } else { None })))
            }
            Type::Number | Type::Time | Type::Duration => {
                Arc::new(Int64Array::from_iter(said.iter().map(|said| if let Cell::Int(number) = said.cell { Some(number) } else { None })))
            }
            Type::List => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for said in &said {
                    if let Cell::List(members) = &said.cell {
                        members.iter().for_each(|member| lists.values().append_option(member.as_deref()));
                    }
                    lists.append(matches!(said.cell, Cell::List(_)));
                }
                Arc::new(lists.finish())
            }
        };
        let link: Option<UInt32Array> = schema.refers.and_then(table).map(|to| {
            texts()
                .into_iter()
                .map(|text| {
                    let row = self.tables[to].iter().position(|row| matches!(&row[0].cell, Cell::Text(id) if Some(id.as_str()) == text));
                    row.map(|row| u32::try_from(row).unwrap())
                })
                .collect()
        });
        let state = |row: usize| match said[row].cell {
            Cell::Absent(state) => state,
            _ if link.as_ref().is_some_and(|link| arrow_array::Array::is_null(link, row)) => State::Dangling,
            _ => State::Known,
        };
        let fresh = (!said.iter().all(|said| said.fresh)).then(|| BooleanBuffer::from_iter(said.iter().map(|said| said.fresh)));
        Column { values, state: UInt8Array::from_iter_values((0..said.len()).map(|row| state(row) as u8)), fresh, link }
    }
}

pub fn id(table: usize, row: usize) -> String {
    format!("{}{row}", &SCHEMA[table].name[..2])
}

fn cell(random: &mut Random, mood: &Mood, sizes: &[usize], position: usize, column: usize) -> Cell {
    let schema = &SCHEMA[position].columns[column];
    if random.chance(mood.unknown) {
        let mut states = vec![State::Missing, State::Conflict, State::Unreadable];
        if schema.ty == Type::Time && !schema.ahead {
            states.push(State::Future);
        }
        return Cell::Absent(random.pick(&states));
    }
    if schema.none && random.chance(20) {
        return Cell::Absent(State::None);
    }
    if schema.never != Never::No && random.chance(25) {
        return Cell::Absent(State::Never);
    }
    if let Some(to) = schema.refers.and_then(table) {
        if sizes[to] > 0 && !random.chance(12) {
            return Cell::Text(id(to, random.below(sizes[to])));
        }
        // It leads nowhere; at times it is written much like a name that somebody has.
        let name = id(to, random.pick(&[6, 6, 7, 7, 0, 1]));
        return Cell::Text(match random.below(8) {
            0 => format!("s1:{name}"),
            1 => format!("s0:x/{}", name.to_uppercase()),
            2 => format!(" {name}"),
            3 => format!("x:{name}"),
            _ => id(to, 6 + random.below(2)),
        });
    }
    sample(random, position, column)
}

/// A known value that the column may well hold, also used as a literal beside it.
pub fn sample(random: &mut Random, position: usize, column: usize) -> Cell {
    let schema = &SCHEMA[position].columns[column];
    if let Some(to) = schema.refers.and_then(table) {
        return Cell::Text(id(to, random.below(7)));
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    match (schema.ty, schema.name) {
        (Type::Text, "id") => Cell::Text(id(position, random.below(6))),
        (Type::Text, "system") => text(random.pick(&SYSTEMS)),
        // What a system itself calls a row: at times the text of a reference that leads nowhere, or its end.
        (Type::Text, "native_id") if random.chance(60) => text(random.pick(&["id6", "cr6", "x:cr7", "CR6", "s0:id7", "s1:gr6", "7"])),
        (Type::Text, "environment") => text(random.pick(&["production", "test"])),
        (Type::Text, "subject") => {
            let of = random.below(4);
            Cell::Text(id(of, random.below(4)))
        }
        (Type::Text, "subject_kind") => text(random.pick(&["identity", "credential", "grant", "party"])),
        (Type::Text, _) => text(random.pick(&["a", "b", "A", "ab", "a\nb", "Äb", "s0", "id0"])),
        (Type::Enum(words), _) if words == EVENT_TYPES && random.chance(60) => text(random.pick(&["used", "signed_in"])),
        (Type::Enum(words), _) => text(words[random.below(words.len())]),
        (Type::Bool, _) => Cell::Bool(random.chance(50)),
        (Type::Number, _) => Cell::Int(match random.below(12) {
            0 => FAR - 1,
            1 => -(FAR - 1),
            2 => ONE / 2,
            3 => -ONE,
            other => i64::try_from(other % 4).unwrap() * ONE,
        }),
        (Type::Time, _) => Cell::Int(match random.below(30) {
            0 => LIMIT,
            1 => -LIMIT,
            _ => AS_OF + random.pick(&[-25, -10, -6, -5, -4, -3, -1, 0, 0, 1, 5, 10]) * DAY,
        }),
        (Type::Duration, _) => Cell::Int(match random.below(10) {
            0 => LIMIT,
            1 => -DAY,
            _ => random.pick(&[0, 1, 5, 10]) * DAY,
        }),
        (Type::Address, _) => text(random.pick(&["10.0.0.1", "10.0.1.1", "192.0.2.7", "2001:db8::1"])),
        (Type::Fingerprint, _) => text(random.pick(&["hmac:k1:aa", "hmac:k1:bb", "hmac:k2:aa"])),
        (Type::List, name) => {
            let pool: &[&str] = match name {
                "accepted_at" => &SYSTEMS,
                "expected_networks" => &NETWORKS,
                _ => &["a", "b", "A", "ab"],
            };
            let mut members: Vec<Option<String>> =
                (0..random.below(4)).map(|_| (!random.chance(8)).then(|| random.pick(pool).to_owned())).collect();
            members.sort();
            members.dedup();
            Cell::List(members)
        }
    }
}

/// Blocks, single addresses, and what is neither.
pub const NETWORKS: [&str; 9] =
    ["10.0.0.0/24", "10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:10.0.0.0/120", "0.0.0.0/0", "10.0.0.0/33", "nonsense", "::1"];
