//! First-phase columns of an honest run.
//!
//! [`Phase1`] holds whole columns as field elements. The second phase is computed from these columns
//! alone ([`super::phase2`]), so a test that changes a first-phase cell gets a witness that is
//! consistent downstream.

use super::plan::{Lane, Limbs, Plan, Requantise, STATE_ROW};
use crate::error::ErrorKind;
use crate::field::{signed, unsigned};
use crate::grid::Grid;
use crate::logup::Multiplicities;
use crate::quantize::round_shift;
use crate::reference::{FineModel, Model, Probabilities, RunTrace, Shard, StepTrace};
use halo2_proofs::halo2curves::bn256::Fr;
use rayon::prelude::*;
use std::borrow::Cow;
use thiserror::Error;

/// Why a run cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The squared norm is not below the bound.
    /// How large it is stays with the prover: errors end up in logs.
    #[error("the update's squared norm is not below the bound, 2^{log2}: choose a larger norm bucket")]
    Norm {
        /// log2 of the bound.
        log2: u32,
    },
    /// The loss is not below the bound.
    #[error("the loss is not below the bound, 2^{log2}: choose a larger loss bucket")]
    Loss {
        /// log2 of the bound.
        log2: u32,
    },
    /// A bucket is larger than the circuit's range check.
    #[error("the bucket 2^{log2} is larger than the largest provable one, 2^{most}")]
    Bucket {
        /// log2 of the bound.
        log2: u32,
        /// log2 of the largest bound.
        most: u32,
    },
}

impl WitnessError {
    /// What can be done about it: always another bucket.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Bound
    }
}

/// Columns of the first phase; blinding rows are overwritten by the prover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase1 {
    /// Model columns.
    pub w: Vec<Vec<Fr>>,
    /// Data column.
    pub x: Vec<Fr>,
    /// Update columns.
    pub d: Vec<Vec<Fr>>,
    /// Fine weights, of `2^k` rows each; none for a run of one step.
    pub v: Vec<Vec<Fr>>,
    /// Private columns, of [`Grid::height`] rows for each lap; the others have `2^k`.
    pub aux: Vec<Vec<Fr>>,
    /// Bound on the squared norm.
    pub norm_bound: Fr,
    /// Bound on the loss.
    pub loss_bound: Fr,
}

impl Phase1 {
    /// Lays out a run. `norm_log2` and `loss_log2` name the buckets.
    ///
    /// # Errors
    /// [`WitnessError`] when a bucket does not hold or is out of range.
    pub fn new(
        plan: &Plan,
        model: &Model,
        shard: &Shard,
        trace: &RunTrace,
        norm_log2: u32,
        loss_log2: u32,
    ) -> Result<Self, WitnessError> {
        let (norm_bits, loss_bits) = plan.bucket_bits();
        let norm_most = norm_bits.min(126);
        let loss_most = loss_bits.min(126);
        for (log2, most) in [(norm_log2, norm_most), (loss_log2, loss_most)] {
            if log2 > most {
                return Err(WitnessError::Bucket { log2, most });
            }
        }
        if trace.norm >> norm_log2 != 0 {
            return Err(WitnessError::Norm { log2: norm_log2 });
        }
        if trace.loss >> loss_log2 != 0 {
            return Err(WitnessError::Loss { log2: loss_log2 });
        }

        let grid = &plan.grid;
        let updates = grid.update_columns(&trace.update);
        let signed_column = |column: &Vec<i64>| column.par_iter().map(|v| signed(i128::from(*v))).collect::<Vec<Fr>>();
        let w = grid.model_columns(model).iter().map(signed_column).collect();
        let d = updates.iter().map(signed_column).collect();
        let x = signed_column(&grid.data_column(shard));

        let v = match grid.laps {
            1 => Vec::new(),
            _ => fine_columns(grid, &trace.weights).iter().map(signed_column).collect(),
        };
        let mut cells = Integers::new(plan);
        let labels = shard.labels.chunks(grid.batch);
        for (lap, ((step, weights), labels)) in trace.steps.iter().zip(&trace.weights).zip(labels).enumerate() {
            cells.origin = grid.lap(lap);
            let idle = phantom_values(plan, weights);
            cells.units(step, &idle, labels);
            cells.softmax(step, &idle);
        }
        cells.buckets(&updates, trace.loss, norm_log2, loss_log2);
        cells.multiplicities();
        let aux = cells.columns.iter().map(|column| column.par_iter().map(|v| signed(*v)).collect()).collect();
        Ok(Phase1 { w, x, d, v, aux, norm_bound: unsigned(1 << norm_log2), loss_bound: unsigned(1 << loss_log2) })
    }
}

