//! Alterations of a proof and its public inputs, one function for each class of [`super::classes`].
//!
//! Every function draws its choices from the given source alone, and gives `None` where the circuit or the seed has nothing
//! to alter that way. Whether the result differs from the seed is checked by the caller.

use alloy::primitives::{uint, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_contracts::bindings::digests::GROUP_ORDER as R;
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_to_bytes, POINT_BYTES, SCALAR_BYTES};

use super::classes::CLASSES;
use super::kit::Claim;
use super::kit::Elsewhere;
use super::kit::Subject;
use super::support::circuit::Random;

/// Modulus of the coordinates.
pub(crate) const Q: U256 = uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);

/// What an alteration starts from.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) seed: &'a Claim,
}

/// An altered call.
#[derive(Clone)]
pub(crate) struct Mutant {
    /// The alteration in words.
    pub(crate) what: String,
    pub(crate) claim: Claim,
    /// Calldata for our contract, where it is not the canonical encoding of the claim.
    pub(crate) calldata: Option<Vec<u8>>,
    /// Thousandths of the gas that an honest proof needs, where it is not given enough.
    pub(crate) gas: Option<u64>,
}

pub(crate) type Made = Option<Mutant>;

impl Random {
    fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        (!items.is_empty()).then(|| &items[self.below(items.len())])
    }

    pub(crate) fn word(&mut self) -> U256 {
        U256::from_limbs([self.next(), self.next(), self.next(), self.next()])
    }

    /// A point of unknown logarithm to nobody in particular.
    pub(crate) fn point(&mut self) -> [u8; POINT_BYTES] {
        let scalar = Fr::from(self.next() | 1) * Fr::from(self.next() | 1);
        // invariant: the scalar is not zero, so the point is finite.
        point_to_bytes(&G1::to_affine(&(G1Affine::generator() * scalar)))
    }
}

/// The word at `at`.
pub(crate) fn word(bytes: &[u8], at: usize) -> U256 {
    U256::from_be_slice(&bytes[at..at + 32])
}

/// Puts a word at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: U256) {
    bytes[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
}

/// A word from `modulus` on that is the same modulo it.
pub(crate) fn alias(value: U256, modulus: U256, random: &mut Random) -> U256 {
    // A stacked alteration may meet a word that is an alias already, with none above it.
    let least = value % modulus;
    let most = (U256::MAX - least) / modulus;
    least + modulus * U256::from(1 + random.below(most.to::<usize>()))
}

/// A word from `modulus` on that is not `value` modulo it.
pub(crate) fn above(value: U256, modulus: U256, random: &mut Random) -> U256 {
    let choice = match random.below(3) {
        0 => modulus,
        1 => U256::MAX,
        _ => modulus + random.word() % (U256::MAX - modulus),
    };
    if choice % modulus == value % modulus {
        modulus + (value + U256::from(1)) % modulus
    } else {
        choice
    }
}

/// The encoded point with its sign changed.
pub(crate) fn negated(point: &[u8]) -> Option<[u8; POINT_BYTES]> {
    Some(point_to_bytes(&-point_from_bytes(point).ok()?))
}

impl<'a> Start<'a> {
    fn mutant(&self, what: String, change: impl FnOnce(&mut Claim)) -> Made {
        let mut claim = self.seed.clone();
        change(&mut claim);
        Some(Mutant { what, claim, calldata: None, gas: None })
    }

    fn point(&self, random: &mut Random) -> Option<usize> {
        random.of(&self.subject.points).copied()
    }

    fn scalar(&self, random: &mut Random) -> Option<usize> {
        random.of(&self.subject.scalars).copied()
    }

    /// Puts bytes at an offset of the proof.
    fn replaced(&self, what: String, at: usize, bytes: &[u8]) -> Made {
        self.mutant(what, |claim| claim.proof[at..at + bytes.len()].copy_from_slice(bytes))
    }

    /// A valid proof that is not the seed.
    fn other(&self, random: &mut Random) -> Option<&'a Claim> {
        let others: Vec<&Claim> = self.subject.seeds.iter().filter(|claim| *claim != self.seed).collect();
        random.of(&others).copied()
    }

    fn stranger(&self, elsewhere: Elsewhere, random: &mut Random) -> Option<&'a Claim> {
        let strangers = self.subject.strangers.iter().filter(|(found, _)| *found == elsewhere);
        random.of(&strangers.map(|(_, claim)| claim).collect::<Vec<_>>()).copied()
    }
}

