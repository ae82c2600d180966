//! The grid: where data, weights and updates sit in the committed columns.
//!
//! All circuits of a profile share one grid, so a column's commitment means the same vector
//! everywhere. The rows of a column are cut into **blocks** of [`Grid::rows_per_block`] rows, one
//! sample a row (`row = block * R + sample`, sample `batch..R` are phantom samples). One block
//! belongs to one index of a contraction: a feature, a hidden unit, an output.
//!
//! # Shapes
//! Blocks in order, for layers `n_0 .. n_L`:
//!
//! | section | blocks |
//! |---|---|
//! | start gap | 1 |
//! | forward `l = 1..L` | `n_{l-1}` inputs, then bias; then one gap |
//! | output | `n_L` outputs, then one end block |
//! | backward `l = 2..L-1` (only when `L >= 3`) | `n_l` units, 2 spare |
//!
//! A block of input `j` of forward section `l`, block `b` of the column, with `R = 4` rows, a batch of 3, one weight column and
//! layers of width 4:
//!
//! ```text
//! row      data column     model column    update column    private column 0
//!          (l = 1 only)                                     (l > 1 only)
//! b R      feature j of 0  weight (j, 0)   update (j, 0)    activation j of 0
//! b R + 1  feature j of 1  weight (j, 1)   update (j, 1)    activation j of 1
//! b R + 2  feature j of 2  weight (j, 2)   update (j, 2)    activation j of 2
//! b R + 3  0               weight (j, 3)   update (j, 3)    activation j of the phantom sample
//! ```
//!
//! So the samples of a block run along its rows in the data, and the weights of an input in the model: the product of a
//! layer is a sum over blocks of a column of samples times a row of weights. With `C` weight columns `C` weights lie in a row,
//! and `R` rows hold `R C` of them. What a block has beyond its batch and its weights is zero: padding.
//!
//! The whole column, for layers `n_0`, `n_1`, `n_2`, from row 0 on:
//!
//! ```text
//! block 0                                           start gap
//!       1 ..                n_0 inputs of layer 1   W_1, one row of weights a block
//!                           bias of layer 1         b_1
//!                           gap
//!                           n_1 inputs of layer 2   W_2
//!                           bias of layer 2         b_2
//!                           gap
//!                           n_2 outputs             transposed W_2, one column of weights a block; labels
//!                           end block
//!                           free blocks: tables
//! last TAIL rows                                    tail: blinding
//! ```
//!
//! Columns of `2^(k - stack_bits)` rows lie below each other in one column of `2^k` rows; the first begins at row 0,
//! and all blocks are counted in it. In a block the `C` weight columns hold cell `p` of a row of weights at row `p / C`, column
//! `p % C`: row `j` of `W_l` in the block of input `j` of the forward section `l`, the bias in its
//! bias block, and the transposed column `k` of `W_l` (`l >= 2`) in the block of unit `k` of the
//! output or backward section. The update columns use the same cells, except that the transposed
//! part stays zero. The data column holds feature `j` of sample `i` at row `i` of input block `j` of
//! the first forward section, and the one-hot labels in the output blocks.
//!
//! The training circuit folds over these blocks in groups of four rows; a picture of a group is in
//! [`crate::training::gates::folds`].
//!
//! # Errors
//! [`LayoutError`] when the profile's shape does not fit `2^k` rows, or the circuits do not prove its statement.

mod error;
mod zone;

pub use error::LayoutError;
pub use zone::{Run, Zone};

use crate::profile::{Activation, FeatureKind, LabelKind, Loss, Mode, Profile};
use crate::reference::{LayerUpdate, Model, Shard, Update};
use halo2_proofs::arithmetic::Field;
use std::borrow::Cow;

/// Rows at the end of every column that no circuit uses for data: blinding rows are among them.
pub const TAIL: usize = 32;

