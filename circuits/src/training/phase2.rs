//! Second-phase columns: folds, dot products and LogUp sums, computed from the first phase alone.

use super::plan::{Lane, Limbs, Plan, Requantise, STATE_ROW};
use super::witness::Phase1;
use crate::field::{power_of_two, signed};
use crate::grid::Grid;
use crate::logup::Inverses;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{BatchInvert, PrimeField};
use rayon::prelude::*;
use std::borrow::Cow;

/// Values of the challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeValues {
    /// Folds samples and weights.
    pub theta: Fr,
    /// Folds updates and inputs.
    pub upsilon: Fr,
    /// LogUp.
    pub alpha: Fr,
    /// Weighs the state.
    pub mu: Fr,
}

/// Columns of the second phase, each of [`Grid::height`] rows for each lap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase2 {
    /// Fold of the inputs, LogUp sum of the table.
    pub input: Vec<Fr>,
    /// Dot products, update fold, weight fold, input fold: one row of each group of four for each.
    pub dot: Vec<Fr>,
    /// With laps, one for each committed column: fold of the update, in the first also those of the copies.
    pub total: Vec<Vec<Fr>>,
    /// Lanes.
    pub chain: Vec<Vec<Fr>>,
}

impl Phase2 {
    /// Computes the second phase.
    pub fn new(plan: &Plan, first: &Phase1, challenges: &ChallengeValues) -> Self {
        let grid = &plan.grid;
        let inverses = Inverses::new(challenges.alpha, plan.profile.limb_bits);
        let work = |lap| Work { plan, first, ch: *challenges, inverses: &inverses, lap, origin: grid.lap(lap) };
        let mut laps: Vec<Phase2> = (0..grid.laps).into_par_iter().map(|lap| work(lap).columns()).collect();
        carry(plan, &mut laps);
        let mut all = match laps.len() {
            1 => laps.remove(0),
            _ => Phase2::joined(laps),
        };
        // Where the table's sum starts does not matter: after the sections' fold.
        let start = all.input[plan.table_row - 1];
        for (cell, sum) in all.input[plan.table_row..].iter_mut().zip(work(0).table()) {
            *cell = start + sum;
        }
        all
    }

    fn all(&self) -> impl Iterator<Item = &Vec<Fr>> {
        [&self.input, &self.dot].into_iter().chain(&self.total).chain(&self.chain)
    }

    /// The columns of laps below each other.
    fn joined(laps: Vec<Phase2>) -> Phase2 {
        let mut all = laps.into_iter();
        let Some(mut joined) = all.next() else {
            return Phase2 { input: vec![], dot: vec![], total: vec![], chain: vec![] };
        };
        for lap in all {
            joined.input.extend(lap.input);
            joined.dot.extend(lap.dot);
            joined.total.iter_mut().zip(lap.total).for_each(|(column, more)| column.extend(more));
            joined.chain.iter_mut().zip(lap.chain).for_each(|(column, more)| column.extend(more));
        }
        joined
    }

    /// All columns of the second phase, of `2^k` rows each, in the order of the proof.
    pub fn columns(&self, grid: &Grid) -> Vec<Cow<'_, [Fr]>> {
        let columns: Vec<&[Fr]> = self.all().map(Vec::as_slice).collect();
        grid.stacked(&columns)
    }

    /// [`Phase2::columns`], given away.
    pub fn into_columns(self, grid: &Grid) -> Vec<Vec<Fr>> {
        match grid.column_places() {
            1 => [self.input, self.dot].into_iter().chain(self.total).chain(self.chain).collect(),
            _ => self.columns(grid).into_iter().map(Cow::into_owned).collect(),
        }
    }
}

