//! The canonical tables: the smallest relational model that carries the OWASP NHI risks and the lifecycle.
//!
//! A column says which kinds of absence it may hold, which way `never` lies, and whether its time may lie ahead of
//! `as_of`. Everything else (mappings, conditions, reports, documentation) reads it from here.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    /// Text that must be one of these words.
    Enum(&'static [&'static str]),
    Bool,
    /// An exact number, to a millionth (`int` and `decimal`).
    Number,
    Time,
    Duration,
    /// An IPv4 or IPv6 address.
    Address,
    /// `algorithm:key-id:hex`; comparable only within one algorithm and key (SEMANTICS §1.7).
    Fingerprint,
    /// A set of texts, sorted; a member may be unknown.
    List,
}

impl Type {
    /// The word used in messages and documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Enum(_) => "enumeration",
            Type::Bool => "bool",
            Type::Number => "number",
            Type::Time => "timestamp",
            Type::Duration => "duration",
            Type::Address => "address",
            Type::Fingerprint => "fingerprint",
            Type::List => "list of text",
        }
    }
}

/// Whether a time may be `never`, and on which side of all times that lies (SEMANTICS §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    No,
    /// Before everything: what refreshes (last used, rotated, reviewed…).
    Before,
    /// After everything: what is due or ends (expires, revoked…).
    After,
}

/// One column of a canonical table.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub ty: Type,
    /// May be `none`: known to have none.
    pub none: bool,
    pub never: Never,
    /// A time that may lie after `as_of` (planned ends); any other that does is unknown, reason *future*.
    pub ahead: bool,
    /// The table whose `id` this column names.
    pub refers: Option<&'static str>,
    /// Two rows of one id that differ here do not contradict: the latest counts.
    pub latest: bool,
    /// Computed by the program; no source may give it, nor a control's test.
    pub derived: bool,
    /// Shown in `docs/evidence.md`.
    pub doc: &'static str,
}

/// One canonical table.
#[derive(Debug)]
pub struct TableSchema {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: &'static [Column],
    /// Computed by the program; no source may give rows of it.
    pub derived: bool,
}

impl TableSchema {
    /// The position of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// True for the table of things that happened: its rows are not merged, and absence in it is proved by logs.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.name == "event"
    }
}

/// The position of a table in [`SCHEMA`].
#[must_use]
pub fn table(name: &str) -> Option<usize> {
    SCHEMA.iter().position(|table| table.name == name)
}

const fn column(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column { name, ty, none: false, never: Never::No, ahead: false, refers: None, latest: false, derived: false, doc }
}

impl Column {
    const fn or_none(mut self) -> Self {
        self.none = true;
        self
    }
    const fn or_never(mut self, never: Never) -> Self {
        self.never = never;
        self
    }
    const fn may_lie_ahead(mut self) -> Self {
        self.ahead = true;
        self
    }
    const fn refers(mut self, table: &'static str) -> Self {
        self.refers = Some(table);
        self
    }
    const fn latest(mut self) -> Self {
        self.latest = true;
        self
    }
    const fn derived(mut self) -> Self {
        self.derived = true;
        self
    }
}

