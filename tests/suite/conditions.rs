//! The condition language: what is accepted, what is refused, with which code and where.

use std::collections::BTreeMap;

use tickmark::load::condition::{Place, Problem, parse};
use tickmark::model::condition::{Condition, Kind};
use tickmark::model::diagnostic::Code;
use tickmark::model::schema::{Type, table};

fn params() -> BTreeMap<String, Type> {
    [
        ("max", Type::Duration),
        ("window", Type::Duration),
        ("grace", Type::Duration),
        ("max_lag", Type::Duration),
        ("critical", Type::Duration),
        ("high", Type::Duration),
        ("default", Type::Duration),
        ("limit", Type::Number),
        ("kinds", Type::List),
        ("word", Type::Text),
    ]
    .into_iter()
    .map(|(name, ty)| (name.to_owned(), ty))
    .collect()
}

fn read(subject: &str, text: &str, place: Place) -> Result<(Condition, Vec<Problem>), Vec<Problem>> {
    parse(text, table(subject).unwrap(), &params(), place)
}

#[test]
fn accepted() {
    for (subject, text) in [
        ("event", "type = 'used' AND outcome = 'ok' AND credential <> 'none' AND at > $as_of - $window"),
        ("event", "EXISTS (SELECT 1 FROM credential AS c WHERE c.id = event.credential)"),
        ("identity", "kind IN ('api_consumer','oauth_client')"),
        ("identity", "owner IS NOT NULL AND last_used_at IS NOT NULL AND EXISTS (SELECT 1 FROM grant WHERE grant.identity = identity.id)"),
        ("grant", "approved_by <> 'none' AND approved_at <= first_exercised_at"),
        ("grant", "approved_by <> 'none' AND approved_by <> requested_by"),
        ("grant", "granted_at > identity.reviewed_at"),
        ("grant", "issuer <> 'none' AND audience <> 'none' AND subject_pattern <> 'none' AND NOT wildcard"),
        ("grant", "principal_scope <> 'everyone'"),
        (
            "grant",
            "EXISTS (SELECT 1 FROM attestation WHERE subject_kind = 'grant' AND attestation.subject = grant.id AND claim = 'approval' AND at <= $as_of AND valid_until > $as_of)",
        ),
        ("grant", "last_exercised_at >= $as_of - $max"),
        ("identity", "reviewed_at >= $as_of - CASE criticality WHEN 'critical' THEN $critical WHEN 'high' THEN $high ELSE $default END"),
        ("credential", "rotated_at >= $as_of - $max OR issued_at >= $as_of - $max"),
        ("credential", "last_used_at - issued_at <= max_lifetime AND (status <> 'active' OR age(issued_at) <= max_lifetime)"),
        (
            "credential",
            "expires_at - issued_at <= CASE WHEN issued_at < TIMESTAMP '2026-03-15T00:00:00Z' THEN $max ELSE INTERVAL '47d' END",
        ),
        ("credential", "replaces.revoked_at <= issued_at + $max OR replaces.expires_at <= issued_at + $max"),
        (
            "exposure",
            "credential.revoked_at <= detected_at + $max OR EXISTS (SELECT 1 FROM event WHERE event.credential = exposure.credential AND type = 'rotated' AND at > exposure.detected_at AND at <= exposure.detected_at + $max)",
        ),
        ("exposure", "EXISTS (SELECT 1 FROM credential AS c WHERE c.fingerprint = exposure.fingerprint)"),
        (
            "credential",
            "NOT EXISTS (SELECT 1 FROM credential AS other WHERE other.fingerprint = credential.fingerprint AND other.identity <> credential.identity)",
        ),
        (
            "credential",
            "last_used_at > $as_of - $max OR EXISTS (SELECT 1 FROM event WHERE type = 'used' AND outcome = 'ok' AND at > $as_of - $max)",
        ),
        ("event", "in_network(address, identity.expected_networks)"),
        (
            "credential",
            "identity.third_party <> 'none' AND (identity.third_party.offboarded_at + $max_lag <= $as_of OR identity.third_party.contract_end + $max_lag <= $as_of)",
        ),
        (
            "credential",
            "last_used_at <= revoked_at + $grace AND NOT EXISTS (SELECT 1 FROM event WHERE type = 'used' AND outcome = 'ok' AND at > credential.revoked_at + $grace)",
        ),
        (
            "identity",
            "owner.status = 'active' AND (third_party = 'none' OR third_party.offboarded_at > $as_of AND third_party.contract_end > $as_of)",
        ),
        (
            "party",
            "EXISTS (SELECT 1 FROM attestation WHERE subject_kind = 'party' AND attestation.subject = party.id AND claim = 'offboarding-tested' AND at BETWEEN $as_of - $max AND $as_of)",
        ),
        ("identity", "(SELECT count(DISTINCT party) FROM event WHERE type = 'used' AND at > $as_of - $window) <= 1"),
        ("grant", "identity.environment = target.environment"),
        ("identity", "(SELECT count(DISTINCT grant.identity) FROM grant WHERE grant.target = identity.id) <= 1"),
        ("identity", "NOT EXISTS (SELECT 1 FROM tool WHERE tool.identity = identity.id AND tool.grant = 'none')"),
        ("identity", "cardinality(card_auth) > 0"),
        (
            "credential",
            "EXISTS (SELECT 1 FROM waiver WHERE subject_kind = 'credential' AND waiver.subject = credential.id AND control = 'ROT-02' AND expires_at > $as_of) AND storage IN ('vault','kms','hsm')",
        ),
        ("source", "collected_at >= $as_of - max_age AND collected_at <= $as_of"),
        ("source", "records = expected_records"),
        ("source", "records >= $limit AND kind LIKE 'aws-%' AND NOT starts_with(kind, $word) AND regexp_like(id, '^[a-z]{1,9}(-2)?$')"),
        ("identity", "environment IN ('production', 'none') AND contains($kinds, kind) AND lower(name) <> 'root'"),
        ("credential", "(SELECT max(at) FROM event WHERE at > credential.issued_at) - issued_at <= $max"),
    ] {
        let result = read(subject, text, Place::Assert);
        assert!(result.is_ok(), "{subject}: {text}\n{:#?}", result.err());
    }
}

