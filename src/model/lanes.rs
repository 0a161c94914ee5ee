//! SHA-256 of many texts at once.
//!
//! Every step of SHA-256 waits for the one before, and a processor that has no instructions for it does little else meanwhile. Texts do not wait for
//! each other: where there are vectors of eight numbers, eight texts are hashed side by side, each in a lane of its own, and a lane that is done
//! takes the next text. Elsewhere they are hashed one after the other, by `sha2`.

use sha2::block_api::compress256;

/// A SHA-256.
pub type Hash = [u8; 32];

type Block = [u8; BLOCK];
type State = [u32; 8];

const BLOCK: usize = 64;

/// What stands before a text: nothing, or one block, hashed once for all texts.
#[derive(Clone, Copy)]
pub struct Start {
    state: State,
    bytes: u64,
}

impl std::fmt::Debug for Start {
    /// What stands before may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Start")
    }
}

impl Start {
    /// FIPS 180-4, 5.3.3.
    pub const NOTHING: Start =
        Start { state: [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19], bytes: 0 };

    #[must_use]
    pub fn after(block: &Block) -> Start {
        let mut start = Start { bytes: 64, ..Start::NOTHING };
        compress256(&mut start.state, std::slice::from_ref(block));
        start
    }

    /// The hash of a text that stands alone.
    #[must_use]
    pub fn hash(&self, text: &[u8]) -> Hash {
        let (mut state, (whole, _)) = (self.state, text.as_chunks());
        compress256(&mut state, whole);
        for number in whole.len()..blocks(text) {
            let mut block = [0; BLOCK];
            fill(&mut block, text, number, self);
            compress256(&mut state, &[block]);
        }
        hash(state)
    }
}

/// Texts, in one piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds a text, of parts.
    pub fn add<'p>(&mut self, parts: impl IntoIterator<Item = &'p [u8]>) {
        parts.into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.iter().scan(0, |begin, end| Some(&self.bytes[std::mem::replace(begin, *end)..*end]))
    }

    /// The hash of each, in their order.
    #[must_use]
    pub fn hashes(&self, start: &Start) -> Vec<Hash> {
        // One by one is quicker with the instructions for SHA-256, and where this program is not optimized and `sha2` is.
        #[cfg(target_arch = "x86_64")]
        if !cfg!(debug_assertions) && !is_x86_feature_detected!("sha") && is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "only who asks at run time knows what the processor has")]
            // SAFETY: all that the function asks for is a processor with AVX2, and this is one.
            return unsafe { eight::hashes(self, start) };
        }
        self.iter().map(|text| start.hash(text)).collect()
    }
}