/// The columns of the fine weights: weights, biases and copies of each step in its lap.
fn fine_columns(grid: &Grid, weights: &[FineModel]) -> Vec<Vec<i64>> {
    let mut columns = vec![vec![0; grid.rows()]; grid.width];
    for (lap, model) in weights.iter().enumerate() {
        let mut put = |block: usize, p: usize, value: i64| {
            columns[p % grid.width][grid.lap(lap) + grid.row(block) + p / grid.width] = value;
        };
        for (l, layer) in (1..).zip(&model.layers) {
            for (k, bias) in layer.bias.iter().enumerate() {
                put(grid.bias(l), k, *bias);
            }
            for (j, row) in layer.weights.chunks(layer.outputs).enumerate() {
                for (k, weight) in row.iter().enumerate() {
                    put(grid.input(l, j), k, *weight);
                    if l >= 2 {
                        put(grid.transposed(l, k), j, *weight);
                    }
                }
            }
        }
    }
    columns
}

/// The private columns as integers.
struct Integers<'a> {
    plan: &'a Plan,
    /// First row of the lap whose cells are put.
    origin: usize,
    columns: Vec<Vec<i128>>,
}

impl<'a> Integers<'a> {
    fn new(plan: &'a Plan) -> Self {
        let rows = plan.grid.height() * plan.grid.laps;
        Integers { plan, origin: 0, columns: vec![vec![0; rows]; plan.aux_columns] }
    }

    fn put(&mut self, lane: Lane, base: usize, value: i128) {
        self.columns[lane.column][self.origin + lane.at(base)] = value;
    }

    /// A cell of column 0.
    fn unit(&mut self, row: usize) -> &mut i128 {
        &mut self.columns[0][self.origin + row]
    }

    fn limbs(&mut self, limbs: &Limbs, base: usize, value: u128) {
        let bits = self.plan.profile.limb_bits;
        let mask = (1 << bits) - 1;
        for (i, lane) in limbs.lanes.iter().enumerate() {
            self.put(*lane, base, ((value >> (bits * i as u32)) & mask) as i128);
        }
        if let Some(scaled) = limbs.scaled {
            let top = value >> (bits * (limbs.lanes.len() as u32 - 1));
            self.put(scaled, base, (top << limbs.missing) as i128);
        }
    }

    /// Requantises `value` at a base row; returns (quotient, below).
    fn requantise(
        &mut self,
        part: &Requantise,
        base: usize,
        value: i128,
        shift: u32,
        offset: i128,
        bits: u32,
    ) -> (i128, bool) {
        let t = round_shift(value, shift);
        let remainder = (value << (part.shift - shift)) + (1 << (part.shift - 1)) - (t << part.shift);
        let t = t - offset;
        let quotient = t.clamp(0, (1 << bits) - 1);
        let below = t < 0;
        let excess = if below { -t - 1 } else { t - quotient };
        self.limbs(&part.quotient, base, quotient as u128);
        self.limbs(&part.remainder, base, remainder as u128);
        self.limbs(&part.excess, base, excess as u128);
        self.put(part.below, base, i128::from(below));
        (quotient + offset, below)
    }

    fn units(&mut self, trace: &StepTrace, phantom: &[Vec<i64>], labels: &[u16]) {
        let plan = self.plan;
        let grid = &plan.grid;
        let profile = &plan.profile;
        let depth = grid.depth();
        let offset = -(1i128 << (profile.signal_bits - 1));
        for l in 1..=depth {
            let width = grid.layers[l];
            let first = plan.unit_rows(l).start;
            for (unit, idle) in phantom[l - 1].iter().enumerate() {
                for sample in 0..grid.rows_per_block {
                    let base = first + unit * grid.rows_per_block + sample;
                    let at = sample * width + unit;
                    let real = sample < grid.batch;
                    let pre = if real { trace.pre[l - 1][at] } else { *idle };
                    if l < depth {
                        let (Some(relu), signal) = (&plan.relu, &plan.signal) else { continue };
                        let (activation, below) = self.requantise(
                            relu,
                            base,
                            i128::from(pre),
                            profile.activation_shift,
                            0,
                            profile.activation_bits,
                        );
                        *self.unit(base) = activation;
                        let back = if real { trace.backprop[l - 1][at] } else { 0 };
                        let (clamped, _) = self.requantise(
                            signal,
                            base,
                            i128::from(back),
                            profile.backprop_shift,
                            offset,
                            profile.signal_bits,
                        );
                        if l > 1 {
                            let row = grid.row(grid.transposed(l, unit)) + sample;
                            *self.unit(row) = if below { 0 } else { clamped };
                        }
                    } else if plan.softmax.is_some() {
                        // All outputs of a sample at once, below.
                        let signal = if real { trace.signals[l - 1][at] } else { 0 };
                        *self.unit(base) = signal.into();
                    } else {
                        let label = real && labels.get(sample).is_some_and(|label| usize::from(*label) == unit);
                        let value = i128::from(pre) - if label { i128::from(profile.target) } else { 0 };
                        let (residual, _) = self.requantise(
                            &plan.signal,
                            base,
                            value,
                            profile.residual_shift,
                            offset,
                            profile.signal_bits,
                        );
                        *self.unit(base) = if real { residual } else { 0 };
                    }
                }
            }
        }
    }

