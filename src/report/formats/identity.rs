//! UUIDs from content: version 5 of RFC 9562 (SHA-1 of a name space and a name), the one version made from names that OSCAL takes.
//!
//! Two kinds of thing have one. What says something of one assessment (a document, a result, an observation) has it from the package's
//! root. What stays itself from assessment to assessment (a subject, a finding, a risk, a catalogue) has it from the project and its own
//! ids, so that it is found again in the next one.

use sha1::{Digest, Sha1};

/// The name space of all others; a number of this program's own.
const OURS: [u8; 16] = [0x6d, 0x1c, 0x5a, 0x0f, 0x4e, 0x1b, 0x5c, 0x1f, 0x9a, 0x43, 0x7b, 0x0e, 0x2d, 0x9f, 0x31, 0x68];

/// The UUIDs of one package.
#[derive(Clone, Debug)]
pub struct Identities {
    root: [u8; 16],
    project: [u8; 16],
}

impl Identities {
    /// `root`: of the package, as hex; `project`: its name.
    #[must_use]
    pub fn of(root: &str, project: &str) -> Identities {
        Identities { root: version_5(OURS, &["root", root]), project: version_5(OURS, &["project", project]) }
    }

    /// Of what says something of this assessment.
    #[must_use]
    pub fn of_assessment(&self, name: &[&str]) -> String {
        written(version_5(self.root, name))
    }

    /// Of what stays itself from assessment to assessment.
    #[must_use]
    pub fn lasting(&self, name: &[&str]) -> String {
        written(version_5(self.project, name))
    }
}

/// Of what is the same in every project.
#[must_use]
pub fn everywhere(name: &[&str]) -> String {
    written(version_5(OURS, name))
}

/// The parts of the name are told apart by their lengths.
fn version_5(space: [u8; 16], name: &[&str]) -> [u8; 16] {
    let mut hash = Sha1::new();
    hash.update(space);
    for part in name {
        hash.update(format!("{}:", part.len()));
        hash.update(part);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hash.finalize()[..16]);
    out[6] = out[6] & 0x0f | 0x50;
    out[8] = out[8] & 0x3f | 0x80;
    out
}

fn written(uuid: [u8; 16]) -> String {
    let hex = crate::model::digest::hex(&uuid);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_those_of_a_name_based_uuid() {
        let uuid = everywhere(&["a"]);
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "5");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
    }

    /// Python: `uuid.uuid5(uuid.UUID("6d1c5a0f-4e1b-5c1f-9a43-7b0e2d9f3168"), "4:root3:abc")`
    #[test]
    fn others_compute_the_same() {
        assert_eq!(everywhere(&["root", "abc"]), "2f7325ec-b501-58c9-8e80-6d42c77037bf");
    }

    #[test]
    fn parts_do_not_run_together() {
        let identities = Identities::of("r", "p");
        assert_ne!(identities.lasting(&["ab", "c"]), identities.lasting(&["a", "bc"]));
        assert_ne!(identities.lasting(&["a"]), identities.of_assessment(&["a"]));
    }
}
