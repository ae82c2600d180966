//! Rows of the dataset circuit, for any profile.
//!
//! # Shapes
//! Features and labels sit where the data column has them ([`crate::grid`]). The table follows the features at once, so one
//! sum runs over both. Beside the table, and below it, the rows after the features compare the records: block `s` after the
//! features holds in row `i` the comparison of sample `i` with sample `i + s`. The sums of the labels stand beside the labels,
//! unless the table reaches so far: then [`DatasetPlan::label_shift`] rows below them.
//!
//! # Errors
//! [`LayoutError::Table`] when the table or the comparisons do not fit.

use crate::grid::{Grid, LayoutError};
use crate::profile::Profile;

/// Rows of the dataset circuit of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetPlan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// Bits of a feature.
    pub feature_bits: u32,
    /// Rows from a label to its running sum: 0 unless the table reaches into the outputs.
    pub label_shift: usize,
}

impl DatasetPlan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] when the table or the comparisons do not fit beside the features.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let table = (1usize << profile.feature_bits).div_ceil(grid.rows_per_block);
        let table_end = grid.bias(1) + table;
        let labels = grid.layers[grid.depth()];
        let shift = if table_end > grid.output(0) { table_end.max(grid.end()) - grid.output(0) } else { 0 };
        if grid.output(0) + shift + labels > grid.blocks() {
            return Err(LayoutError::Features {
                feature_bits: profile.feature_bits,
                need: table + labels,
                have: grid.blocks() - grid.bias(1),
            });
        }
        let label_shift = shift * grid.rows_per_block;
        let plan = DatasetPlan { grid, feature_bits: profile.feature_bits, label_shift };
        let grid = &plan.grid;
        let (need, have) = (grid.batch.saturating_sub(1), grid.blocks() - grid.bias(1));
        if table > have {
            return Err(LayoutError::Features { feature_bits: plan.feature_bits, need: table, have });
        }
        if need > have {
            return Err(LayoutError::Pairs { records: grid.batch, need, have });
        }
        Ok(plan)
    }

    /// Rows of the features, phantom samples included.
    pub fn features(&self) -> std::ops::Range<usize> {
        self.grid.row(self.grid.input(1, 0))..self.grid.row(self.grid.bias(1))
    }

    /// First row of the table; it follows the features, so one running sum covers both.
    pub fn table(&self) -> usize {
        self.features().end
    }

    /// Rows that compare sample `i` with sample `i + shift`, for each shift.
    pub fn pairs(&self, shift: usize) -> std::ops::Range<usize> {
        let first = self.features().end + (shift - 1) * self.grid.rows_per_block;
        first..first + self.grid.batch - shift
    }
}
