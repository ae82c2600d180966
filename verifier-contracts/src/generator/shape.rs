//! What a proof of one verifying key consists of, and which openings it claims.
//!
//! A proof is, in this order: the advice commitments of each phase; the commitment to the random
//! polynomial; the pieces of the quotient; the evaluations (advice, fixed, random polynomial); the
//! two SHPLONK commitments. Source: `verify_proof` and `VerifierSHPLONK` of halo2-axiom 0.5.3.

use std::collections::BTreeSet;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::plonk::{ConstraintSystem, VerifyingKey};

use super::GeneratorError;
use zkpoc_engine::encoding::{POINT_BYTES, SCALAR_BYTES};

/// A committed polynomial that the proof opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// Advice column.
    Advice(usize),
    /// Fixed column.
    Fixed(usize),
    /// The quotient, put together from its pieces.
    Quotient,
    /// The random polynomial.
    Random,
}

/// Where the claimed value of an opening comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The n-th evaluation of the proof.
    Proof(usize),
    /// The value of the quotient that the constraints demand.
    Quotient,
}

/// Polynomials opened at the same points. `points` index [`Shape::rotations`]; `polys` hold one
/// value per point, in the same order.
#[derive(Clone, Debug)]
pub(super) struct OpeningSet {
    pub(super) points: Vec<usize>,
    pub(super) polys: Vec<(Opened, Vec<Value>)>,
}

/// Commitments and challenges of one phase, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase {
    pub(super) advice: Vec<usize>,
    pub(super) challenges: Vec<usize>,
}

/// The shape of proofs of one key.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) k: u32,
    pub(super) instances: usize,
    pub(super) phases: Vec<Phase>,
    pub(super) pieces: usize,
    /// (column, rotation) per advice evaluation.
    pub(super) advice: Vec<(usize, i32)>,
    /// (column, rotation) per fixed evaluation.
    pub(super) fixed: Vec<(usize, i32)>,
    /// Rotation per instance evaluation.
    pub(super) instance: Vec<i32>,
    /// Distinct rotations mod 2^k that something is opened at.
    pub(super) rotations: Vec<u64>,
    pub(super) sets: Vec<OpeningSet>,
}

impl Shape {
    /// Reads the shape off a key.
    ///
    /// # Errors
    /// What the generator does not support, a declared degree above the real one, and query
    /// collisions: see [`GeneratorError`].
    pub(super) fn new(vk: &VerifyingKey<G1Affine>, instances: usize) -> Result<Self, GeneratorError> {
        let cs = vk.cs();
        refuse_unsupported(cs, instances)?;
        let k = vk.get_domain().k();
        let n = 1u64 << k;
        let pieces = check_degree(vk)?;
        let advice = queries(cs.advice_queries().iter().map(|(c, r)| (c.index(), r.0)));
        let fixed = queries(cs.fixed_queries().iter().map(|(c, r)| (c.index(), r.0)));
        let instance: Vec<i32> = cs.instance_queries().iter().map(|(_, r)| r.0).collect();
        refuse_collisions("advice", &advice, n)?;
        refuse_collisions("fixed", &fixed, n)?;
        let (rotations, sets) = opening_sets(&advice, &fixed, n);
        if !matches!(sets[0].polys[0].0, Opened::Advice(_) | Opened::Fixed(_)) {
            return Err(GeneratorError::unsupported("a circuit that queries no column"));
        }
        Ok(Shape { k, instances, phases: phases(cs), pieces, advice, fixed, instance, rotations, sets })
    }

    /// 2^k.
    pub(super) fn n(&self) -> u64 {
        1 << self.k
    }

    /// Evaluations in the proof.
    pub(super) fn evals(&self) -> usize {
        self.advice.len() + self.fixed.len() + 1
    }

    /// Advice commitments in the proof.
    pub(super) fn advice_points(&self) -> usize {
        self.phases.iter().map(|phase| phase.advice.len()).sum()
    }

    /// Bytes of a proof.
    pub(super) fn proof_bytes(&self) -> usize {
        POINT_BYTES * (self.advice_points() + 1 + self.pieces + 2) + SCALAR_BYTES * self.evals()
    }

    /// Rows whose Lagrange polynomials the instance evaluations need, mod 2^k.
    pub(super) fn instance_rows(&self) -> Vec<u64> {
        let rows: BTreeSet<u64> = self
            .instance
            .iter()
            .flat_map(|rotation| (0..self.instances).map(|i| self.instance_row(i, *rotation)))
            .collect();
        rows.into_iter().collect()
    }

    /// The row whose Lagrange polynomial meets instance `index` in a query at `rotation`.
    pub(super) fn instance_row(&self, index: usize, rotation: i32) -> u64 {
        (index as i64 - i64::from(rotation)).rem_euclid(self.n() as i64) as u64
    }
}

