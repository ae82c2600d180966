//! Columns of the round circuit's two phases.

use super::plan::RoundPlan;
use crate::error::ErrorKind;
use crate::field::{signed, small};
use crate::grid::TAIL;
use crate::logup::{Inverses, Multiplicities};
use crate::quantize::{signed_max, signed_min};
use crate::reference::{Model, ReferenceError, Update};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use thiserror::Error;

/// Why a round cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RoundError {
    /// Model or sum do not fit the profile.
    #[error(transparent)]
    Statement(#[from] ReferenceError),
    /// Not a number of claims that the circuit divides by.
    #[error("a round has 1 to {most} claims, not {claims}")]
    Claims {
        /// Largest number.
        most: u64,
        /// Number given.
        claims: u64,
    },
    /// A cell of the sum is further from zero than the sum of that many updates can be.
    #[error("cell {row} of column {column} of the sum is {got}; {claims} updates add up to at most {most}")]
    Sum {
        /// Its column.
        column: usize,
        /// Its row.
        row: usize,
        /// Its value.
        got: i64,
        /// Claims of the round.
        claims: u64,
        /// The largest magnitude.
        most: u128,
    },
    /// The sum's columns have other tails than the profile's columns.
    #[error("the sum's tails are {got:?} rows long; {columns} of {TAIL} rows are expected")]
    Tails {
        /// Columns of the profile.
        columns: usize,
        /// Lengths given.
        got: Vec<usize>,
    },
}

impl RoundError {
    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Statement(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }
}

/// The private cells of one weight, as integers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Split {
    low: i128,
    high: i128,
    under: i128,
    over: i128,
    excess: i128,
    weight: i128,
}

/// First-phase columns, each of `2^k` rows; blinding rows are overwritten by the prover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundWitness {
    /// Model columns.
    pub w: Vec<Vec<Fr>>,
    /// Columns of the sum.
    pub s: Vec<Vec<Fr>>,
    /// Columns of the next model.
    pub next: Vec<Vec<Fr>>,
    /// The number of claims.
    pub claims: Vec<Fr>,
    /// Multiplicities.
    pub counts: Vec<Fr>,
    /// Private columns beside each weight column: low, high, under, over, excess, weight.
    pub parts: Vec<Vec<Vec<Fr>>>,
}

impl RoundWitness {
    /// The witness of the step from `model` by the mean of `claims` updates with the given sum.
    ///
    /// `tails` are the last [`TAIL`] rows of the sum's columns: the sums of the updates' tails.
    ///
    /// # Errors
    /// [`RoundError`] when there is no such step.
    pub fn new(
        plan: &RoundPlan,
        model: &Model,
        sum: &Update,
        claims: u64,
        tails: &[Vec<Fr>],
    ) -> Result<Self, RoundError> {
        let profile = &plan.profile;
        if !(1..=profile.max_claims).contains(&claims) {
            return Err(RoundError::Claims { most: profile.max_claims, claims });
        }
        model.check(profile)?;
        sum.check(profile)?;
        Self::between(plan, model, &model.apply_mean(profile, sum, claims), sum, claims, tails)
    }

