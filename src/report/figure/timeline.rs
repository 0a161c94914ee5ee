//! The life of a credential, from left to right, with numbered marks that the table beside it explains.

use super::{Drawing, WIDTH};
use crate::model::value::Time;

const LEFT: i64 = 14;
const LINE: i64 = 34;
/// Two marks stand at least so far apart.
const APART: i64 = 20;

/// Marks 1, 2, 3… at the times, which are in order. `overhang`: from when to when it worked without anything to support it.
pub fn timeline(name: &str, times: &[Time], overhang: Option<(Time, Time)>, caption: &str) -> String {
    let mut drawing = Drawing::new();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return String::new() };
    let span = i128::from(last.0) - i128::from(first.0);
    let right = WIDTH - LEFT;
    let place = |at: Time| {
        let since = i128::from(at.0.clamp(first.0, last.0)) - i128::from(first.0);
        LEFT + i64::try_from(since * i128::from(right - LEFT) / span.max(1)).unwrap_or(0)
    };
    drawing.line((LEFT, LINE), (right, LINE), "axis");
    if let Some((from, until)) = overhang {
        let (start, end) = (place(from), place(until));
        drawing.rect((start, LINE - 5), ((end - start).max(3), 10), "bar fail");
        drawing.text((start + end) / 2, LINE + 24, "shape fail", "✗ after the end");
    }
    // From the left each is pushed as far as the one before it needs, then from the right back into the picture.
    let mut marks: Vec<i64> = times.iter().map(|at| place(*at)).collect();
    for at in 1..marks.len() {
        marks[at] = marks[at].max(marks[at - 1] + APART);
    }
    let mut bound = right;
    for mark in marks.iter_mut().rev() {
        *mark = (*mark).min(bound);
        bound = *mark - APART;
    }
    for (number, (mark, at)) in marks.iter().zip(times).enumerate() {
        drawing.line((*mark, 20), (place(*at), LINE), "axis");
        drawing.text(*mark, 15, "shape plain", &(number + 1).to_string());
    }
    drawing.height = LINE + 32;
    drawing.figure(name, caption)
}