#[test]
fn refused() {
    use Code::*;
    for (subject, text, code, part) in [
        ("credential", "", ConditionSyntax, ""),
        ("credential", "status = 'active'; DROP TABLE x", ConditionOutside, ";"),
        ("credential", "status = 'active' -- note", ConditionOutside, "-- note"),
        ("credential", "status = 'active' /* note */", ConditionOutside, "/* note */"),
        ("credential", "status = 'active' status", ConditionSyntax, "status"),
        ("credential", "status = 'active", ConditionSyntax, "'active"),
        ("credential", "status != 'active'", ConditionOutside, "!="),
        ("credential", "status IS NULL", ConditionOutside, "status"),
        ("identity", "regexp_like(name, '[a-z&&[^b]]')", ConditionOutside, "'[a-z&&[^b]]'"),
        ("identity", "regexp_like(name, '[[:alpha:]]')", ConditionOutside, "'[[:alpha:]]'"),
        (
            "identity",
            "(SELECT count(DISTINCT kind) FROM credential) IN (1, 2)",
            ConditionOutside,
            "(SELECT count(DISTINCT kind) FROM credential)",
        ),
        ("credential", "expires_at", ConditionType, "expires_at"),
        ("credential", "statsu = 'active'", ConditionName, "statsu"),
        ("credential", "identity.owner.stat = 'active'", ConditionName, "identity.owner.stat"),
        ("credential", "status.name = 'x'", ConditionName, "status.name"),
        ("credential", "status = 'activ'", ConditionType, "'activ'"),
        ("credential", "expires_at < INTERVAL '90d'", ConditionType, "expires_at < INTERVAL '90d'"),
        ("credential", "status < 'b'", ConditionType, "status < 'b'"),
        ("credential", "issued_at = 'never'", ConditionSentinel, "'never'"),
        ("credential", "status = 'none'", ConditionSentinel, "'none'"),
        ("credential", "expires_at < 'never'", ConditionSentinel, "'never'"),
        ("credential", "expires_at < $as_of - $maxx", UndeclaredParameter, "$maxx"),
        ("credential", "issued_at < now()", ConditionName, "now()"),
        ("credential", "issued_at < CURRENT_TIMESTAMP", ConditionOutside, "CURRENT_TIMESTAMP"),
        ("credential", "COALESCE(storage, 'vault') = 'vault'", ConditionOutside, "COALESCE"),
        ("credential", "issued_at < TIMESTAMP '2026-06-30'", ConditionType, "'2026-06-30'"),
        ("credential", "age(issued_at) < INTERVAL '3 months'", ConditionType, "'3 months'"),
        ("credential", "NOT (owner IS NOT NULL)", ConditionName, "owner"),
        ("identity", "NOT (owner IS NOT NULL)", ConditionOutside, "owner"),
        ("identity", "name LIKE 'a_b'", ConditionOutside, "name"),
        ("identity", "regexp_like(name, '\\d+')", ConditionOutside, "'\\d+'"),
        ("identity", "EXISTS (SELECT 1 FROM grant)", ConditionJoin, "EXISTS (SELECT 1 FROM grant)"),
        ("identity", "EXISTS (SELECT 1 FROM grants)", ConditionName, "EXISTS (SELECT 1 FROM grants)"),
        ("credential", "EXISTS (SELECT 1 FROM credential WHERE credential.fingerprint = fingerprint)", ConditionJoin, "EXISTS"),
        ("credential", "EXISTS (SELECT 1 FROM event WHERE at > revoked_at)", ConditionName, "revoked_at"),
        ("credential", "EXISTS (SELECT 1 FROM event WHERE credential = 'x')", ConditionName, "credential"),
        ("credential", "(SELECT count(*) FROM event) > 1", ConditionOutside, "*"),
        ("credential", "(SELECT count(id) FROM event) > 1", ConditionOutside, "count(id"),
        ("credential", "EXISTS (SELECT 1 FROM event WHERE EXISTS (SELECT 1 FROM party))", ConditionOutside, "EXISTS (SELECT 1 FROM party)"),
        ("credential", "EXISTS (SELECT 1 FROM event LIMIT 1)", ConditionOutside, "LIMIT"),
        ("credential", "CASE WHEN status = 'active' THEN TRUE END", ConditionOutside, "CASE"),
        ("credential", "accepted_at = 'aws'", ConditionType, "accepted_at"),
        ("credential", "\"status\" = 'active'", ConditionOutside, "\"status\""),
        ("event", "address = 'office'", ConditionType, "'office'"),
    ] {
        let problems = read(subject, text, Place::Assert).expect_err(text);
        let found = problems.iter().find(|problem| problem.code == code);
        let found = found.unwrap_or_else(|| panic!("{text}: {problems:#?}"));
        let shown = &text[found.span.clone()];
        assert!(shown.starts_with(part) || part.starts_with(shown) || shown.contains(part), "{text}: {shown:?} is not {part:?}");
        assert!(!found.message.is_empty() && !found.label.is_empty(), "{text}");
    }
    assert!(read("identity", "owner IS NOT NULL", Place::Applies).is_err());
}

