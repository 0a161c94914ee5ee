//! What every part of the page uses.

use serde::Serialize;

use crate::model::assessment::{Reason, Status, Support, Verdict};
use crate::report::wire;

/// A status as a shape and a word: never colour alone.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct Mark {
    pub shape: &'static str,
    pub word: &'static str,
}

impl Mark {
    pub const PASS: &'static str = "✓";
    pub const FAIL: &'static str = "✗";
    pub const UNKNOWN: &'static str = "?";
    pub const WAIVED: &'static str = "~";
    pub const NONE: &'static str = "–";
    pub const PART: &'static str = "◐";
    pub const EMPTY: &'static str = "○";
}

impl From<Verdict> for Mark {
    fn from(verdict: Verdict) -> Self {
        let shape = match verdict {
            Verdict::Pass => Mark::PASS,
            Verdict::Fail => Mark::FAIL,
            Verdict::Unknown => Mark::UNKNOWN,
            Verdict::Waived => Mark::WAIVED,
            Verdict::NotApplicable => Mark::NONE,
        };
        Mark { shape, word: verdict.word() }
    }
}

impl From<Status> for Mark {
    fn from(status: Status) -> Self {
        let shape = match status {
            Status::Pass => Mark::PASS,
            Status::Fail => Mark::FAIL,
            Status::Unknown => Mark::UNKNOWN,
            Status::Waived => Mark::WAIVED,
            Status::NotApplicable => Mark::NONE,
        };
        Mark { shape, word: status.word() }
    }
}

impl From<Support> for Mark {
    fn from(support: Support) -> Self {
        let shape = match support {
            Support::Supported => Mark::PASS,
            Support::SupportedWithExceptions => Mark::WAIVED,
            Support::Contradicted => Mark::FAIL,
            Support::Undetermined => Mark::UNKNOWN,
            Support::NotApplicable => Mark::NONE,
            Support::NoControl | Support::OutOfScope => Mark::EMPTY,
        };
        Mark { shape, word: support.word() }
    }
}

/// The first of a list, and how many more there are.
#[derive(Serialize)]
pub struct Capped<T> {
    pub shown: Vec<T>,
    pub more: usize,
}

impl<T> Capped<T> {
    pub fn new(items: impl ExactSizeIterator<Item = T>, limit: usize) -> Self {
        let more = items.len().saturating_sub(limit);
        Capped { shown: items.take(limit).collect(), more }
    }
}

/// The items that fit into so many bytes, at most `limit`; and how many are left out.
pub fn fitting<T>(items: Vec<T>, limit: usize, bytes: usize, size: impl Fn(&T) -> usize) -> Capped<T> {
    let all = items.len();
    let mut spent = 0;
    let fits = |item: &T| {
        spent += size(item);
        spent <= bytes
    };
    let shown: Vec<T> = items.into_iter().take(limit).take_while(fits).collect();
    Capped { more: all - shown.len(), shown }
}

#[derive(Serialize)]
pub struct CountsView {
    pub total: usize,
    #[serde(flatten)]
    pub counts: wire::Counts,
}

/// A reason as the template prints it.
#[derive(Serialize)]
pub struct ReasonView {
    pub word: &'static str,
    pub detail: String,
}

/// The first reasons of a list.
pub fn reasons(reasons: &[Reason], limit: usize) -> Capped<ReasonView> {
    Capped::new(reasons.iter().map(|reason| ReasonView { word: reason.word, detail: clause(&reason.detail) }), limit)
}

/// A sentence without the full stop at its end, to stand within another.
pub fn clause(sentence: &str) -> String {
    sentence.trim().trim_end_matches('.').to_owned()
}

/// The severities that a gate holds, in words.
pub fn duty(gate: &str) -> &'static str {
    match gate {
        "low" => "low and above",
        "medium" => "medium and above",
        "high" => "high and critical",
        _ => "critical",
    }
}

/// `1 control`, `2 controls`.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
