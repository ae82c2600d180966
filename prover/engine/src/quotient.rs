//! The quotient of the gates by `X^n - 1`, one coset at a time.
//!
//! # Method
//! The numerator `N` has degree below `3n`, so `h = N / (X^n - 1)` has degree below `2n`:
//! `h = h_0 + X^n h_1`. On a coset `s H` of the rows' domain `H`, `X^n` is the constant `t = s^n`, so the
//! values of `N` there, divided by `t - 1` and interpolated, are `u = h_0 + t h_1` coefficient by
//! coefficient. Two cosets with `t_0 != t_1` give both pieces. Only one coset's values are in memory, or only a part of them:
//!
//! `s H` is made of `m` cosets `s w^p H^m`, `p < m`, with `w` the generator of `H`. On such a part, `X^(n/m)` is a constant, so a column's
//! coefficients fold to `n/m`, and a transform of that size gives its values. A cell `r` rows below is in the part `p + r mod m`; it
//! is taken for a cell of a column of its own there.
//!
//! A witness that breaks a gate has no quotient; what comes out then does not verify.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rayon::prelude::*;

use crate::arith;
use crate::arith::rows::{run_all, Instruction, Operation, Steps};
use crate::arith::{root_of_unity, Domain};
use crate::program::Program;

/// The two cosets: a generator of the field, and that times a root of order `2n`.
fn shifts(domain: &Domain) -> [Fr; 2] {
    [Fr::MULTIPLICATIVE_GENERATOR, Fr::MULTIPLICATIVE_GENERATOR * root_of_unity(domain.k() + 1)]
}

/// A column that the gates read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// Its coefficients.
    Coefficients(&'a [Fr]),
    /// Its values; the rows after the last are 0.
    Values(&'a [Fr]),
    /// The same with small integers.
    Integers(&'a [u32]),
    /// Its coefficients and its values on both cosets, as [`Kept`] has them.
    Kept {
        /// Coefficients.
        coefficients: &'a [Fr],
        /// Values.
        cosets: [&'a [Fr]; 2],
    },
}

/// What all proofs of a circuit share of its fixed columns.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Coefficients.
    coefficients: Vec<Vec<Fr>>,
    /// Values on the two cosets.
    cosets: [Vec<Vec<Fr>>; 2],
}

impl Kept {
    /// Transforms the columns.
    pub(super) fn new(domain: &Domain, fixed: &[Vec<u32>]) -> Self {
        let coefficients = interpolate_all(domain, fixed);
        let on_coset = |shift: Fr| -> Vec<Vec<Fr>> {
            let values = |column: &Vec<Fr>| {
                let mut values = column.clone();
                domain.rows_on_coset(&mut values, shift);
                values
            };
            coefficients.par_iter().map(values).collect()
        };
        let cosets = shifts(domain).map(on_coset);
        Self { coefficients, cosets }
    }

    /// The columns as sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let [first, second] = &self.cosets;
        let columns = self.coefficients.iter().zip(first).zip(second);
        columns.map(|((coefficients, first), second)| Source::Kept { coefficients, cosets: [first, second] })
    }
}

/// Coefficients of columns of small integers.
fn interpolate_all(domain: &Domain, fixed: &[Vec<u32>]) -> Vec<Vec<Fr>> {
    let coefficients = |integers: &Vec<u32>| {
        let mut column = Vec::with_capacity(domain.size());
        Source::Integers(integers).interpolate(domain, &mut column);
        column
    };
    fixed.par_iter().map(coefficients).collect()
}

impl Source<'_> {
    /// Puts the column's values on a coset into a buffer, unless they are there already.
    fn evaluate(&self, domain: &Domain, shift: Fr, values: &mut Vec<Fr>) {
        match self {
            Self::Coefficients(coefficients) => {
                values.clear();
                values.extend_from_slice(coefficients);
            }
            Self::Values(_) | Self::Integers(_) => self.interpolate(domain, values),
            Self::Kept { .. } => return,
        }
        domain.rows_on_coset(values, shift);
    }

    /// Its coefficients; a buffer takes those that are not there already.
    pub(super) fn coefficients<'s>(&'s self, domain: &Domain, buffer: &'s mut Vec<Fr>) -> &'s [Fr] {
        match self {
            Self::Coefficients(coefficients) | Self::Kept { coefficients, .. } => coefficients,
            Self::Values(_) | Self::Integers(_) => {
                self.interpolate(domain, buffer);
                buffer
            }
        }
    }

    /// Puts the coefficients of a column of which there are values into a buffer.
    fn interpolate(&self, domain: &Domain, out: &mut Vec<Fr>) {
        out.clear();
        out.reserve_exact(domain.size());
        match self {
            Self::Values(values) => out.extend_from_slice(values),
            Self::Integers(integers) => out.extend(integers.iter().map(|value| Fr::from(u64::from(*value)))),
            Self::Coefficients(_) | Self::Kept { .. } => return,
        }
        out.resize(domain.size(), Fr::ZERO);
        domain.interpolate(out);
    }
}