/// Positions of a profile's sections. Blocks are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// log2 of the number of rows.
    pub k: u32,
    /// log2 of how many weight columns have room below each other in one committed column. With laps, as many as there are laps.
    pub stack_bits: u32,
    /// Steps of a run, each with the blocks of one step in [`Grid::height`] rows of its own.
    pub laps: usize,
    /// Whether features have a sign.
    pub signed: bool,
    /// Samples in a batch.
    pub batch: usize,
    /// Rows of a block, a multiple of four.
    pub rows_per_block: usize,
    /// Weight columns, 1 to 16.
    pub width: usize,
    /// Committed columns that hold the weight columns: as many, or one when they are stacked.
    pub columns: usize,
    /// Widths `n_0 .. n_L`.
    pub layers: Vec<usize>,
    gaps: Vec<usize>,
    output: usize,
    stop: usize,
    backward: usize,
    end: usize,
}

/// Refuses a profile whose statement the circuits do not prove, with the first field that says so.
fn proven(profile: &Profile) -> Result<(), LayoutError> {
    let Profile { local_steps, mode, label_kind, activation, loss, .. } = profile;
    let Profile { fine_shift, local_rate, momentum, output_table, .. } = profile;
    let table = if output_table.is_some() { "a table" } else { "none" };
    let fields = [
        ("mode", *mode == Mode::Local, mode.to_string(), "local"),
        ("labels", *label_kind == LabelKind::Class, label_kind.to_string(), "class"),
        ("activation", *activation == Activation::Relu, activation.to_string(), "relu"),
        ("loss", *loss != Loss::BinaryCrossEntropy, loss.to_string(), "squared-error or cross-entropy"),
        (
            "output_table",
            output_table.is_some() == (*loss == Loss::CrossEntropy),
            table.into(),
            "one with cross-entropy alone",
        ),
        ("fine_shift", *fine_shift == 0 || *local_steps > 1, fine_shift.to_string(), "0 with one step"),
        ("local_rate", *local_rate == 1 || *local_steps > 1, local_rate.to_string(), "1 with one step"),
        ("momentum", *momentum == 0, momentum.to_string(), "0"),
    ];
    match fields.into_iter().find(|(_, holds, _, _)| !holds) {
        Some((field, _, found, expected)) => Err(LayoutError::Statement { field, found, expected }),
        None => Ok(()),
    }
}

impl Grid {
    /// The grid of a profile.
    ///
    /// # Errors
    /// [`LayoutError::Statement`] when the circuits do not prove what the profile says,
    /// [`LayoutError::TooManyRows`] when the blocks do not fit, [`LayoutError::Width`] when a width
    /// does not fill whole rows, [`LayoutError::Places`] when the last of several columns would be filled in part.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        proven(profile)?;
        let layers = profile.layers.clone();
        let depth = layers.len() - 1;
        let columns = profile.weight_columns;
        if let Some((layer, &width)) = layers.iter().enumerate().skip(1).find(|(_, w)| *w % columns != 0) {
            return Err(LayoutError::Width { layer, width, columns });
        }
        let stack_bits = profile.place_bits();
        let places = 1usize << stack_bits.min(10);
        if !profile.fills_places() {
            return Err(LayoutError::Places { columns, stack_bits, places, full: columns / places });
        }
        let forward = layers[1..].iter();
        let transposed = layers[1..depth].iter();
        let widest = forward.chain(transposed).max().copied().unwrap_or(1);
        let rows_per_block = profile.batch.max(widest.div_ceil(columns)).next_multiple_of(4);