#[test]
fn every_problem_at_once() {
    let problems = read("credential", "statsu = 'x' AND kind = 'magic' AND expires_at = 5 AND $nothing", Place::Assert).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:#?}");
}

#[test]
fn hostile_texts_are_refused_without_harm() {
    for text in [
        "(".repeat(100_000),
        "(".repeat(8000),
        "NOT ".repeat(2000),
        "a".repeat(1 << 20),
        format!("{}1{}", "(".repeat(500), ")".repeat(500)),
        "1+".repeat(4000),
        "\u{202e}".to_owned(),
        "status = '\0'".to_owned(),
        "$1".to_owned(),
        "- ".repeat(4000),
        "CASE WHEN ".repeat(700),
    ] {
        assert!(read("credential", &text, Place::Assert).is_err(), "{}", &text.chars().take(20).collect::<String>());
    }
}

#[test]
fn a_negated_comparison_that_none_would_satisfy_is_warned_of() {
    let (_, warnings) = read("identity", "environment <> 'production'", Place::Assert).unwrap();
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::ConditionNone]);
    for text in [
        "environment <> 'none' AND environment <> 'production'",
        "environment = 'production'",
        "owner.status <> 'inactive' AND owner <> 'none'",
    ] {
        assert!(read("identity", text, Place::Assert).unwrap().1.is_empty(), "{text}");
    }
}