pub(crate) fn point_bit(from: Start<'_>, random: &mut Random) -> Made {
    let (at, bit) = (from.point(random)? + random.below(POINT_BYTES), random.below(8));
    from.mutant(format!("bit {bit} of byte {at}"), |claim| claim.proof[at] ^= 1 << bit)
}

pub(crate) fn point_alias(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)? + SCALAR_BYTES * random.below(2);
    let value = alias(word(&from.seed.proof, at), Q, random);
    from.mutant(format!("coordinate at {at} is {value:#x}"), |claim| put(&mut claim.proof, at, value))
}

pub(crate) fn point_negated(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)?;
    let point = negated(&from.seed.proof[at..at + POINT_BYTES])?;
    from.replaced(format!("point at {at}"), at, &point)
}

pub(crate) fn points_swapped(from: Start<'_>, random: &mut Random) -> Made {
    let (a, b) = (from.point(random)?, from.point(random)?);
    from.mutant(format!("points at {a} and {b}"), |claim| {
        (0..POINT_BYTES).for_each(|n| claim.proof.swap(a + n, b + n));
    })
}

pub(crate) fn point_repeated(from: Start<'_>, random: &mut Random) -> Made {
    let (a, b) = (from.point(random)?, from.point(random)?);
    from.mutant(format!("point at {a} over that at {b}"), |claim| claim.proof.copy_within(a..a + POINT_BYTES, b))
}

pub(crate) fn point_transplanted(from: Start<'_>, random: &mut Random) -> Made {
    let (other, to) = (from.other(random)?, from.point(random)?);
    // Most often of the same place.
    let at = if random.below(4) == 0 { from.point(random)? } else { to };
    from.replaced(format!("another proof's point at {at} to {to}"), to, &other.proof[at..at + POINT_BYTES])
}

pub(crate) fn point_random(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)?;
    from.replaced(format!("point at {at}"), at, &random.point())
}

pub(crate) fn point_identity(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)?;
    from.replaced(format!("point at {at}"), at, &[0; POINT_BYTES])
}

pub(crate) fn point_off_curve(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)?;
    // Half of them keep their x.
    let x = if random.below(2) == 0 { word(&from.seed.proof, at) } else { random.word() % Q };
    let y = random.word() % Q;
    from.mutant(format!("point at {at}"), |claim| {
        put(&mut claim.proof, at, x);
        put(&mut claim.proof, at + SCALAR_BYTES, y);
    })
}

pub(crate) fn point_above(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.point(random)? + SCALAR_BYTES * random.below(2);
    let value = above(word(&from.seed.proof, at), Q, random);
    from.mutant(format!("coordinate at {at} is {value:#x}"), |claim| put(&mut claim.proof, at, value))
}

pub(crate) fn scalar_bit(from: Start<'_>, random: &mut Random) -> Made {
    let (at, bit) = (from.scalar(random)? + random.below(SCALAR_BYTES), random.below(8));
    from.mutant(format!("bit {bit} of byte {at}"), |claim| claim.proof[at] ^= 1 << bit)
}

pub(crate) fn scalar_alias(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.scalar(random)?;
    let value = alias(word(&from.seed.proof, at), R, random);
    from.mutant(format!("scalar at {at} is {value:#x}"), |claim| put(&mut claim.proof, at, value))
}

pub(crate) fn scalar_above(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.scalar(random)?;
    let value = above(word(&from.seed.proof, at), R, random);
    from.mutant(format!("scalar at {at} is {value:#x}"), |claim| put(&mut claim.proof, at, value))
}

pub(crate) fn scalar_replaced(from: Start<'_>, random: &mut Random) -> Made {
    let at = from.scalar(random)?;
    let old = word(&from.seed.proof, at);
    let one = U256::from(1);
    let value = match random.below(6) {
        0 => U256::ZERO,
        1 => one,
        2 => R - one,
        3 => (R - old) % R,
        4 => (old + one) % R,
        _ => random.word() % R,
    };
    from.mutant(format!("scalar at {at} is {value:#x}"), |claim| put(&mut claim.proof, at, value))
}

