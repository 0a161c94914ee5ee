//! How far a mapping's filters may go over one file, and where they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::evidence::bounded::{self, Bounds, Progress};

/// The filters of a mapping.
const PARTS: [&str; 4] = ["recognise", "envelope", "select", "rows"];

/// How far filters may go.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Bytes of memory, and for each byte that the records take in it so many more.
    pub memory: usize,
    pub growth: usize,
    /// The most that one filter may take over one record, whatever its size.
    pub call: usize,
    /// One record.
    pub patience: Duration,
    /// All the files of one reading together, beside [`FILE`] for each file and [`MEBIBYTE`] for what its records take in memory.
    pub time: Duration,
}

const FILE: Duration = Duration::from_millis(100);
const MEBIBYTE: Duration = Duration::from_secs(2);

impl Reach {
    pub const DEFAULT: Reach =
        Reach { memory: 64 << 20, growth: 8, call: 512 << 20, patience: Duration::from_secs(10), time: Duration::from_secs(60) };

    /// Over values that take so many bytes in memory.
    pub fn over(self, given: usize, time: Duration) -> Bounds {
        let memory = self.memory.saturating_add(self.growth.saturating_mul(given));
        Bounds { memory, call: memory.min(self.call), patience: self.patience, time }
    }

    /// Does work over values that take so many bytes in memory, and adds what it took beyond what is due for them to the time that all have used.
    ///
    /// # Errors
    /// No thread can be had. The inner error says what it did that went too far.
    pub fn watched<T: Send + 'static>(
        self,
        given: usize,
        overtime: &Overtime,
        progress: &Arc<Progress>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<Result<T, String>> {
        let due = FILE + MEBIBYTE.mul_f64(given as f64 / f64::from(1 << 20));
        let used = Duration::from_millis(overtime.0.load(Ordering::Relaxed));
        let bounds = self.over(given, due + self.time.saturating_sub(used));
        let start = Instant::now();
        let outcome = bounded::run(bounds, progress, work)?;
        let over = start.elapsed().saturating_sub(due).as_millis();
        overtime.0.fetch_add(u64::try_from(over).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(outcome)
    }
}

/// What the filters of one reading may still take of the time that they have together.
#[derive(Debug, Default)]
pub struct Overtime(AtomicU64);

/// About how many bytes a value takes in memory.
pub fn weight(value: &Value) -> usize {
    const EACH: usize = 64;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| EACH + name.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Where the work is: for messages.
#[derive(Debug, Default)]
pub struct Place {
    pub progress: Arc<Progress>,
    part: AtomicUsize,
    record: AtomicUsize,
}

impl Place {
    pub fn at(&self, part: &str, record: usize) {
        self.part.store(PARTS.iter().position(|known| *known == part).unwrap_or_default(), Ordering::Relaxed);
        self.record.store(record, Ordering::Relaxed);
        self.progress.step();
    }

    pub fn part(&self) -> &'static str {
        PARTS[self.part.load(Ordering::Relaxed)]
    }

    /// Which record, where it is one of many: the end of a sentence.
    pub fn record(&self) -> String {
        match self.record.load(Ordering::Relaxed) {
            number if self.part() == "rows" => format!(", record {}", number + 1),
            _ => String::new(),
        }
    }
}
