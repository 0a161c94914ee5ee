//! An assessment as bytes: the files of a report package, all but its manifest. `docs/report.md` describes every one.
//!
//! | module | what |
//! |---|---|
//! | [`escape`] | text from evidence, made harmless in Markdown and CSV |
//! | [`author`] | Markdown that a control's author wrote, reduced to what is safe |
//! | [`page`] | `report.md`: what the template is given |
//! | [`html`] | `report.html`, from the same Markdown |
//! | `figure` | the pictures of `report.html` |
//! | `wire`, `map` | `assessment.json` and `findings.ndjson`: their fields, and where they come from |
//! | [`code_quality`] | the fails as GitLab's code quality report |
//! | [`coverage`] | what is supported of each framework |
//! | [`judgeable`] | what the evidence lets us judge, and what would settle the rest |
//! | `population` | `populations/<CONTROL>.csv` |
//! | `register` | `register.csv`: every consumer and its credentials |
//! | `reading` | values of the canonical tables, as reports print them |
//! | `inputs` | `inputs/` |
//! | [`formats`] | a package as SARIF, JUnit XML, OSCAL, CSV, Parquet, a Markdown summary |
//!
//! Nothing here reads a clock, an environment or a file, and nothing is ordered by anything but the assessment.

use std::collections::BTreeMap;

use crate::model::assessment::Assessment;
use crate::model::project::Project;
use crate::model::salt::Salts;
use crate::model::table::Evidence;
use crate::model::watch::Watch;

pub mod author;
pub mod code_quality;
pub mod coverage;
pub mod escape;
mod figure;
pub mod formats;
pub mod html;
mod inputs;
pub mod judgeable;
mod map;
pub mod page;
mod population;
mod reading;
mod register;
mod wire;

pub use page::exceptions::{AttestationView, attestations};

/// Why a report could not be made. None of these is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// An input's path is empty, absolute or leaves the package.
    #[error("`{0}` cannot be packed: its path is empty, absolute or contains `..`; move the file below the project")]
    Path(String),
    /// Two inputs would be packed under one path.
    #[error("two different inputs would be packed as `{0}`; rename one of them")]
    Twice(String),
    /// A template of this program is wrong.
    #[error("a report template failed: {0:#}")]
    Template(#[from] minijinja::Error),
    /// JSON could not be written.
    #[error("the assessment cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// CSV could not be written.
    #[error("a population cannot be written as CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// The files of a report package without `manifest.json`: path in the package, with `/` → bytes. The same arguments give the
/// same bytes everywhere.
///
/// # Errors
/// [`ReportError`]; an assessment with findings is not one.
pub fn render(
    assessment: &Assessment,
    evidence: &Evidence,
    project: &Project,
    watch: &dyn Watch,
) -> Result<BTreeMap<String, Vec<u8>>, ReportError> {
    watch.begins("writing the report", "controls", assessment.controls.len());
    let mut files = inputs::inputs(evidence, project)?;
    let seal = Salts::of(&files).seal();
    let page::Rendered { markdown, figures } = page::markdown(assessment, evidence, project, &seal)?;
    files.insert("report.html".to_owned(), html::page(&project.wording, &assessment.name, &seal, &markdown, figures)?.into_bytes());
    files.insert("report.md".to_owned(), markdown.into_bytes());
    files.insert("assessment.json".to_owned(), serde_json_canonicalizer::to_vec(&map::assessment(assessment, evidence, project, &seal))?);
    let mut lines = Vec::new();
    for result in &assessment.controls {
        for finding in map::findings(result) {
            lines.extend(serde_json_canonicalizer::to_vec(&finding)?);
            lines.push(b'\n');
        }
        files.insert(format!("populations/{}.csv", result.control.id), population::csv(result, evidence)?);
        watch.done();
    }
    files.insert("findings.ndjson".to_owned(), lines);
    files.insert("register.csv".to_owned(), register::csv(evidence)?);
    Ok(files)
}
