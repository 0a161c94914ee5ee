//! The locker: what was collected, redacted, content-addressed, append-only. `docs/locker.md` has its layout.
//!
//! | module | what |
//! |---|---|
//! | [`record`] | one act of collecting: when, how, what came |
//! | `store` | reading the journal, and adding to it |
//! | `choose` | which collections an assessment reads |

mod choose;
pub mod record;
mod store;

pub use choose::{Chosen, Told, chosen, told};
pub use record::{By, Made, Record, Stored};
pub use store::{Arrived, Entry, Locker};

/// Where the locker lies, below the project or a package's `inputs/`.
pub const PLACE: &str = "locker";