/// The numerator on whole cosets.
fn on_cosets(domain: &Domain, steps: Steps<'_>, scalars: &[Fr], columns: &[Source<'_>], remainders: &mut [Vec<Fr>; 2]) {
    let mut values: Vec<Vec<Fr>> = vec![Vec::new(); columns.len()];
    for (coset, (shift, out)) in shifts(domain).into_iter().zip(remainders).enumerate() {
        values.par_iter_mut().zip(columns).for_each(|(values, column)| column.evaluate(domain, shift, values));
        let mut slices: Vec<&[Fr]> = Vec::with_capacity(columns.len());
        for (values, column) in values.iter().zip(columns) {
            slices.push(match column {
                Source::Kept { cosets, .. } => cosets[coset],
                Source::Coefficients(_) | Source::Values(_) | Source::Integers(_) => values,
            });
        }
        run_all(steps, scalars, &slices, out);
    }
}

/// A column's slices in [`in_parts`]: values on a part and on those after it that the gates read.
struct Reads {
    /// The parts, counted from the row's own.
    parts: Vec<usize>,
    /// The first slice.
    first: usize,
    /// On how many cosets there are slices at once: a column without coefficients is interpolated for both together.
    cosets: usize,
}

/// The slices of each column, and how many there are.
fn reads(parts: usize, steps: Steps<'_>, columns: &[Source<'_>]) -> (Vec<Reads>, usize) {
    let cosets = |column: &Source<'_>| match column {
        Source::Coefficients(_) | Source::Kept { .. } => 1,
        Source::Values(_) | Source::Integers(_) => 2,
    };
    let empty = |column| Reads { parts: Vec::new(), first: 0, cosets: cosets(column) };
    let mut reads: Vec<Reads> = columns.iter().map(empty).collect();
    for instruction in steps.instructions {
        if let Operation::Load { column, rotation } = instruction.operation {
            reads[column].parts.push(rotation % parts);
        }
    }
    let mut slices = 0;
    for reads in &mut reads {
        reads.parts.sort_unstable();
        reads.parts.dedup();
        reads.first = slices;
        slices += reads.cosets * reads.parts.len();
    }
    (reads, slices)
}

