//! What is wrong in the input: a stable code, where, what was expected, what to do.

use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing can be assessed until it is mended: exit 2.
    Error,
    /// Said, and gone on.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// Every diagnostic has one of these. Codes are stable: one is never given a new meaning, and a retired one
        /// is not used again. `docs/diagnostics.md` lists them and a test holds the two together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name),+ }

        impl Code {
            /// All of them, with what each means.
            pub const ALL: &[(Code, &str, &str)] = &[$((Code::$name, $code, concat!($($doc),+))),+];
        }
    };
}

codes! {
    /// A file cannot be read.
    Unreadable = "T001",
    /// A file is not valid TOML.
    Toml = "T002",
    /// A key that means nothing here.
    UnknownKey = "T003",
    /// A key that must be there is not.
    MissingKey = "T004",
    /// A value of the wrong type or shape.
    WrongValue = "T005",
    /// Two controls, frameworks or sources with one id.
    DuplicateId = "T006",
    /// An id that is not of the form asked for.
    MalformedId = "T007",
    /// A file outside the project, or a path that leaves it.
    OutsideProject = "T008",
    /// A name in `controls`, `frameworks` or `[[source]]` that leads to nothing.
    NotFound = "T009",
    /// A parameter outside its `min` and `max`, or a default outside them.
    ParameterRange = "T010",
    /// An override of a parameter that no selected control has.
    UnknownParameter = "T011",
    /// A `$parameter` in a condition that the control does not declare.
    UndeclaredParameter = "T012",
    /// A declared parameter that no condition of the control reads.
    UnusedParameter = "T013",
    /// An override that is looser than the default, or a control taken off the gate, without a reason and an approver.
    LooserParameter = "T014",
    /// A requirement id that the framework does not have.
    UnknownRequirement = "T020",
    /// A requirement id with several successors or meanings: the author must choose.
    AmbiguousRequirement = "T021",
    /// A withdrawn or differently spelt requirement id that resolves to one; both are reported.
    AliasedRequirement = "T022",
    /// A framework that is not known, or not selected by the project.
    UnknownFramework = "T023",
    /// A control that maps to no requirement of any framework.
    Unmapped = "T024",
    /// A requirement declared out of scope that a judged control is mapped to.
    ScopeContradiction = "T025",
    /// A mapping that names no requirement: kept as a note, counted as no coverage.
    MappingNote = "T026",
    /// A requirement claimed without a rationale.
    NoRationale = "T027",
    /// A condition that is not SQL.
    ConditionSyntax = "T030",
    /// SQL, but outside the language of conditions.
    ConditionOutside = "T031",
    /// A column, table or function that does not exist.
    ConditionName = "T032",
    /// Values of types that do not go together.
    ConditionType = "T033",
    /// A join that is missing, ambiguous or not an equality.
    ConditionJoin = "T034",
    /// A condition that is too long, too deep or too large.
    ConditionLimit = "T035",
    /// `none` or `never` where the column cannot hold it.
    ConditionSentinel = "T036",
    /// A negated comparison over a path that may be `none`, not tested for it: `none` would pass.
    ConditionNone = "T037",
    /// A condition whose answer does not depend on the evidence, or never is unknown.
    ConditionSettled = "T038",
    /// A control's test that cannot be run: an unknown table, column or subject, or a value that does not fit.
    TestGiven = "T040",
    /// A control without tests.
    NoTest = "T041",
    /// A source mapping that cannot be used: an unknown format, table or column, or a jq filter that does not compile.
    Mapping = "T050",
    /// An export of another kind than its source's: the reason names the kinds that it would be.
    OtherKind = "T051",
    /// A source of what is proposed in a project that judges what is deployed, or the other way round.
    MixedState = "T052",
    /// A voucher that cannot be for what is assessed: dated before the collection, or after the time of the assessment.
    VoucherDate = "T053",
    /// A mapping of the project's own that stands in place of a shipped one.
    OwnMapping = "T054",
    /// A waiver that names a subject which the evidence does not hold.
    WaiverSubject = "T060",
    /// A waiver or attestation whose document is missing, or is not the one that its digest names.
    Document = "T061",
    /// An attestation by a party, or of a subject, that the evidence does not hold.
    AttestationUnknown = "T062",
}

impl Code {
    /// `T030`.
    #[must_use]
    pub fn text(self) -> &'static str {
        Self::ALL.iter().find(|(code, ..)| *code == self).map_or("", |(_, text, _)| text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub level: Level,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// The file, as the user would name it: relative to the project, or `builtin/…` for what ships.
    pub file: String,
    /// Bytes of the file; `None`: the file as a whole.
    pub span: Option<Range<usize>>,
    /// What stands beside the span: what was expected here.
    pub label: String,
    /// What to do, or the nearest known names; may be empty.
    pub help: String,
}

/// All that is wrong, and the texts it points into.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    pub list: Vec<Diagnostic>,
    /// File → text, for every file that a diagnostic points into.
    pub texts: std::collections::BTreeMap<String, String>,
}

impl Diagnostics {
    /// True if nothing can be assessed.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }

    /// Line and column (both from 1; the column counts characters) of a byte of a text.
    #[must_use]
    pub fn line_column(text: &str, byte: usize) -> (usize, usize) {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }
}
