//! The clock. Two things look at it: `collect`, which says when it collected, and `run`, which says that evidence has grown old. No byte
//! of a package depends on when it was made.

use crate::model::value::Time;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock; what an assessment says never depends on it")]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}