/// The numerator on cosets, so many parts of each one after the other.
fn in_parts(
    domain: &Domain,
    parts: usize,
    steps: Steps<'_>,
    scalars: &[Fr],
    columns: &[Source<'_>],
    remainders: &mut [Vec<Fr>; 2],
) {
    let small = Domain::new(domain.k() - parts.ilog2());
    let size = small.size();
    let (reads, slices) = reads(parts, steps, columns);
    // The program, with a column of its own for each slice of a coset.
    let moved = |instruction: &Instruction, coset: usize| match instruction.operation {
        Operation::Load { column, rotation } => {
            let Reads { parts: of, first, cosets } = &reads[column];
            // invariant: every load of the program was entered.
            let slice = first + (coset % cosets) * of.len() + of.binary_search(&(rotation % parts)).unwrap_or(0);
            Instruction { operation: Operation::Load { column: slice, rotation: rotation / parts }, ..*instruction }
        }
        _ => *instruction,
    };
    let programs: [Vec<Instruction>; 2] =
        [0, 1].map(|coset| steps.instructions.iter().map(|instruction| moved(instruction, coset)).collect());
    let mut values = vec![Fr::ZERO; slices * size];
    let mut rows = vec![Fr::ZERO; size];
    let shifts = shifts(domain);
    for part in 0..parts {
        for (coset, (instructions, out)) in programs.iter().zip(remainders.iter_mut()).enumerate() {
            let mut rest = values.as_mut_slice();
            let mut of_columns = Vec::with_capacity(columns.len());
            for (reads, column) in reads.iter().zip(columns) {
                let values;
                (values, rest) = std::mem::take(&mut rest).split_at_mut(reads.cosets * reads.parts.len() * size);
                of_columns.push((column, reads, values));
            }
            of_columns.into_par_iter().with_max_len(1).for_each(|(column, reads, values)| {
                if reads.parts.is_empty() || (coset == 1 && reads.cosets == 2) {
                    return;
                }
                let mut buffer = Vec::new();
                let coefficients = column.coefficients(domain, &mut buffer);
                let cosets = coset..coset + reads.cosets;
                let places = cosets.flat_map(|coset| reads.parts.iter().map(move |read| (shifts[coset], part + read)));
                for (values, (shift, part)) in values.chunks_exact_mut(size).zip(places) {
                    let shift = shift * domain.omega().pow_vartime([part as u64]);
                    fold(coefficients, shift.pow_vartime([size as u64]), values);
                    small.rows_on_coset(values, shift);
                }
            });
            let slices: Vec<&[Fr]> = values.chunks_exact(size).collect();
            run_all(Steps { instructions, ..steps }, scalars, &slices, &mut rows);
            out.iter_mut().skip(part).step_by(parts).zip(&rows).for_each(|(out, row)| *out = *row);
        }
    }
}

/// The polynomial of as many coefficients as `out` has that agrees where `X` to that number is `power`.
fn fold(coefficients: &[Fr], power: Fr, out: &mut [Fr]) {
    out.fill(Fr::ZERO);
    let powers = std::iter::successors(Some(Fr::ONE), |factor| Some(*factor * power));
    let terms: Vec<arith::Term<'_>> =
        coefficients.chunks(out.len()).zip(powers).map(|(chunk, factor)| (chunk, vec![(0, factor)])).collect();
    arith::add_combinations(&mut [out], &terms);
}

/// Coefficients of `h_0` and `h_1`. `columns` come in the order of the program; each coset is computed in so many parts, a power of 2.
pub(super) fn pieces(
    domain: &Domain,
    parts: usize,
    program: &Program,
    scalars: &[Fr],
    columns: &[Source<'_>],
) -> [Vec<Fr>; 2] {
    let n = domain.size();
    let shifts = shifts(domain);
    let powers = shifts.map(|shift| shift.pow_vartime([n as u64]));
    let mut remainders = [vec![Fr::ZERO; n], vec![Fr::ZERO; n]];
    match parts {
        1 => on_cosets(domain, program.steps(), scalars, columns, &mut remainders),
        _ => in_parts(domain, parts, program.steps(), scalars, columns, &mut remainders),
    }
    for (shift, out) in shifts.into_iter().zip(&mut remainders) {
        domain.interpolate_from_coset(out, shift);
    }
    // u_i = N_i / (t_i - 1); h_1 = (u_1 - u_0) / (t_1 - t_0), h_0 = u_0 - t_0 h_1.
    let [t0, t1] = powers;
    // invariant: the generator's power is not in a subgroup of order 2n, and t_1 = -t_0.
    let inverse = |value: Fr| value.invert().unwrap_or(Fr::ZERO);
    let (d0, d1, d) = (inverse(t0 - Fr::ONE), inverse(t1 - Fr::ONE), inverse(t1 - t0));
    let (f0, f1) = (d0 * d, d1 * d);
    let [u0, u1] = &mut remainders;
    u0.par_iter_mut().zip(u1.par_iter_mut()).with_min_len(1 << 10).for_each(|(u0, u1)| {
        let h1 = *u1 * f1 - *u0 * f0;
        *u0 = *u0 * d0 - t0 * h1;
        *u1 = h1;
    });
    remainders
}
