//! Who reaches what: the paths of grants that findings rest on.

use serde::Serialize;

use super::view::Capped;
use crate::model::assessment::{Assessment, Verdict};

/// The computed facts that are told as a path.
const FACTS: [&str; 3] = ["reaches_privileged", "upstream_overdue", "chain_length"];
const SHOWN: usize = 4;

/// One path: identities and the grants between them, from its beginning to its end.
#[derive(Serialize)]
pub struct PathView<'a> {
    pub control: &'a str,
    pub subject: &'a str,
    pub steps: Vec<&'a str>,
}

/// The paths of failing subjects, control by control.
pub fn paths(assessment: &Assessment) -> Capped<PathView<'_>> {
    let all: Vec<PathView<'_>> = assessment
        .controls
        .iter()
        .flat_map(|result| result.findings.iter().filter(|finding| finding.verdict == Verdict::Fail))
        .filter_map(|finding| {
            let path = FACTS.iter().filter_map(|fact| finding.observed.get(*fact)).find_map(|told| told.split_once(": "))?.1;
            let steps: Vec<&str> = path.split(" → ").collect();
            (steps.len() > 1).then_some(PathView { control: &finding.control, subject: &finding.subject, steps })
        })
        .collect();
    Capped::new(all.into_iter(), SHOWN)
}