const fn text(name: &'static str, doc: &'static str) -> Column {
    column(name, Type::Text, doc)
}
const fn word(name: &'static str, words: &'static [&'static str], doc: &'static str) -> Column {
    column(name, Type::Enum(words), doc)
}
const fn flag(name: &'static str, doc: &'static str) -> Column {
    column(name, Type::Bool, doc)
}
const fn number(name: &'static str, doc: &'static str) -> Column {
    column(name, Type::Number, doc)
}
const fn time(name: &'static str, doc: &'static str) -> Column {
    column(name, Type::Time, doc)
}
const fn list(name: &'static str, doc: &'static str) -> Column {
    column(name, Type::List, doc).or_none()
}
const fn reference(name: &'static str, table: &'static str, doc: &'static str) -> Column {
    column(name, Type::Text, doc).or_none().refers(table)
}

/// Kinds of event that a log may observe.
pub const EVENT_TYPES: &[&str] = &[
    "created",
    "issued",
    "rotated",
    "used",
    "scope_changed",
    "disabled",
    "revoked",
    "deleted",
    "approved",
    "recertified",
    "completed",
    "onboarded",
    "offboarded",
    "signed_in",
];

/// Every canonical table, in the order of the documentation.
pub static SCHEMA: &[TableSchema] = &[
    TableSchema {
        name: "identity",
        doc: "Who or what acts: a service account, API consumer, OAuth client, role, workload, agent or person.",
        derived: false,
        columns: &[
            text("id", "Unique, prefixed by its system: `aws:123456789012:user/ci`."),
            text("native_id", "What the system itself calls it."),
            text("name", "What people call it."),
            text("system", "The system it lives in: `aws:123456789012`, `kong:prod`."),
            word(
                "kind",
                &["service_account", "api_consumer", "oauth_client", "role", "workload", "app", "db_role", "ai_agent", "human"],
                "What kind of identity.",
            ),
            reference("owner", "party", "The party that answers for it."),
            reference("third_party", "party", "The outside party that uses it; `none` where it is the organisation's own."),
            text("environment", "`production`, `test`…").or_none(),
            word("status", &["active", "disabled", "deleted"], "Whether it can act now."),
            text("purpose", "What it is for.").or_none(),
            word("criticality", &["low", "medium", "high", "critical"], "How much depends on it.").or_none(),
            flag("sensitive", "Serves or calls sensitive interfaces."),
            flag("critical_payment", "On a critical payment path."),
            list("expected_networks", "CIDR blocks that its use is expected from."),
            flag("shared_channel", "A hub: others act through it."),
            flag("ci_cd", "Used by a build or deployment pipeline."),
            flag("platform_default", "A default identity that the platform makes for every workload that names none."),
            time("created_at", "When it was made."),
            time("last_used_at", "Its last successful use.").or_never(Never::Before).latest(),
            time("reviewed_at", "The last review of its entitlements that ended in a decision.").or_never(Never::Before),
            reference("reviewed_by", "party", "Who reviewed it."),
            flag("interactive", "May sign in as a person does."),
            reference("supervisor", "party", "For an AI agent: the person accountable for it."),
            text("model", "For an AI agent: the model it runs.").or_none(),
            word("autonomy", &["suggests", "acts_with_approval", "acts_alone"], "For an AI agent: how freely it acts.").or_none(),
            flag("public_card", "For an AI agent: it publishes a card for callers that it does not know."),
            list("card_auth", "For an AI agent: the authentication schemes that its public card declares."),
            time("changed_at", "For an AI agent: the last change of its model, instructions, tools or data.").or_never(Never::Before),
            time("evaluated_at", "For an AI agent: when it was last evaluated.").or_never(Never::Before),
            time("stop_tested_at", "For an AI agent: when stopping it was last tested.").or_never(Never::Before),
            flag("reaches_privileged", "Grants lead from it, over one or more steps, to privilege.").derived(),
            flag("upstream_overdue", "Grants lead to it from an identity of a party that is offboarded or out of contract.").derived(),
            number(
                "chain_length",
                "How many times a chain of hops and impersonations that ends here passes from one party to another; at most 16.",
            )
            .derived(),
        ],
    },
    TableSchema {
        name: "credential",
        doc: "What an identity proves itself with. Never the secret itself.",
        derived: false,
        columns: &[
            text("id", "Unique, prefixed by its system."),
            text("native_id", "What the system itself calls it: a key id, a serial number."),
            text("system", "The system that issued it."),
            reference("identity", "identity", "Whose it is."),
            reference("replaces", "credential", "The credential it was issued to replace."),
            word("kind", &["api_key", "client_secret", "password", "token", "x509", "ssh_key", "federated"], "What kind of credential."),
            column(
                "fingerprint",
                Type::Fingerprint,
                "A keyed hash; `none` where the platform mints each secret, so that none can be shared.",
            )
            .or_none(),
            time("issued_at", "When it was made; for a certificate, the start of its validity."),
            time("rotated_at", "When its secret was last replaced.").or_never(Never::Before),
            time("expires_at", "When it stops working by itself: for a certificate, the second after the last one of its validity.")
                .or_never(Never::After)
                .may_lie_ahead(),
            time("last_used_at", "Its last successful use.").or_never(Never::Before).latest(),
            time("revoked_at", "When it was made to stop working.").or_never(Never::After),
            time("task_ended_at", "When the task it was issued for was completed.").or_never(Never::After),
            word("status", &["active", "inactive", "revoked", "expired"], "Whether its system accepts it now, as the system says."),
            column("max_lifetime", Type::Duration, "The nominal lifetime.").or_none(),
            list("accepted_at", "The systems where it works: the logs that would see its use."),
            word("storage", &["vault", "kms", "hsm", "file", "code", "env"], "Where the secret is kept.").or_none(),
            flag("sender_constrained", "Bound to its holder's key (mTLS, DPoP)."),
            text("algorithm", "Signature or key algorithm, lower case: `sha256-rsa`, `ed25519`.").or_none(),
            word("key_type", &["rsa", "ec", "ed25519", "ed448", "dsa", "symmetric"], "What kind of key.").or_none(),
            number("key_bits", "Length of the key in bits."),
            text("issuer", "Who issued it: a certificate's issuer, a token's `iss`.").or_none(),
            flag("public_trust", "A certificate that public trust stores accept: the CA/Browser Forum's limits bind it."),
        ],
    },
    TableSchema {
        name: "grant",
        doc: "What an identity may do, or who may become it.",
        derived: false,
        columns: &[
            text("id", "Unique, prefixed by its system."),
            text("system", "The system that enforces it."),
            reference("identity", "identity", "Who holds it; `none` where the principal is no identity (everyone, a group)."),
            reference("target", "identity", "The identity that it lets become or act through; `none` for plain access."),
            word("kind", &["access", "impersonation", "trust", "hop"], "What kind of grant."),
            text("principal", "The principal as the system writes it.").or_none(),
            word("principal_scope", &["one", "group", "account", "everyone"], "How many may use it."),
            flag("external", "Its principal lies outside the organisation."),
            text("name", "The policy, role or binding that gives it."),
            text("resource", "On what.").or_none(),
            list("actions", "Which actions."),
            flag("privileged", "Administrator rights, or rights that lead to them."),
            flag("wildcard", "A wildcard action on any resource; for a trust, a subject that matches more than one."),
            text("condition", "What the system demands beside the principal.").or_none(),
            text("issuer", "Federated trust: whose tokens are accepted.").or_none(),
            text("audience", "Federated trust: for whom the token must be.").or_none(),
            text("subject_pattern", "Federated trust: which subjects.").or_none(),
            text("environment", "Where it applies.").or_none(),
            time("granted_at", "When it was given."),
            time("expires_at", "When it ends by itself.").or_never(Never::After).may_lie_ahead(),
            time("first_exercised_at", "Its first use.").or_never(Never::After),
            time("last_exercised_at", "Its last use.").or_never(Never::Before).latest(),
            reference("requested_by", "party", "Who asked for it."),
            reference("approved_by", "party", "Who approved it."),
            time("approved_at", "When it was approved.").or_never(Never::After),
        ],
    },
    TableSchema {
        name: "party",
        doc: "A person, team or organisation.",
        derived: false,
        columns: &[
            text("id", "Unique."),
            text("name", "What people call it."),
            word("kind", &["person", "team", "organisation"], "What kind of party."),
            word("relation", &["internal", "partner", "vendor"], "Its relation to the organisation."),
            word("status", &["active", "inactive"], "Whether it is there now."),
            time("contract_end", "When the contract ends.").or_none().or_never(Never::After).may_lie_ahead(),
            time("offboarded_at", "When it was, or will be, offboarded.").or_never(Never::After).may_lie_ahead(),
            flag("critical", "Supports critical functions."),
            reference("onboarded_by", "party", "Who let it in."),
        ],
    },
    TableSchema {
        name: "event",
        doc: "What happened, as a log tells it. Rows are not merged; absence is proved by complete logs.",
        derived: false,
        columns: &[
            text("id", "Unique within its log."),
            text("system", "The system whose log says so."),
            time("at", "When it happened."),
            word("type", EVENT_TYPES, "What happened."),
            word("outcome", &["ok", "denied", "error"], "Whether it succeeded: a denied call is an attempt, not a use."),
            reference("identity", "identity", "Who acted."),
            reference("credential", "credential", "With what."),
            reference("party", "party", "For which party."),
            text("actor", "Who acted, as the log writes it.").or_none(),
            text("on_behalf_of", "For whom the actor says it acted.").or_none(),
            column("address", Type::Address, "Where from.").or_none(),
            text("environment", "In which environment.").or_none(),
        ],
    },
    TableSchema {
        name: "exposure",
        doc: "Something found: a leak, an external access, a misconfiguration, a vulnerability, an anomaly.",
        derived: false,
        columns: &[
            text("id", "Unique."),
            text("system", "Where it was found."),
            word("kind", &["leak", "external_access", "misconfiguration", "vulnerability", "anomaly"], "What kind."),
            reference("identity", "identity", "Which identity it concerns."),
            reference("credential", "credential", "Which credential it concerns."),
            column("fingerprint", Type::Fingerprint, "Fingerprint of the leaked secret.").or_none(),
            text("location", "Where it lies.").or_none(),
            time("occurred_at", "When it began."),
            time("detected_at", "When it was noticed."),
            time("resolved_at", "When it was closed.").or_never(Never::After),
            flag("verified", "Somebody or something made sure that it is real."),
            word("severity", &["low", "medium", "high", "critical"], "How bad.").or_none(),
        ],
    },
    TableSchema {
        name: "attestation",
        doc: "What no machine can collect: signed for by a party, dated, and expiring.",
        derived: false,
        columns: &[
            text("id", "Unique."),
            word("subject_kind", &["identity", "credential", "grant", "party", "interface"], "What it speaks of."),
            text("subject", "The id of what it speaks of."),
            text("claim", "`approval`, `offboarding-tested`…"),
            reference("by", "party", "Who says so."),
            time("at", "When it was said."),
            time("valid_until", "When it stops counting.").or_never(Never::After).may_lie_ahead(),
            text("document", "SHA-256 of the document behind it.").or_none(),
        ],
    },
    TableSchema {
        name: "interface",
        doc: "What grants and credentials open.",
        derived: false,
        columns: &[
            text("id", "Unique."),
            text("resource", "A pattern of resources."),
            text("system", "Where it is."),
            flag("sensitive", "Carries sensitive data or actions."),
            flag("critical_payment", "On a critical payment path."),
        ],
    },
    TableSchema {
        name: "tool",
        doc: "What an AI agent may call.",
        derived: false,
        columns: &[
            text("id", "Unique."),
            reference("identity", "identity", "The agent."),
            text("name", "The tool."),
            reference("grant", "grant", "The grant that allows it."),
        ],
    },
    TableSchema {
        name: "waiver",
        doc: "The project's waivers, a row for each subject that one may cover. A subject of which it is not known leaves its row's `subject` open.",
        derived: true,
        columns: &[
            text("id", "The waiver, and its subject."),
            text("control", "The control it excuses from."),
            text("subject_kind", "The table of its subject."),
            text("subject", "The id of its subject."),
            time("granted_at", "When it was granted.").may_lie_ahead(),
            time("expires_at", "When it stops counting.").may_lie_ahead(),
            reference("approver", "party", "Who accepted the exception."),
            list("compensating", "The controls that hold instead."),
        ],
    },
    TableSchema {
        name: "source",
        doc: "Evidence about the evidence: one row per configured source and system.",
        derived: true,
        columns: &[
            text("id", "The source, and its system where it has several."),
            text("kind", "Which mapping reads it."),
            text("system", "Which system it speaks of.").or_none(),
            flag("required", "Whether its absence is insufficient evidence."),
            list("observes", "Tables and event types that it observes."),
            text("sha256", "Digest over the files read.").or_none(),
            time("collected_at", "When it was collected.").or_never(Never::Before),
            word("completeness", &["full", "partial", "unknown"], "Whether it holds every record."),
            number("expected_records", "How many records somebody independent counted."),
            number("records", "How many records it held."),
            number(
                "quarantined",
                "How many records did not fit, or fields with `none` or `never` out of place; unknown of a source that gave nothing.",
            ),
            time("covers_from", "For a log: from when it is complete."),
            time("covers_until", "For a log: until when it is complete."),
            column("max_age", Type::Duration, "How old it may be and still count."),
        ],
    },
    TableSchema {
        name: "system",
        doc: "Every system named anywhere, with the joined coverage of its logs of use.",
        derived: true,
        columns: &[
            text("id", "The system."),
            time("covers_from", "Start of the last unbroken stretch that its logs of use cover; `never`: logs of use were given, and none of this system. Unknown where no log of use was given at all.").or_never(Never::After),
            time("covers_until", "End of that stretch; `never`: no log.").or_never(Never::Before),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_names_a_table_and_every_table_starts_with_its_id() {
        for schema in SCHEMA {
            assert_eq!(schema.columns[0].name, "id", "{}", schema.name);
            for column in schema.columns {
                assert!(column.refers.is_none_or(|to| table(to).is_some()), "{}.{}", schema.name, column.name);
                assert!(column.never == Never::No || column.ty == Type::Time, "{}.{}", schema.name, column.name);
                assert!(!column.doc.is_empty(), "{}.{}", schema.name, column.name);
            }
        }
    }
}
