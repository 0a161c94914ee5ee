//! Horizontal bars, each in one or more parts.

use super::{CHARACTER, Drawing, WIDTH, shortened};

pub struct Bar {
    pub label: String,
    pub segments: Vec<Segment>,
}

pub struct Segment {
    pub count: usize,
    /// `pass`, `fail`, `unknown`, `waived`, `none`, `plain`.
    pub class: &'static str,
    /// What stands in front of the number: a shape, or nothing.
    pub shape: &'static str,
}

const LABEL: i64 = 168;
/// Room for a number behind the longest bar.
const ROOM: i64 = 60;
const HEIGHT: i64 = 18;
const STEP: i64 = 24;

/// Bars on one scale. `limit`: a line after so many bars, with its label.
pub fn bars(name: &str, bars: &[Bar], limit: Option<(usize, String)>, caption: &str) -> String {
    let mut drawing = Drawing::new();
    let longest = bars.iter().map(total).max().unwrap_or(0).max(1);
    let mut top = 4;
    for (at, bar) in bars.iter().enumerate() {
        if let Some((_, label)) = limit.as_ref().filter(|(after, _)| *after == at) {
            drawing.line((0, top + 8), (WIDTH, top + 8), "limit");
            drawing.text(WIDTH, top + 4, "limit end", label);
            top += STEP;
        }
        drawing.text(0, top + 13, "label", &shortened(&bar.label, 23));
        let mut x = LABEL;
        let mut behind = Vec::new();
        for segment in bar.segments.iter().filter(|segment| segment.count > 0) {
            let width = (length(segment.count) * (WIDTH - LABEL - ROOM) / length(longest)).max(2);
            let text = format!("{}{}{}", segment.shape, if segment.shape.is_empty() { "" } else { " " }, segment.count);
            drawing.rect((x, top), (width, HEIGHT), &format!("bar {}", segment.class));
            if i64::try_from(text.chars().count()).unwrap_or(i64::MAX).saturating_mul(CHARACTER) + 6 <= width {
                drawing.text(x + width / 2, top + 13, &format!("shape {}", segment.class), &text);
            } else {
                behind.push(text);
            }
            x += width + 1;
        }
        let told = if bar.segments.iter().all(|segment| segment.count == 0) { "0".to_owned() } else { behind.join("  ") };
        drawing.text(x + 6, top + 13, "value", &told);
        top += STEP;
    }
    drawing.height = top;
    drawing.figure(name, caption)
}

fn total(bar: &Bar) -> usize {
    bar.segments.iter().map(|segment| segment.count).sum()
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / WIDTH).min(i64::MAX / WIDTH)
}