    /// The witness of a step to any next model, true or not.
    ///
    /// # Errors
    /// [`RoundError::Sum`] and [`RoundError::Tails`].
    pub fn between(
        plan: &RoundPlan,
        model: &Model,
        next: &Model,
        sum: &Update,
        claims: u64,
        tails: &[Vec<Fr>],
    ) -> Result<Self, RoundError> {
        let (grid, profile) = (&plan.grid, &plan.profile);
        if tails.len() != grid.columns || tails.iter().any(|tail| tail.len() != TAIL) {
            let got = tails.iter().map(Vec::len).collect();
            return Err(RoundError::Tails { columns: grid.columns, got });
        }
        // A first model is reached by a sum of its own making, which is as large as a weight can make it.
        let first = 1u128 << (profile.weight_bits + profile.learning_rate.shift);
        let most = profile.bounds().update.saturating_mul(claims.into()).max(first);
        let integers = (grid.model_columns(model), grid.update_columns(sum), grid.model_columns(next));
        let zero = || vec![Fr::ZERO; grid.rows()];
        let mut parts = vec![vec![zero(); plan.private_cells()]; grid.columns];
        let rows = plan.parameter_rows();
        for column in 0..grid.columns {
            for row in rows.iter().copied() {
                let cell = |columns: &[Vec<i64>]| columns[column][row];
                let (w, s, v) = (cell(&integers.0), cell(&integers.1), cell(&integers.2));
                if u128::from(s.unsigned_abs()) > most {
                    return Err(RoundError::Sum { column, row, got: s, claims, most });
                }
                put(plan, &mut parts[column], row, split(plan, w, s, v, claims));
            }
            // Copies between two stacked columns are looked up as well.
            for row in plan.area() {
                parts[column][4 + plan.excess][row] = signed(low_limb(plan, integers.2[column][row]));
            }
        }
        // Padding of the area is looked up like a weight of zero: a limb is narrower than a weight, so its low limb is zero.
        let field = |columns: Vec<Vec<i64>>| -> Vec<Vec<Fr>> {
            columns.into_iter().map(|column| column.into_iter().map(|v| signed(v.into())).collect()).collect()
        };
        let (w, mut s, next) = (field(integers.0), field(integers.1), field(integers.2));
        for (column, tail) in s.iter_mut().zip(tails) {
            column[grid.rows() - TAIL..].copy_from_slice(tail);
        }
        let mut witness = RoundWitness { w, s, next, claims: zero(), counts: zero(), parts };
        let area = plan.area();
        witness.claims[area.start - 1..area.end].fill(Fr::from(claims));
        witness.count(plan);
        Ok(witness)
    }

    /// Counts the looked-up values; what is off the table is not counted.
    pub fn count(&mut self, plan: &RoundPlan) {
        let mut counts = Multiplicities::new(plan.limb_bits);
        let lookups = Lookups::new(plan);
        for row in plan.area() {
            lookups.for_each(self, row, |value| counts.count(small(&value)));
        }
        for (cell, count) in self.counts[plan.table()..].iter_mut().zip(counts.into_counts()) {
            *cell = Fr::from(count);
        }
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &Vec<Fr>> {
        let committed = self.w.iter().chain(&self.s).chain(&self.next);
        committed.chain([&self.claims, &self.counts]).chain(self.parts.iter().flatten())
    }

    /// [`RoundWitness::columns`], given away.
    pub(super) fn into_columns(self) -> impl Iterator<Item = Vec<Fr>> {
        let committed = self.w.into_iter().chain(self.s).chain(self.next);
        committed.chain([self.claims, self.counts]).chain(self.parts.into_iter().flatten())
    }
}

/// The parts of a weight's remainder, honest when `v` is.
fn split(plan: &RoundPlan, w: i64, s: i64, v: i64, claims: u64) -> Split {
    let (rate, bits) = (&plan.profile.learning_rate, plan.limb_bits);
    let (min, max) = (signed_min(plan.profile.weight_bits), signed_max(plan.profile.weight_bits));
    let half = i128::from(claims) << (rate.shift - 1);
    let remainder = i128::from(s) * i128::from(rate.numerator) + half - 2 * half * i128::from(w - v);
    let (low, high) = (remainder & ((1 << bits) - 1), remainder >> bits);
    let last = (i128::from(claims) << plan.ratio_bits()) - 1;
    // The distance that the weight does not excuse goes into the excess; the other one is free.
    let bound = if v == max { last - high } else { high };
    let excess = if v == min || v == max { bound.max(0) >> bits } else { 0 };
    let part = |distance: i128, free: bool| {
        let rest = distance - (excess << bits);
        if free {
            rest.clamp(0, (1 << bits) - 1)
        } else {
            rest
        }
    };
    let weight = low_limb(plan, v);
    Split { low, high, under: part(high, v == max), over: part(last - high, v == min), excess, weight }
}

/// Low limb of a next weight.
fn low_limb(plan: &RoundPlan, v: i64) -> i128 {
    i128::from(v - signed_min(plan.profile.weight_bits)) & ((1 << plan.limb_bits) - 1)
}

fn put(plan: &RoundPlan, columns: &mut [Vec<Fr>], row: usize, split: Split) {
    let Split { low, high, under, over, excess, weight } = split;
    for (column, value) in [low, high, under, over].into_iter().enumerate() {
        columns[column][row] = signed(value);
    }
    for limb in 0..plan.excess {
        columns[4 + limb][row] = signed(excess >> (plan.limb_bits * limb as u32) & ((1 << plan.limb_bits) - 1));
    }
    columns[4 + plan.excess][row] = signed(weight);
}

/// The looked-up values of a row, in the order of the gates.
struct Lookups {
    min: Fr,
    unlimb: Fr,
    fill: Option<Fr>,
}

impl Lookups {
    fn new(plan: &RoundPlan) -> Self {
        let power = crate::field::power_of_two;
        Lookups {
            min: signed(signed_min(plan.profile.weight_bits).into()),
            // invariant: a power of two is invertible.
            unlimb: power(plan.limb_bits).invert().unwrap_or(Fr::ZERO),
            fill: (plan.top_bits() > 1).then(|| power(plan.limb_bits - plan.top_bits())),
        }
    }

