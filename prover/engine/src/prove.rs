//! The protocol: what is committed, drawn and opened, in Halo2's order.
//!
//! # Order
//! key, public inputs · first phase · challenges · second phase · theta, beta, gamma (drawn, unused) ·
//! random polynomial · y · quotient pieces · x · values of advice, fixed and random polynomials ·
//! opening.
//!
//! # Errors
//! [`EngineError`].

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::plonk::VerifyingKey;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use rand_core::OsRng;
use rayon::prelude::*;
use zkpoc_circuits::columns::Columns;

use crate::arith;
use crate::arith::Domain;
use crate::commit::{commit_in, msm_in, normalize};
use crate::memory::Strategy;
use crate::opening::{combine, open, Opened};
use crate::quotient::{pieces, Source};
use crate::shape::{Query, PIECES};
use crate::wipe;
use crate::{Engine, Stages};
use zkpoc_circuits::ErrorKind;

/// A proof that the engine cannot make.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The circuit has no witness.
    #[error("the circuit has no witness")]
    NoWitness,
    /// The witness has other columns than the constraint system.
    #[error("{what}: {expected} are expected, there are {found}")]
    Columns {
        /// What there is a wrong number of.
        what: &'static str,
        /// The right number.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// The transcript refuses an element, such as the identity.
    #[error("the transcript refuses an element of the proof: {0}")]
    Transcript(#[from] io::Error),
}

impl EngineError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoWitness | Self::Columns { .. } => ErrorKind::Input,
            // It refuses the identity alone, which random blinding rows and keys that are whole never give.
            Self::Transcript(_) => ErrorKind::Environment,
        }
    }
}

/// The points that commit to columns of `n` rows: a structured reference string of that size.
pub trait CommitmentKey: Sync {
    /// `[tau^i]_1` for `i < n`: commits to coefficients.
    fn powers(&self) -> &[G1Affine];

    /// `[L_i(tau)]_1` for every row: commits to values.
    fn lagrange(&self) -> Arc<Vec<G1Affine>>;

    /// Drops the list behind [`CommitmentKey::lagrange`], where that saves memory; it is made anew when it is asked for.
    fn forget_lagrange(&self);
}

/// What is proven, beside the circuit's witness.
#[derive(Clone, Copy)]
pub struct Statement<'a> {
    /// Public inputs.
    pub instances: &'a [Fr],
    /// The blinding rows of the first columns; those of all other columns are random.
    pub tails: &'a [Vec<Fr>],
}

impl std::fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statement({:?}, {} tails)", self.instances, self.tails.len())
    }
}

fn expect(what: &'static str, expected: usize, found: usize) -> Result<(), EngineError> {
    if expected == found {
        Ok(())
    } else {
        Err(EngineError::Columns { what, expected, found })
    }
}

/// Columns that held secrets; wiped when dropped.
struct Secret(Vec<Vec<Fr>>);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|column| wipe(column));
    }
}

/// Does a stage's work, and what the strategy does after each.
fn timed<R>(strategy: Strategy, total: &mut Duration, work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = work();
    strategy.settle();
    *total += start.elapsed();
    result
}

