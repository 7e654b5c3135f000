//! LZ4 with high compression: the levels of `compression.lz4.level`, which lz4_flex does not have.
//!
//! Writes frames like those of Kafka's Java client (independent blocks of 64 KiB, no checksums).
//! Each block is searched for the longest of many earlier matches, not just the most recent one,
//! and the cheapest sequence of matches is chosen. Decompression is as fast as for any other LZ4
//! frame.

use std::io::{self, Write};

/// Magic, flags (version 1, independent blocks), block size 64 KiB, and the header checksum byte.
const FRAME_HEADER: [u8; 7] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82];
const END_MARK: [u8; 4] = [0; 4];
const BLOCK_BYTES: usize = 64 * 1024;
/// The bit of a block's length that marks the block as uncompressed.
const AS_IT_IS: u32 = 1 << 31;

const MATCH_MIN: usize = 4;
/// A block ends with this many literals, and no match begins in its last twelve bytes.
const LAST_LITERALS: usize = 5;
const LAST_MATCH: usize = 12;
const DISTANCE_MAX: usize = 65_535;
/// A match of this length ends the search for a longer one.
const LONG_ENOUGH: usize = 512;
/// Matches up to this length may be shortened, so that the next one begins earlier.
const SHORTER_MAX: usize = 64;
/// Lower levels are treated as this one: they would save little time.
const LEVEL_MIN: i32 = 4;
/// Higher levels are treated as this one: they would take too much CPU time on the worst input.
const LEVEL_MAX: i32 = 9;
const HASH_BITS: u32 = 15;
const NOWHERE: u32 = u32::MAX;

/// A frame that is being written.
pub struct Lz4High<W> {
    out: W,
    block: Vec<u8>,
    packed: Vec<u8>,
    search: Search,
}

impl<W: Write> Lz4High<W> {
    /// Begins a frame. At each position up to 2^(`level` - 1) matches are tried, as in LZ4's own
    /// high compression.
    pub fn begin(level: i32, mut out: W) -> io::Result<Lz4High<W>> {
        out.write_all(&FRAME_HEADER)?;
        let search = Search {
            attempts: 1 << (level.clamp(LEVEL_MIN, LEVEL_MAX) - 1),
            heads: vec![NOWHERE; 1 << HASH_BITS],
            earlier: vec![NOWHERE; BLOCK_BYTES],
            ..Search::default()
        };
        Ok(Lz4High { out, block: Vec::with_capacity(BLOCK_BYTES), packed: Vec::new(), search })
    }

    /// Consumes some of the bytes and returns how many.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend(bytes.iter().take(n));
        if self.block.len() == BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(n)
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.packed.clear();
        self.search.compress(&self.block, &mut self.packed);
        let (bytes, flag) = match self.packed.len() < self.block.len() {
            true => (&self.packed, 0),
            false => (&self.block, AS_IT_IS),
        };
        self.out.write_all(&(bytes.len() as u32 | flag).to_le_bytes())?;
        self.out.write_all(bytes)?;
        self.block.clear();
        Ok(())
    }

    /// Ends the frame and returns the writer.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.out.write_all(&END_MARK)?;
        Ok(self.out)
    }
}

/// The match search of one block: hash chains (the last position of each hash, and for each
/// position the previous one with the same hash), and the matches found with them.
#[derive(Default)]
struct Search {
    attempts: u32,
    heads: Vec<u32>,
    earlier: Vec<u32>,
    /// Positions before this one are in the chains.
    known: usize,
    /// The longest match at each position.
    found: Vec<Option<Match>>,
    /// Lowest cost in bytes of encoding the rest of the block from each position on.
    cost: Vec<u32>,
    /// Length of the match that begins at each position; 0 for a literal.
    chosen: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Match {
    from: usize,
    length: usize,
}

impl Search {
    fn compress(&mut self, block: &[u8], out: &mut Vec<u8>) {
        self.find_all(block);
        self.choose(block.len());
        let (mut at, mut literals) = (0, 0);
        while at < block.len() {
            let length = self.chosen[at] as usize;
            if length == 0 {
                at += 1;
                continue;
            }
            let from = self.found[at].map_or(at, |found| found.from);
            sequence(&block[literals..at], Some((at - from, length)), out);
            at += length;
            literals = at;
        }
        sequence(&block[literals..], None, out);
    }

    /// Finds the longest match at each position.
    fn find_all(&mut self, block: &[u8]) {
        self.heads.fill(NOWHERE);
        self.known = 0;
        self.found.clear();
        self.found.resize(block.len(), None);
        let mut at = 0;
        while at + LAST_MATCH < block.len() {
            self.found[at] = self.longest(block, at);
            // Inside a very long match no better one is searched for.
            let length = self.found[at].map_or(1, |found| found.length);
            at += if length >= LONG_ENOUGH { length } else { 1 };
        }
    }

