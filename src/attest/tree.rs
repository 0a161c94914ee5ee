//! A Merkle tree as RFC 9162 has it (section 2.1), over SHA-256: leaves and nodes are hashed apart, so that neither passes for the other.
//!
//! A tree is built leaf by leaf, with one hash kept per level; the paths of leaves that are asked for beforehand come out beside the root.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use crate::model::lanes::Hash;
use crate::model::lanes::{Start, Texts};

/// What a leaf starts with, and what a node.
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];
/// How many leaves become one subtree at a time, where no paths are asked for.
const SUBTREE: usize = 1 << 10;

/// The hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update(LEAF).chain_update(data).finalize().into()
}

/// The hashes of leaves, each given as `bytes` writes it.
pub fn leaves<'l, L: 'l>(leaves: impl Iterator<Item = L>, mut bytes: impl FnMut(L, &mut Vec<u8>)) -> Vec<Hash> {
    let (mut texts, mut text) = (Texts::default(), Vec::new());
    for leaf in leaves {
        text.clear();
        bytes(leaf, &mut text);
        texts.add([&LEAF, &text[..]]);
    }
    texts.hashes(&Start::NOTHING)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update(NODE).chain_update(left).chain_update(right).finalize().into()
}

/// A tree being built.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Whole subtrees, the largest first: the first leaf and the number of leaves of each, and its hash.
    stack: Vec<(u64, u64, Hash)>,
    size: u64,
    paths: BTreeMap<u64, Vec<Hash>>,
}

impl Tree {
    /// A tree that keeps the paths of some leaves.
    #[must_use]
    pub fn watching(leaves: impl IntoIterator<Item = u64>) -> Tree {
        Tree { paths: leaves.into_iter().map(|leaf| (leaf, Vec::new())).collect(), ..Tree::default() }
    }

    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.join(1, leaf);
    }

    /// Adds the hashes of the next leaves.
    pub fn extend(&mut self, leaves: &[Hash]) {
        let in_line = self.paths.is_empty() && self.size.is_multiple_of(SUBTREE as u64);
        let (whole, rest) = leaves.split_at(if in_line { leaves.len() / SUBTREE * SUBTREE } else { 0 });
        let subtrees: Vec<Hash> = whole.par_chunks_exact(SUBTREE).map(subtree).collect();
        subtrees.into_iter().for_each(|hash| self.join(SUBTREE as u64, hash));
        rest.iter().for_each(|leaf| self.push(*leaf));
    }

    /// Adds a whole subtree, of as many leaves as a power of two that divides the size so far.
    fn join(&mut self, leaves: u64, hash: Hash) {
        self.stack.push((self.size, leaves, hash));
        self.size += leaves;
        while let [.., (start, left_size, left), (middle, right_size, right)] = self.stack[..]
            && left_size == right_size
        {
            let whole = merged(&mut self.paths, (start, left), (middle, right), self.size);
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push((start, left_size * 2, whole));
        }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the leaves so far; of none: the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut hashes = self.stack.iter().rev().map(|(_, _, hash)| *hash);
        match hashes.next() {
            Some(last) => hashes.fold(last, |right, left| node(&left, &right)),
            None => Sha256::digest([]).into(),
        }
    }

    /// The root, and the path of every leaf that was asked for, from the leaf upwards.
    #[must_use]
    pub fn finish(mut self) -> (Hash, BTreeMap<u64, Vec<Hash>>) {
        let root = self.root();
        let Some((mut middle, _, mut right)) = self.stack.pop() else { return (root, self.paths) };
        while let Some((start, _, left)) = self.stack.pop() {
            right = merged(&mut self.paths, (start, left), (middle, right), self.size);
            middle = start;
        }
        (right, self.paths)
    }
}

/// The root of as many leaves as a power of two.
fn subtree(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        let mut texts = Texts::default();
        level.as_chunks::<2>().0.iter().for_each(|[left, right]| texts.add([&NODE[..], left, right]));
        level = texts.hashes(&Start::NOTHING);
    }
    level[0]
}

/// Two neighbours become one: each is on the paths of the leaves of the other.
fn merged(paths: &mut BTreeMap<u64, Vec<Hash>>, (start, left): (u64, Hash), (middle, right): (u64, Hash), end: u64) -> Hash {
    if !paths.is_empty() {
        paths.range_mut(start..middle).for_each(|(_, path)| path.push(right));
        paths.range_mut(middle..end).for_each(|(_, path)| path.push(left));
    }
    node(&left, &right)
}