/// Writes a proof for a circuit with a witness to a transcript.
pub fn prove<C: Columns, E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
    engine: &Engine,
    srs: &dyn CommitmentKey,
    vk: &VerifyingKey<G1Affine>,
    circuit: C,
    statement: Statement<'_>,
    strategy: Strategy,
    transcript: &mut T,
) -> Result<Stages, EngineError> {
    let mut stages = Stages::default();
    let shape = &engine.shape;
    let (n, usable) = (shape.rows(), shape.usable());
    let chunk = strategy.chunk(n);
    expect("rows of the SRS", n, srs.powers().len())?;
    expect("instance columns", 1, shape.instance)?;
    if statement.instances.len() > usable {
        return Err(EngineError::Columns { what: "public inputs", expected: usable, found: statement.instances.len() });
    }
    transcript.common_scalar(vk.transcript_repr())?;
    statement.instances.iter().try_for_each(|value| transcript.common_scalar(*value))?;

    strategy.settle();

    // First phase.
    let bases = srs.lagrange();
    let first = circuit.first_phase().ok_or(EngineError::NoWitness)?;
    expect("first-phase columns", shape.first, first.len())?;
    check_rows(first.iter().map(|column| column.len()), n)?;
    let tails = Secret(all_tails(statement.tails, shape.advice, shape.blinding_rows)?);
    let tails = &tails.0;
    let points = timed(strategy, &mut stages.commit, || {
        let mut column = Secret(vec![Vec::with_capacity(n)]);
        let mut committed = Vec::with_capacity(first.len());
        for (cells, tail) in first.iter().zip(tails) {
            column.0[0].clear();
            column.0[0].extend_from_slice(&cells[..usable]);
            column.0[0].extend_from_slice(tail);
            committed.push(commit_in(chunk, &column.0[0], &bases));
        }
        normalize(&committed)
    });
    points.into_iter().try_for_each(|point| transcript.write_point(point))?;
    drop(first);
    let challenges: Vec<Fr> = (0..shape.challenges).map(|_| *transcript.squeeze_challenge_scalar::<()>()).collect();

    // Second phase.
    let second =
        timed(strategy, &mut stages.witness, || circuit.second_phase(&challenges)).ok_or(EngineError::NoWitness)?;
    expect("second-phase columns", shape.advice - shape.first, second.len())?;
    check_rows(second.iter().map(Vec::len), n)?;
    let mut columns = Secret(circuit.into_first_phase().ok_or(EngineError::NoWitness)?);
    columns.0.extend(second);
    let advice = &mut columns.0;
    for (column, tail) in advice.iter_mut().zip(tails) {
        column[usable..].copy_from_slice(tail);
    }
    let points = timed(strategy, &mut stages.commit, || {
        let committed: Vec<G1> = advice[shape.first..].iter().map(|column| commit_in(chunk, column, &bases)).collect();
        normalize(&committed)
    });
    points.into_iter().try_for_each(|point| transcript.write_point(point))?;
    drop(bases);
    if strategy == Strategy::Thrifty {
        srs.forget_lagrange();
    }
    // theta, beta, gamma: no lookup and no copy uses them.
    (0..3).for_each(|_| {
        transcript.squeeze_challenge_scalar::<()>();
    });

    // The random polynomial, see the module's note on zero knowledge.
    let random = [Fr::random(OsRng), Fr::random(OsRng)];
    let point = normalize(&[arith::msm(&random, &srs.powers()[..random.len()])]);
    point.into_iter().try_for_each(|point| transcript.write_point(point))?;
    let y = *transcript.squeeze_challenge_scalar::<()>();

    // The quotient.
    let domain = Domain::new(shape.k);
    let fixed: Vec<Source<'_>> = timed(strategy, &mut stages.interpolate, || {
        advice.par_iter_mut().for_each(|column| domain.interpolate(column));
        match strategy {
            Strategy::Fast => engine.kept(&domain).sources().collect(),
            Strategy::Thrifty => engine.fixed.iter().map(|column| Source::Integers(column)).collect(),
        }
    });
    let advice: Vec<Source<'_>> = columns.0.iter().map(|column| Source::Coefficients(column)).collect();
    let [h0, h1] = timed(strategy, &mut stages.quotient, || {
        let all: Vec<Source<'_>> =
            advice.iter().chain(&fixed).copied().chain([Source::Values(statement.instances)]).collect();
        let scalars = engine.program.scalars(&challenges, y);
        pieces(&domain, strategy.parts(n), &engine.program, &scalars, &all)
    });
    let points = timed(strategy, &mut stages.pieces, || {
        let committed: [G1; PIECES] = [&h0, &h1].map(|piece| msm_in(chunk, piece, srs.powers()));
        normalize(&committed)
    });
    points.into_iter().try_for_each(|point| transcript.write_point(point))?;

    // Values.
    let x = *transcript.squeeze_challenge_scalar::<()>();
    let (rotations, points) = opening_points(engine, &domain, x);
    let values: Vec<Fr> = timed(strategy, &mut stages.evaluate, || {
        let advice_queries = shape.advice_queries.iter().map(|(column, rotation)| (&advice[*column], rotation));
        let fixed_queries = shape.fixed_queries.iter().map(|(column, rotation)| (&fixed[*column], rotation));
        let queries: Vec<_> = advice_queries.chain(fixed_queries).collect();
        let point = |rotation: &usize| points[index_of(&rotations, *rotation)];
        let value = |(source, rotation): &(&Source<'_>, &usize)| {
            arith::evaluate(source.coefficients(&domain, &mut Vec::new()), point(rotation))
        };
        queries.par_iter().map(value).collect()
    });
    values.into_iter().try_for_each(|value| transcript.write_scalar(value))?;
    transcript.write_scalar(random[0] + random[1] * x)?;

    // The opening.
    let combined = timed(strategy, &mut stages.open, || {
        let mut h = h0;
        arith::add_scaled(&mut h, &h1, x.pow_vartime([n as u64]));
        drop(h1);
        let mut opened = Vec::new();
        let of = |queries: &[Query], column: usize| -> Vec<usize> {
            queries.iter().filter(|query| query.0 == column).map(|query| index_of(&rotations, query.1)).collect()
        };
        for (queries, polynomials) in [(&shape.advice_queries, &advice), (&shape.fixed_queries, &fixed)] {
            for column in first_occurrences(queries) {
                opened.push(Opened { source: polynomials[column], points: of(queries, column) });
            }
        }
        let at_x = vec![index_of(&rotations, 0)];
        opened.push(Opened { source: Source::Coefficients(&h), points: at_x.clone() });
        opened.push(Opened { source: Source::Coefficients(&random), points: at_x });
        combine(&opened, &domain, transcript)
    });
    drop(advice);
    drop(columns);
    strategy.settle();
    timed(strategy, &mut stages.open, || open(&combined, &points, srs.powers(), strategy, transcript))?;
    Ok(stages)
}