    /// Softmax of the outputs of each sample, phantom samples included.
    fn softmax(&mut self, trace: &StepTrace, phantom: &[Vec<i64>]) {
        let plan = self.plan;
        let (grid, profile) = (&plan.grid, &plan.profile);
        let (Some(lanes), Some(table)) = (&plan.softmax, profile.softmax()) else { return };
        let (rows, shift) = (grid.rows_per_block, profile.output_shift());
        let (width, first) = (grid.layers[grid.depth()], plan.unit_rows(grid.depth()).start);
        let idle = phantom.last().map_or(&[][..], Vec::as_slice);
        let pre = &trace.pre[grid.depth() - 1];
        // The first hidden unit of a layer follows a gap, as the first output does.
        for l in 1..grid.depth() {
            (0..rows).for_each(|sample| self.put(lanes.count, plan.unit_rows(l).start + sample, 1));
        }
        for sample in 0..rows {
            let outputs = pre.get(sample * width..(sample + 1) * width).filter(|_| sample < grid.batch).unwrap_or(idle);
            let p = Probabilities::of(profile.output_shift(), table, &plan.exponentials, outputs);
            let hot = outputs.iter().position(|z| *z == p.max);
            let mut part = i128::from(p.sum);
            for (k, z) in outputs.iter().enumerate() {
                let base = first + k * rows + sample;
                let distance = i128::from(p.max) - i128::from(*z);
                let whole = (distance >> shift) as u128;
                let rest = (distance - ((whole as i128) << shift)) as u128;
                self.limbs(&plan.signal.quotient, base, p.index[k] as u128);
                self.limbs(&plan.signal.excess, base, whole - p.index[k] as u128);
                self.limbs(&plan.signal.remainder, base, rest << (plan.signal.shift - shift));
                self.limbs(&lanes.share, base, p.share[k] as u128);
                self.limbs(&lanes.rest, base, p.rest[k] as u128);
                self.limbs(&lanes.short, base, (2 * p.sum - 1 - p.rest[k]) as u128);
                self.put(lanes.max, base, p.max.into());
                self.put(lanes.hot, base, i128::from(hot == Some(k)));
                self.put(lanes.count, base, i128::from(hot.is_some_and(|hot| hot >= k)));
                self.put(lanes.exp, base, p.exp[k].into());
                self.put(lanes.partial, base, part);
                self.put(lanes.sum, base, p.sum.into());
                part -= i128::from(p.exp[k]);
            }
            let end = first + width * rows + sample;
            self.put(lanes.max, end, p.max.into());
            self.put(lanes.sum, end, p.sum.into());
        }
    }

    /// State at the gaps, buckets and their limbs.
    fn buckets(&mut self, updates: &[Vec<i64>], loss_sum: u128, norm_log2: u32, loss_log2: u32) {
        let plan = self.plan;
        let grid = &plan.grid;
        let mut state = (1i128 << norm_log2) - 1;
        for lap in 0..grid.laps {
            self.origin = grid.lap(lap);
            // With laps the weight columns of this lap, else all of them.
            let here = |first: usize| grid.laps == 1 || first == self.origin;
            let places: Vec<_> =
                (0..grid.width).map(|c| grid.weight_column(c)).filter(|(_, first)| here(*first)).collect();
            for l in 1..=grid.depth() {
                for (column, first) in &places {
                    let rows = first + grid.row(grid.input(l, 0))..first + grid.row(grid.gap(l));
                    let squares = updates[*column][rows].iter().map(|cell| i128::from(*cell) * i128::from(*cell));
                    state -= squares.sum::<i128>();
                }
                *self.unit(grid.row(grid.gap(l)) + STATE_ROW) = state;
            }
        }
        let (norm, loss) = plan.buckets();
        for (lap, rows, value) in [(grid.laps - 1, norm, state), (0, loss, (1i128 << loss_log2) - 1 - loss_sum as i128)]
        {
            self.origin = grid.lap(lap);
            let mut value = value as u128;
            let lanes = plan.bucket_limbs();
            let limb = plan.profile.limb_bits;
            for row in rows {
                *self.unit(row) = value as i128;
                for lane in &lanes {
                    self.put(*lane, row, (value & ((1 << limb) - 1)) as i128);
                    value >>= limb;
                }
            }
        }
    }

