//! Which figures the page gets, and under which heading. Each shows numbers that stand in the text there.

use std::collections::BTreeMap;

use super::Page;
use super::growth::{ISSUED, REVOKED};
use super::requirements::FrameworkView;
use super::view::{CountsView, Mark};
use crate::model::value::Time;
use crate::report::figure::{Bar, Segment, Tile, TileRow, bars, path, tiles, timeline};

/// Heading → figure.
pub fn pictures(page: &Page<'_>) -> BTreeMap<String, String> {
    let mut figures = BTreeMap::new();
    for framework in &page.frameworks {
        let name = format!("{} ({})", framework.title, framework.edition);
        figures.insert(name.clone(), heat_map(&name, framework));
    }
    if !page.by_family.is_empty() {
        let rows: Vec<Bar> = page.by_family.iter().map(|row| Bar { label: row.name.clone(), segments: segments(&row.counts) }).collect();
        figures.insert("By family".to_owned(), bars("Controls by family and status", &rows, None, "Controls, by family and status."));
    }
    if !page.trend.rows.is_empty() {
        let date = |at: &str| at.split('T').next().unwrap_or(at).to_owned();
        let rows: Vec<Bar> = page.trend.rows.iter().map(|row| Bar { label: date(&row.as_of), segments: segments(&row.controls) }).collect();
        let caption = "Controls by status, one bar for each assessment.";
        figures.insert("Trend".to_owned(), bars("Controls by status, assessment by assessment", &rows, None, caption));
    }
    if page.ages.total > 0 {
        figures.insert("Age of static credentials".to_owned(), ages(page));
    }
    if !page.growth.rows.is_empty() {
        figures.insert("Growth against governance".to_owned(), growth(page));
    }
    for (at, life) in page.lives.shown.iter().enumerate() {
        let times: Vec<Time> = life.steps.iter().map(|step| step.at).collect();
        let name = format!("Life of {}", life.credential);
        let figure = timeline(&name, &times, life.overhang, "The numbers are the rows of the table below.");
        figures.insert(format!("Credential {} of {}", at + 1, page.lives.shown.len()), figure);
    }
    for (at, told) in page.paths.shown.iter().enumerate() {
        let name = format!("Path of {}", told.subject);
        let figure = path(&name, &told.steps, "Identities and the grants that lead from one to the next.");
        figures.insert(format!("Path {} of {}", at + 1, page.paths.shown.len()), figure);
    }
    figures
}

fn heat_map(name: &str, framework: &FrameworkView<'_>) -> String {
    let rows: Vec<TileRow> = framework
        .groups
        .iter()
        .map(|group| TileRow {
            label: group.id.to_owned(),
            tiles: group
                .rows
                .iter()
                .filter(|row| !row.heading)
                .filter_map(|row| Some(Tile { id: row.id.to_owned(), mark: row.support?, anchor: row.anchor.clone() }))
                .collect(),
        })
        .filter(|row| !row.tiles.is_empty())
        .collect();
    tiles(name, &rows, &framework.summary)
}

fn segments(counts: &CountsView) -> Vec<Segment> {
    let counts = &counts.counts;
    let segment = |count, class, shape| Segment { count, class, shape };
    vec![
        segment(counts.fail, "fail", Mark::FAIL),
        segment(counts.unknown, "unknown", Mark::UNKNOWN),
        segment(counts.waived, "waived", Mark::WAIVED),
        segment(counts.pass, "pass", Mark::PASS),
        segment(counts.not_applicable, "none", Mark::NONE),
    ]
}

fn ages(page: &Page<'_>) -> String {
    let rows: Vec<Bar> = page
        .ages
        .rows
        .iter()
        .map(|row| {
            let (class, shape) = match row.beyond {
                Some(true) => ("fail", Mark::FAIL),
                Some(false) => ("pass", Mark::PASS),
                None => ("plain", ""),
            };
            Bar { label: row.age.clone(), segments: vec![Segment { count: row.count, class, shape }] }
        })
        .collect();
    let limit = page.ages.limit.as_ref().and_then(|limit| {
        let first = page.ages.rows.iter().position(|row| row.beyond == Some(true))?;
        Some((first, format!("limit {limit}")))
    });
    bars("Active static credentials by age", &rows, limit, "Active static credentials by the time since their secret was last replaced.")
}

fn growth(page: &Page<'_>) -> String {
    let part = |count, class, shape| Segment { count, class, shape };
    let rows: Vec<Bar> = page
        .growth
        .rows
        .iter()
        .filter(|row| row.dated)
        .map(|row| Bar {
            label: row.period.clone(),
            segments: vec![part(row.counts[ISSUED], "plain", "+"), part(row.counts[REVOKED], "unknown", "−")],
        })
        .collect();
    bars("Credentials issued and revoked, by quarter", &rows, None, "Credentials issued (+) and revoked (−), by quarter.")
}
