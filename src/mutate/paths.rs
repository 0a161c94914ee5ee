//! Columns that an author may have taken one for another.

use crate::model::condition::Path;
use crate::model::schema::{Column, SCHEMA};

/// The same path with one step replaced by another column of its table: of the same type, with the same kinds of absence, and, where it
/// refers, to the same table. The id and what the platform itself calls a thing are no siblings of what is said of it.
pub fn siblings(path: &Path) -> Vec<Path> {
    let mut found = Vec::new();
    for (at, (table, column)) in path.steps.iter().enumerate() {
        let columns = SCHEMA[*table].columns;
        let own = &columns[*column];
        if *column == 0 {
            continue;
        }
        for (other, candidate) in columns.iter().enumerate().skip(1) {
            if other != *column && alike(own, candidate) {
                let mut sibling = path.clone();
                sibling.steps[at].1 = other;
                found.push(sibling);
            }
        }
    }
    found
}

fn alike(own: &Column, other: &Column) -> bool {
    own.ty == other.ty && own.none == other.none && own.never == other.never && own.refers == other.refers && other.name != "native_id"
}
