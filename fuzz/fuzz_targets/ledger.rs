//! The ledger: its lines, its heads, its receipts, and the proofs of the tree below it.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tickmark::attest::account::Account;
use tickmark::attest::ledger::{self, Entry, Ledger};
use tickmark::attest::policy::Policy;
use tickmark::attest::recorded::{self, Known, Package, Proof};
use tickmark::attest::tree::{self, Hash, Tree};
use tickmark_fuzz::{fixture, frozen, project, sow};

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::read(&project("tests/frozen/1/policy.toml")).unwrap());

fn seeds() -> Vec<Vec<u8>> {
    let lines = fixture("tests/frozen/1/ledger.ndjson");
    let ledger = Ledger::read(&lines).unwrap();
    let first = ledger.entries[1].previous.clone();
    let proof = serde_json::to_vec(&Proof::of(&ledger, &first)).unwrap();
    vec![
        lines,
        fixture("tests/frozen/1/ledger.ndjson.head.json"),
        frozen("package.tar.gz")[ledger::PATH].clone(),
        proof,
        (0..64).collect(),
        [&[7, 3, 1][..], &(0..61).collect::<Vec<u8>>()].concat(),
    ]
}

/// The lines that can be lines, each made to follow those before it.
fn mended(data: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut count) = (Vec::new(), 0);
    for line in data.split(|byte| *byte == b'\n').take(20) {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else { continue };
        if ledger::unhex(&entry.root).is_none() {
            continue;
        }
        let previous = Ledger::read(&out).expect("so far it holds together").head();
        let entry = Entry { previous, schema: ledger::ENTRY.to_owned(), ..entry };
        out.extend(serde_json_canonicalizer::to_vec(&entry).unwrap());
        out.push(b'\n');
        count += 1;
    }
    (out, count)
}

/// A ledger that was read: what it says of its own past.
fn grown(ledger: &Ledger) {
    let head = ledger.head();
    let mut heads: Vec<_> = ledger.entries.iter().map(|entry| entry.previous.clone()).collect();
    heads.push(head.clone());
    for (size, earlier) in heads.iter().enumerate() {
        assert_eq!(earlier.size, size as u64);
        assert!(ledger.grew_from(earlier));
        let proof = Proof::of(ledger, earlier);
        assert!(proof.holds(), "{proof:?}");
        let mut other = proof.clone();
        other.from.size += 1;
        assert!(!other.holds() || other.from.root == head.root, "{other:?}");
        if let Some(last) = proof.path.last() {
            let mut other = proof.clone();
            other.path.push(last.clone());
            assert!(!other.holds(), "{other:?}");
        }
    }
    let mut account = Account::default();
    recorded::alone(&Known::Whole(ledger.clone()), &heads, &mut account);
    assert!(account.failed.is_empty(), "{:?}", account.failed);
}

/// A small tree, with the paths that it gives and paths put together from its hashes.
fn proofs(data: &[u8]) {
    let [size, index, other, rest @ ..] = data else { return };
    let size = usize::from(size % 40) + 1;
    let leaves: Vec<Hash> = (0..size).map(|number| tree::leaf(&[number as u8])).collect();
    let mut pool: Vec<Hash> = (0..size).flat_map(|at| [leaves[at], tree::of(&leaves[..=at]), tree::of(&leaves[at..])]).collect();
    let mut step = 2;
    while step < size {
        pool.extend(leaves.chunks(step).map(tree::of));
        step *= 2;
    }
    let picked: Vec<Hash> = rest.iter().take(12).map(|at| pool[usize::from(*at) % pool.len()]).collect();
    let (index, other) = (usize::from(*index) % size, u64::from(*other));
    let mut whole = Tree::watching([index as u64]);
    leaves.iter().for_each(|leaf| whole.push(*leaf));
    let (root, mut paths) = whole.finish();
    let path = paths.remove(&(index as u64)).unwrap();
    assert_eq!(root, tree::of(&leaves));
    assert_eq!(tree::root_of(leaves[index], index as u64, size as u64, &path), Some(root));
    // One path leads from a leaf to the root, and it leads from no other place.
    for path in [&path, &picked] {
        for place in [other % (size as u64), other] {
            if let Some(leaf) = pool.get(usize::from(data.len() as u8) % pool.len())
                && tree::root_of(*leaf, place, size as u64, path) == Some(root)
            {
                assert_eq!(leaves.get(place as usize), Some(leaf), "{place} of {size}");
            }
        }
    }
    let earlier = &leaves[..index];
    let proof = tree::consistency(&leaves, index as u64);
    let (old, new) = ((index as u64, tree::of(earlier)), (size as u64, root));
    assert!(tree::grew(old, new, &proof));
    if tree::grew(old, new, &picked) {
        assert_eq!(picked, proof, "{old:?} {new:?}");
    }
    for hash in &picked {
        let wrong = (old.0, *hash);
        assert!(!tree::grew(wrong, new, &proof) || wrong == old, "another past");
    }
    let _ = tree::grew((other, pool[0]), new, &picked);
    let _ = tree::grew((u64::MAX - other, pool[0]), (u64::MAX, root), &picked);
    let _ = tree::root_of(pool[0], u64::MAX - other, u64::MAX, &picked);
}

fuzz_target!(
    init: sow("ledger", seeds()),
    |data: &[u8]| {
        if let Ok(ledger) = Ledger::read(data) {
            let mut again = Vec::new();
            for entry in &ledger.entries {
                again.extend(serde_json_canonicalizer::to_vec(entry).unwrap());
                again.push(b'\n');
            }
            assert!(data.starts_with(&again), "what is accepted is written the same");
            assert!(!data[again.len()..].contains(&b'\n'), "a line was passed over");
            grown(&ledger);
        }
        let (lines, count) = mended(data);
        let ledger = Ledger::read(&lines).expect("every line follows");
        assert_eq!(ledger.entries.len(), count);
        grown(&ledger);
        if count > 1 {
            let first = lines.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            assert!(Ledger::read(&lines[first..]).is_err(), "its first line is gone");
        }
        if let Ok(head) = recorded::kept(data) {
            let _ = ledger.grew_from(&head);
            let _ = ledger.consistency(&head);
        }
        if let Ok(proof) = serde_json::from_slice::<Proof>(data) {
            let _ = proof.holds();
            recorded::alone(&Known::Proof(proof.clone()), &[proof.from.clone(), proof.to], &mut Account::default());
        }
        let attested = BTreeMap::from([(ledger::PATH.to_owned(), data.to_vec())]);
        if let Some(Ok(receipt)) = ledger::receipt(&attested) {
            let stands = ledger::stands(&receipt);
            let entry = &receipt.entry;
            let package = Package { root: &entry.root, as_of: &entry.as_of, exit: Some(entry.exit.into()), name: Some(&entry.name) };
            let known = Known::Whole(ledger.clone());
            let mut account = Account::default();
            recorded::check(&attested, package, Some(&POLICY), Some(&known), &[], &mut account);
            assert!(!account.failed.is_empty() || stands, "{account:?}");
        }
        proofs(data);
    }
);
