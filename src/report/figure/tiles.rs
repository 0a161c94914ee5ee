//! A heat map: a tile for each requirement of a framework.

use std::fmt::Write;

use super::{CHARACTER, Drawing, WIDTH, class, escaped};
use crate::report::page::view::Mark;

/// The tiles of one group.
pub struct TileRow {
    pub label: String,
    pub tiles: Vec<Tile>,
}

pub struct Tile {
    pub id: String,
    pub mark: Mark,
    /// Of the section that tells more.
    pub anchor: Option<String>,
}

/// Characters of a label.
const LABEL: usize = 13;
const SIDE: i64 = 22;
const STEP: i64 = 26;

/// The whole framework; the words for each mark stand below.
pub fn tiles(framework: &str, rows: &[TileRow], summary: &str) -> String {
    let mut drawing = Drawing { role: "group", ..Drawing::new() };
    let longest = rows.iter().map(|row| row.label.chars().count().min(LABEL)).max().unwrap_or(0);
    let left = i64::try_from(longest).unwrap_or(0) * CHARACTER + if longest == 0 { 1 } else { 8 };
    let most = (WIDTH - left) / STEP;
    let mut top = 4;
    for row in rows {
        drawing.text(0, top + 15, "label", &super::shortened(&row.label, LABEL));
        let mut at = 0;
        for tile in &row.tiles {
            if at == most {
                at = 0;
                top += STEP;
            }
            let x = left + at * STEP;
            let class = class(tile.mark);
            let element = if tile.anchor.is_some() { "a" } else { "g" };
            let target = tile.anchor.as_ref().map_or_else(String::new, |anchor| format!(" href=\"#{}\"", escaped(anchor)));
            let _ = write!(drawing.body, "<{element}{target}><title>{}: {}</title>", escaped(&tile.id), tile.mark.word);
            drawing.rect((x, top), (SIDE, SIDE), &format!("tile {class}"));
            drawing.text(x + SIDE / 2, top + 16, &format!("shape {class}"), tile.mark.shape);
            let _ = write!(drawing.body, "</{element}>");
            at += 1;
        }
        top += STEP + 4;
    }
    drawing.height = top;
    drawing.figure(
        &format!("{framework}: a tile for each requirement"),
        &format!("One tile for each requirement, in the order of the table below; those that are contradicted or undetermined lead to what is in the way. ✓ supported, ~ with exceptions, ✗ contradicted, ? undetermined, – not applicable, ○ no control or out of scope. {summary}"),
    )
}
