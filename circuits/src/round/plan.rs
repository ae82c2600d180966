//! Rows and limbs of the round circuit, for any profile.
//!
//! # Shapes
//! With `l = limb_bits`, `s` the learning rate's shift, `N` the claims, `D = N 2^s` the divisor and `B` the weight bits:
//!
//! | value | range | limbs |
//! |---|---|---|
//! | low part of the remainder | `0 .. 2^l` | 1 |
//! | high part `p` of the remainder, `-(2^l)^(1+excess) .. (2^l)^(1+excess)` | `0 .. N 2^(s-l)` unless the weight saturates | see [`super::gates`] |
//! | next weight plus `2^(B-1)` | `0 .. 2^B` | low limb, and a bit or a looked-up top |
//!
//! The limbs are as wide as a table fits beside the tail, and no wider than a remainder or a weight needs.
//!
//! # Errors
//! [`LayoutError`], with what to change.

use crate::grid::{Grid, LayoutError, TAIL};
use crate::profile::Profile;

/// Rows and limbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundPlan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// The profile.
    pub profile: Profile,
    /// Bits of a limb; the table has `2^limb_bits` rows.
    pub limb_bits: u32,
    /// Limbs above the first of a remainder's distance from its bounds.
    pub excess: usize,
}

impl RoundPlan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] when the table does not fit, or the profile's claims or weights need more limbs than there are.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let shift = profile.learning_rate.shift;
        let limb_bits = (profile.k - 1).min(shift).min(profile.weight_bits - 1);
        let have = grid.rows().saturating_sub(TAIL);
        if (1 << limb_bits) + 1 > have {
            let blocks = |rows: usize| rows.div_ceil(grid.rows_per_block);
            return Err(LayoutError::Table { limb_bits, need: blocks((1 << limb_bits) + 1), have: blocks(have) });
        }
        let most = 1u64 << (2 * limb_bits).saturating_sub(shift);
        if 2 * limb_bits < shift || profile.max_claims > most {
            let most = if 2 * limb_bits < shift { 0 } else { most };
            return Err(LayoutError::Claims { max_claims: profile.max_claims, limb_bits, shift, most });
        }
        if profile.weight_bits > 2 * limb_bits {
            return Err(LayoutError::WeightBits { weight_bits: profile.weight_bits, most: 2 * limb_bits });
        }
        let mut plan = RoundPlan { grid, profile: profile.clone(), limb_bits, excess: 1 };
        // Ends: profiles keep a step below 2^126.
        while plan.reach() >> limb_bits >= 1u128 << (limb_bits * (1 + plan.excess as u32)).min(127) {
            plan.excess += 1;
        }
        Ok(plan)
    }

    /// The largest distance of a remainder from a bound, over all models, updates and numbers of claims.
    fn reach(&self) -> u128 {
        let profile = &self.profile;
        let rate = &profile.learning_rate;
        let sum = profile.bounds().update.saturating_mul(rate.numerator.into());
        // A weight moves by less than 2^weight_bits, and by one more where the remainder is counted from the other end.
        let moved = ((1u128 << profile.weight_bits) + 2) << rate.shift;
        sum.saturating_add(moved).saturating_mul(profile.max_claims.into())
    }

    /// log2 of how many high parts a remainder has for each claim.
    pub fn ratio_bits(&self) -> u32 {
        self.profile.learning_rate.shift - self.limb_bits
    }

    /// Bits of a weight above its low limb, at least 1.
    pub fn top_bits(&self) -> u32 {
        self.profile.weight_bits - self.limb_bits
    }

    /// Rows whose cells are looked up: from the first input's block to the last bias, of the lowest place that holds weights.
    pub fn area(&self) -> std::ops::Range<usize> {
        let last = (0..self.grid.width).map(|c| self.grid.weight_column(c).1).max().unwrap_or(0);
        self.grid.row(self.grid.input(1, 0))..last + self.grid.row(self.grid.gap(self.grid.depth()))
    }

    /// First rows of the weight columns that lie in one column.
    pub fn stacked(&self) -> Vec<usize> {
        let places = (0..self.grid.width).map(|c| self.grid.weight_column(c));
        places.filter(|(column, _)| *column == 0).map(|(_, first)| first).collect()
    }

    /// First row of the table; the row before it starts the sum.
    pub fn table(&self) -> usize {
        1
    }

    /// Rows of the weights of layer `l >= 2`, biases not included, in the first stacked column.
    pub fn forward(&self, l: usize) -> std::ops::Range<usize> {
        self.grid.row(self.grid.input(l, 0))..self.grid.row(self.grid.bias(l))
    }

    /// Rows of the transposed weights of layer `l >= 2`, in the first stacked column.
    pub fn transposed(&self, l: usize) -> std::ops::Range<usize> {
        let first = self.grid.transposed(l, 0);
        self.grid.row(first)..self.grid.row(first + self.grid.layers[l])
    }

    /// Rows that hold weights or biases, but not their transposed copies.
    pub fn parameter_rows(&self) -> Vec<usize> {
        let grid = &self.grid;
        let mut rows = Vec::new();
        for first in self.stacked() {
            for l in 1..=grid.depth() {
                let cells = grid.layers[l] / grid.width;
                for block in grid.input(l, 0)..=grid.bias(l) {
                    let row = first + grid.row(block);
                    rows.extend(row..row + cells);
                }
            }
        }
        rows
    }

    /// Private cells of a weight: low part, high part, distances from both ends, excess, low limb of the next weight.
    pub fn private_cells(&self) -> usize {
        5 + self.excess
    }

    /// Lookups of a weight: all private cells but the high part, and the next weight's top where it is no bit.
    pub fn lookups(&self) -> usize {
        4 + self.excess + if self.top_bits() > 1 { 2 } else { 0 }
    }
}
