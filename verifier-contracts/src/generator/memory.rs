//! Where the generated verifier keeps what, in bytes of memory.
//!
//! The verifier is one assembly block that never returns to Solidity, so it owns all of memory.
//! Every proof element stays where the transcript hashed it, behind the hash it was hashed with.

use super::gates::Program;
use super::key::Key;
use super::shape::{Opened, OpeningSet, Shape, Value};
use super::yul::WORD;
use super::GeneratorError;
use zkpoc_engine::encoding::POINT_BYTES;

/// Input and output of precompiles: [0x00, 0x180).
const SCRATCH: usize = 0x180;

/// Memory beyond this costs more than the verification; no circuit that fits a contract needs it.
const LIMIT: usize = 1 << 16;

/// Words of an accumulator, as ABI-encoded, before its scalars: offset, length, two points.
pub(super) const HEAD: usize = 6;

/// Something that the transcript absorbs, with its address and, in a proof, its offset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absorbed {
    Digest(usize),
    Instances,
    Points { at: usize, offset: usize, count: usize },
    Scalars { offset: usize },
}

/// What is hashed at once, and the words that the challenges drawn then go to (`None`: unused).
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) absorbed: Vec<Absorbed>,
    pub(super) challenges: Vec<Option<usize>>,
}

/// The memory map.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Evaluation point, its n-th power.
    pub(super) x: usize,
    pub(super) xn: usize,
    /// Folds constraints; folds polynomials of a set; folds sets; opening point of SHPLONK.
    pub(super) y: usize,
    pub(super) mu: usize,
    pub(super) v: usize,
    pub(super) u: usize,
    /// Vanishing polynomial of the first set at u.
    pub(super) z0: usize,
    /// Value that the constraints demand of the quotient.
    pub(super) quotient: usize,
    challenges: usize,
    instances: usize,
    pub(super) instance_evals: usize,
    pub(super) key: usize,
    pub(super) segments: Vec<Segment>,
    evals: usize,
    advice: Vec<usize>,
    random: usize,
    pieces: usize,
    pub(super) h1: usize,
    pub(super) h2: usize,
    /// Denominators: rotations, instance rows, x^n - 1, x.
    denominators: usize,
    /// For each the product of those before it, then its inverse.
    inverses: usize,
    /// Powers of 1/x, from the first.
    pub(super) x_inverses: usize,
    pub(super) weights: usize,
    /// An accumulator as ABI-encoded words: offset, length, the two points, the scalars of the key's points.
    pub(super) accumulator: usize,
    /// The final sum: opened polynomials set by set, generator, the two SHPLONK commitments.
    pub(super) terms: Vec<SumTerm>,
    pub(super) temps: usize,
    /// Name and first address of each region, and the end.
    pub(super) regions: Vec<(&'static str, usize)>,
    pub(super) end: usize,
}