pub(crate) fn scalars_swapped(from: Start<'_>, random: &mut Random) -> Made {
    let (a, b) = (from.scalar(random)?, from.scalar(random)?);
    from.mutant(format!("scalars at {a} and {b}"), |claim| {
        (0..SCALAR_BYTES).for_each(|n| claim.proof.swap(a + n, b + n));
    })
}

pub(crate) fn scalar_repeated(from: Start<'_>, random: &mut Random) -> Made {
    let (a, b) = (from.scalar(random)?, from.scalar(random)?);
    from.mutant(format!("scalar at {a} over that at {b}"), |claim| claim.proof.copy_within(a..a + SCALAR_BYTES, b))
}

pub(crate) fn scalar_transplanted(from: Start<'_>, random: &mut Random) -> Made {
    let (other, at) = (from.other(random)?, from.scalar(random)?);
    from.replaced(format!("another proof's scalar at {at}"), at, &other.proof[at..at + SCALAR_BYTES])
}

/// Elements from one on are those of another proof.
pub(crate) fn spliced(from: Start<'_>, random: &mut Random) -> Made {
    let other = from.other(random)?;
    let at = match random.below(2) {
        0 => from.point(random)?,
        _ => from.scalar(random)?,
    };
    from.replaced(format!("another proof from byte {at} on"), at, &other.proof[at..])
}

pub(crate) fn random_bytes(from: Start<'_>, random: &mut Random) -> Made {
    let changes: Vec<(usize, u8)> =
        (0..1 + random.below(3)).map(|_| (random.below(from.seed.proof.len()), random.next() as u8)).collect();
    from.mutant(format!("bytes {changes:?}"), |claim| changes.iter().for_each(|(at, to)| claim.proof[*at] = *to))
}

/// Two to four alterations of which each alone is refused by all.
pub(crate) fn stacked(from: Start<'_>, random: &mut Random) -> Made {
    let single: Vec<_> = CLASSES.iter().filter(|class| class.stacks).collect();
    let (mut claim, mut what) = (from.seed.clone(), Vec::new());
    for _ in 0..2 + random.below(3) {
        // Alterations at fixed offsets need a whole proof.
        if claim.proof.len() != from.seed.proof.len() || claim.instances.len() != from.seed.instances.len() {
            break;
        }
        let class = random.of(&single)?;
        let Some(next) = (class.mutate)(Start { seed: &claim, ..from }, random) else { continue };
        what.push(format!("{}: {}", class.name, next.what));
        claim = next.claim;
    }
    Some(Mutant { what: what.join(", "), claim, calldata: None, gas: None })
}

pub(crate) fn truncated(from: Start<'_>, random: &mut Random) -> Made {
    let mut keep = random.below(from.seed.proof.len());
    // The reference reads zeros behind the end, so what is cut off must not be zeros.
    while from.seed.proof[keep..].iter().all(|byte| *byte == 0) {
        keep = keep.checked_sub(1)?;
    }
    from.mutant(format!("first {keep} bytes"), |claim| claim.proof.truncate(keep))
}

pub(crate) fn extended(from: Start<'_>, random: &mut Random) -> Made {
    let more: Vec<u8> = match random.below(4) {
        0 => from.seed.proof.clone(),
        1 => vec![random.next() as u8],
        _ => (0..1 + random.below(200)).map(|_| random.next() as u8).collect(),
    };
    from.mutant(format!("{} bytes more", more.len()), |claim| claim.proof.extend(more))
}

pub(crate) fn trailing_zeros(from: Start<'_>, random: &mut Random) -> Made {
    let more = *random.of(&[1, 31, 32, 33, 64, 1000])?;
    from.mutant(format!("{more} zeros more"), |claim| claim.proof.resize(claim.proof.len() + more, 0))
}

pub(crate) fn emptied(from: Start<'_>, _: &mut Random) -> Made {
    from.mutant("no proof".into(), |claim| claim.proof.clear())
}

