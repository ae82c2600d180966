//! Alterations of calldata alone: the same proof and inputs, encoded in other ways, or not quite encoded.
//!
//! Canonical calldata is selector, head of the proof, head of the instances, length and bytes of the proof, number and words
//! of the instances. Heads are followed wherever they point, so an encoding that says the same in another way is accepted;
//! nothing that a caller can say with it differs from what the canonical encoding could say.

use alloy::primitives::U256;

use super::mutate::put;
use super::mutate::word;
use super::mutate::Made;
use super::mutate::Mutant;
use super::mutate::Start;
use super::support::circuit::Random;
use super::support::evm::calldata;
use super::support::evm::calldata_reordered;

/// Positions in canonical calldata.
const PROOF_HEAD: usize = 4;
const INSTANCES_HEAD: usize = 36;
const TAIL: usize = 68;

fn encoded(from: Start<'_>, what: String, change: impl FnOnce(&mut Vec<u8>)) -> Made {
    let mut data = calldata("verify", &from.seed.proof, &from.seed.instances);
    change(&mut data);
    Some(Mutant { what, claim: from.seed.clone(), calldata: Some(data), gas: None })
}

/// Positions of the two lengths.
fn lengths(from: Start<'_>) -> [usize; 2] {
    // A proof is a whole number of words.
    [TAIL, TAIL + 32 + from.seed.proof.len()]
}

pub(crate) fn reordered(from: Start<'_>, random: &mut Random) -> Made {
    let unused: Vec<[u8; 32]> = (0..random.below(4)).map(|_| random.word().to_be_bytes()).collect();
    let data = calldata_reordered(&from.seed.proof, &from.seed.instances, &unused);
    let what = format!("instances first, {} words that no head points to", unused.len());
    Some(Mutant { what, claim: from.seed.clone(), calldata: Some(data), gas: None })
}

pub(crate) fn trailing(from: Start<'_>, random: &mut Random) -> Made {
    let more: Vec<u8> = (0..1 + random.below(300)).map(|_| random.next() as u8).collect();
    encoded(from, format!("{} bytes more", more.len()), |data| data.extend(more))
}

/// Bytes between heads and tail, any number of them.
pub(crate) fn shifted(from: Start<'_>, random: &mut Random) -> Made {
    let gap: Vec<u8> = (0..1 + random.below(100)).map(|_| random.next() as u8).collect();
    let shift = U256::from(gap.len());
    encoded(from, format!("{} bytes between heads and tail", gap.len()), |data| {
        for head in [PROOF_HEAD, INSTANCES_HEAD] {
            let to = word(data, head) + shift;
            put(data, head, to);
        }
        data.splice(TAIL..TAIL, gap);
    })
}

/// A head that points to another place of the calldata: to the other argument, into one, or to the heads.
pub(crate) fn overlapping(from: Start<'_>, random: &mut Random) -> Made {
    let data = calldata("verify", &from.seed.proof, &from.seed.instances);
    let heads = [PROOF_HEAD, INSTANCES_HEAD];
    let which = random.below(2);
    let to = match random.below(3) {
        0 => word(&data, heads[1 - which]),
        1 => U256::from(random.below(data.len() - 36)),
        _ => U256::from(32 * random.below((data.len() - 36) / 32)),
    };
    encoded(from, format!("head {which} is {to}"), |data| put(data, heads[which], to))
}

pub(crate) fn out_of_range(from: Start<'_>, random: &mut Random) -> Made {
    let size = calldata("verify", &from.seed.proof, &from.seed.instances).len();
    let head = [PROOF_HEAD, INSTANCES_HEAD][random.below(2)];
    let to = match random.below(5) {
        0 => U256::from(size - 4 + random.below(2000)),
        1 => U256::from(u64::MAX),
        2 => U256::from(1) << (64 + random.below(192)),
        // Sums with it wrap.
        3 => U256::MAX - U256::from(random.below(5000)),
        _ => random.word() | U256::from(1) << 64,
    };
    encoded(from, format!("head at {head} is {to:#x}"), |data| put(data, head, to))
}

pub(crate) fn wrong_length(from: Start<'_>, random: &mut Random) -> Made {
    let at = lengths(from)[random.below(2)];
    let old = word(&calldata("verify", &from.seed.proof, &from.seed.instances), at);
    let length = match random.below(6) {
        0 => U256::ZERO,
        1 => old.saturating_sub(U256::from(1 + random.below(64))),
        2 => old + U256::from(1 + random.below(64)),
        3 => U256::from(u64::MAX) - U256::from(random.below(100)),
        // 32 times this wraps around to something small.
        4 => (U256::from(1) << 251) + old,
        _ => random.word(),
    };
    encoded(from, format!("length at {at} is {length:#x}"), |data| put(data, at, length))
}

pub(crate) fn dirty(from: Start<'_>, random: &mut Random) -> Made {
    let [proof, instances] = lengths(from);
    let at = [PROOF_HEAD, INSTANCES_HEAD, proof, instances][random.below(4)];
    let bit = 64 + random.below(192);
    encoded(from, format!("bit {bit} of the word at {at}"), |data| {
        let value = word(data, at) ^ (U256::from(1) << bit);
        put(data, at, value);
    })
}

pub(crate) fn cut(from: Start<'_>, random: &mut Random) -> Made {
    let size = calldata("verify", &from.seed.proof, &from.seed.instances).len();
    let keep = if random.below(2) == 0 { random.below(size) } else { size - 1 - random.below(32 * 3) };
    encoded(from, format!("first {keep} bytes"), |data| data.truncate(keep))
}

pub(crate) fn selector(from: Start<'_>, random: &mut Random) -> Made {
    let bit = random.below(32);
    encoded(from, format!("bit {bit} of the selector"), |data| data[bit / 8] ^= 1 << (bit % 8))
}

pub(crate) fn starved(from: Start<'_>, random: &mut Random) -> Made {
    let share = random.below(950) as u64;
    let (what, claim) = (format!("{share}/1000 of the gas"), from.seed.clone());
    Some(Mutant { what, claim, calldata: None, gas: Some(share) })
}