/// Carries the sums of the lookups from lap to lap, and those over the outputs, which count from the last one, from the last lap on.
fn carry(plan: &Plan, laps: &mut [Phase2]) {
    let (grid, area) = (&plan.grid, &plan.area);
    let mut sum = Fr::ZERO;
    for lap in laps.iter_mut().filter(|_| grid.laps > 1) {
        let Some(last) = lap.chain[..area.columns.len()].last_mut() else { return };
        last[area.rows.start - 1] = sum;
        let before = sum;
        sum += last[area.rows.end - 1];
        for column in &mut lap.chain[..area.columns.len()] {
            column[area.rows.clone()].iter_mut().for_each(|cell| *cell += before);
        }
    }
    let outputs = plan.unit_rows(grid.depth());
    let exponentials = plan.softmax.as_ref().map(|softmax| softmax.looked_up);
    for lane in [plan.loss_fold].into_iter().chain(exponentials) {
        let mut sum = Fr::ZERO;
        for lap in laps.iter_mut().rev().filter(|_| grid.laps > 1) {
            let rows = lane.at(outputs.start)..lane.at(outputs.end) + 1;
            let before = sum;
            sum += lap.chain[lane.column][rows.start];
            lap.chain[lane.column][rows].iter_mut().for_each(|cell| *cell += before);
        }
    }
}

/// Computes the second phase of one lap.
struct Work<'a> {
    plan: &'a Plan,
    first: &'a Phase1,
    ch: ChallengeValues,
    inverses: &'a Inverses,
    lap: usize,
    /// First row of the lap.
    origin: usize,
}