struct Allocator {
    next: usize,
    regions: Vec<(&'static str, usize)>,
}

impl Allocator {
    fn take(&mut self, name: &'static str, words: usize) -> usize {
        let at = self.next;
        if words > 0 {
            self.regions.push((name, at));
        }
        self.next += WORD * words;
        at
    }
}

/// Numbers of things in [`Memory::inverses`].
pub(super) struct Inverses {
    pub(super) rows: usize,
    pub(super) vanishing: usize,
    pub(super) x: usize,
    pub(super) count: usize,
}

impl Inverses {
    pub(super) fn new(shape: &Shape) -> Self {
        let rows = shape.rotations.len();
        let vanishing = rows + shape.instance_rows().len();
        Inverses { rows, vanishing, x: vanishing + 1, count: vanishing + 2 }
    }
}

/// A term of the final sum of points: where the point lies, where its scalar, and whether the point is the key's.
#[derive(Clone, Copy, Debug)]
pub(super) struct SumTerm {
    pub(super) point: usize,
    pub(super) scalar: usize,
    pub(super) of_key: bool,
}

/// Terms whose points are the key's: the queried fixed columns and the generator.
pub(super) fn key_terms(shape: &Shape) -> usize {
    let polys = shape.sets.iter().flat_map(|set| &set.polys);
    polys.filter(|(opened, _)| matches!(opened, Opened::Fixed(_))).count() + 1
}

/// Terms whose points are the proof's: the other opened commitments and the two of SHPLONK.
fn proof_terms(shape: &Shape) -> usize {
    let polys: usize = shape.sets.iter().map(|set| set.polys.len()).sum();
    polys + shape.pieces - 1 + 3 - key_terms(shape)
}

impl Memory {
    /// Lays out memory.
    ///
    /// # Errors
    /// [`GeneratorError::TooLarge`] where an address does not fit two bytes.
    pub(super) fn new(shape: &Shape, key: &Key, program: &Program) -> Result<Self, GeneratorError> {
        let mut a = Allocator { next: SCRATCH, regions: vec![("scratch: input and output of precompiles", 0)] };
        let named = a.take("x, x^n, y, mu, v, u, Z_0(u), value of the quotient", 8);
        let slot = |n: usize| named + WORD * n;
        let count = shape.phases.iter().map(|p| p.challenges.len()).sum();
        let challenges = a.take("challenges of the circuit", count);
        let instance_evals = a.take("instance evaluations", shape.instance.len());
        let key_at = a.take("key data", key.words());
        let script = Script::new(shape, &mut a, challenges, &slot);
        let max_points = shape.sets.iter().map(|set| set.points.len()).max();
        let max_points = max_points.unwrap_or(1);
        let count = Inverses::new(shape).count;
        let denominators = a.take("denominators", count);
        let inverses = a.take("products of the denominators before each, then its inverse", count);
        let x_inverses = a.take("powers of 1/x", max_points - 1);
        let shared = shape.sets.iter().any(OpeningSet::shares_weights);
        let weights = a.take("weights of one opening set", max_points * usize::from(shared));
        let scalars = a.take("scalars of the proof's points in the final sum", proof_terms(shape));
        let accumulator =
            a.take("accumulator: offset, length, two points, scalars of the key's points", HEAD + key_terms(shape));
        let temps = a.take("intermediate values of the constraints", program.temps);
        if a.next > LIMIT {
            return Err(GeneratorError::TooLarge { what: "memory", limit: LIMIT, got: a.next });
        }
        let mut memory = Memory {
            x: slot(0),
            xn: slot(1),
            y: slot(2),
            mu: slot(3),
            v: slot(4),
            u: slot(5),
            z0: slot(6),
            quotient: slot(7),
            challenges,
            instances: script.instances,
            instance_evals,
            key: key_at,
            segments: script.segments,
            evals: script.evals,
            advice: script.advice,
            random: script.random,
            pieces: script.pieces,
            h1: script.h1,
            h2: script.h2,
            denominators,
            inverses,
            x_inverses,
            weights,
            accumulator,
            terms: Vec::new(),
            temps,
            regions: a.regions,
            end: a.next,
        };
        memory.terms = memory.final_sum(shape, key, scalars);
        Ok(memory)
    }

    fn final_sum(&self, shape: &Shape, key: &Key, scalars: usize) -> Vec<SumTerm> {
        let opened = shape.sets.iter().flat_map(|set| &set.polys);
        let opened = opened.flat_map(|(opened, _)| {
            let of_key = matches!(opened, Opened::Fixed(_));
            self.points(*opened, shape, key).into_iter().map(move |point| (point, of_key))
        });
        let last = [(self.key_word(key.g1), true), (self.h1, false), (self.h2, false)];
        let (mut of_proof, mut of_the_key) = (scalars, self.accumulator + WORD * HEAD);
        let terms = opened.chain(last).map(|(point, of_key)| {
            let next = if of_key { &mut of_the_key } else { &mut of_proof };
            let scalar = *next;
            *next += WORD;
            SumTerm { point, scalar, of_key }
        });
        terms.collect()
    }

    pub(super) fn challenge(&self, n: usize) -> usize {
        self.challenges + WORD * n
    }

    pub(super) fn instance(&self, n: usize) -> usize {
        self.instances + WORD * n
    }

    pub(super) fn instance_eval(&self, n: usize) -> usize {
        self.instance_evals + WORD * n
    }

    pub(super) fn eval(&self, n: usize) -> usize {
        self.evals + WORD * n
    }

    pub(super) fn value(&self, value: Value) -> usize {
        match value {
            Value::Proof(n) => self.eval(n),
            Value::Quotient => self.quotient,
        }
    }

