//! What a set of children answers without being looked through: the extremes of their values, by how surely they match.

use std::collections::BTreeMap;

use super::keys::Signature;
use super::kleene::Tri;
use super::subquery::NOBODY;
use crate::model::condition::Op;

/// A value and the row it stands on.
pub type Held = (i64, u32);

/// The two smallest and two largest values of a group, of two different rows each, so that one row can be left out.
#[derive(Clone, Copy, Debug)]
pub struct Extremes {
    least: [Held; 2],
    most: [Held; 2],
}

const NOTHING: Held = (0, NOBODY);

impl Extremes {
    pub const EMPTY: Extremes = Extremes { least: [NOTHING; 2], most: [NOTHING; 2] };

    pub fn add(&mut self, value: i64, row: u32) {
        place(&mut self.least, (value, row), |a, b| a < b);
        place(&mut self.most, (value, row), |a, b| a > b);
    }

    /// A row other than `own` for which `value op other` holds.
    fn find(&self, op: Op, other: i64, own: u32) -> Option<u32> {
        let first = |ends: &[Held; 2]| ends.iter().copied().find(|(_, row)| *row != NOBODY && *row != own);
        let (least, most) = (first(&self.least)?, first(&self.most)?);
        let holds = match op {
            Op::Lt => (least.0 < other).then_some(least),
            Op::Le => (least.0 <= other).then_some(least),
            Op::Gt => (most.0 > other).then_some(most),
            Op::Ge => (most.0 >= other).then_some(most),
            Op::Eq => None,
            Op::Ne => (least.0 != other).then_some(least).or_else(|| (most.0 != other).then_some(most)),
        };
        holds.map(|(_, row)| row)
    }

    fn any(&self, own: u32) -> Option<u32> {
        self.least.iter().map(|(_, row)| *row).find(|row| *row != NOBODY && *row != own)
    }
}

fn place(ends: &mut [Held; 2], new: Held, better: fn(i64, i64) -> bool) {
    if ends.iter().any(|held| held.1 == new.1) {
        return;
    }
    if ends[0].1 == NOBODY || better(new.0, ends[0].0) {
        ends[1] = ends[0];
        ends[0] = new;
    } else if ends[1].1 == NOBODY || better(new.0, ends[1].0) {
        ends[1] = new;
    }
}

/// What a set of children answers.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Surely match but for the inequality, with a known value.
    sure: Extremes,
    /// Might match but for the inequality, with a known value.
    might: Extremes,
    /// Might match, and their value is unknown: the inequality cannot rule them out.
    open: Extremes,
}

impl Summary {
    pub const EMPTY: Summary = Summary { sure: Extremes::EMPTY, might: Extremes::EMPTY, open: Extremes::EMPTY };

    pub fn add(&mut self, value: Option<i64>, alive: Tri, row: u32) {
        match (value, alive) {
            (Some(value), Tri::True) => self.sure.add(value, row),
            (Some(value), _) => self.might.add(value, row),
            (None, _) => self.open.add(0, row),
        }
    }

    /// Looks for a child; `certain`: the join is sure for the whole set.
    pub fn look(&self, op: Op, other: Option<i64>, own: u32, certain: bool, sure: &mut u32, might: &mut u32) {
        let found = other.and_then(|other| self.sure.find(op, other, own));
        let target = if certain { &mut *sure } else { &mut *might };
        if let Some(row) = found
            && *target == NOBODY
        {
            *target = row;
        }
        if *might == NOBODY {
            let maybe = match other {
                Some(other) => self.might.find(op, other, own),
                None => self.sure.any(own).or_else(|| self.might.any(own)),
            };
            if let Some(row) = maybe.or_else(|| self.open.any(own)) {
                *might = row;
            }
        }
    }
}

/// Summaries by what narrows a child down: (system, identity), each with an entry for *any* and for *not known*.
#[derive(Debug, Default)]
pub struct Rollup {
    sets: BTreeMap<(i64, i64), Summary>,
}

const ANY: i64 = -2;
const OPEN: i64 = -1;

impl Rollup {
    pub fn add(&mut self, signature: Option<&Signature>, value: Option<i64>, alive: Tri, row: u32) {
        let blank = Signature::default();
        let signature = signature.unwrap_or(&blank);
        let mut systems: Vec<i64> = match &signature.systems {
            None => vec![OPEN],
            Some(systems) => systems.iter().map(|system| i64::from(*system)).collect(),
        };
        systems.push(ANY);
        let identity = signature.identity.map_or(OPEN, i64::from);
        for system in systems {
            for identity in [identity, ANY] {
                self.sets.entry((system, identity)).or_insert(Summary::EMPTY).add(value, alive, row);
            }
        }
    }

    pub fn look(&self, signature: Option<&Signature>, mut each: impl FnMut(&Summary)) {
        if self.sets.is_empty() {
            return;
        }
        let blank = Signature::default();
        let signature = signature.unwrap_or(&blank);
        let systems: Vec<i64> = match &signature.systems {
            None => vec![ANY],
            Some(systems) => systems.iter().map(|system| i64::from(*system)).chain([OPEN]).collect(),
        };
        let identities: &[i64] = &match signature.identity {
            None => vec![ANY],
            Some(identity) => vec![i64::from(identity), OPEN],
        };
        for system in &systems {
            for identity in identities {
                if let Some(set) = self.sets.get(&(*system, *identity)) {
                    each(set);
                }
            }
        }
    }
}