pub(crate) fn word_dropped(from: Start<'_>, random: &mut Random) -> Made {
    let at = SCALAR_BYTES * random.below(from.seed.proof.len() / SCALAR_BYTES);
    from.mutant(format!("word at {at}"), |claim| drop(claim.proof.drain(at..at + SCALAR_BYTES)))
}

pub(crate) fn word_inserted(from: Start<'_>, random: &mut Random) -> Made {
    // Not behind the last word, where the reference would not look.
    let at = SCALAR_BYTES * random.below(from.seed.proof.len() / SCALAR_BYTES - 1);
    let value = scalar_to_bytes(&Fr::from(random.next()));
    from.mutant(format!("word at {at}"), |claim| drop(claim.proof.splice(at..at, value)))
}

pub(crate) fn instance_bit(from: Start<'_>, random: &mut Random) -> Made {
    let (n, byte, bit) = (random.below(from.seed.instances.len()), random.below(SCALAR_BYTES), random.below(8));
    from.mutant(format!("bit {bit} of byte {byte} of instance {n}"), |claim| claim.instances[n][byte] ^= 1 << bit)
}

fn instance(from: Start<'_>, random: &mut Random, other: impl Fn(U256, &mut Random) -> U256) -> Made {
    let n = random.below(from.seed.instances.len());
    let value = other(word(&from.seed.instances[n], 0), random);
    from.mutant(format!("instance {n} is {value:#x}"), |claim| put(&mut claim.instances[n], 0, value))
}

pub(crate) fn instance_alias(from: Start<'_>, random: &mut Random) -> Made {
    instance(from, random, |old, random| alias(old, R, random))
}

pub(crate) fn instance_above(from: Start<'_>, random: &mut Random) -> Made {
    instance(from, random, |old, random| above(old, R, random))
}

pub(crate) fn instance_replaced(from: Start<'_>, random: &mut Random) -> Made {
    instance(from, random, |old, random| match random.below(4) {
        0 => U256::ZERO,
        1 => (R - old) % R,
        2 => (old + U256::from(1)) % R,
        _ => random.word() % R,
    })
}

pub(crate) fn instances_permuted(from: Start<'_>, random: &mut Random) -> Made {
    let count = from.seed.instances.len();
    let (a, b) = (random.below(count), random.below(count));
    from.mutant(format!("instances {a} and {b}"), |claim| claim.instances.swap(a, b))
}

pub(crate) fn instances_fewer(from: Start<'_>, random: &mut Random) -> Made {
    let keep = random.below(from.seed.instances.len());
    from.mutant(format!("first {keep}"), |claim| claim.instances.truncate(keep))
}

pub(crate) fn instances_more(from: Start<'_>, random: &mut Random) -> Made {
    let value = if random.below(2) == 0 { U256::ZERO } else { random.word() % R };
    let more = 1 + random.below(3);
    from.mutant(format!("{more} times {value:#x} more"), |claim| {
        claim.instances.extend(vec![value.to_be_bytes::<32>(); more]);
    })
}

pub(crate) fn instances_transplanted(from: Start<'_>, random: &mut Random) -> Made {
    let other = from.other(random)?;
    from.mutant("another proof's".into(), |claim| claim.instances = other.instances.clone())
}

pub(crate) fn of_another_circuit(from: Start<'_>, random: &mut Random) -> Made {
    // With the instances of the seed, so that the proof alone is at fault.
    let stranger = from.stranger(Elsewhere::Circuit, random)?;
    from.mutant("its proof".into(), |claim| claim.proof = stranger.proof.clone())
}

fn whole_stranger(from: Start<'_>, random: &mut Random, elsewhere: Elsewhere) -> Made {
    let stranger = from.stranger(elsewhere, random)?;
    from.mutant("proof and instances".into(), |claim| *claim = stranger.clone())
}

pub(crate) fn of_other_columns(from: Start<'_>, random: &mut Random) -> Made {
    whole_stranger(from, random, Elsewhere::Columns)
}

pub(crate) fn of_another_srs(from: Start<'_>, random: &mut Random) -> Made {
    whole_stranger(from, random, Elsewhere::Srs)
}

pub(crate) fn of_another_size(from: Start<'_>, random: &mut Random) -> Made {
    whole_stranger(from, random, Elsewhere::Size)
}
