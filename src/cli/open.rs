//! `run --open`: the report in the desktop's viewer.

use std::path::Path;
use std::process::Stdio;

/// Programs that open a file as the desktop would, by platform; the first that there is.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// Asks the desktop to show the file, and does not wait. Where nothing can, it says so: the report is there all the same.
#[expect(clippy::disallowed_types, reason = "the user asked for the desktop's own opener, by name and with one path, after all is written")]
pub fn open(path: &Path) {
    for opener in OPENERS {
        let started = std::process::Command::new(opener).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if started.is_ok() {
            return;
        }
    }
    eprintln!("note: neither {} is here to open {} with", OPENERS.join(" nor "), path.display());
}