fn check_rows(mut lengths: impl Iterator<Item = usize>, n: usize) -> Result<(), EngineError> {
    lengths.try_for_each(|found| expect("rows of a column", n, found))
}

/// The given tails, then random ones.
fn all_tails(given: &[Vec<Fr>], columns: usize, rows: usize) -> Result<Vec<Vec<Fr>>, EngineError> {
    if given.len() > columns {
        return Err(EngineError::Columns { what: "tails", expected: columns, found: given.len() });
    }
    given.iter().try_for_each(|tail| expect("rows of a tail", rows, tail.len()))?;
    let random = (given.len()..columns).map(|_| (0..rows).map(|_| Fr::random(OsRng)).collect());
    Ok(given.iter().cloned().chain(random).collect())
}

/// Every queried rotation once, 0 included.
fn rotations_of(engine: &Engine) -> Vec<usize> {
    let queries = engine.shape.advice_queries.iter().chain(&engine.shape.fixed_queries);
    let mut rotations: Vec<usize> = queries.map(|query| query.1).chain([0]).collect();
    rotations.sort_unstable();
    rotations.dedup();
    rotations
}

/// The rotations and the points `omega^rotation x`.
fn opening_points(engine: &Engine, domain: &Domain, x: Fr) -> (Vec<usize>, Vec<Fr>) {
    let rotations = rotations_of(engine);
    let points = rotations.iter().map(|rotation| x * domain.omega().pow_vartime([*rotation as u64])).collect();
    (rotations, points)
}

fn index_of(rotations: &[usize], rotation: usize) -> usize {
    // invariant: every queried rotation is in the list.
    rotations.binary_search(&rotation).unwrap_or(0)
}

/// Columns in the order of their first query.
fn first_occurrences(queries: &[Query]) -> Vec<usize> {
    let mut columns = Vec::new();
    for (column, _) in queries {
        if !columns.contains(column) {
            columns.push(*column);
        }
    }
    columns
}
