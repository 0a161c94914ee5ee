//! Times, durations and numbers as exact integers, and how they are written.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// A time or duration that lies beyond every other: `never` on the far side. Known values stay far inside it.
pub const FAR: i64 = 4_000_000_000_000_000_000;
/// Known times and durations lie within ten thousand years either way.
pub const LIMIT: i64 = 10_000 * 366 * 86_400 * SECOND;
/// Numbers (`int` and `decimal` alike) are exact to a millionth: this is one.
pub const ONE: i64 = 1_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Reads an RFC 3339 time. A time without a zone is not a time (SEMANTICS §1.6): the error says so.
    ///
    /// # Errors
    /// A sentence saying what was expected.
    pub fn parse(text: &str) -> Result<Time, String> {
        match DateTime::parse_from_rfc3339(text) {
            Ok(at) => {
                let micros = at.timestamp_micros();
                if micros.abs() > LIMIT {
                    return Err(format!("`{text}` lies outside the years 0 to 9999"));
                }
                Ok(Time(micros))
            }
            Err(_)
                if NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
                    || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
                    || NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() =>
            {
                Err(format!("`{text}` has no time zone; write it as 2026-06-30T00:00:00Z"))
            }
            Err(_) => Err(format!("`{text}` is not a time; write it as 2026-06-30T00:00:00Z")),
        }
    }

    /// The day in UTC: `2026-06-30`.
    #[must_use]
    pub fn day(self) -> String {
        DateTime::<Utc>::from_timestamp_micros(self.0).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(at) if self.0 % SECOND == 0 => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%SZ")),
            Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.6fZ")),
            None => write!(f, "{}us", self.0),
        }
    }
}

/// An exact span of time in microseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub i64);

/// Units a duration may be written in, largest first. Months and years are no durations: their length varies.
pub const UNITS: [(&str, i64); 7] = [
    ("w", 7 * 86_400 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("min", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000),
    ("us", 1),
];

impl Duration {
    /// Reads `90d`, `24h`, `5min`, `1d12h`. Units: w, d, h, min, s, ms, us.
    ///
    /// # Errors
    /// A sentence saying what was expected.
    pub fn parse(text: &str) -> Result<Duration, String> {
        let wrong = || format!("`{text}` is not a duration; write it as `90d`, `24h`, `5min` or `30s`");
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let mut total: i64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let count: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = rest[digits..].trim_start();
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let (_, size) = UNITS.iter().find(|(name, _)| *name == &rest[..end]).ok_or_else(wrong)?;
            total = count
                .checked_mul(*size)
                .and_then(|part| total.checked_add(part))
                .filter(|sum| *sum <= LIMIT)
                .ok_or_else(|| format!("`{text}` is longer than ten thousand years"))?;
            rest = rest[end..].trim_start();
        }
        Ok(Duration(sign * total))
    }
}

impl fmt::Display for Duration {
    /// The largest units that say it exactly: `90d`, `1h30min`, `0s`. Weeks are written as days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return write!(f, "0s");
        }
        let mut rest = self.0.unsigned_abs();
        if self.0 < 0 {
            write!(f, "-")?;
        }
        for (name, size) in &UNITS[1..] {
            let size = size.unsigned_abs();
            if rest >= size {
                write!(f, "{}{name}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// A number, exact to a millionth: the value times [`ONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub i64);

impl Number {
    /// Reads `12`, `-3`, `0.25`; at most six decimals.
    ///
    /// # Errors
    /// A sentence saying what was expected.
    pub fn parse(text: &str) -> Result<Number, String> {
        let wrong = || format!("`{text}` is not a number with at most six decimals");
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > 6 || digits.ends_with('.') {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let part: i64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
        let scaled = whole.checked_mul(ONE).and_then(|w| w.checked_add(part)).filter(|n| *n < FAR).ok_or_else(wrong)?;
        Ok(Number(sign * scaled))
    }

    /// A whole number; `None` where it does not fit.
    #[must_use]
    pub fn whole(count: i64) -> Option<Number> {
        count.checked_mul(ONE).filter(|n| n.abs() < FAR).map(Number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, part) = (size / ONE.unsigned_abs(), size % ONE.unsigned_abs());
        if part == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{}", format!("{part:06}").trim_end_matches('0')) }
    }
}

/// A constant: what a parameter holds and what a literal in a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constant {
    Text(String),
    Bool(bool),
    Number(Number),
    Time(Time),
    Duration(Duration),
    List(Vec<String>),
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Text(text) => write!(f, "{text}"),
            Constant::Bool(yes) => write!(f, "{yes}"),
            Constant::Number(number) => write!(f, "{number}"),
            Constant::Time(time) => write!(f, "{time}"),
            Constant::Duration(span) => write!(f, "{span}"),
            Constant::List(items) => write!(f, "{}", items.join(", ")),
        }
    }
}

/// Whether a value is there, and if not, why not. One byte beside each value of a [`crate::model::table::Column`].
///
/// The order matters to nobody; the numbers are stable within one build only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// There is a value.
    Known = 0,
    /// Known to have none (no owner, no third party).
    None = 1,
    /// A time known not to happen.
    Never = 2,
    /// Unknown: nothing was said.
    Missing = 3,
    /// Unknown: two rows of one id say different things.
    Conflict = 4,
    /// Unknown: a reference to a row that is not there. The text of the reference is kept: a join needs it.
    Dangling = 5,
    /// Unknown: a past fact that lies after `as_of`.
    Future = 6,
    /// Unknown: something was said that could not be read as the column's type.
    Unreadable = 7,
    /// Unknown: only a stale source says so. Never stored: it arises when stale values are set aside.
    Stale = 8,
}

impl State {
    /// Reads the byte that a column holds.
    #[must_use]
    pub fn from_byte(byte: u8) -> State {
        match byte {
            0 => State::Known,
            1 => State::None,
            2 => State::Never,
            4 => State::Conflict,
            5 => State::Dangling,
            6 => State::Future,
            7 => State::Unreadable,
            8 => State::Stale,
            _ => State::Missing,
        }
    }

    /// True for every state in which nothing may be decided from the value.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        !matches!(self, State::Known | State::None | State::Never)
    }

    /// The word used in reports and in `assessment.json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Known => "known",
            State::None => "none",
            State::Never => "never",
            State::Missing => "missing",
            State::Conflict => "conflict",
            State::Dangling => "dangling",
            State::Future => "future",
            State::Unreadable => "unreadable",
            State::Stale => "stale",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, printed) in
            [("24h", "1d"), ("90d", "90d"), ("1d12h", "1d12h"), ("0s", "0s"), ("2w", "14d"), ("5min", "5min"), ("1us", "1us")]
        {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(printed.to_owned()));
        }
        for text in ["", "d", "5", "5m", "3 months", "-", "99999999999999d"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_read_and_print() {
        for text in ["0", "12", "-3", "0.25", "2048", "1.000001"] {
            assert_eq!(Number::parse(text).map(|n| n.to_string()), Ok(text.to_owned()));
        }
        for text in ["", ".5", "1.", "1e5", "1.0000001", "99999999999999"] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_needs_a_zone() {
        assert_eq!(Time::parse("2026-06-30T02:00:00+02:00").map(|t| t.to_string()), Ok("2026-06-30T00:00:00Z".to_owned()));
        assert!(Time::parse("2026-06-30T00:00:00").is_err_and(|e| e.contains("time zone")));
        assert!(Time::parse("yesterday").is_err());
    }
}
