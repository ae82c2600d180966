//! Where the private cells of the training circuit sit: lanes.
//!
//! The gates of a unit (a hidden unit or an output, for one sample) are enabled at the unit's
//! **base row**, the row where its activation enters the product of the next layer. Everything else
//! of the unit sits in **lanes**: a lane is a column and a shift, and holds the cell of base row `r`
//! at row `r + shift`. All lanes have the same width, the **span** from the gap after the first
//! section to two blocks past the gap after the outputs, so lanes of one column never overlap, and a
//! gate reads every lane at one rotation, whatever the profile's shape.
//!
//! A wide profile (mnist-mlp) has a short span and packs seven lanes into a column; a narrow one has
//! few lanes a column and more columns.

use crate::grid::{Grid, LayoutError};
use crate::profile::Profile;

/// A column (index among the private columns of its phase) and the rows from base row to cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Column index.
    pub column: usize,
    /// Rows from a base row to the lane's cell.
    pub shift: i32,
}

impl Lane {
    /// Row of the lane's cell for a base row.
    pub fn at(&self, base: usize) -> usize {
        (base as i64 + i64::from(self.shift)) as usize
    }
}

/// A non-negative integer of `bits` bits as limbs of the lookup table, lowest first.
///
/// When `bits` is not a multiple of the limb width, the top limb is looked up twice: itself and
/// scaled up by the missing bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limbs {
    /// Lanes of the limbs.
    pub lanes: Vec<Lane>,
    /// Bits of the integer.
    pub bits: u32,
    /// Bits the top limb falls short of a full limb.
    pub missing: u32,
}

/// Lanes of a rounded and clamped quotient: `value * 2^scale + half = 2^shift * t + remainder`,
/// `quotient = clamp(t, 0, 2^bits - 1)` after adding the offset (see [`super::gates::requantise`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requantise {
    /// The clamped quotient.
    pub quotient: Limbs,
    /// The remainder, `shift` bits.
    pub remainder: Limbs,
    /// What the clamp cut off.
    pub excess: Limbs,
    /// 1 when the quotient before the clamp is negative.
    pub below: Lane,
    /// Bits of the remainder, a multiple of the limb width.
    pub shift: u32,
}

/// The plan of the training circuit of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// The profile.
    pub profile: Profile,
    /// Private first-phase columns.
    pub aux_columns: usize,
    /// Second-phase columns that hold unit lanes.
    pub chain_columns: usize,
    /// Activation of a hidden unit (absent without hidden layers).
    pub relu: Option<Requantise>,
    /// Residual of an output, back-propagated signal of a hidden unit.
    pub signal: Requantise,
    /// LogUp running sum, one lane a lookup.
    pub sums: Vec<Lane>,
    /// Fold of the pre-activations.
    pub pre_fold: Lane,
    /// Fold of the back-propagated sums (absent without hidden layers).
    pub back_fold: Option<Lane>,
    /// Fold of the signals over the units of a layer.
    pub signal_fold: Lane,
    /// Sum of squared residuals.
    pub loss_sum: Lane,
    /// Rows of the norm's bucket check and the loss's.
    pub bucket_rows: (usize, usize),
    /// Row of the first table value; `2^limb_bits` rows follow.
    pub table_row: usize,
}

