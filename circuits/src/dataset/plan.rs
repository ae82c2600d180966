//! Rows of the dataset circuit, for any profile.
//!
//! # Shapes
//! Features and labels sit where the data column has them ([`crate::grid`]), those of step `e` in lap `e`. With `R` rows a block,
//! `B` records a step and `M` records in all, in the last lap:
//!
//! ```text
//! row                    x                  aux             key
//! features               features           .               keys so far, block by block; in the last block the records' keys
//! next `limbs` rows      0                  .               .
//! table                  0 or labels        multiplicities  .          on its last row the smallest key
//! next (M-1) `limbs`     0 or labels        limbs           limbs from the top one on; on the last of each `limbs` rows the next larger key
//! ```
//!
//! One sum of lookups runs from the first lap's features to the last of these rows. The sums of the labels stand beside the labels in
//! `aux`, unless the limbs reach so far: then [`DatasetPlan::label_shift`] rows below them, in each lap.
//!
//! # Keys
//! The key of a record is the integer `sum_j c_j x_j` with `c_j = f_j + 2^w f_(j+1)`, where `f_j` is a fixed number in `1 ..= 2^w`
//! ([`DatasetPlan::coefficient`]) and `w = ceil((25 + 2 ceil(log2 M)) / 2)`, 31 at most. Equal records have equal keys. Records that differ in one feature
//! have different keys; others have equal ones for about one choice in `2^(2w)` of the fixed numbers, so of all pairs of a shard
//! for one choice in `2^25`. A shard with such a pair is refused; it takes another record in place of one of the two.
//!
//! # Errors
//! [`LayoutError::Features`] and [`LayoutError::Order`] when table or order do not fit.
//!
//! # Source
//! The fixed numbers come from SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).

use crate::grid::{Grid, LayoutError};
use crate::profile::Profile;
use std::ops::Range;

/// Least bits of a key's coefficients beyond those that tell pairs apart.
const SPARE_BITS: u32 = 25;
/// Most bits of a fixed number of the coefficients: fixed cells have 32 bits.
const HALF_MOST: u32 = 31;

/// Rows of the dataset circuit of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetPlan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// Bits of a feature.
    pub feature_bits: u32,
    /// What makes the smallest feature zero: what is looked up is a feature plus this.
    pub offset: u64,
    /// Rows from a label to its running sum: 0 unless table or limbs reach into the outputs.
    pub label_shift: usize,
    /// Bits of the fixed numbers of the coefficients.
    pub half_bits: u32,
    /// Limbs of the distance of two neighbouring keys, at least 2.
    pub limbs: usize,
}

/// log2, rounded up.
fn log2(count: usize) -> u32 {
    count.next_power_of_two().trailing_zeros()
}

impl DatasetPlan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] when the table or the order of the records does not fit beside the features.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let feature_bits = profile.feature_bits;
        let records = grid.batch * grid.laps;
        let half_bits = (SPARE_BITS + 2 * log2(records)).div_ceil(2).min(HALF_MOST);
        // Keys lie less than this far apart: features have 2^feature_bits values, coefficients are below 2^(2 half + 1).
        let key_bits = log2(grid.layers[0]) + feature_bits + 2 * half_bits + 1;
        let limbs = key_bits.div_ceil(feature_bits).max(2) as usize;
        let offset = profile.feature_range().0.unsigned_abs();
        let mut plan = DatasetPlan { grid, feature_bits, offset, label_shift: 0, half_bits, limbs };

        let grid = &plan.grid;
        let blocks = |rows: usize| rows.div_ceil(grid.rows_per_block);
        let (after, labels) = (grid.bias(1), grid.layers[grid.depth()]);
        let have = grid.blocks() - after;
        let (table, order) =
            (blocks(limbs + (1 << feature_bits)), blocks(plan.order_rows().end - plan.features(grid.laps - 1).end));
        // Beside the labels if they lie after the limbs, else after limbs and labels.
        let shift = match after + order > grid.output(0) {
            true => (after + order).max(grid.end()) - grid.output(0),
            false => 0,
        };
        if table + labels > have {
            return Err(LayoutError::Features { feature_bits, need: table + labels, have });
        }
        if grid.output(0) + shift + labels > grid.blocks() || order > have {
            return Err(LayoutError::Order { records, need: order + labels, have });
        }
        plan.label_shift = shift * grid.rows_per_block;
        Ok(plan)
    }

    /// Records of a shard.
    pub fn records(&self) -> usize {
        self.grid.batch * self.grid.laps
    }

    /// Rows of a lap's features, phantom samples included.
    pub fn features(&self, lap: usize) -> Range<usize> {
        let first = self.grid.lap(lap);
        first + self.grid.row(self.grid.input(1, 0))..first + self.grid.row(self.grid.bias(1))
    }

    /// Rows of the data column that are looked up, whatever they hold: from the first features to the table.
    pub fn looked_up(&self) -> Range<usize> {
        self.features(0).start..self.table()
    }

    /// First row of the table. The sum of the keys in order begins `limbs + 1` rows before the table's end, so at the features' end
    /// or later.
    pub fn table(&self) -> usize {
        self.features(self.grid.laps - 1).end + self.limbs
    }

    /// Rows of the limbs of the distances.
    pub fn order_rows(&self) -> Range<usize> {
        let first = self.table() + (1 << self.feature_bits);
        first..first + (self.records() - 1) * self.limbs
    }

    /// Rows that hold a lap's keys.
    pub fn keys(&self, lap: usize) -> Range<usize> {
        let first = self.features(lap).end - self.grid.rows_per_block;
        first..first + self.grid.batch
    }

    /// Rows that hold all keys in order, the smallest first; none with a single record.
    pub fn sorted(&self) -> impl Iterator<Item = usize> + '_ {
        let (first, count) = (self.order_rows().start - 1, self.records());
        (0..if count > 1 { count } else { 0 }).map(move |i| first + i * self.limbs)
    }

    /// Fixed number `f_j` of the coefficients, `j` up to the number of features.
    pub fn coefficient(&self, j: usize) -> u64 {
        let mut z = (j as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        1 + ((z ^ (z >> 31)) >> (64 - self.half_bits))
    }
}
