//! Codes for values: equal values have equal codes, counted from 0 in the order of their first appearance.

use std::hash::Hash;

/// Gives codes. A hasher made for lookups, because every key of a join goes through here.
#[expect(clippy::disallowed_types, reason = "looked up by key only; its order reaches nothing")]
#[derive(Debug)]
pub struct Codes<K> {
    codes: std::collections::HashMap<K, u32, foldhash::fast::RandomState>,
}

impl<K> Default for Codes<K> {
    fn default() -> Self {
        Codes { codes: Default::default() }
    }
}

impl<K: Eq + Hash> Codes<K> {
    /// The code of a value, new if need be.
    pub fn of(&mut self, value: K) -> u32 {
        let next = u32::try_from(self.codes.len()).unwrap_or(u32::MAX);
        *self.codes.entry(value).or_insert(next)
    }
}