impl Plan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] with the reason when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let bounds = profile.bounds();
        let limb = profile.limb_bits;
        let depth = grid.depth();
        let hidden = depth > 1;

        let first = grid.gap(1);
        let span = grid.gap(depth + 1) + 3 - first;
        let table_block = grid.end();
        let table_blocks = (1usize << limb).div_ceil(grid.rows_per_block);
        if table_block + table_blocks > grid.blocks() {
            return Err(LayoutError::Table { limb_bits: limb, need: table_blocks, have: grid.blocks() - table_block });
        }
        if first + span > grid.blocks() {
            return Err(LayoutError::TooManyRows {
                need: first + span,
                rows_per_block: grid.rows_per_block,
                k: grid.k,
                have: grid.blocks(),
                suggested: grid.k + 1,
            });
        }

        // Column 0 holds the activations at shift 0 and the table's multiplicities above the sections.
        let mut aux = Lanes::new(&grid, first, span);
        aux.reserve_below();
        let shift = |bits: u32| bits.next_multiple_of(limb);
        let relu = hidden.then(|| {
            let widest = bounds.pre_activation[..depth - 1].iter().max().copied().unwrap_or(0);
            let cut = excess_bits(widest, profile.activation_shift, 0);
            aux.requantise(limb, profile.activation_bits, shift(profile.activation_shift), cut)
        });
        let signal_shift = shift(profile.residual_shift.max(if hidden { profile.backprop_shift } else { 0 }));
        let widest_back = bounds.backprop.iter().max().copied().unwrap_or(0);
        let reach = (1u128 << (profile.signal_bits - 1)) - 1;
        let cut = excess_bits(bounds.residual, profile.residual_shift, reach).max(excess_bits(widest_back, profile.backprop_shift, reach));
        let signal = aux.requantise(limb, profile.signal_bits, signal_shift, cut);

        let lookups: usize = relu.iter().chain([&signal]).map(Requantise::lookups).sum();
        // A running sum reads the row before its lane, which must not be a blinding row.
        let mut chain = Lanes::new(&grid, first, span);
        chain.skip_first_block();
        let sums = (0..lookups).map(|_| chain.next()).collect();
        let pre_fold = chain.next();
        let back_fold = hidden.then(|| chain.next());
        let signal_fold = chain.next();
        let loss_sum = chain.next();

        let mut plan = Plan {
            grid,
            profile: profile.clone(),
            aux_columns: aux.columns(),
            chain_columns: chain.columns(),
            relu,
            signal,
            sums,
            pre_fold,
            back_fold,
            signal_fold,
            loss_sum,
            bucket_rows: (0, 0),
            table_row: 0,
        };
        plan.table_row = plan.grid.row(table_block);
        let width = plan.bucket_limbs().len() as u32 * limb;
        let rows = |max: u128| (128 - max.leading_zeros() + 1).div_ceil(width) as usize;
        plan.bucket_rows = (rows(bounds.norm), rows(bounds.loss));
        let need = STATE_ROWS + plan.bucket_rows.0 + plan.bucket_rows.1;
        if need > 2 * plan.grid.rows_per_block {
            return Err(LayoutError::BucketRows { need, have: 2 * plan.grid.rows_per_block });
        }
        Ok(plan)
    }

    /// All looked-up limbs in the order of the running sum, with the factor each is scaled by.
    pub fn lookups(&self) -> Vec<(Lane, u64)> {
        let mut out = Vec::new();
        for part in self.relu.iter().chain([&self.signal]) {
            for limbs in [&part.quotient, &part.remainder, &part.excess] {
                out.extend(limbs.lanes.iter().map(|lane| (*lane, 1)));
                if limbs.missing > 0 {
                    out.extend(limbs.lanes.last().map(|lane| (*lane, 1 << limbs.missing)));
                }
            }
        }
        out
    }

    /// Lanes of full limbs, which the bucket rows use as range-checked cells, [`BUCKET_BITS`] at
    /// most, so that the head of a bucket stays far below `r`
    /// and a negative difference, an element near `r`, is never in range.
    pub fn bucket_limbs(&self) -> Vec<Lane> {
        let mut out = Vec::new();
        for part in self.relu.iter().chain([&self.signal]) {
            for limbs in [&part.quotient, &part.remainder, &part.excess] {
                let full = limbs.lanes.len() - usize::from(limbs.missing > 0);
                out.extend(&limbs.lanes[..full]);
            }
        }
        out.truncate((BUCKET_BITS / self.profile.limb_bits) as usize);
        out
    }

    /// First and one-past-last base row where lookups are active.
    pub fn lookup_rows(&self) -> std::ops::Range<usize> {
        let grid = &self.grid;
        grid.row(grid.gap(1))..grid.row(grid.gap(grid.depth() + 1))
    }

    /// Base rows of hidden layer `l`, `1 <= l < L`.
    pub fn hidden_rows(&self, l: usize) -> std::ops::Range<usize> {
        let grid = &self.grid;
        grid.row(grid.input(l + 1, 0))..grid.row(grid.gap(l + 1))
    }

    /// Base rows of the outputs.
    pub fn output_rows(&self) -> std::ops::Range<usize> {
        let grid = &self.grid;
        grid.row(grid.output(0))..grid.row(grid.gap(grid.depth() + 1))
    }

    /// Base rows of layer `l`, `1 <= l <= L`.
    pub fn unit_rows(&self, l: usize) -> std::ops::Range<usize> {
        if l == self.grid.depth() {
            self.output_rows()
        } else {
            self.hidden_rows(l)
        }
    }

    /// Rows of the norm's bucket check and the loss's, in column 0 of the private columns.
    pub fn buckets(&self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let norm = self.grid.row(self.grid.gap(self.grid.depth())) + STATE_ROWS;
        let loss = norm + self.bucket_rows.0;
        (norm..loss, loss..loss + self.bucket_rows.1)
    }

    /// log2 of the largest norm bound and loss bound that can be proven.
    pub fn bucket_bits(&self) -> (u32, u32) {
        let width = self.bucket_limbs().len() as u32 * self.profile.limb_bits;
        (self.bucket_rows.0 as u32 * width, self.bucket_rows.1 as u32 * width)
    }
}