#[test]
fn joins_are_implied_along_the_one_reference() {
    let (condition, _) = read(
        "credential",
        "EXISTS (SELECT 1 FROM event WHERE type = 'used' AND at BETWEEN $as_of - $max AND credential.revoked_at)",
        Place::Assert,
    )
    .unwrap();
    let Kind::Exists(query) = &condition.root.kind else { panic!() };
    assert!(query.joins.len() == 1 && query.joins[0].implied && query.joins[0].reference);
    assert_eq!(query.terms.iter().map(|term| term.parent_free).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(&condition.text[condition.root.span.clone()], condition.text);
}

/// What is settled before any evidence is read is warned of; what is not, is not.
#[test]
fn a_settled_condition_is_warned_of() {
    let types = BTreeMap::new();
    let warned = |text: &str, place: Place| -> Vec<String> {
        let (_, warnings) = parse(text, table("identity").unwrap(), &types, place).unwrap();
        warnings.iter().filter(|warning| warning.code == Code::ConditionSettled).map(|warning| warning.message.clone()).collect()
    };
    for (text, place, words) in [
        ("TRUE", Place::Applies, "always true"),
        ("status <> 'active' OR status <> 'disabled'", Place::Applies, "never false"),
        ("kind = kind", Place::Applies, "never false"),
        ("FALSE", Place::Applies, "never true"),
        ("status = 'active' AND NOT status = 'active'", Place::Applies, "never true"),
        ("created_at < $as_of AND created_at >= $as_of", Place::Applies, "never true"),
        ("owner = 'none' AND owner <> 'none'", Place::Applies, "never true"),
        ("status = 'active' AND status = 'disabled'", Place::Applies, "never true"),
        ("owner = 'a' AND 'b' = owner", Place::Assert, "never true"),
        ("status <> 'active' OR status <> 'disabled'", Place::Assert, "never false"),
        ("TRUE", Place::Assert, "never false"),
        ("status = status", Place::Assert, "never false"),
        ("status = 'active' OR status <> 'active'", Place::Assert, "never false"),
        ("status <> status", Place::Assert, "never true"),
        ("TRUE", Place::Where, "the waiver covers every subject"),
        ("FALSE", Place::Where, "the waiver covers nobody"),
        ("owner IS NOT NULL", Place::Assert, "never unknown"),
        ("owner IS NOT NULL AND last_used_at IS NOT NULL", Place::Assert, "never unknown"),
    ] {
        let said = warned(text, place);
        assert!(said.len() == 1 && said[0].contains(words), "{text}: {said:?}");
    }
    for text in [
        "status = 'active'",
        "status = 'active' AND owner <> 'none'",
        "status = 'active' OR status = 'disabled'",
        "status <> 'active' AND status <> 'disabled'",
        "owner = 'a' AND third_party = 'b'",
        "owner = 'a' AND owner <> 'b'",
        "created_at BETWEEN $as_of AND $as_of",
        "NOT sensitive",
        "owner IS NOT NULL AND owner <> 'none'",
        "EXISTS (SELECT 1 FROM credential WHERE status = 'active')",
        "sensitive AND NOT ci_cd OR ci_cd",
    ] {
        assert!(warned(text, Place::Assert).is_empty(), "{text}");
    }
}
