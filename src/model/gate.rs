//! What is at the gate, and which controls a run judges.

use std::collections::BTreeMap;

use super::control::{Looser, Severity};
use super::value::Time;

/// Which findings fail the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Any fail is a violation and any unknown is insufficient.
    #[default]
    Any,
    /// Only at or above.
    AtLeast(Severity),
    /// The gate is off.
    Off,
}

impl Gate {
    /// Whether a control of this severity is at or above the gate.
    #[must_use]
    pub fn holds(self, severity: Severity) -> bool {
        match self {
            Gate::Any => true,
            Gate::AtLeast(least) => severity >= least,
            Gate::Off => false,
        }
    }

    /// Whether it lets through what another holds.
    #[must_use]
    pub fn looser_than(self, other: Gate) -> bool {
        Severity::ALL.into_iter().any(|severity| other.holds(severity) && !self.holds(severity))
    }

    /// What `--fail-on` and `tickmark.toml` may say.
    pub const WORDS: [&str; 6] = ["any", "none", "low", "medium", "high", "critical"];

    /// The gate of a word; `None`: there is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Gate> {
        match word {
            "any" => Some(Gate::Any),
            "none" => Some(Gate::Off),
            word => Severity::from_word(word).map(Gate::AtLeast),
        }
    }

    /// `any`, `high`, `none`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Gate::Any => "any",
            Gate::AtLeast(least) => least.word(),
            Gate::Off => "none",
        }
    }
}

/// What is at the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gating {
    /// From which severity on a fail is a violation.
    pub fail: Gate,
    /// From which severity on an unknown is insufficient evidence; `None`: as for fails.
    pub fail_on_unknown: Option<Gate>,
    /// Control → whether it is at the gate, whatever its severity.
    pub overrides: BTreeMap<String, Override>,
}

/// `"MON-03" = "any"`, `"AUT-02" = { value = "none", reason = "…", approver = "…" }` in `[gate]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// True: `any`, always at the gate; false: `none`, never.
    pub held: bool,
    /// Who answers for it, where the control is taken off the gate.
    pub answer: Option<Looser>,
}

impl Override {
    /// `any`, `none`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.held { Gate::Any.word() } else { Gate::Off.word() }
    }
}

impl Gating {
    /// From which severity on an unknown is insufficient evidence.
    #[must_use]
    pub fn unknown(&self) -> Gate {
        self.fail_on_unknown.unwrap_or(self.fail)
    }

    /// Whether a fail of the control is a violation.
    #[must_use]
    pub fn holds_fail(&self, control: &str, severity: Severity) -> bool {
        self.override_of(control).map_or_else(|| self.fail.holds(severity), |there| there.held)
    }

    /// Whether an unknown of the control is insufficient evidence.
    #[must_use]
    pub fn holds_unknown(&self, control: &str, severity: Severity) -> bool {
        self.override_of(control).map_or_else(|| self.unknown().holds(severity), |there| there.held)
    }

    /// The override of a control that counts.
    fn override_of(&self, control: &str) -> Option<&Override> {
        self.overrides.get(control).filter(|there| there.answer.as_ref().is_none_or(|answer| answer.ended.is_none()))
    }

    /// Whatever was taken off the gate until now, or until before, or by nobody known, is back.
    pub fn lapse(&mut self, now: Time, is_known: impl Fn(&str) -> bool) {
        for answer in self.overrides.values_mut().filter_map(|there| there.answer.as_mut()) {
            if answer.until.is_some_and(|until| until <= now) || !is_known(&answer.approver) {
                answer.ended = Some(Gate::Off.word().to_owned());
            }
        }
    }
}

/// What `--only` and `--skip` name: controls, families (`OFF`), frameworks; as given, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed {
    pub only: Vec<String>,
    pub skip: Vec<String>,
    /// How many controls are left, and of how many.
    pub left: usize,
    pub of: usize,
}

impl Narrowed {
    /// `narrowed to 3 of 70 controls (--only OFF --skip OFF-02)`.
    #[must_use]
    pub fn told(&self) -> String {
        let said = |flag: &str, names: &[String]| names.iter().map(|name| format!("{flag} {name}")).collect::<Vec<_>>();
        let all: Vec<String> = said("--only", &self.only).into_iter().chain(said("--skip", &self.skip)).collect();
        format!("narrowed to {} of {} controls ({})", self.left, self.of, all.join(" "))
    }
}
