//! What a command is doing, on a terminal, on standard error: the step, how much of it is done, how fast. Nothing is shown where that is
//! no terminal, nor with `--quiet`, and what is shown is gone when the step ends.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::sync::LazyLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::terminal;
use crate::model::watch::Watch;

/// The one bar of this process.
static BAR: LazyLock<ProgressBar> = LazyLock::new(|| {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {pos} of {len} {msg} ({rate})") {
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            // A text takes what is written to it.
            let _ = write!(to, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.with_key("rate", rate));
    }
    bar
});

/// Whoever looks at the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal;

impl Watch for Terminal {
    fn begins(&self, step: &'static str, pieces: &'static str, of: usize) {
        // Each of these would be drawn by itself.
        BAR.set_draw_target(ProgressDrawTarget::hidden());
        BAR.reset();
        BAR.set_length(of as u64);
        BAR.set_prefix(step);
        BAR.set_message(pieces);
        if stderr().is_terminal() && !terminal::quiet() {
            BAR.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn done(&self) {
        BAR.inc(1);
    }
}

/// What the step is at just now, in place of what its pieces are called.
pub fn at(what: String) {
    BAR.set_message(what);
}

/// Does a piece of work that tells how far it has come. After it the line is empty again, for what is to be said.
pub fn during<T>(work: impl FnOnce(&'static Terminal) -> T) -> T {
    let done = work(&Terminal);
    BAR.finish_and_clear();
    done
}
