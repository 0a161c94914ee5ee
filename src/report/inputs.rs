//! `inputs/`: everything that the assessment was made from, as it was used.

use std::collections::BTreeMap;

use super::{ReportError, page};
use crate::model::project::Project;
use crate::model::table::Evidence;

/// Path in the package → bytes.
///
/// # Errors
/// [`ReportError::Path`] for a path that would leave the package, [`ReportError::Twice`] for two inputs of one path that differ.
pub fn inputs(evidence: &Evidence, project: &Project) -> Result<BTreeMap<String, Vec<u8>>, ReportError> {
    let mut files = BTreeMap::new();
    let mut put = |folder: &str, path: &str, bytes: &[u8]| {
        if path.is_empty() || path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(ReportError::Path(path.to_owned()));
        }
        let path = format!("inputs/{folder}{path}");
        match files.get(&path) {
            Some(there) if there != bytes => Err(ReportError::Twice(path)),
            _ => {
                files.insert(path, bytes.to_vec());
                Ok(())
            }
        }
    };
    put("", "tickmark.toml", project.text.as_bytes())?;
    for control in project.controls.iter().chain(&project.deselected) {
        put("controls/", &control.file, control.text.as_bytes())?;
    }
    for framework in &project.frameworks {
        put("frameworks/", &framework.file, framework.text.as_bytes())?;
    }
    for mapping in project.mappings.values() {
        put("sources/", &format!("{}.toml", mapping.kind), mapping.text.as_bytes())?;
    }
    for (name, text) in page::TEMPLATES {
        put("templates/", name, text.as_bytes())?;
    }
    for file in &evidence.files {
        put("evidence/", &file.path, &file.bytes)?;
    }
    Ok(files)
}