    fn for_each(&self, first: &RoundWitness, row: usize, mut see: impl FnMut(Fr)) {
        for (parts, next) in first.parts.iter().zip(&first.next) {
            for (index, column) in parts.iter().enumerate() {
                // The high part, at index 1, is not looked up.
                if index != 1 {
                    see(column[row]);
                }
            }
            if let (Some(fill), Some(weight)) = (self.fill, parts.last()) {
                let top = (next[row] - self.min - weight[row]) * self.unlimb;
                see(top);
                see(top * fill);
            }
        }
    }
}

/// Second-phase columns.
#[derive(Debug, Clone)]
pub struct Phase2 {
    /// LogUp sums of the lookups.
    pub sums: Vec<Vec<Fr>>,
    /// LogUp sum of the table.
    pub table: Vec<Fr>,
    /// Folds of cells and of blocks; empty without a hidden layer.
    pub folds: Vec<Vec<Fr>>,
}

impl Phase2 {
    pub(super) fn new(plan: &RoundPlan, first: &RoundWitness, alpha: Fr, tau: Fr) -> Self {
        let grid = &plan.grid;
        let zero = || vec![Fr::ZERO; grid.rows()];
        let inverses = Inverses::new(alpha, plan.limb_bits);
        let lookups = Lookups::new(plan);
        let mut sums = vec![zero(); grid.columns * plan.lookups()];
        let mut sum = inverses.sum();
        for row in plan.area() {
            let mut column = 0;
            lookups.for_each(first, row, |value| {
                sums[column][row] = sum.look_up(value);
                column += 1;
            });
        }
        let mut table = zero();
        let mut sum = inverses.sum();
        for (row, value) in (plan.table()..).zip(0..1 << plan.limb_bits) {
            table[row] = sum.table(value, first.counts[row]);
        }
        let folds = if grid.depth() > 1 { folds(plan, first, tau).into() } else { Vec::new() };
        Phase2 { sums, table, folds }
    }
}

/// The folds of cells and of blocks.
fn folds(plan: &RoundPlan, first: &RoundWitness, tau: Fr) -> [Vec<Fr>; 2] {
    let grid = &plan.grid;
    let (columns, rows) = (grid.width as u64, grid.rows_per_block);
    let places: Vec<&[Fr]> =
        (0..grid.width).map(|c| grid.weight_column(c)).map(|(column, start)| &first.next[column][start..]).collect();
    let mut fold = vec![Fr::ZERO; grid.rows()];
    let mut turn = vec![Fr::ZERO; grid.rows()];
    let rho = tau.pow([columns * rows as u64]);
    let rho_block = rho.pow([columns * rows as u64]);
    for l in 2..=grid.depth() {
        for (section, base) in [(plan.forward(l), tau), (plan.transposed(l), rho)] {
            for row in section {
                fold[row] = places.iter().fold(fold[row - 1], |sum, column| sum * base + column[row]);
            }
        }
        for end in plan.transposed(l).skip(rows - 1).step_by(rows) {
            turn[end] = tau * turn[end - rows] + fold[end] - rho_block * fold[end - rows];
        }
    }
    [fold, turn]
}
