//! Exit codes: the program's contract with a pipeline. They never depend on the output format.

use std::process::ExitCode;

use crate::model::assessment::Outcome;

/// How the program ends. The worst wins: 2, then 1, then 3, then 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; for `run`, no finding at or above the gate.
    Done,
    /// 1: violations at or above the gate; for `test`, a test that does not hold.
    Violations,
    /// 2: usage, configuration or control error, nothing assessed, or the output could not be written.
    Usage,
    /// 3: evidence is insufficient.
    Insufficient,
    /// 4: a package is not verified.
    NotVerified,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Violations => 1,
            Exit::Usage => 2,
            Exit::Insufficient => 3,
            Exit::NotVerified => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Satisfied | Outcome::KnownOnly | Outcome::GateOff => Exit::Done,
            Outcome::Violations => Exit::Violations,
            Outcome::NothingAssessed => Exit::Usage,
            Outcome::Insufficient => Exit::Insufficient,
        }
    }
}