    fn multiplicities(&mut self) {
        let plan = self.plan;
        let mut counts = Multiplicities::new(plan.profile.limb_bits);
        let laps = || (0..plan.grid.laps).map(|lap| plan.grid.lap(lap));
        for (column, origin) in plan.area.columns.clone().flat_map(|column| laps().map(move |origin| (column, origin)))
        {
            let rows = origin + plan.area.rows.start..origin + plan.area.rows.end;
            self.columns[column][rows].iter().for_each(|v| counts.count(u64::try_from(*v).ok()));
        }
        for (cell, count) in self.columns[0][plan.table_row..].iter_mut().zip(counts.into_counts()) {
            *cell = count.into();
        }
        if plan.softmax.is_none() {
            return;
        }
        // An output's index is one limb; on its rows the quotient's lanes hold nothing else.
        let mut counts = Multiplicities::new(plan.profile.softmax().map_or(0, |table| table.table_bits));
        let index = plan.signal.quotient.lanes[0];
        for (origin, base) in
            laps().flat_map(|origin| plan.unit_rows(plan.grid.depth()).map(move |base| (origin, base)))
        {
            counts.count(u64::try_from(self.columns[index.column][origin + index.at(base)]).ok());
        }
        for (row, count) in plan.exponential_rows().zip(counts.into_counts()) {
            self.columns[0][row] = count.into();
        }
    }
}

/// Pre-activations of a phantom sample: zero features, bias on.
fn phantom_values(plan: &Plan, model: &FineModel) -> Vec<Vec<i64>> {
    let profile = &plan.profile;
    let mut inputs = vec![0i128; plan.grid.layers[0]];
    let mut out = Vec::new();
    for layer in &model.layers {
        let pre: Vec<i64> = (0..layer.outputs)
            .map(|k| {
                let sum: i128 =
                    inputs.iter().enumerate().map(|(j, a)| a * i128::from(layer.weights[j * layer.outputs + k])).sum();
                (sum + i128::from(profile.bias_unit) * i128::from(layer.bias[k])) as i64
            })
            .collect();
        let top = (1i128 << profile.activation_bits) - 1;
        inputs = pre.iter().map(|z| round_shift(i128::from(*z), profile.activation_shift).clamp(0, top)).collect();
        out.push(pre);
    }
    out
}

impl Phase1 {
    /// The model, data and update columns: those whose commitments others compare or add. Their tails are as they were laid
    /// out, 1 on the model and 0 on data and update; the prover overwrites the last rows with its own blinding.
    pub fn committed(&self) -> Vec<&[Fr]> {
        self.w.iter().chain([&self.x]).chain(&self.d).map(Vec::as_slice).collect()
    }

    /// All columns of the first phase, of `2^k` rows each, in the order of the proof.
    pub fn columns(&self, grid: &Grid) -> Vec<Cow<'_, [Fr]>> {
        let aux: Vec<&[Fr]> = self.aux.iter().map(Vec::as_slice).collect();
        let tall = self.committed().into_iter().chain(self.v.iter().map(Vec::as_slice));
        tall.map(Cow::Borrowed).chain(grid.stacked(&aux)).collect()
    }

    /// [`Phase1::columns`], given away.
    pub fn into_columns(self, grid: &Grid) -> Vec<Vec<Fr>> {
        let aux = match grid.column_places() {
            1 => self.aux,
            _ => {
                let aux: Vec<&[Fr]> = self.aux.iter().map(Vec::as_slice).collect();
                grid.stacked(&aux).into_iter().map(Cow::into_owned).collect()
            }
        };
        self.w.into_iter().chain([self.x]).chain(self.d).chain(self.v).chain(aux).collect()
    }
}