    pub(super) fn inverse(&self, n: usize) -> usize {
        self.inverses + WORD * n
    }

    pub(super) fn denominator(&self, n: usize) -> usize {
        self.denominators + WORD * n
    }

    /// Address of 1/x^power, power > 0.
    pub(super) fn x_inverse(&self, power: usize) -> usize {
        self.x_inverses + WORD * (power - 1)
    }

    pub(super) fn key_word(&self, n: usize) -> usize {
        self.key + WORD * n
    }

    /// Addresses of the points of an opened polynomial; the quotient has one per piece.
    fn points(&self, opened: Opened, shape: &Shape, key: &Key) -> Vec<usize> {
        match opened {
            Opened::Advice(column) => vec![self.advice[column]],
            Opened::Fixed(column) => vec![self.key_word(key.fixed(column))],
            Opened::Random => vec![self.random],
            Opened::Quotient => (0..shape.pieces).map(|i| self.pieces + POINT_BYTES * i).collect(),
        }
    }
}

/// The transcript as segments, and where things came to lie.
struct Script {
    segments: Vec<Segment>,
    instances: usize,
    advice: Vec<usize>,
    random: usize,
    pieces: usize,
    evals: usize,
    h1: usize,
    h2: usize,
}

impl Script {
    fn new(shape: &Shape, a: &mut Allocator, challenges: usize, slot: &dyn Fn(usize) -> usize) -> Self {
        let mut offset = 0;
        let mut points = |a: &mut Allocator, name: &'static str, count: usize| {
            let at = a.take(name, 2 * count);
            let taken = Absorbed::Points { at, offset, count };
            offset += POINT_BYTES * count;
            (at, taken)
        };
        let mut segments = Vec::new();
        let mut start = a.take("transcript: digest of the key", 1);
        let mut absorbed = vec![Absorbed::Digest(start)];
        let instances = a.take("instances", shape.instances);
        absorbed.push(Absorbed::Instances);
        let mut advice = vec![0; shape.advice_points()];
        for (i, phase) in shape.phases.iter().enumerate() {
            let (at, taken) = points(a, "advice commitments of a phase", phase.advice.len());
            for (n, column) in phase.advice.iter().enumerate() {
                advice[*column] = at + POINT_BYTES * n;
            }
            absorbed.push(taken);
            let words = phase.challenges.iter();
            let mut drawn: Vec<_> = words.map(|n| Some(challenges + WORD * n)).collect();
            if i + 1 == shape.phases.len() {
                // Those of the lookup and permutation arguments, drawn but unused.
                drawn.extend([None; 3]);
            }
            if !drawn.is_empty() {
                let end = a.next;
                segments.push(Segment { start, end, absorbed: std::mem::take(&mut absorbed), challenges: drawn });
                start = a.take("transcript: hash so far", 1);
            }
        }
        let mut finish = |a: &mut Allocator, absorbed, challenges: Vec<Option<usize>>| {
            let end = a.next;
            let more = !challenges.is_empty();
            segments.push(Segment { start, end, absorbed: vec![absorbed], challenges });
            if more {
                start = a.take("transcript: hash so far", 1);
            }
        };
        let (random, taken) = points(a, "commitment to the random polynomial", 1);
        finish(a, taken, vec![Some(slot(2))]);
        let (pieces, taken) = points(a, "commitments to the quotient", shape.pieces);
        finish(a, taken, vec![Some(slot(0))]);
        let evals_offset = POINT_BYTES * (shape.advice_points() + 1 + shape.pieces);
        let evals = a.take("evaluations", shape.evals());
        let taken = Absorbed::Scalars { offset: evals_offset };
        finish(a, taken, vec![Some(slot(3)), Some(slot(4))]);
        let after = evals_offset + WORD * shape.evals();
        let point = |a: &mut Allocator, name: &'static str, offset: usize| {
            let at = a.take(name, 2);
            (at, Absorbed::Points { at, offset, count: 1 })
        };
        let (h1, taken) = point(a, "first SHPLONK commitment", after);
        finish(a, taken, vec![Some(slot(5))]);
        let (h2, taken) = point(a, "second SHPLONK commitment", after + POINT_BYTES);
        finish(a, taken, Vec::new());
        Script { segments, instances, advice, random, pieces, evals, h1, h2 }
    }
}
