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

use rayon::prelude::*;

use crate::model::assessment::{Assessment, ControlResult};
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

/// What `render` makes.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Path in the package, with `/` → bytes.
    pub files: BTreeMap<String, Vec<u8>>,
    /// SHA-256 (hex) of those that were hashed on the way: all inputs, which are most of the bytes.
    pub digests: BTreeMap<String, String>,
}

/// What programs read of one control.
struct Part {
    population: Vec<u8>,
    /// Of `findings.ndjson`.
    lines: Vec<u8>,
}

/// The files of a report package without `manifest.json`. The same arguments give the same bytes everywhere.
///
/// # Errors
/// [`ReportError`]; an assessment with findings is not one.
pub fn render(assessment: &Assessment, evidence: &Evidence, project: &Project, watch: &dyn Watch) -> Result<Rendered, ReportError> {
    watch.begins("writing the report", "controls", assessment.controls.len());
    let Rendered { mut files, digests } = inputs::inputs(evidence, project)?;
    let seal = Salts::listed(digests.iter().map(|(path, digest)| (path.as_str(), digest))).seal();
    let people = || -> Result<(String, String), ReportError> {
        let page::Rendered { markdown, figures } = page::markdown(assessment, evidence, project, &seal)?;
        Ok((html::page(&project.wording, &assessment.name, &seal, &markdown, figures)?, markdown))
    };
    let part = |result: &ControlResult| -> Result<Part, ReportError> {
        let part = Part { population: population::csv(result, evidence)?, lines: lines(result)? };
        watch.done();
        Ok(part)
    };
    let (people, parts) = rayon::join(people, || assessment.controls.par_iter().map(part).collect::<Result<Vec<_>, _>>());
    let ((html, markdown), parts) = (people?, parts?);
    files.insert("report.html".to_owned(), html.into_bytes());
    files.insert("report.md".to_owned(), markdown.into_bytes());
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.lines.len()).sum());
    for (result, Part { population, lines }) in assessment.controls.iter().zip(parts) {
        files.insert(format!("populations/{}.csv", result.control.id), population);
        all.extend(lines);
    }
    let rest = serde_json_canonicalizer::to_vec(&map::assessment(assessment, evidence, project, &seal))?;
    files.insert("assessment.json".to_owned(), with_findings(&rest, &all));
    files.insert("findings.ndjson".to_owned(), all);
    files.insert("register.csv".to_owned(), register::csv(evidence)?);
    Ok(Rendered { files, digests })
}

/// The findings of a control, one a line, each canonical JSON.
fn lines(result: &ControlResult) -> Result<Vec<u8>, ReportError> {
    let mut lines = Vec::new();
    for finding in map::findings(result) {
        serde_json::to_writer(&mut lines, &finding)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The assessment with its findings, which are large and written already. (In the text of a value a quotation mark is escaped, and no
/// other object has such a field.)
fn with_findings(assessment: &[u8], lines: &[u8]) -> Vec<u8> {
    const NONE: &[u8] = b"\"findings\":[";
    let at = assessment.windows(NONE.len()).position(|window| window == NONE).map_or(assessment.len(), |at| at + NONE.len());
    let mut whole = Vec::with_capacity(assessment.len() + lines.len());
    whole.extend_from_slice(&assessment[..at]);
    let list = lines.strip_suffix(b"\n").unwrap_or(lines);
    whole.extend(list.iter().map(|byte| if *byte == b'\n' { b',' } else { *byte }));
    whole.extend_from_slice(&assessment[at..]);
    whole
}