/// The root that a leaf and its path lead to (RFC 9162, 2.1.3.2); `None`: no tree of this size has such a path.
#[must_use]
pub fn root_of(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// What proves that the tree of the first `earlier` leaves grew into the tree of all of them (RFC 9162, 2.1.4.1).
#[must_use]
pub fn consistency(leaves: &[Hash], earlier: u64) -> Vec<Hash> {
    let Ok(mut first) = usize::try_from(earlier) else { return Vec::new() };
    let mut proof = Vec::new();
    let (mut rest, mut whole) = (leaves, true);
    if first == 0 || first > leaves.len() {
        return proof;
    }
    while first < rest.len() {
        let split = rest.len().next_power_of_two() / 2;
        let (left, right) = rest.split_at(split);
        if first <= split {
            proof.push(of(right));
            rest = left;
        } else {
            proof.push(of(left));
            rest = right;
            first -= split;
            whole = false;
        }
    }
    if !whole {
        proof.push(of(rest));
    }
    proof.reverse();
    proof
}

/// The root of some leaves.
#[must_use]
pub fn of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

/// Whether a proof shows that one tree grew into another (RFC 9162, 2.1.4.2).
#[must_use]
pub fn grew((earlier, before): (u64, Hash), (later, after): (u64, Hash), proof: &[Hash]) -> bool {
    if earlier == 0 || earlier > later {
        return earlier == 0 && before == of(&[]) && proof.is_empty();
    }
    if earlier == later {
        return before == after && proof.is_empty();
    }
    let (mut at, mut last) = (earlier - 1, later - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut proof = proof.iter();
    // A whole subtree is its own start.
    let start = if earlier.is_power_of_two() { Some(&before) } else { proof.next() };
    let Some(start) = start else { return false };
    let (mut old, mut new) = (*start, *start);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node(sibling, &old);
            new = node(sibling, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == before && new == after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::hex;

    /// The definition, word for word: slow and plain.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            _ => {
                let mut split = 1;
                while split * 2 < leaves.len() {
                    split *= 2;
                }
                node(&defined(&leaves[..split]), &defined(&leaves[split..]))
            }
        }
    }

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|number| leaf(&[number])).collect()
    }

    #[test]
    fn what_certificate_transparency_publishes() {
        // The test vectors of the Certificate Transparency project.
        let inputs: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashes: Vec<Hash> = inputs.iter().map(|input| leaf(input)).collect();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(hex(&of(&hashes[..=size])), *root);
        }
        assert_eq!(hex(&of(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_no_other() {
        for size in 1..40u8 {
            let leaves = leaves(size);
            let mut tree = Tree::watching(0..u64::from(size));
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            let (root, paths) = tree.finish();
            assert_eq!(root, defined(&leaves));
            for (index, path) in &paths {
                let at = usize::try_from(*index).unwrap();
                assert_eq!(root_of(leaves[at], *index, size.into(), path), Some(root), "{index} of {size}");
                assert_ne!(root_of(leaf(b"other"), *index, size.into(), path), Some(root));
                assert!((0..u64::from(size)).all(|other| other == *index || root_of(leaves[at], other, size.into(), path) != Some(root)));
                let mut longer = path.clone();
                longer.push(root);
                assert_eq!(root_of(leaves[at], *index, size.into(), &longer), None);
                assert!(path.is_empty() || root_of(leaves[at], *index, size.into(), &path[1..]) != Some(root));
            }
        }
    }

    #[test]
    fn many_leaves_at_once_are_the_same_leaves() {
        let leaves: Vec<Hash> = (0..5 * SUBTREE + 3).map(|number| leaf(&number.to_be_bytes())).collect();
        for size in [0, 1, SUBTREE - 1, SUBTREE, SUBTREE + 1, 4 * SUBTREE, leaves.len()] {
            for first in [0, 1, SUBTREE.min(size), size] {
                let mut tree = Tree::default();
                tree.extend(&leaves[..first.min(size)]);
                tree.extend(&leaves[first.min(size)..size]);
                assert_eq!((tree.size(), tree.root()), (size as u64, defined(&leaves[..size])), "{first} of {size} first");
            }
        }
    }

    #[test]
    fn growth_is_proved_and_rewriting_is_not() {
        let all = leaves(33);
        for later in 1..=all.len() {
            for earlier in 1..=later {
                let (old, new) = ((earlier as u64, defined(&all[..earlier])), (later as u64, defined(&all[..later])));
                let proof = consistency(&all[..later], old.0);
                assert!(grew(old, new, &proof), "{earlier} → {later}");
                assert!(!grew((old.0, leaf(b"other")), new, &proof));
                assert!(!grew(old, (new.0, leaf(b"other")), &proof));
                let mut rewritten = all[..later].to_vec();
                rewritten[earlier - 1] = leaf(b"rewritten");
                let proof = consistency(&rewritten, old.0);
                assert!(!grew(old, (new.0, defined(&rewritten)), &proof), "{earlier} → {later}");
            }
        }
        assert!(grew((0, of(&[])), (3, of(&all[..3])), &[]));
        assert!(!grew((4, of(&all[..4])), (3, of(&all[..3])), &[]));
    }
}