/// Most bits of a bucket row. Sums of squares are below `2^126`, so the rows of a bucket hold fewer than
/// `127 + 120` bits together, and `2^247 + 2^126 < r`.
const BUCKET_BITS: u32 = 120;

/// Cells of the state at a gap: two squared sums, their cross term, the loss.
pub const STATE_ROWS: usize = 4;

impl Requantise {
    /// Lookups that the limbs take.
    pub fn lookups(&self) -> usize {
        [&self.quotient, &self.remainder, &self.excess].iter().map(|l| l.lanes.len() + usize::from(l.missing > 0)).sum()
    }
}

/// Bits of what a clamp can cut off a value of absolute value at most `max`, shifted and rounded,
/// when the clamp leaves `-reach ..= reach` alone.
fn excess_bits(max: u128, shift: u32, reach: u128) -> u32 {
    let excess = ((max >> shift) + 1).saturating_sub(reach).max(1);
    128 - excess.leading_zeros()
}

/// Hands out lanes column by column, lowest rows first.
struct Lanes {
    first: i64,
    span: i64,
    blocks: i64,
    rows_per_block: i64,
    column: usize,
    start: i64,
    next: i64,
    limit: i64,
}

impl Lanes {
    fn new(grid: &Grid, first: usize, span: usize) -> Self {
        let blocks = grid.blocks() as i64;
        Lanes { first: first as i64, span: span as i64, blocks, rows_per_block: grid.rows_per_block as i64, column: 0, start: 0, next: 0, limit: blocks }
    }

    /// Keeps the blocks of the span and above free in the current column.
    fn reserve_below(&mut self) {
        self.limit = self.first;
    }

    /// Leaves the first block of every column free.
    fn skip_first_block(&mut self) {
        self.start = 1;
        self.next = 1;
    }

    fn next(&mut self) -> Lane {
        if self.next + self.span > self.limit {
            self.column += 1;
            self.next = self.start;
            self.limit = self.blocks;
        }
        let shift = (self.next - self.first) * self.rows_per_block;
        self.next += self.span;
        Lane { column: self.column, shift: shift as i32 }
    }

    fn columns(&self) -> usize {
        self.column + 1
    }

    fn limbs(&mut self, limb: u32, bits: u32) -> Limbs {
        let count = bits.div_ceil(limb);
        Limbs { lanes: (0..count).map(|_| self.next()).collect(), bits, missing: count * limb - bits }
    }

    fn requantise(&mut self, limb: u32, bits: u32, shift: u32, cut: u32) -> Requantise {
        Requantise {
            quotient: self.limbs(limb, bits),
            remainder: self.limbs(limb, shift),
            excess: self.limbs(limb, cut.next_multiple_of(limb)),
            below: self.next(),
            shift,
        }
    }
}