fn queries(iter: impl Iterator<Item = (usize, i32)>) -> Vec<(usize, i32)> {
    iter.collect()
}

fn refuse_unsupported(cs: &ConstraintSystem<Fr>, instances: usize) -> Result<(), GeneratorError> {
    if !cs.lookups().is_empty() {
        return Err(GeneratorError::unsupported("halo2's lookup argument"));
    }
    if !cs.permutation().get_columns().is_empty() {
        return Err(GeneratorError::unsupported("equality columns"));
    }
    if cs.num_instance_columns() > 1 {
        return Err(GeneratorError::unsupported("more than one instance column"));
    }
    if cs.num_instance_columns() == 0 && instances > 0 {
        return Err(GeneratorError::unsupported("instances of a circuit without an instance column"));
    }
    Ok(())
}

/// The number of quotient pieces. A declared degree above that of the gates gives proofs whose last
/// pieces are zero, hence the identity, which contracts reject: refuse such a key here.
fn check_degree(vk: &VerifyingKey<G1Affine>) -> Result<usize, GeneratorError> {
    let cs = vk.cs();
    let real =
        cs.gates().iter().flat_map(|gate| gate.polynomials().iter().map(|poly| poly.degree())).max().unwrap_or(0);
    let pieces = vk.get_domain().get_quotient_poly_degree();
    if cs.degree() != real || pieces + 1 != real {
        return Err(GeneratorError::Degree { declared: cs.degree().max(pieces + 1), real });
    }
    Ok(pieces)
}

fn refuse_collisions(kind: &'static str, queries: &[(usize, i32)], n: u64) -> Result<(), GeneratorError> {
    for (i, (column, rotation)) in queries.iter().enumerate() {
        let same =
            queries[..i].iter().find(|(other, earlier)| other == column && modulo(*earlier, n) == modulo(*rotation, n));
        if let Some((_, earlier)) = same {
            return Err(GeneratorError::QueryCollision {
                kind,
                column: *column,
                first: *earlier,
                second: *rotation,
                rows: n,
            });
        }
    }
    Ok(())
}

fn modulo(rotation: i32, n: u64) -> u64 {
    i64::from(rotation).rem_euclid(n as i64) as u64
}

fn phases(cs: &ConstraintSystem<Fr>) -> Vec<Phase> {
    let (columns, challenges) = (cs.advice_column_phase(), cs.challenge_phase());
    let last = columns.iter().copied().max().unwrap_or(0);
    let of = |phases: &[u8], phase| (0..phases.len()).filter(|i| phases[*i] == phase).collect::<Vec<_>>();
    (0..=last).map(|phase| Phase { advice: of(&columns, phase), challenges: of(&challenges, phase) }).collect()
}

/// Groups the openings as SHPLONK does: by set of points, in order of first appearance.
fn opening_sets(advice: &[(usize, i32)], fixed: &[(usize, i32)], n: u64) -> (Vec<u64>, Vec<OpeningSet>) {
    let random = advice.len() + fixed.len();
    let advice_openings = advice.iter().map(|(c, r)| (Opened::Advice(*c), *r));
    let fixed_openings = fixed.iter().map(|(c, r)| (Opened::Fixed(*c), *r));
    let openings = advice_openings
        .chain(fixed_openings)
        .enumerate()
        .map(|(i, (opened, rotation))| (opened, rotation, Value::Proof(i)))
        .chain([(Opened::Quotient, 0, Value::Quotient), (Opened::Random, 0, Value::Proof(random))]);
    let mut rotations: Vec<u64> = Vec::new();
    let mut polys: Vec<(Opened, Vec<(usize, Value)>)> = Vec::new();
    for (opened, rotation, value) in openings {
        let rotation = modulo(rotation, n);
        let point = rotations.iter().position(|r| *r == rotation).unwrap_or_else(|| {
            rotations.push(rotation);
            rotations.len() - 1
        });
        match polys.iter_mut().find(|(other, _)| *other == opened) {
            Some((_, values)) => values.push((point, value)),
            None => polys.push((opened, vec![(point, value)])),
        }
    }
    let mut sets: Vec<OpeningSet> = Vec::new();
    for (opened, mut values) in polys {
        values.sort_by_key(|(point, _)| *point);
        let points: Vec<usize> = values.iter().map(|(point, _)| *point).collect();
        let values: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
        match sets.iter_mut().find(|set| set.points == points) {
            Some(set) => set.polys.push((opened, values)),
            None => sets.push(OpeningSet { points, polys: vec![(opened, values)] }),
        }
    }
    (rotations, sets)
}
