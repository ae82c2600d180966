//! The quotient of the gates by `X^n - 1`, one coset at a time.
//!
//! # Method
//! The numerator `N` has degree below `3n`, so `h = N / (X^n - 1)` has degree below `2n`:
//! `h = h_0 + X^n h_1`. On a coset `s H` of the rows' domain `H`, `X^n` is the constant `t = s^n`, so the
//! values of `N` there, divided by `t - 1` and interpolated, are `u = h_0 + t h_1` coefficient by
//! coefficient. Two cosets with `t_0 != t_1` give both pieces. Only one coset's values are in memory.
//!
//! A witness that breaks a gate has no quotient; what comes out then does not verify.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rayon::prelude::*;

use super::program::Program;
use crate::arith::rows::run_all;
use crate::arith::{root_of_unity, Domain};

/// The two cosets: a generator of the field, and that times a root of order `2n`.
fn shifts(domain: &Domain) -> [Fr; 2] {
    [Fr::MULTIPLICATIVE_GENERATOR, Fr::MULTIPLICATIVE_GENERATOR * root_of_unity(domain.k() + 1)]
}

/// A column that the gates read.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// Its coefficients.
    Coefficients(&'a [Fr]),
    /// Its values, small integers; the rows after the last are 0.
    Integers(&'a [u32]),
    /// Its values on both cosets, as [`Kept`] has them.
    Cosets([&'a [Fr]; 2]),
}

/// What all proofs of a circuit share of its fixed columns.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Coefficients.
    pub(super) coefficients: Vec<Vec<Fr>>,
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
        first.iter().zip(second).map(|(first, second)| Source::Cosets([first, second]))
    }
}

/// Coefficients of columns of small integers.
pub(super) fn interpolate_all(domain: &Domain, fixed: &[Vec<u32>]) -> Vec<Vec<Fr>> {
    let coefficients = |integers: &Vec<u32>| {
        let mut column = Vec::with_capacity(domain.size());
        interpolate_integers(domain, integers, &mut column);
        column
    };
    fixed.par_iter().map(coefficients).collect()
}

/// Puts the coefficients of a column of small integers into a buffer; the rows after the last are 0.
fn interpolate_integers(domain: &Domain, integers: &[u32], out: &mut Vec<Fr>) {
    out.clear();
    out.extend(integers.iter().map(|value| Fr::from(u64::from(*value))));
    out.resize(domain.size(), Fr::ZERO);
    domain.interpolate(out);
}

impl Source<'_> {
    /// Puts the column's values on a coset into a buffer, unless they are there already.
    fn evaluate(&self, domain: &Domain, shift: Fr, values: &mut Vec<Fr>) {
        match self {
            Self::Coefficients(coefficients) => {
                values.clear();
                values.extend_from_slice(coefficients);
            }
            Self::Integers(integers) => interpolate_integers(domain, integers, values),
            Self::Cosets(_) => return,
        }
        domain.rows_on_coset(values, shift);
    }
}

/// Coefficients of `h_0` and `h_1`. `columns` come in the order of the program.
pub(super) fn pieces(domain: &Domain, program: &Program, scalars: &[Fr], columns: &[Source<'_>]) -> [Vec<Fr>; 2] {
    let n = domain.size();
    let shifts = shifts(domain);
    let powers = shifts.map(|shift| shift.pow_vartime([n as u64]));
    let mut values: Vec<Vec<Fr>> = vec![Vec::new(); columns.len()];
    let mut remainders = [vec![Fr::ZERO; n], vec![Fr::ZERO; n]];
    for (coset, (shift, out)) in shifts.into_iter().zip(&mut remainders).enumerate() {
        values.par_iter_mut().zip(columns).for_each(|(values, column)| column.evaluate(domain, shift, values));
        let mut slices: Vec<&[Fr]> = Vec::with_capacity(columns.len());
        for (values, column) in values.iter().zip(columns) {
            slices.push(match column {
                Source::Cosets(kept) => kept[coset],
                Source::Coefficients(_) | Source::Integers(_) => values,
            });
        }
        run_all(program.steps(), scalars, &slices, out);
    }
    drop(values);
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
