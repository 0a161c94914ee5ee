//! The derived columns on small random graphs: as the definition says, and never surer for knowing less.

use std::collections::BTreeMap;

use proptest::prelude::{any, prop_assert, prop_assert_eq};
use tickmark::evaluate;
use tickmark::load::condition::{Place, parse};
use tickmark::model::assessment::Verdict;
use tickmark::model::row::Cell;
use tickmark::model::schema::{SCHEMA, table};
use tickmark::model::table::{Gap, Why};
use tickmark::model::value::{State, Time};

use super::case::{Case, derived_from};
use super::estate::{AS_OF, DAY, Estate, Random};
use super::maker::params;
use super::{hold_on, slow};

/// How much of a graph is not as it mostly is, in percent.
struct Mood {
    unknown: usize,
    stale: usize,
    open: usize,
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn graph(random: &mut Random) -> Estate {
    let mood = Mood { unknown: random.pick(&[0, 0, 0, 3, 10]), stale: random.pick(&[0, 0, 0, 5]), open: random.pick(&[0, 0, 5, 20]) };
    let (identities, parties) = (2 + random.below(6), 1 + random.below(3));
    let grants = random.below(2 * identities + 2);
    let systems = random.pick(&[1, 2, 3]);
    let mut estate = Estate::empty();
    let absent = |state: State| Cell::Absent(state);
    for number in 0..parties {
        let day = Cell::Int(AS_OF + random.pick(&[-1, 0, 1]) * DAY);
        let offboarded = random.pick(&[0, 0, 0, 1]);
        let cells = [
            ("offboarded_at", if offboarded == 1 { day } else { absent(State::Never) }),
            (
                "contract_end",
                [absent(State::None), absent(State::Never), Cell::Int(AS_OF + DAY), Cell::Int(AS_OF)][random.below(4)].clone(),
            ),
        ];
        estate = estate.with("party", &format!("p{number}"), &cells);
    }
    for number in 0..identities {
        let status = if random.chance(90) { "active" } else { random.pick(&["disabled", "deleted"]) };
        let party = if random.chance(40) { absent(State::None) } else { text(format!("p{}", random.below(parties))) };
        let cells = [("status", text(status)), ("system", text(format!("s{}", random.below(systems)))), ("third_party", party)];
        estate = estate.with("identity", &format!("i{number}"), &cells);
    }
    for number in 0..grants {
        let open = random.chance(mood.open);
        let ends = |random: &mut Random, none: usize| match random.below(100) {
            roll if roll < none => absent(State::None),
            roll if open && roll > 92 => text("i9"),
            _ => text(format!("i{}", random.below(identities))),
        };
        let (holder, target) = (ends(random, if open { 50 } else { 0 }), ends(random, 25));
        let scope = if open { random.pick(&["one", "group", "account", "everyone"]) } else { "one" };
        let expires = if random.chance(85) { absent(State::Never) } else { Cell::Int(AS_OF + random.pick(&[-1, 0, 1]) * DAY) };
        let cells = [
            ("identity", holder),
            ("target", target),
            ("principal_scope", text(scope)),
            ("system", text(format!("s{}", random.below(systems)))),
            ("kind", text(random.pick(&["hop", "hop", "impersonation", "trust", "access"]))),
            ("privileged", Cell::Bool(random.chance(20))),
            ("external", Cell::Bool(random.chance(30))),
            ("expires_at", expires),
        ];
        estate = estate.with("grant", &format!("g{number}"), &cells);
    }
    for (table, column) in derived_from() {
        for row in 0..estate.tables[table].len() {
            let said = &mut estate.tables[table][row][column];
            if column > 0 && random.chance(mood.unknown) {
                said.cell = absent(State::Missing);
            }
            if random.chance(mood.stale) {
                age(&mut estate, table, column, row);
            }
        }
    }
    for name in ["identity", "grant", "party"] {
        if random.chance(mood.unknown) {
            lose_rows(&mut estate, table(name).unwrap());
        }
    }
    estate
}

/// A value is stale where its source is, and then the table is not complete either.
fn age(estate: &mut Estate, table: usize, column: usize, row: usize) {
    estate.tables[table][row][column].fresh = false;
    estate.gaps[table].push(Gap { source: "test".to_owned(), why: Why::Stale("old".to_owned()) });
}

fn lose_rows(estate: &mut Estate, table: usize) {
    estate.gaps[table].push(Gap { source: "test".to_owned(), why: Why::Partial("lost".to_owned()) });
}

fn assertion(text: &str) -> tickmark::model::condition::Condition {
    parse(text, table("identity").unwrap(), &BTreeMap::new(), Place::Assert).unwrap().0
}

fn conditions() -> Vec<tickmark::model::condition::Condition> {
    let lengths = [0, 1, 2, 3, 4, 15].map(|length| format!("chain_length <= {length}"));
    let texts = ["reaches_privileged".to_owned(), "upstream_overdue".to_owned()].into_iter().chain(lengths);
    texts.map(|text| assertion(&text)).collect()
}

fn case(estate: &Estate, condition: &tickmark::model::condition::Condition) -> Case {
    Case { estate: estate.clone(), applies: None, assert: condition.clone(), seed: 0 }
}

/// What each condition says of every identity.
fn judged(estate: &Estate, conditions: &[tickmark::model::condition::Condition]) -> Vec<Vec<Verdict>> {
    let (evidence, params) = (estate.evidence(), params());
    conditions.iter().map(|condition| evaluate::verdicts(None, condition, &evidence, Time(AS_OF), &params).unwrap()).collect()
}

#[test]
fn derived_columns_are_what_the_definition_says() {
    let conditions = conditions();
    hold_on(&any::<u64>(), 120, |seed| {
        let estate = graph(&mut Random(seed | 1));
        for (condition, verdicts) in conditions.iter().zip(judged(&estate, &conditions)) {
            let case = case(&estate, condition);
            prop_assert_eq!(verdicts, slow(&case), "left the evaluator, right the definition: {:?}", case);
        }
        Ok(())
    });
}

#[test]
fn the_graphs_show_every_value() {
    let conditions = conditions();
    let mut seen: BTreeMap<(usize, Verdict), usize> = BTreeMap::new();
    for seed in 1..400_u64 {
        let estate = graph(&mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        for (number, verdicts) in judged(&estate, &conditions).into_iter().enumerate() {
            for verdict in verdicts {
                *seen.entry((number, verdict)).or_default() += 1;
            }
        }
    }
    for (number, condition) in conditions.iter().enumerate() {
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown] {
            assert!(seen.get(&(number, verdict)).is_some_and(|count| *count > 10), "{}: {seen:?}", condition.text);
        }
    }
}

/// Blanks a value, makes it stale, or drops a row of a table that is then partial.
fn lose(estate: &mut Estate, random: &mut Random) -> Option<String> {
    let columns: Vec<(usize, usize)> = derived_from().collect();
    let (table, column) = random.pick(&columns);
    let rows = estate.tables[table].len();
    if rows == 0 {
        return None;
    }
    let row = random.below(rows);
    let name = SCHEMA[table].columns[column].name;
    let what = format!("{name} of {} {row}", SCHEMA[table].name);
    if column == 0 {
        estate.tables[table].remove(row);
        lose_rows(estate, table);
        return Some(format!("the row with {what}"));
    }
    if random.chance(20) {
        age(estate, table, column, row);
        return Some(format!("a fresh {what}"));
    }
    estate.tables[table][row][column].cell = Cell::Absent(State::Missing);
    Some(what)
}

#[test]
fn knowing_less_never_makes_a_derived_fact_surer() {
    let conditions = conditions();
    hold_on(&any::<u64>(), 60, |seed| {
        let mut random = Random(seed | 1);
        let estate = graph(&mut random);
        let ids =
            |estate: &Estate| -> Vec<Cell> { estate.tables[table("identity").unwrap()].iter().map(|row| row[0].cell.clone()).collect() };
        let before = judged(&estate, &conditions);
        for _ in 0..6 {
            let mut poorer = estate.clone();
            let Some(what) = lose(&mut poorer, &mut random) else { continue };
            let left = ids(&poorer);
            for ((condition, before), after) in conditions.iter().zip(&before).zip(judged(&poorer, &conditions)) {
                for (row, id) in ids(&estate).iter().enumerate() {
                    let Some(now) = left.iter().position(|other| other == id) else { continue };
                    let kept = after[now] == before[row] || after[now] == Verdict::Unknown;
                    prop_assert!(
                        kept,
                        "{}: without {what} {id:?} went from {:?} to {:?}: {:?}",
                        condition.text,
                        before[row],
                        after[now],
                        case(&estate, condition)
                    );
                }
            }
        }
        Ok(())
    });
}
