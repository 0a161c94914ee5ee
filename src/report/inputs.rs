//! `inputs/`: everything that the assessment was made from, as it was used.

use std::collections::BTreeMap;

use super::{Rendered, ReportError, page};
use crate::model::baseline::{ACCEPTED, PACKED};
use crate::model::digest::sha256;
use crate::model::project::Project;
use crate::model::table::{Evidence, REDACTED, REFERENCED, Referenced};
use crate::model::trend;

/// Where what ships with the program stands; what a project brings keeps its place, so that `inputs/` is a project again.
const SHIPPED: &str = "builtin/";

fn place(kind: &str, file: &str) -> String {
    match file.strip_prefix(SHIPPED) {
        Some(rest) => format!("{SHIPPED}{kind}/{rest}"),
        None => file.to_owned(),
    }
}

/// They, and the digest of each.
///
/// # Errors
/// [`ReportError::Path`] for a path that would leave the package, [`ReportError::Twice`] for two inputs of one path that differ.
pub fn inputs(evidence: &Evidence, project: &Project) -> Result<Rendered, ReportError> {
    let referenced: BTreeMap<&str, Referenced> = evidence
        .referenced(project.packing)
        .map(|file| (file.path.as_str(), Referenced { bytes: file.bytes.len() as u64, sha256: file.sha256.clone() }))
        .collect();
    let (mut files, mut digests) = (BTreeMap::new(), BTreeMap::new());
    let mut put_known = |path: &str, bytes: &[u8], known: Option<&str>| -> Result<(), ReportError> {
        if path.is_empty() || path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(ReportError::Path(path.to_owned()));
        }
        let path = format!("inputs/{path}");
        match files.get(&path) {
            Some(there) if there != bytes => Err(ReportError::Twice(path)),
            _ => {
                digests.insert(path.clone(), known.map_or_else(|| sha256(bytes), str::to_owned));
                files.insert(path, bytes.to_vec());
                Ok(())
            }
        }
    };
    // Evidence was hashed as it was read.
    for file in evidence.files.iter().filter(|file| !referenced.contains_key(file.path.as_str())) {
        put_known(&file.path, &file.bytes, Some(&file.sha256))?;
    }
    let mut put = |path: &str, bytes: &[u8]| put_known(path, bytes, None);
    put("tickmark.toml", project.text.as_bytes())?;
    for control in project.controls.iter().chain(project.deselected.iter().map(|left| &left.control)) {
        put(&place("controls", &control.file), control.text.as_bytes())?;
    }
    for framework in &project.frameworks {
        put(&place("frameworks", &framework.file), framework.text.as_bytes())?;
    }
    for mapping in project.mappings.values() {
        put(&place("sources", &mapping.file), mapping.text.as_bytes())?;
    }
    for added in &project.mapping_files {
        put(&added.file, added.text.as_bytes())?;
    }
    for (name, text) in page::TEMPLATES {
        put(&format!("{SHIPPED}templates/{name}"), text.as_bytes())?;
    }
    for block in &project.wording.blocks {
        put(&block.file, block.text.as_bytes())?;
    }
    if let Some(logo) = &project.wording.logo {
        put(&logo.file, &logo.bytes)?;
    }
    if !referenced.is_empty() {
        put(REFERENCED, &serde_json_canonicalizer::to_vec(&referenced)?)?;
    }
    for (path, bytes) in documents(project) {
        put(path, bytes)?;
    }
    if let Some(baseline) = &project.baseline {
        put(ACCEPTED, baseline.accepted.text.as_bytes())?;
        for (path, bytes) in &baseline.files {
            put(&format!("{PACKED}/{path}"), bytes)?;
        }
    }
    if !project.earlier.is_empty() {
        put(trend::EARLIER, &trend::bytes(&project.earlier)?)?;
    }
    for (path, bytes) in &evidence.journal {
        put(path, bytes)?;
    }
    let redacted: BTreeMap<&str, serde_json::Value> = evidence
        .files
        .iter()
        .filter(|file| file.sha256 != file.original_sha256)
        .map(|file| {
            let said = serde_json::json!({ "sha256": file.sha256, "original_sha256": file.original_sha256, "redacted": file.redacted });
            (file.path.as_str(), said)
        })
        .collect();
    if !redacted.is_empty() {
        put(REDACTED, &serde_json_canonicalizer::to_vec(&redacted)?)?;
    }
    Ok(Rendered { files, digests })
}

/// The documents behind attestations and approvals of every kind that lie in the project.
fn documents(project: &Project) -> impl Iterator<Item = (&str, &[u8])> {
    let attested = project.attestations.iter().map(|attestation| attestation.document.as_ref());
    let waived = project.waivers.iter().map(|waiver| waiver.approval.as_ref());
    let params = project.controls.iter().flat_map(|control| control.params.values());
    let loosened = params.map(|param| param.looser.as_ref().and_then(|looser| looser.approval.as_ref()));
    let ungated = project.gating.overrides.values().map(|there| there.answer.as_ref().and_then(|answer| answer.approval.as_ref()));
    let baseline = project.baseline.iter().map(|baseline| baseline.accepted.approval.as_ref());
    let held =
        attested.chain(waived).chain(loosened).chain(ungated).chain(baseline).flatten().filter_map(|document| document.held.as_ref());
    held.map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
}
