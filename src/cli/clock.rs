//! The one look at the clock. No byte of a package depends on it: it tells whether evidence is old when nobody said as of when
//! to judge it, and dates what a person writes now.

use crate::model::value::Time;

#[expect(clippy::disallowed_methods, reason = "see above")]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}
