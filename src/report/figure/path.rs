//! Who reaches what: from top to bottom, what leads on to what.

use super::{Drawing, WIDTH, shortened};

const BOX: i64 = 24;
const ARROW: i64 = 16;
const MIDDLE: i64 = 18;

/// A path: identities and the grants between them, as the finding tells it.
pub fn path(name: &str, steps: &[&str], caption: &str) -> String {
    let mut drawing = Drawing::new();
    let mut top = 2;
    for (at, step) in steps.iter().enumerate() {
        if at > 0 {
            drawing.line((MIDDLE, top), (MIDDLE, top + ARROW - 4), "axis");
            drawing.text(MIDDLE - 4, top + ARROW - 1, "label", "▾");
            top += ARROW;
        }
        let class = if at + 1 == steps.len() { "node last" } else { "node" };
        drawing.rect((1, top), (WIDTH - 2, BOX), class);
        drawing.text(10, top + 16, "label", &shortened(step, 96));
        top += BOX;
    }
    drawing.height = top + 4;
    drawing.figure(name, caption)
}