fn hash(state: State) -> Hash {
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

/// How many blocks a text takes: it, a bit, and its length.
fn blocks(text: &[u8]) -> usize {
    (text.len() + 9).div_ceil(BLOCK)
}

/// One block of a text as FIPS 180-4, 5.1.1 pads it.
#[inline]
fn fill(block: &mut Block, text: &[u8], number: usize, start: &Start) {
    let rest = text.get(number * BLOCK..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        *block = *whole;
        return;
    }
    *block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    if number * BLOCK <= text.len() {
        block[rest.len()] = 0x80;
    }
    if number + 1 == blocks(text) {
        let bits = (start.bytes + text.len() as u64) * 8;
        block[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    }
}

/// Eight at a time, with the instructions of AVX2: a vector holds the same word of every lane.
#[cfg(target_arch = "x86_64")]
mod eight {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_extract_epi32, _mm256_or_si256, _mm256_set1_epi32, _mm256_setr_epi32,
        _mm256_setzero_si256, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_xor_si256,
    };

    use super::{BLOCK, Block, Hash, Start, Texts, blocks, fill, hash};

    const LANES: usize = 8;

    type Lanes = [u32; LANES];

    /// A text, its place among all, and how many of its blocks are done.
    struct Lane<'t> {
        text: &'t [u8],
        place: usize,
        done: usize,
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn hashes(texts: &Texts, start: &Start) -> Vec<Hash> {
        let mut hashes = vec![[0; 32]; texts.ends.len()];
        let mut waiting = texts.iter().enumerate().map(|(place, text)| Lane { text, place, done: 0 });
        let mut states = [[0; LANES]; 8];
        for (words, first) in states.iter_mut().zip(start.state) {
            *words = [first; LANES];
        }
        let mut padded = [[0; BLOCK]; LANES];
        let mut lanes = [const { None }; LANES];
        for lane in &mut lanes {
            *lane = waiting.next();
        }
        while lanes.iter().any(Option::is_some) {
            for (lane, block) in lanes.iter().zip(&mut padded) {
                if let Some(lane) = lane {
                    fill(block, lane.text, lane.done, start);
                }
            }
            compress(&mut states, &padded);
            for (number, place) in lanes.iter_mut().enumerate() {
                let Some(lane) = place else { continue };
                lane.done += 1;
                if lane.done == blocks(lane.text) {
                    let mut state = start.state;
                    for (word, words) in state.iter_mut().zip(&mut states) {
                        std::mem::swap(word, &mut words[number]);
                    }
                    hashes[lane.place] = hash(state);
                    *place = waiting.next();
                }
            }
        }
        hashes
    }

    /// FIPS 180-4, 6.2.2, in every lane.
    #[target_feature(enable = "avx2")]
    fn compress(states: &mut [Lanes; 8], blocks: &[Block; LANES]) {
        let mut schedule = [_mm256_setzero_si256(); 64];
        for (at, words) in schedule.iter_mut().take(16).enumerate() {
            let mut of = [0; LANES];
            for (word, block) in of.iter_mut().zip(blocks) {
                *word = u32::from_be_bytes(block.as_chunks().0[at]);
            }
            *words = vector(of);
        }
        for at in 16..64 {
            let (second, last) = (schedule[at - 15], schedule[at - 2]);
            let second = exclusive(exclusive(turned::<7, 25>(second), turned::<18, 14>(second)), _mm256_srli_epi32::<3>(second));
            let last = exclusive(exclusive(turned::<17, 15>(last), turned::<19, 13>(last)), _mm256_srli_epi32::<10>(last));
            schedule[at] = sum(sum(schedule[at - 16], second), sum(schedule[at - 7], last));
        }
        let [a, b, c, d, e, f, g, h] = *states;
        let (mut a, mut b, mut c, mut d) = (vector(a), vector(b), vector(c), vector(d));
        let (mut e, mut f, mut g, mut h) = (vector(e), vector(f), vector(g), vector(h));
        for (words, constants) in schedule.as_chunks::<8>().0.iter().zip(CONSTANTS.as_chunks::<8>().0) {
            let word = |at: usize| sum(words[at], _mm256_set1_epi32(constants[at].cast_signed()));
            round([a, b, c], &mut d, [e, f, g], &mut h, word(0));
            round([h, a, b], &mut c, [d, e, f], &mut g, word(1));
            round([g, h, a], &mut b, [c, d, e], &mut f, word(2));
            round([f, g, h], &mut a, [b, c, d], &mut e, word(3));
            round([e, f, g], &mut h, [a, b, c], &mut d, word(4));
            round([d, e, f], &mut g, [h, a, b], &mut c, word(5));
            round([c, d, e], &mut f, [g, h, a], &mut b, word(6));
            round([b, c, d], &mut e, [f, g, h], &mut a, word(7));
        }
        for (state, words) in states.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *state = lanes(sum(words, vector(*state)));
        }
    }

    /// One round; what it gives stands in `d` and `h`, and the next takes all eight one place further.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn round([a, b, c]: [__m256i; 3], d: &mut __m256i, [e, f, g]: [__m256i; 3], h: &mut __m256i, word: __m256i) {
        let choice = exclusive(g, _mm256_and_si256(e, exclusive(f, g)));
        let majority = exclusive(_mm256_and_si256(a, b), _mm256_and_si256(c, exclusive(a, b)));
        let sum_e = exclusive(exclusive(turned::<6, 26>(e), turned::<11, 21>(e)), turned::<25, 7>(e));
        let sum_a = exclusive(exclusive(turned::<2, 30>(a), turned::<13, 19>(a)), turned::<22, 10>(a));
        let first = sum(sum(*h, word), sum(choice, sum_e));
        *d = sum(*d, first);
        *h = sum(first, sum(majority, sum_a));
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn sum(one: __m256i, other: __m256i) -> __m256i {
        _mm256_add_epi32(one, other)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn exclusive(one: __m256i, other: __m256i) -> __m256i {
        _mm256_xor_si256(one, other)
    }

    /// Rotated to the right; `RIGHT` and `LEFT` make 32.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn turned<const RIGHT: i32, const LEFT: i32>(words: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(words), _mm256_slli_epi32::<LEFT>(words))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn vector(lanes: Lanes) -> __m256i {
        let [a, b, c, d, e, f, g, h] = lanes;
        let signed = u32::cast_signed;
        _mm256_setr_epi32(signed(a), signed(b), signed(c), signed(d), signed(e), signed(f), signed(g), signed(h))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn lanes(vector: __m256i) -> Lanes {
        let unsigned = i32::cast_unsigned;
        [
            unsigned(_mm256_extract_epi32::<0>(vector)),
            unsigned(_mm256_extract_epi32::<1>(vector)),
            unsigned(_mm256_extract_epi32::<2>(vector)),
            unsigned(_mm256_extract_epi32::<3>(vector)),
            unsigned(_mm256_extract_epi32::<4>(vector)),
            unsigned(_mm256_extract_epi32::<5>(vector)),
            unsigned(_mm256_extract_epi32::<6>(vector)),
            unsigned(_mm256_extract_epi32::<7>(vector)),
        ]
    }

    /// FIPS 180-4, 4.2.2.
    const CONSTANTS: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
        0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
        0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
        0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
        0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
        0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn texts(all: &[Vec<u8>]) -> Texts {
        let mut texts = Texts::default();
        all.iter().for_each(|text| texts.add([&text[..]]));
        texts
    }

    /// By every way that this machine has.
    fn ways(texts: &Texts, start: &Start) -> Vec<Vec<Hash>> {
        let mut ways = vec![texts.hashes(start), texts.iter().map(|text| start.hash(text)).collect()];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "only who asks at run time knows what the processor has")]
            // SAFETY: all that the function asks for is a processor with AVX2, and this is one.
            ways.push(unsafe { eight::hashes(texts, start) });
        }
        ways
    }

    fn agree(all: &[Vec<u8>], block: Option<&Block>) {
        let before = block.map_or(&[][..], |block| &block[..]);
        let expected: Vec<Hash> = all.iter().map(|text| Sha256::new().chain_update(before).chain_update(text).finalize().into()).collect();
        for way in ways(&texts(all), &block.map_or(Start::NOTHING, Start::after)) {
            assert_eq!(way, expected);
        }
    }

    #[test]
    fn every_length_is_hashed_as_sha2_does() {
        let text: Vec<u8> = (0..1000_u32).map(|number| (number * 7 % 251) as u8).collect();
        let all: Vec<Vec<u8>> = (0..=text.len()).map(|length| text[..length].to_vec()).collect();
        agree(&all, None);
        agree(&all, Some(&[0x36; BLOCK]));
        agree(&[], None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_texts_are_hashed_as_sha2_does(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..40),
            block in prop::option::of(prop::array::uniform32(any::<u8>())),
        ) {
            let block = block.map(|half| std::array::from_fn(|at| half[at % 32]));
            agree(&all, block.as_ref());
        }
    }
}