impl Work<'_> {
    /// The lap's columns; sums that go on from lap to lap begin at zero here.
    fn columns(&self) -> Phase2 {
        let plan = self.plan;
        let zero = || vec![Fr::ZERO; plan.grid.height()];
        // Everything but the dot products and the gradient is independent of the fold of the inputs.
        let ((input, mut chain), (sums, total)) = rayon::join(
            || rayon::join(|| self.inputs(zero()), || self.units(vec![zero(); plan.chain_columns])),
            || rayon::join(|| self.lookups(), || self.totals()),
        );
        let ((), dot) = rayon::join(|| self.gradient(&input, &mut chain), || self.dots(&input, zero()));
        for (column, sums) in chain.iter_mut().zip(sums) {
            column[plan.area.rows.clone()].copy_from_slice(&sums);
        }
        Phase2 { input, dot, total, chain }
    }

    /// Rows of a column of the first phase that lie in this lap.
    fn here<'b>(&self, column: &'b [Fr]) -> &'b [Fr] {
        &column[self.origin..self.origin + self.plan.grid.height()]
    }

    fn unit(&self, row: usize) -> Fr {
        self.first.aux[0][self.origin + row]
    }

    fn lane(&self, lane: Lane, base: usize) -> Fr {
        self.first.aux[lane.column][self.origin + lane.at(base)]
    }

    /// Rows whose input comes from the private column: hidden, output and backward units.
    fn private_rows(&self) -> Vec<std::ops::Range<usize>> {
        let plan = self.plan;
        let grid = &plan.grid;
        let depth = grid.depth();
        let mut out: Vec<_> = (1..=depth).map(|l| plan.unit_rows(l)).collect();
        for l in 2..depth {
            let first = grid.row(grid.transposed(l, 0));
            out.push(first..first + grid.layers[l] * grid.rows_per_block);
        }
        out
    }

    fn raw_inputs(&self) -> Vec<Fr> {
        let grid = &self.plan.grid;
        let mut values = self.here(&self.first.x).to_vec();
        let units = self.here(&self.first.aux[0]);
        for rows in self.private_rows() {
            values[rows.clone()].copy_from_slice(&units[rows]);
        }
        let unit = signed(i128::from(self.plan.profile.bias_unit));
        // The end block carries the code of a bias block; its weights are zero.
        let bias = (1..=grid.depth()).map(|l| grid.bias(l)).chain([grid.stop()]);
        for first in bias.map(|block| grid.row(block)) {
            values[first..first + grid.rows_per_block].iter_mut().for_each(|v| *v += unit);
        }
        values
    }

    fn inputs(&self, mut fold: Vec<Fr>) -> Vec<Fr> {
        let grid = &self.plan.grid;
        let rows = grid.rows_per_block;
        let u = self.ch.upsilon.pow([(rows * grid.width) as u64]);
        let values = self.raw_inputs();
        for section in grid.sections() {
            for row in grid.row(section.start)..grid.row(section.end) {
                fold[row] = u * fold[row - rows] + values[row];
            }
        }
        fold
    }

    /// Folds of the units, from the last row of a layer to its first.
    fn units(&self, mut chain: Vec<Vec<Fr>>) -> Vec<Vec<Fr>> {
        let plan = self.plan;
        let grid = &plan.grid;
        let profile = &plan.profile;
        let rows = grid.rows_per_block;
        // A challenge is zero with probability 1/r only; then the proof fails and is made anew.
        let theta_inverse = self.ch.theta.invert().unwrap_or(Fr::ZERO);
        let upsilon_inverse = self.ch.upsilon.invert().unwrap_or(Fr::ZERO);
        let offset = signed(-(1i128 << (profile.signal_bits - 1)));
        let target = signed(i128::from(profile.target));
        let residual = Requantised::new(&plan.signal, profile.limb_bits, profile.output_shift(), offset);
        // Without hidden units nothing is rounded by these shifts, and the remainder's bits need not reach them.
        let hidden = plan.relu.as_ref().map(|relu| {
            let activation = Requantised::new(relu, profile.limb_bits, profile.activation_shift, Fr::ZERO);
            (activation, Requantised::new(&plan.signal, profile.limb_bits, profile.backprop_shift, offset))
        });
        for l in 1..=grid.depth() {
            for base in plan.unit_rows(l).rev() {
                let unit = self.unit(base);
                let (pre, dz) = if l == grid.depth() {
                    let pre = match &plan.softmax {
                        Some(softmax) => self.lane(softmax.max, base) - residual.floored(self, base),
                        None => residual.value(self, base) + target * self.first.x[self.origin + base],
                    };
                    (pre, unit)
                } else if let Some((activation, backprop)) = &hidden {
                    let back = backprop.value(self, base);
                    let next = self.chain_at(&chain, plan.loss_fold, base + 1);
                    chain[plan.loss_fold.column][plan.loss_fold.at(base)] = theta_inverse * next + back;
                    let below = self.lane(activation.part.below, base);
                    let signal = self.limbs(&plan.signal.quotient, base, &backprop.limb) + offset;
                    (activation.value(self, base), (Fr::ONE - below) * signal)
                } else {
                    continue;
                };
                let next = self.chain_at(&chain, plan.pre_fold, base + 1);
                chain[plan.pre_fold.column][plan.pre_fold.at(base)] = theta_inverse * next + pre;
                let next = self.chain_at(&chain, plan.signal_fold, base + rows);
                chain[plan.signal_fold.column][plan.signal_fold.at(base)] = upsilon_inverse * next + dz;
                if l == grid.depth() {
                    let next = self.chain_at(&chain, plan.loss_fold, base + 1);
                    chain[plan.loss_fold.column][plan.loss_fold.at(base)] = next + unit * unit;
                    if let Some(softmax) = &plan.softmax {
                        let index = self.limbs(&plan.signal.quotient, base, &residual.limb);
                        let pair = index + self.ch.mu * self.lane(softmax.exp, base);
                        // No inverse with probability 1/r; then the proof fails and is made anew.
                        let inverse = (self.ch.alpha - pair).invert().unwrap_or(Fr::ZERO);
                        let next = self.chain_at(&chain, softmax.looked_up, base + 1);
                        chain[softmax.looked_up.column][softmax.looked_up.at(base)] = next + inverse;
                    }
                }
            }
        }
        chain
    }

    fn chain_at(&self, chain: &[Vec<Fr>], lane: Lane, base: usize) -> Fr {
        chain[lane.column][lane.at(base)]
    }

    fn limbs(&self, limbs: &Limbs, base: usize, limb: &Fr) -> Fr {
        limbs.lanes.iter().rev().fold(Fr::ZERO, |sum, lane| sum * limb + self.lane(*lane, base))
    }

    /// Sums of `U G` over the samples at the gaps, on top of the folds of the pre-activations.
    fn gradient(&self, input: &[Fr], chain: &mut [Vec<Fr>]) {
        let plan = self.plan;
        let grid = &plan.grid;
        let rows = grid.rows_per_block;
        for l in 1..=grid.depth() {
            let first = grid.row(grid.gap(l));
            for row in (first..first + rows).rev() {
                let product = input[row - rows] * self.chain_at(chain, plan.signal_fold, row + rows);
                let next = self.chain_at(chain, plan.pre_fold, row + 1);
                chain[plan.pre_fold.column][plan.pre_fold.at(row)] = next + product;
            }
        }
    }

    /// Sums of the lookups: one column for each of the area.
    fn lookups(&self) -> Vec<Vec<Fr>> {
        let area = &self.plan.area;
        let mut sum = self.inverses.sum();
        let mut sums = vec![Vec::with_capacity(area.rows.len()); area.columns.len()];
        for row in area.rows.clone() {
            for (column, sums) in area.columns.clone().zip(sums.iter_mut()) {
                sums.push(sum.look_up(self.first.aux[column][self.origin + row]));
            }
        }
        sums
    }

    /// Sum of the table, and of the table of the exponential, from the table's first row on.
    fn table(&self) -> Vec<Fr> {
        let plan = self.plan;
        let mut sum = self.inverses.sum();
        let counts = &self.first.aux[0][plan.table_row..];
        let mut table: Vec<Fr> =
            plan.table_codes().zip(counts).map(|(code, count)| sum.table(code - 1, *count)).collect();
        // On the rows of the exponential the argument carries its value.
        let rows = plan.exponential_rows();
        let (begin, end) = (rows.start - plan.table_row, rows.end - plan.table_row);
        let mut gains: Vec<Fr> = (0..)
            .zip(&plan.exponentials)
            .map(|(u, e)| self.ch.alpha - Fr::from(u) - self.ch.mu * signed(i128::from(*e)))
            .collect();
        gains.iter_mut().batch_invert();
        let mut moved = Fr::ZERO;
        for (at, gain) in (begin..end).zip(gains) {
            let sum = table[at - 1] - counts[at] * gain;
            moved = sum - std::mem::replace(&mut table[at], sum);
        }
        // The rows after it go on from its sum.
        table[end..].iter_mut().for_each(|sum| *sum += moved);
        table
    }

    /// Folds of the update's part in this lap, and of the transposed weights.
    fn totals(&self) -> Vec<Vec<Fr>> {
        let grid = &self.plan.grid;
        if grid.laps == 1 {
            return Vec::new();
        }
        let base = self.ch.upsilon.pow([grid.width as u64]);
        let fold = |update: &Vec<Fr>| {
            let update = self.here(update);
            let mut total = vec![Fr::ZERO; grid.height()];
            for section in (1..=grid.depth()).map(|l| grid.row(grid.input(l, 0))..grid.row(grid.gap(l))) {
                let mut sum = Fr::ZERO;
                for row in section {
                    sum = sum * base + update[row];
                    if row % 4 == 3 {
                        total[row] = sum;
                    }
                }
            }
            total
        };
        let mut totals: Vec<Vec<Fr>> = self.first.d.iter().map(fold).collect();
        if let Some(total) = totals.first_mut().filter(|_| grid.depth() > 1) {
            self.copies(total);
        }
        totals
    }

    fn copies(&self, total: &mut [Fr]) {
        let grid = &self.plan.grid;
        let rows = grid.rows_per_block;
        let upsilon = self.ch.upsilon;
        let rho = upsilon.pow([(rows * grid.width) as u64]);
        let rho_block = rho.pow([(rows * grid.width) as u64]);
        let weights: Vec<&[Fr]> = self.first.v.iter().map(|column| self.here(column)).collect();
        let mut fold = Fr::ZERO;
        for block in grid.output(0)..grid.end() {
            let before = fold;
            for row in grid.row(block)..grid.row(block + 1) {
                fold = weights.iter().fold(fold, |sum, column| sum * rho + column[row]);
                if row % 4 == 3 {
                    total[row] = fold;
                }
            }
            let turn = grid.row(block + 1) - 2;
            total[turn] = upsilon * total[turn - rows] + fold - rho_block * before;
        }
    }

    /// For each weight column the weights of this step, and what the fold of the update adds up: the update, with laps the weights.
    fn weights(&self) -> Vec<(&[Fr], &[Fr])> {
        let (grid, first) = (&self.plan.grid, self.first);
        if grid.laps == 1 {
            let places = (0..grid.width).map(|c| grid.weight_column(c));
            return places.map(|(column, row)| (&first.w[column][row..], &first.d[column][row..])).collect();
        }
        first.v.iter().map(|column| (self.here(column), self.here(column))).collect()
    }

    /// Dot chain, update fold, weight fold and input fold: one group of four rows at a time.
    fn dots(&self, input: &[Fr], mut dot: Vec<Fr>) -> Vec<Fr> {
        let grid = &self.plan.grid;
        let rows = grid.rows_per_block;
        let ChallengeValues { theta, upsilon, mu, .. } = self.ch;
        let u = upsilon.pow([(rows * grid.width) as u64]);
        let r = theta.pow([rows as u64]);
        let r_block = r.pow([(rows * grid.width) as u64]);
        dot[rows - 4] = match self.lap.checked_sub(1) {
            None => mu * (Fr::ONE - self.first.norm_bound),
            Some(before) => -mu * self.first.aux[0][grid.lap(before) + grid.row(grid.gap(grid.depth())) + STATE_ROW],
        };
        for l in 1..=grid.depth() {
            let first = grid.row(grid.gap(l));
            dot[first + rows - 4] = -mu * self.unit(first + STATE_ROW);
        }
        let weights = self.weights();
        let normed: Vec<&[Fr]> = match grid.laps {
            1 => weights.iter().map(|(_, update)| *update).collect(),
            _ => self.first.d.iter().map(|column| self.here(column)).collect(),
        };
        for section in grid.sections() {
            for block in section {
                let first = grid.row(block);
                for group in (first..first + rows).step_by(4) {
                    let (mut h, mut k, mut e, mut m) = (dot[group - 1], dot[group - 2], dot[group - 3], dot[group - 4]);
                    for row in group..group + 4 {
                        h = h * theta + input[row] - u * input[row - rows];
                        for (w, d) in &weights {
                            k = k * r + w[row];
                            e = e * upsilon + d[row];
                        }
                        for d in normed.iter().filter(|d| d[row] != Fr::ZERO) {
                            m += mu * d[row].square();
                        }
                    }
                    if group + 4 == first + rows {
                        m += (h - r * dot[first - 1]) * (k - r_block * dot[first - 2]);
                    }
                    dot[group] = m;
                    // With laps the last section has no fold of the update.
                    dot[group + 1] = if grid.laps > 1 && block >= grid.output(0) { Fr::ZERO } else { e };
                    dot[group + 2] = k;
                    dot[group + 3] = h;
                }
            }
        }
        dot
    }
}

