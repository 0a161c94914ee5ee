//! A digest of a record: by its content alone, in the order of its members. Two that were alike by accident would be counted as one,
//! and one too few never makes a source whole.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};
use serde_json::{Number, Value};

/// The digest of a record.
pub fn of(record: &Value) -> u128 {
    digest(|both| both.value(record))
}

/// The digest of the text that a record is counted by.
pub fn of_text(text: &str) -> u128 {
    digest(|both| both.text(text))
}

/// The digest of the object that has these members.
pub fn of_members<'m>(members: impl ExactSizeIterator<Item = (&'m str, Member<'m>)>) -> u128 {
    digest(|both| both.members(members))
}

/// What a member of an object is.
#[derive(Clone, Copy)]
pub enum Member<'m> {
    Text(&'m str),
    Other(&'m Value),
}

/// Two hashes at once.
struct Both(FoldHasher<'static>, FoldHasher<'static>);

fn digest(feed: impl FnOnce(&mut Both)) -> u128 {
    let hasher = |seed: u64| FixedState::with_seed(seed).build_hasher();
    let mut both = Both(hasher(1), hasher(2));
    feed(&mut both);
    u128::from(both.0.finish()) << 64 | u128::from(both.1.finish())
}

impl Both {
    /// What comes next is of this sort, and so long.
    fn head(&mut self, sort: u8, length: usize) {
        for hasher in [&mut self.0, &mut self.1] {
            hasher.write_u8(sort);
            hasher.write_usize(length);
        }
    }

    fn text(&mut self, text: &str) {
        self.head(4, text.len());
        self.0.write(text.as_bytes());
        self.1.write(text.as_bytes());
    }

    fn number(&mut self, number: &Number) {
        let text = number.to_string();
        self.head(3, text.len());
        self.0.write(text.as_bytes());
        self.1.write(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.head(0, 0),
            Value::Bool(yes) => self.head(1, usize::from(*yes)),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.head(5, items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(members) => self.members(members.iter().map(|(name, value)| (name.as_str(), Member::Other(value)))),
        }
    }

    fn members<'m>(&mut self, members: impl ExactSizeIterator<Item = (&'m str, Member<'m>)>) {
        self.head(6, members.len());
        for (name, member) in members {
            self.text(name);
            match member {
                Member::Text(text) => self.text(text),
                Member::Other(value) => self.value(value),
            }
        }
    }
}
