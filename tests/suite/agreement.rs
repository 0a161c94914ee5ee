//! Two readings of the rules agree: the evaluator, over columns, and the interpreter, row by row, on random evidence
//! and random conditions. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more, and for others.

mod case;
mod derived;
mod estate;
mod maker;
mod print;
mod subqueries;
mod texts;

use std::collections::BTreeMap;

use proptest::prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq};
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use tickmark::evaluate;
use tickmark::load::condition::{Place, parse};
use tickmark::model::assessment::Verdict;
use tickmark::model::condition::Condition;
use tickmark::model::value::Time;

use super::metamorphic::every;
use crate::interpreter;
use case::{Case, Cases};
use estate::{AS_OF, Random};
use maker::{params, type_of};

/// Runs a property on so many cases, the same ones every time unless the environment says otherwise.
fn hold(cases: u32, anywhere: bool, property: impl Fn(Case) -> Result<(), TestCaseError>) {
    hold_on(&Cases { anywhere }, cases, property);
}

fn hold_on<S: Strategy>(strategy: &S, cases: u32, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut config = ProptestConfig { max_shrink_iters: 200_000, failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases.div_ceil(u32::try_from(every(3, 1)).unwrap());
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    if let Err(error) = TestRunner::new(config).run(strategy, property) {
        panic!("{error}");
    }
}

fn fast(case: &Case) -> Vec<Verdict> {
    evaluate::verdicts(case.applies.as_ref(), &case.assert, &case.estate.evidence(), Time(AS_OF), &params()).unwrap()
}

fn slow(case: &Case) -> Vec<Verdict> {
    interpreter::verdicts(case.applies.as_ref(), &case.assert, &case.estate.evidence(), Time(AS_OF), &params())
}

#[test]
fn the_evaluator_and_the_interpreter_agree() {
    hold(1500, true, |case| {
        prop_assert_eq!(fast(&case), slow(&case), "left the evaluator, right the interpreter");
        Ok(())
    });
}

#[test]
fn they_agree_on_what_the_parser_makes_of_the_text() {
    let types = params().iter().map(|(name, value)| (name.clone(), type_of(value))).collect();
    let read = |condition: &Condition, place| match parse(&condition.text, condition.table, &types, place) {
        Ok((condition, _)) => condition,
        Err(problems) => panic!("{}\n{problems:#?}", condition.text),
    };
    hold(400, false, |case| {
        let parsed = Case {
            applies: case.applies.as_ref().map(|condition| read(condition, Place::Applies)),
            assert: read(&case.assert, Place::Assert),
            ..case.clone()
        };
        prop_assert_eq!(fast(&parsed), slow(&case), "left the evaluator on the text, right the interpreter on the tree");
        Ok(())
    });
}

/// SEMANTICS §8: a value blanked, a source partial or stale, a log cut. None of it decides more, as long as rows do not contradict
/// each other: an event seen where its credential does not work, a row and the one it refers to with two identities.
#[test]
fn knowing_less_never_decides_more() {
    hold(300, false, |mut case| {
        // Near the largest number an interval's one end may have no sum, and with it no value, where an open end would.
        let texts = [Some(&case.assert), case.applies.as_ref()];
        if texts.into_iter().flatten().any(|condition| condition.text.contains("$most") || condition.text.contains("3999999999999")) {
            return Ok(());
        }
        case.estate.shrink_numbers();
        case.estate.reconcile();
        assert_eq!(interpreter::contradictions(&case.estate.evidence()), []);
        let before = fast(&case);
        let mut random = Random(case.seed << 1 | 1);
        let read = case.reads();
        for _ in 0..12 {
            let mut poorer = case.clone();
            let Some(what) = poorer.estate.lose(&mut random, &read) else { continue };
            for (row, (before, after)) in before.iter().zip(fast(&poorer)).enumerate() {
                let undecided = matches!(before, Verdict::Fail | Verdict::Unknown);
                let decided = matches!(after, Verdict::Pass | Verdict::NotApplicable);
                prop_assert!(!(undecided && decided), "without {what} row {row} went from {before:?} to {after:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn the_cases_show_every_verdict() {
    let mut seen: BTreeMap<Verdict, usize> = BTreeMap::new();
    for seed in 1..300_u64 {
        let case = Case::random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), true);
        for verdict in slow(&case) {
            *seen.entry(verdict).or_default() += 1;
        }
    }
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable] {
        assert!(seen.get(&verdict).is_some_and(|count| *count > 50), "{seen:?}");
    }
}

/// Cases that the two readings once told apart, with what the rules say.
mod told_apart {
    use super::*;
    use estate::{DAY, Estate};
    use tickmark::model::row::Cell;
    use tickmark::model::schema::table;
    use tickmark::model::value::State;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn list(members: &[&str]) -> Cell {
        Cell::List(members.iter().map(|member| Some((*member).to_owned())).collect())
    }

    /// Both readings of an assertion about the rows of a table.
    fn judged(estate: Estate, subject: &str, assert: &str) -> Vec<Verdict> {
        let types = params().iter().map(|(name, value)| (name.clone(), type_of(value))).collect();
        let (assert, _) = parse(assert, table(subject).unwrap(), &types, Place::Assert).unwrap();
        let case = Case { estate, applies: None, assert, seed: 0 };
        assert_eq!(fast(&case), slow(&case), "left the evaluator, right the interpreter: {case:?}");
        fast(&case)
    }

    /// A bound on `at` may hold any expression that does not read the event, functions of text and lists among them.
    #[test]
    fn a_window_may_begin_where_a_function_says() {
        let estate = Estate::empty()
            .with("identity", "i", &[("card_auth", list(&["A"])), ("name", text("ci")), ("stop_tested_at", Cell::Int(AS_OF - DAY))])
            .with("credential", "c", &[("identity", text("i")), ("accepted_at", list(&["s0"]))]);
        for when in [
            "contains(credential.identity.card_auth, 'A')",
            "credential.identity.name LIKE 'c%'",
            "starts_with(credential.identity.name, 'c')",
            "regexp_like(credential.identity.name, '^c')",
        ] {
            let bound = format!("CASE WHEN {when} THEN credential.identity.stop_tested_at ELSE $as_of END");
            let assert = format!("NOT EXISTS (SELECT 1 FROM event WHERE at > {bound})");
            assert_eq!(judged(estate.clone(), "credential", &assert), [Verdict::Pass], "{when}");
        }
    }

    /// Whatever reads no column is a constant, which `none` does not equal: also a CASE, a comparison or a function.
    #[test]
    fn none_differs_from_whatever_reads_no_column() {
        let estate = Estate::empty().with("event", "e", &[("on_behalf_of", Cell::Absent(State::None))]).with(
            "tool",
            "t",
            &[("grant", Cell::Absent(State::None))],
        );
        for (subject, assert) in [
            ("event", "on_behalf_of <> 'a'"),
            ("event", "lower($word) <> on_behalf_of"),
            ("event", "on_behalf_of <> CASE WHEN $flag THEN 'a' ELSE 'b' END"),
            ("event", "NOT (on_behalf_of = CASE WHEN starts_with($word, 'a') OR contains($words, 'b') THEN 'a' ELSE 'b' END)"),
            ("tool", "grant.privileged <> ($limit > cardinality($words))"),
        ] {
            assert_eq!(judged(estate.clone(), subject, assert), [Verdict::Pass], "{assert}");
        }
        assert_eq!(judged(estate, "event", "on_behalf_of <> actor"), [Verdict::Unknown]);
    }

    /// Fingerprints of two keys may be of one secret; of one key they say it.
    #[test]
    fn fingerprints_join_within_one_key_only() {
        let fingerprint = |hex: &str| [("fingerprint", text(hex))];
        for (other, verdict) in [("hmac:k1:aa", Verdict::Fail), ("hmac:k1:bb", Verdict::Pass), ("hmac:k2:bb", Verdict::Unknown)] {
            let estate = Estate::empty().with("exposure", "e", &fingerprint("hmac:k1:aa")).with("credential", "c", &fingerprint(other));
            let assert = "NOT EXISTS (SELECT 1 FROM credential AS other WHERE other.fingerprint = exposure.fingerprint)";
            assert_eq!(judged(estate, "exposure", assert), [verdict], "{other}");
        }
    }

    /// An interval less an interval is as wide as both; two infinities of one side have no difference, of two sides they have.
    #[test]
    fn intervals_and_infinities_add_end_by_end() {
        let at = |name: &'static str, days: i64| (name, Cell::Int(AS_OF + days * DAY));
        let never = |name: &'static str| (name, Cell::Absent(State::Never));
        let known = Estate::empty().with("identity", "i", &[at("created_at", 0), never("last_used_at"), never("reviewed_at")]);
        // One credential issued a day before, another nobody knows when: the latest is a day before or later.
        let held = |estate: Estate| {
            estate.with("credential", "c", &[("identity", text("i")), at("issued_at", -1), never("expires_at")]).with(
                "credential",
                "d",
                &[("identity", text("i"))],
            )
        };
        let latest = "(SELECT max(other.issued_at) FROM credential AS other)";
        let expiry = "(SELECT max(other.expires_at) FROM credential AS other)";
        for (assert, verdict) in [
            (format!("created_at - {latest} <= INTERVAL '1d'"), Verdict::Pass),
            (format!("created_at - {latest} < INTERVAL '1d'"), Verdict::Unknown),
            (format!("created_at - {latest} > INTERVAL '1d'"), Verdict::Fail),
            (format!("{expiry} - last_used_at > INTERVAL '1d'"), Verdict::Pass),
            (format!("{expiry} - $as_of > INTERVAL '1d'"), Verdict::Pass),
            ("last_used_at - reviewed_at = INTERVAL '0s'".to_owned(), Verdict::Unknown),
            ("($as_of - last_used_at) + ($as_of - reviewed_at) > $huge".to_owned(), Verdict::Pass),
            ("reviewed_at = last_used_at".to_owned(), Verdict::Pass),
        ] {
            assert_eq!(judged(held(known.clone()), "identity", &assert), [verdict], "{assert}");
        }
    }

    /// The least of numbers is none only where it is known that there is no number.
    #[test]
    fn the_least_of_nothing_is_none() {
        let held = |lifetime: State| {
            Estate::empty().with("identity", "i", &[]).with(
                "credential",
                "c",
                &[("identity", text("i")), ("max_lifetime", Cell::Absent(lifetime))],
            )
        };
        let assert = "(SELECT min(other.max_lifetime) FROM credential AS other) <> INTERVAL '1d'";
        assert_eq!(judged(Estate::empty().with("identity", "i", &[]), "identity", assert), [Verdict::Pass]);
        assert_eq!(judged(held(State::None), "identity", assert), [Verdict::Pass]);
        assert_eq!(judged(held(State::Missing), "identity", assert), [Verdict::Unknown]);
    }
}