        // invariant: a valid profile has at most 1024 steps.
        let laps = usize::try_from(profile.local_steps).unwrap_or(usize::MAX);
        let mut gaps = vec![0];
        let mut next = 1;
        for width in &layers[..depth] {
            next += width + 1;
            gaps.push(next);
            next += 1;
        }
        let output = next;
        let stop = next + layers[depth];
        let backward = stop + 1;
        let spare: usize = layers.iter().take(depth).skip(2).map(|width| width + 2).sum();
        let grid = Grid {
            k: profile.k,
            stack_bits,
            laps,
            signed: profile.feature_kind == FeatureKind::Signed,
            batch: profile.batch,
            rows_per_block,
            width: columns,
            columns: profile.model_points(),
            layers,
            gaps,
            output,
            stop,
            backward,
            end: backward + spare,
        };
        if grid.end > grid.blocks() {
            let rows = grid.end * rows_per_block + TAIL;
            return Err(LayoutError::TooManyRows {
                need: grid.end,
                rows_per_block,
                k: profile.k,
                have: grid.blocks(),
                suggested: rows.next_power_of_two().trailing_zeros() + stack_bits,
            });
        }
        Ok(grid)
    }

    /// Number of rows, `2^k`.
    pub fn rows(&self) -> usize {
        1 << self.k
    }

    /// Rows from a stacked column to the next, and from a lap to the next, `2^(k - stack_bits)`: the rows that every gate of the
    /// training circuit but the zones is planned for.
    pub fn height(&self) -> usize {
        1 << self.k.saturating_sub(self.stack_bits)
    }

    /// First row of a lap.
    pub fn lap(&self, lap: usize) -> usize {
        lap * self.height()
    }

    /// Where weight column `c` begins: (column, row).
    pub fn weight_column(&self, c: usize) -> (usize, usize) {
        (c >> self.stack_bits, (c & ((1 << self.stack_bits) - 1)) * self.height())
    }

    /// How many columns that are neither model nor update lie below each other: with laps they are as tall as the circuit.
    pub fn column_places(&self) -> usize {
        if self.laps > 1 {
            1
        } else {
            1 << self.stack_bits
        }
    }

    /// Columns of [`Grid::height`] rows as columns of [`Grid::rows`] rows: column `i` begins at row
    /// `(i mod 2^stack_bits) height` of column `i / 2^stack_bits`.
    pub fn stacked<'a, F: Field>(&self, columns: &[&'a [F]]) -> Vec<Cow<'a, [F]>> {
        if self.column_places() == 1 {
            return columns.iter().map(|column| Cow::Borrowed(*column)).collect();
        }
        let tall = columns.chunks(self.column_places()).map(|parts| {
            let mut column = parts.concat();
            column.resize(self.rows(), F::ZERO);
            Cow::Owned(column)
        });
        tall.collect()
    }

    /// Depth `L` of the network.
    pub fn depth(&self) -> usize {
        self.layers.len() - 1
    }

    /// Whole blocks of a stacked column before the tail.
    pub fn blocks(&self) -> usize {
        self.height().saturating_sub(TAIL) / self.rows_per_block
    }

    /// First block that the sections leave free.
    pub fn end(&self) -> usize {
        self.end
    }

    /// First row of a block.
    pub fn row(&self, block: usize) -> usize {
        block * self.rows_per_block
    }

    /// Block of gap `g`: 0 before everything, `l` after forward section `l`.
    pub fn gap(&self, g: usize) -> usize {
        self.gaps[g]
    }

    /// Block of input `j` of forward section `l` (1-based): a feature, or a unit of layer `l - 1`.
    pub fn input(&self, l: usize, j: usize) -> usize {
        self.gaps[l - 1] + 1 + j
    }

    /// Bias block of forward section `l` (1-based), its last.
    pub fn bias(&self, l: usize) -> usize {
        self.gaps[l] - 1
    }

    /// Block of output `k`.
    pub fn output(&self, k: usize) -> usize {
        self.output + k
    }

    /// The block after the outputs, where their folds start from zero.
    pub fn stop(&self) -> usize {
        self.stop
    }

    /// Block of unit `k` of layer `l` where the transposed weights of `W_l` sit, `2 <= l <= L`.
    pub fn transposed(&self, l: usize, k: usize) -> usize {
        if l == self.depth() {
            self.output(k)
        } else {
            let before: usize = self.layers[2..l].iter().map(|width| width + 2).sum();
            self.backward + before + k
        }
    }

    /// Blocks with a chain in them, as half-open ranges: forward sections; outputs, end, backward.
    pub fn sections(&self) -> Vec<std::ops::Range<usize>> {
        let forward = (1..=self.depth()).map(|l| self.input(l, 0)..self.gap(l));
        forward.chain(std::iter::once(self.output..self.end)).collect()
    }

    /// (column, row) of weight `k` of input `j` of layer `l` (1-based).
    pub fn weight(&self, l: usize, j: usize, k: usize) -> (usize, usize) {
        self.cell(self.input(l, j), k)
    }

    /// (column, row) of bias `k` of layer `l` (1-based).
    pub fn bias_weight(&self, l: usize, k: usize) -> (usize, usize) {
        self.cell(self.bias(l), k)
    }

    /// (column, row) of the transposed copy of weight `[j][k]` of layer `l >= 2`.
    pub fn transposed_weight(&self, l: usize, j: usize, k: usize) -> (usize, usize) {
        self.cell(self.transposed(l, k), j)
    }

    fn cell(&self, block: usize, p: usize) -> (usize, usize) {
        let (column, first) = self.weight_column(p % self.width);
        (column, first + self.row(block) + p / self.width)
    }

    /// The integers of the model columns: weights, biases, transposed weights; 1 in the tail.
    pub fn model_columns(&self, model: &Model) -> Vec<Vec<i64>> {
        let mut columns = self.parameter_columns(
            |l, j, k| i64::from(model.layers[l].weights[j * self.layers[l + 1] + k]),
            |l, k| i64::from(model.layers[l].bias[k]),
        );
        for l in 2..=self.depth() {
            for j in 0..self.layers[l - 1] {
                for k in 0..self.layers[l] {
                    let (column, row) = self.transposed_weight(l, j, k);
                    columns[column][row] = i64::from(model.layers[l - 1].weights[j * self.layers[l] + k]);
                }
            }
        }
        for column in &mut columns {
            column[self.rows() - TAIL..].fill(1);
        }
        columns
    }

    /// The integers of the update columns; the tail is left zero for blinding.
    pub fn update_columns(&self, update: &Update) -> Vec<Vec<i64>> {
        self.parameter_columns(
            |l, j, k| update.layers[l].weights[j * self.layers[l + 1] + k],
            |l, k| update.layers[l].bias[k],
        )
    }

    fn parameter_columns(
        &self,
        weight: impl Fn(usize, usize, usize) -> i64,
        bias: impl Fn(usize, usize) -> i64,
    ) -> Vec<Vec<i64>> {
        let mut columns = vec![vec![0; self.rows()]; self.columns];
        for l in 1..=self.depth() {
            for k in 0..self.layers[l] {
                let (column, row) = self.bias_weight(l, k);
                columns[column][row] = bias(l - 1, k);
                for j in 0..self.layers[l - 1] {
                    let (column, row) = self.weight(l, j, k);
                    columns[column][row] = weight(l - 1, j, k);
                }
            }
        }
        columns
    }

    /// The integers of the data column; the tail is left zero for blinding.
    pub fn data_column(&self, shard: &Shard) -> Vec<i64> {
        let mut column = vec![0; self.rows()];
        let records = shard.features.chunks_exact(self.layers[0]).zip(&shard.labels).take(self.batch * self.laps);
        for (record, (features, label)) in records.enumerate() {
            let at = self.lap(record / self.batch) + record % self.batch;
            for (j, feature) in features.iter().enumerate() {
                column[at + self.row(self.input(1, j))] =
                    if self.signed { i64::from(*feature as i16) } else { i64::from(*feature) };
            }
            // Of an absent record nothing is laid out; no proof of it exists.
            if usize::from(*label) < self.layers[self.depth()] {
                column[at + self.row(self.output(usize::from(*label)))] = 1;
            }
        }
        column
    }

    /// Where an update column can hold anything but zero, in order and without overlap: its data cells, then the tail. Every
    /// update column has the same runs; one that holds fewer weight columns than the others is zero in the rest of them.
    pub fn update_runs(&self) -> Vec<Run> {
        let slots = self.width.min(1 << self.stack_bits);
        let section = |slot: usize, l: usize| Run {
            first: slot * self.height() + self.row(self.input(l, 0)),
            blocks: self.layers[l - 1] + 1,
            stride: self.rows_per_block,
            used: self.layers[l] / self.width,
        };
        let data = (0..slots).flat_map(|slot| (1..=self.depth()).map(move |l| section(slot, l)));
        data.chain([Run { first: self.rows() - TAIL, blocks: 1, stride: 0, used: TAIL }]).collect()
    }

    /// The update whose columns these are, the inverse of [`Grid::update_columns`]; cells that belong to no parameter are not read.
    ///
    /// # Errors
    /// The column and length when there are not [`Grid::columns`] columns of [`Grid::rows`] cells.
    pub fn update_of_columns(&self, columns: &[Vec<i64>]) -> Result<Update, (usize, usize)> {
        if columns.len() != self.columns {
            return Err((columns.len(), 0));
        }
        if let Some((column, cells)) = columns.iter().enumerate().find(|(_, cells)| cells.len() != self.rows()) {
            return Err((column, cells.len()));
        }
        let cell = |(column, row): (usize, usize)| columns[column][row];
        let layer = |l: usize| LayerUpdate {
            weights: (0..self.layers[l - 1])
                .flat_map(|j| (0..self.layers[l]).map(move |k| (j, k)))
                .map(|(j, k)| cell(self.weight(l, j, k)))
                .collect(),
            bias: (0..self.layers[l]).map(|k| cell(self.bias_weight(l, k))).collect(),
        };
        Ok(Update { layers: (1..=self.depth()).map(layer).collect() })
    }

    /// Zones of the update columns: as [`Grid::parameter_zones`], but copies are padding.
    pub fn update_zones(&self) -> Vec<Zone> {
        let mut zones = self.blank_zones();
        // invariant: the last run is the tail, which is blank already.
        let runs = self.update_runs();
        for row in runs.iter().take(runs.len() - 1).flat_map(|run| run.rows()) {
            zones[row] = Zone::Data;
        }
        zones
    }

    /// Zones of the model columns and the update columns (column, row).
    pub fn parameter_zones(&self) -> Vec<Zone> {
        let mut zones = self.blank_zones();
        // One zone column serves all columns: a row is data when its cell of any column is.
        let mut mark = |(_, row): (usize, usize)| zones[row] = Zone::Data;
        for l in 1..=self.depth() {
            for k in 0..self.layers[l] {
                mark(self.bias_weight(l, k));
                for j in 0..self.layers[l - 1] {
                    mark(self.weight(l, j, k));
                    if l >= 2 {
                        mark(self.transposed_weight(l, j, k));
                    }
                }
            }
        }
        zones
    }

    /// Zones of the data column.
    pub fn data_zones(&self) -> Vec<Zone> {
        let mut zones = self.blank_zones();
        for lap in 0..self.laps {
            let inputs = (0..self.layers[0]).map(|j| self.input(1, j));
            for block in inputs.chain((0..self.layers[self.depth()]).map(|k| self.output(k))) {
                let first = self.lap(lap) + self.row(block);
                zones[first..first + self.batch].fill(Zone::Data);
            }
        }
        zones
    }

    fn blank_zones(&self) -> Vec<Zone> {
        let mut zones = vec![Zone::Padding; self.rows()];
        zones[self.rows() - TAIL..].fill(Zone::Tail);
        zones
    }
}
