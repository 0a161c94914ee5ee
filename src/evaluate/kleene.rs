//! Three-valued truth over many rows at once: two bitmaps, true and false; what is in neither is unknown.

use arrow_array::{Array, BooleanArray};
use arrow_buffer::{BooleanBuffer, Buffer};
use rayon::prelude::*;

/// One truth value per row.
#[derive(Clone, Debug)]
pub struct Truth {
    pub yes: BooleanBuffer,
    pub no: BooleanBuffer,
}

/// One truth value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tri {
    True,
    False,
    Unknown,
}

impl Tri {
    #[must_use]
    pub fn and(self, other: Tri) -> Tri {
        match (self, other) {
            (Tri::False, _) | (_, Tri::False) => Tri::False,
            (Tri::True, Tri::True) => Tri::True,
            _ => Tri::Unknown,
        }
    }

    #[must_use]
    pub fn of(yes: bool) -> Tri {
        if yes { Tri::True } else { Tri::False }
    }
}

impl Truth {
    /// The same value for every row.
    #[must_use]
    pub fn all(rows: usize, value: Tri) -> Truth {
        let full = |set: bool| if set { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
        Truth { yes: full(value == Tri::True), no: full(value == Tri::False) }
    }

    /// From a function of the row.
    #[must_use]
    pub fn collect(rows: usize, value: impl Fn(usize) -> Tri + Sync) -> Truth {
        let word = |number: usize| {
            let (mut yes, mut no) = (0u64, 0u64);
            for bit in 0..64.min(rows - number * 64) {
                match value(number * 64 + bit) {
                    Tri::True => yes |= 1 << bit,
                    Tri::False => no |= 1 << bit,
                    Tri::Unknown => {}
                }
            }
            (yes, no)
        };
        let (yes, no): (Vec<u64>, Vec<u64>) = (0..rows.div_ceil(64)).into_par_iter().with_min_len(256).map(word).unzip();
        let bits = |words: Vec<u64>| BooleanBuffer::new(Buffer::from_vec(words), 0, rows);
        Truth { yes: bits(yes), no: bits(no) }
    }

    /// What an Arrow comparison says: null is unknown.
    #[must_use]
    pub fn from_array(array: &BooleanArray) -> Truth {
        let values = array.values();
        match array.nulls() {
            None => Truth { yes: values.clone(), no: !values },
            Some(nulls) => Truth { yes: values & nulls.inner(), no: &!values & nulls.inner() },
        }
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.yes.len()
    }

    #[must_use]
    pub fn get(&self, row: usize) -> Tri {
        if self.yes.value(row) {
            Tri::True
        } else if self.no.value(row) {
            Tri::False
        } else {
            Tri::Unknown
        }
    }

    #[must_use]
    pub fn and(&self, other: &Truth) -> Truth {
        Truth { yes: &self.yes & &other.yes, no: &self.no | &other.no }
    }

    #[must_use]
    pub fn or(&self, other: &Truth) -> Truth {
        Truth { yes: &self.yes | &other.yes, no: &self.no & &other.no }
    }

    /// The negation, if asked for.
    #[must_use]
    pub fn negated(self, negated: bool) -> Truth {
        if negated { Truth { yes: self.no, no: self.yes } } else { self }
    }

    /// Unknown, wherever the bitmap is set.
    #[must_use]
    pub fn unknown_where(self, unknown: &BooleanBuffer) -> Truth {
        let keep = !unknown;
        Truth { yes: &self.yes & &keep, no: &self.no & &keep }
    }

    /// False, wherever the bitmap is set.
    #[must_use]
    pub fn false_where(self, set: &BooleanBuffer) -> Truth {
        Truth { yes: &self.yes & &!set, no: &self.no | set }
    }
}
