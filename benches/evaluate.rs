//! Evaluation alone: ten conditions over two million credentials and one million identities, generated in memory.
//!
//! `cargo bench --bench evaluate -- [CREDENTIALS]`. Run by hand; prints the median of five runs per condition and of
//! all ten together, on the machine's own threads. Reading, hashing and reporting are not in it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray, UInt8Array, UInt32Array};
use tickmark::evaluate::verdicts;
use tickmark::load::condition::{Place, parse};
use tickmark::model::assessment::Verdict;
use tickmark::model::condition::Condition;
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::table::{Column, Evidence, Logs, Table};
use tickmark::model::value::{SECOND, State, Time};

const DAY: i64 = 86_400 * SECOND;
const AS_OF: i64 = 20_000 * DAY;

/// (subject, applies, assert): simple comparisons, paths, lists, a self-join and an EXISTS.
const CONTROLS: [(&str, &str, &str); 10] = [
    ("credential", "status = 'active'", "issued_at >= $as_of - INTERVAL '90d' OR rotated_at >= $as_of - INTERVAL '90d'"),
    ("credential", "status = 'active'", "expires_at <> 'never'"),
    ("credential", "status = 'active'", "last_used_at > $as_of - INTERVAL '90d'"),
    ("credential", "status = 'active'", "expires_at > $as_of"),
    ("credential", "kind IN ('api_key', 'client_secret')", "identity.status = 'active'"),
    ("credential", "identity.criticality = 'critical'", "storage IN ('vault', 'kms', 'hsm')"),
    ("credential", "kind = 'x509'", "expires_at - issued_at <= INTERVAL '398d'"),
    ("identity", "kind <> 'human'", "owner <> 'none'"),
    ("identity", "status = 'active'", "EXISTS (SELECT 1 FROM credential WHERE credential.identity = identity.id AND status = 'active')"),
    (
        "credential",
        "fingerprint <> 'none'",
        "NOT EXISTS (SELECT 1 FROM credential AS other WHERE other.fingerprint = credential.fingerprint AND other.identity <> credential.identity)",
    ),
];

fn main() {
    let credentials = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(2_000_000);
    let evidence = generate(credentials, credentials / 2);
    println!("{credentials} credentials, {} identities, {} threads", credentials / 2, rayon::current_num_threads());
    let params = BTreeMap::new();
    let conditions: Vec<(Condition, Condition)> = CONTROLS
        .iter()
        .map(|(subject, applies, assert)| {
            let read = |text: &str, place| parse(text, table(subject).unwrap(), &BTreeMap::new(), place).expect(text).0;
            (read(applies, Place::Applies), read(assert, Place::Assert))
        })
        .collect();
    let mut all = Vec::new();
    for (applies, assert) in &conditions {
        let mut times = Vec::new();
        let mut fails = 0;
        for _ in 0..5 {
            let start = Instant::now();
            let result = verdicts(Some(applies), assert, &evidence, Time(AS_OF), &params).unwrap();
            times.push(start.elapsed());
            fails = result.iter().filter(|verdict| **verdict == Verdict::Fail).count();
        }
        let median = median(&mut times);
        all.push(median);
        println!("{median:>10.1?}  {fails:>8} fail  {}", assert.text);
    }
    println!("{:>10.1?}  the ten one after another", all.iter().sum::<Duration>());
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            use rayon::prelude::*;
            let start = Instant::now();
            let judged: usize = conditions
                .par_iter()
                .map(|(applies, assert)| verdicts(Some(applies), assert, &evidence, Time(AS_OF), &params).unwrap().len())
                .sum();
            assert!(judged > 0);
            start.elapsed()
        })
        .collect();
    println!("{:>10.1?}  the ten on all threads", median(&mut times));
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A small generator with a fixed seed (xorshift64*): the same estate on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

fn generate(credentials: usize, identities: usize) -> Evidence {
    let mut random = Random(42);
    let owners: Vec<u32> = (0..credentials).map(|_| skewed(&mut random, identities)).collect();
    let tables = SCHEMA
        .iter()
        .map(|schema| {
            let rows = match schema.name {
                "identity" => identities,
                "credential" => credentials,
                _ => 0,
            };
            let columns = schema
                .columns
                .iter()
                .map(|column| match (schema.name, column.name) {
                    (name, "id") => known(texts((0..rows).map(|row| format!("{name}-{row:08}")))),
                    ("credential", "identity") => Column {
                        link: Some(UInt32Array::from(owners.clone())),
                        ..known(texts(owners.iter().map(|owner| format!("identity-{owner:08}"))))
                    },
                    ("credential", "fingerprint") => {
                        known(texts((0..rows).map(|row| format!("hmac:k:{:08x}", row - usize::from(row % 1000 == 1)))))
                    }
                    _ => filled(column.ty, rows, &mut random),
                })
                .collect();
            Table {
                schema,
                rows,
                columns,
                origins: vec![Vec::new(); rows],
                gaps: Vec::new(),
                untold: BTreeSet::new(),
                conflicts: BTreeMap::new(),
            }
        })
        .collect();
    Evidence { tables, logs: Logs { everything: true, ..Logs::default() }, ..Evidence::default() }
}

/// Few identities hold many credentials.
fn skewed(random: &mut Random, identities: usize) -> u32 {
    let limit = if random.below(10) < 3 { (identities / 100).max(1) } else { identities };
    u32::try_from(random.below(limit as u64)).unwrap()
}

fn texts(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn known(values: ArrayRef) -> Column {
    let rows = values.len();
    Column { values, state: UInt8Array::from(vec![State::Known as u8; rows]), fresh: None, link: None }
}

/// Plausible values; three in a hundred are missing.
fn filled(ty: Type, rows: usize, random: &mut Random) -> Column {
    let missing: Vec<bool> = (0..rows).map(|_| random.below(100) < 3).collect();
    let values: ArrayRef = match ty {
        Type::Enum(words) => Arc::new(StringArray::from_iter(
            missing.iter().map(|missing| (!missing).then(|| words[usize::try_from(random.below(words.len() as u64)).unwrap()])),
        )),
        Type::Bool => Arc::new(BooleanArray::from_iter(missing.iter().map(|missing| (!missing).then(|| random.below(2) == 0)))),
        Type::Number | Type::Duration | Type::Time => Arc::new(Int64Array::from_iter(
            missing.iter().map(|missing| (!missing).then(|| AS_OF - i64::try_from(random.below(400)).unwrap() * DAY)),
        )),
        Type::List => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            missing.iter().for_each(|missing| lists.append(!missing));
            Arc::new(lists.finish())
        }
        Type::Text | Type::Address | Type::Fingerprint => {
            Arc::new(StringArray::from_iter(missing.iter().map(|missing| (!missing).then(|| format!("text-{}", random.below(1000))))))
        }
    };
    let state =
        UInt8Array::from_iter_values(missing.iter().map(|missing| if *missing { State::Missing as u8 } else { State::Known as u8 }));
    Column { values, state, fresh: None, link: None }
}