    /// Chooses, from the last position back to the first, what is cheapest there: a literal, or a
    /// match and its length.
    fn choose(&mut self, bytes: usize) {
        self.cost.clear();
        self.cost.resize(bytes + 1, 0);
        self.chosen.clear();
        self.chosen.resize(bytes, 0);
        for at in (0..bytes).rev() {
            let (mut best, mut chosen) = (self.cost[at + 1] + 1, 0);
            if let Some(found) = self.found[at] {
                let shorter = MATCH_MIN..found.length.min(SHORTER_MAX);
                for length in std::iter::once(found.length).chain(shorter) {
                    let cost = self.cost[at + length] + match_cost(length);
                    if cost < best {
                        (best, chosen) = (cost, length);
                    }
                }
            }
            self.cost[at] = best;
            self.chosen[at] = chosen as u32;
        }
    }

    /// Returns the longest match at `at`, which never goes back from one call to the next.
    fn longest(&mut self, block: &[u8], at: usize) -> Option<Match> {
        let limit = block.len() - LAST_LITERALS;
        while self.known < at {
            let hash = hash(block, self.known);
            self.earlier[self.known] = std::mem::replace(&mut self.heads[hash], self.known as u32);
            self.known += 1;
        }
        let mut best: Option<Match> = None;
        let mut candidate = self.heads[hash(block, at)];
        for _ in 0..self.attempts {
            let from = candidate as usize;
            if candidate == NOWHERE || at - from > DISTANCE_MAX {
                break;
            }
            let length = best.map_or(MATCH_MIN - 1, |found| found.length);
            if at + length < limit && block[from + length] == block[at + length] {
                let pairs = block[from..].iter().zip(&block[at..limit]);
                let same = pairs.take_while(|(a, b)| a == b).count();
                if same > length {
                    best = Some(Match { from, length: same });
                    if same >= LONG_ENOUGH {
                        break;
                    }
                }
            }
            candidate = self.earlier[from];
        }
        best
    }
}

/// Returns Knuth's multiplicative hash of four bytes.
fn hash(block: &[u8], at: usize) -> usize {
    let four = [block[at], block[at + 1], block[at + 2], block[at + 3]];
    (u32::from_le_bytes(four).wrapping_mul(2_654_435_761) >> (32 - HASH_BITS)) as usize
}

/// Returns the cost of a match in bytes: token, distance, and the part of the length that does not
/// fit in the token.
fn match_cost(length: usize) -> u32 {
    3 + (length - MATCH_MIN).checked_sub(15).map_or(0, |left| left / 255 + 1) as u32
}

/// Appends a sequence: literals, and a match by its distance and length (none in the last
/// sequence).
fn sequence(literals: &[u8], found: Option<(usize, usize)>, out: &mut Vec<u8>) {
    let more = found.map_or(0, |(_, length)| length - MATCH_MIN);
    out.push((literals.len().min(15) << 4 | more.min(15)) as u8);
    rest(literals.len(), out);
    out.extend_from_slice(literals);
    if let Some((distance, _)) = found {
        out.extend_from_slice(&(distance as u16).to_le_bytes());
        rest(more, out);
    }
}

/// Appends the part of a length that does not fit in the four bits of the token.
fn rest(length: usize, out: &mut Vec<u8>) {
    let Some(mut left) = length.checked_sub(15) else { return };
    while left >= 255 {
        out.push(255);
        left -= 255;
    }
    out.push(left as u8);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn packed(level: i32, bytes: &[u8]) -> Vec<u8> {
        let mut frame = Lz4High::begin(level, Vec::new()).unwrap();
        let mut left = bytes;
        while !left.is_empty() {
            let n = frame.write(left).unwrap();
            left = &left[n..];
        }
        frame.finish().unwrap()
    }

    fn read(frame: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        lz4_flex::frame::FrameDecoder::new(frame).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn every_input_is_read_back() {
        let mut rng = fastrand::Rng::with_seed(3);
        for round in 0..100 {
            let len = match round {
                0..40 => round,
                _ => rng.usize(0..140_000),
            };
            let letters = 1 << rng.u32(0..9);
            let mut bytes: Vec<u8> = (0..len).map(|_| (rng.u32(0..letters)) as u8).collect();
            for _ in 0..rng.usize(0..20) {
                let (from, to) = (rng.usize(0..len + 1), rng.usize(0..len + 1));
                let n = rng.usize(0..5_000).min(len - from.max(to));
                bytes.copy_within(from..from + n, to);
            }
            let frame = packed(rng.i32(1..=7), &bytes);
            assert!(frame.len() <= bytes.len() + 11 + 4 * (len / BLOCK_BYTES + 1));
            assert!(read(&frame) == bytes, "round {round}");
        }
        let same = vec![7; 300_000];
        assert!(read(&packed(17, &same)) == same && packed(17, &same).len() < 1500);
    }

    #[test]
    fn a_higher_level_makes_it_smaller_and_all_are_smaller_than_the_fast_one() {
        let mut rng = fastrand::Rng::with_seed(4);
        let text: String = (0..30_000).map(|_| format!("word{} ", rng.u32(0..999))).collect();
        let sizes: Vec<usize> = [1, 5, 7, 10].map(|l| packed(l, text.as_bytes()).len()).into();
        assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
        let mut fast = lz4_flex::frame::FrameEncoder::new(Vec::new());
        fast.write_all(text.as_bytes()).unwrap();
        assert!(sizes[0] < fast.finish().unwrap().len());
    }
}
