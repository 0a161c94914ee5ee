//! How the assessment compares with earlier ones, whose figures are inputs.

use serde::Serialize;

use super::view::CountsView;
use crate::model::assessment::Assessment;
use crate::model::project::Project;
use crate::report::map;

/// How many earlier assessments are shown, the newest of them.
const SHOWN: usize = 24;

/// The assessments in order, this one last; empty: no earlier one is given.
#[derive(Serialize, Default)]
pub struct TrendView {
    pub rows: Vec<TrendRow>,
    more: usize,
}

#[derive(Serialize)]
pub struct TrendRow {
    pub as_of: String,
    /// The beginning of its package's root; `None`: this one.
    root: Option<String>,
    pub controls: CountsView,
    verdicts: CountsView,
}

pub fn trend(assessment: &Assessment, project: &Project) -> TrendView {
    let earlier = &project.earlier;
    if earlier.is_empty() {
        return TrendView::default();
    }
    let more = earlier.len().saturating_sub(SHOWN);
    let mut rows: Vec<TrendRow> = earlier[more..]
        .iter()
        .map(|figures| TrendRow {
            as_of: figures.as_of.to_string(),
            root: Some(figures.root.chars().take(12).collect()),
            controls: map::counts(figures.controls).into(),
            verdicts: map::counts(figures.verdicts).into(),
        })
        .collect();
    let totals = map::totals(&assessment.controls);
    rows.push(TrendRow {
        as_of: assessment.as_of.to_string(),
        root: None,
        controls: totals.controls.into(),
        verdicts: totals.verdicts.into(),
    });
    TrendView { rows, more }
}