/// How a value is rebuilt from the cells of its requantisation.
struct Requantised<'a> {
    part: &'a Requantise,
    limb: Fr,
    offset: Fr,
    scale: Fr,
    half: Fr,
    gain_inverse: Fr,
}

impl<'a> Requantised<'a> {
    fn new(part: &'a Requantise, limb_bits: u32, shift: u32, offset: Fr) -> Self {
        Requantised {
            part,
            limb: power_of_two(limb_bits),
            offset,
            scale: power_of_two(part.shift),
            half: power_of_two(part.shift - 1),
            gain_inverse: Fr::TWO_INV.pow_vartime([u64::from(part.shift - shift)]),
        }
    }

    /// The value that is not negative and was rounded down.
    fn floored(&self, work: &Work<'_>, base: usize) -> Fr {
        let limbs = |limbs: &Limbs| work.limbs(limbs, base, &self.limb);
        let t = limbs(&self.part.quotient) + limbs(&self.part.excess);
        (t * self.scale + limbs(&self.part.remainder)) * self.gain_inverse
    }

    fn value(&self, work: &Work<'_>, base: usize) -> Fr {
        let limbs = |limbs: &Limbs| work.limbs(limbs, base, &self.limb);
        let below = work.lane(self.part.below, base);
        let excess = limbs(&self.part.excess);
        let t = limbs(&self.part.quotient) + excess - below * (excess.double() + Fr::ONE) + self.offset;
        (t * self.scale + limbs(&self.part.remainder) - self.half) * self.gain_inverse
    }
}
