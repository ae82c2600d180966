//! Where the private cells of the training circuit sit: lanes.
//!
//! The gates of a unit (a hidden unit or an output, for one sample) are enabled at the unit's
//! **base row**, the row where its activation enters the product of the next layer. Everything else
//! of the unit sits in **lanes**: a lane is a column and a shift, and holds the cell of base row `r`
//! at row `r + shift`. All lanes have the same width, the **span** from the last block of the first
//! forward section to the end block after the outputs, so lanes of one column never overlap, and a
//! gate reads every lane at one rotation, whatever the profile's shape.
//!
//! Range-checked lanes are packed into the **lookup area**: the same rows of one or more private columns,
//! every cell of which is looked up. A wide profile (mnist-mlp) has a short span and packs five
//! range-checked lanes into a column; a narrow one has fewer lanes a column and more columns.

use crate::grid::{Grid, LayoutError, TAIL};
use crate::profile::Profile;
use crate::reference::output_table;
use std::ops::Range;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limbs {
    /// Lanes of the limbs.
    pub lanes: Vec<Lane>,
    /// Bits of the integer.
    pub bits: u32,
    /// Bits the top limb falls short of a full limb.
    pub missing: u32,
    /// When bits are missing: the top limb times `2^missing`, range-checked as well.
    pub scaled: Option<Lane>,
}

/// Lanes of a rounded and clamped quotient: `value * 2^gain + half = 2^shift * t + remainder`,
/// `quotient = clamp(t - offset, 0, 2^bits - 1)`; see `gates/units.rs`.
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

/// Lanes of the outputs' softmax, see `gates/softmax.rs`. The distance of an output from the record's largest one is rounded in
/// the lanes of [`Plan::signal`]; what is range-checked here lies in lanes that a hidden unit's activation takes on other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftmaxLanes {
    /// The record's largest output.
    pub max: Lane,
    /// Not zero on an output that is the largest one.
    pub hot: Lane,
    /// Sum of `hot` over this output and those after it.
    pub count: Lane,
    /// The exponential.
    pub exp: Lane,
    /// Sum of `exp` over this output and those after it.
    pub partial: Lane,
    /// Sum of `exp` over all outputs.
    pub sum: Lane,
    /// The probability.
    pub share: Limbs,
    /// Remainder of its division.
    pub rest: Limbs,
    /// What the remainder is short of the divisor, less one.
    pub short: Limbs,
    /// LogUp sum of the exponentials, a lane of the second phase.
    pub looked_up: Lane,
}

/// The lookup area: rows of private columns whose every cell is looked up. The LogUp sum of private column
/// `columns.start + c` is second-phase column `c`, at the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupArea {
    /// Private columns.
    pub columns: Range<usize>,
    /// Rows.
    pub rows: Range<usize>,
}

/// The plan of the training circuit of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// The profile.
    pub profile: Profile,
    /// Private first-phase columns, each of [`Grid::height`] rows.
    pub aux_columns: usize,
    /// Second-phase columns that hold LogUp sums and unit lanes.
    pub chain_columns: usize,
    /// Activation of a hidden unit (absent without hidden layers).
    pub relu: Option<Requantise>,
    /// Residual of an output, back-propagated signal of a hidden unit.
    pub signal: Requantise,
    /// Softmax of the outputs, with the loss `cross-entropy`.
    pub softmax: Option<SoftmaxLanes>,
    /// The table of the exponential; empty without a softmax.
    pub exponentials: Vec<i64>,
    /// Where lookups are active.
    pub area: LookupArea,
    /// Fold of the pre-activations.
    pub pre_fold: Lane,
    /// Fold of the signals over the units of a layer.
    pub signal_fold: Lane,
    /// On outputs the sum of squared residuals, on hidden units the fold of the back-propagated sums.
    pub loss_fold: Lane,
    /// Rows of the norm's bucket check and of the loss's.
    pub bucket_rows: (usize, usize),
    /// Row of the first table value; `2^limb_bits` rows follow, then those of the exponential.
    pub table_row: usize,
}

/// Row of a gap whose private cell is the state, what is left of the norm's bound. The first row, an edge, is no bucket row.
pub const STATE_ROW: usize = 1;

/// Most bits of a bucket row. Sums of squares are below `2^126`, so the rows of a bucket hold fewer than
/// `127 + 120` bits together, and `2^247 + 2^126 < r`.
const BUCKET_BITS: u32 = 120;

impl Plan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] with the reason when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let limb = profile.limb_bits;
        let table = grid.end();
        let exponentials = profile.softmax().map_or_else(Vec::new, |_| output_table(profile));
        let (table_bits, most) = (profile.softmax().map_or(0, |table| table.table_bits), limb.min(profile.signal_bits));
        if table_bits > most {
            return Err(LayoutError::Exponentials { table_bits, most });
        }
        let table_blocks = ((1usize << limb) + exponentials.len()).div_ceil(grid.rows_per_block);
        if table + table_blocks > grid.blocks() {
            let have = grid.blocks() - table;
            return Err(LayoutError::Table { limb_bits: limb, need: table_blocks, have });
        }
        let need = Need::new(profile);
        let (mut lanes, area) = Lanes::plan(&grid, &need, table + table_blocks)?;
        let relu = need.relu.as_ref().map(|bits| lanes.requantise(limb, bits));
        let signal = lanes.requantise(limb, &need.signal);
        let [pre_fold, signal_fold, loss_fold] = [(); 3].map(|()| lanes.chain.next());
        let softmax = need.softmax.map(|bits| lanes.softmax(limb, bits, relu.as_ref()));
        let mut plan = Plan {
            table_row: grid.row(table),
            grid,
            profile: profile.clone(),
            aux_columns: lanes.aux.columns(),
            chain_columns: lanes.chain.columns(),
            relu,
            signal,
            softmax,
            exponentials,
            area,
            pre_fold,
            signal_fold,
            loss_fold,
            bucket_rows: (0, 0),
        };
        let width = plan.bucket_limbs().len() as u32 * limb;
        let bounds = profile.bounds();
        let rows = |max: u128| (128 - max.leading_zeros() + 1).div_ceil(width) as usize;
        plan.bucket_rows = (rows(bounds.norm), rows(bounds.loss));
        let need = STATE_ROW + plan.bucket_rows.0 + plan.bucket_rows.1;
        if need > plan.grid.rows_per_block {
            return Err(LayoutError::BucketRows { need, have: plan.grid.rows_per_block });
        }
        Ok(plan)
    }

    /// Lanes of full limbs, which the bucket rows use as range-checked cells, `BUCKET_BITS` at
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

    /// Base rows of layer `l`, `1 <= l <= L`.
    pub fn unit_rows(&self, l: usize) -> Range<usize> {
        let grid = &self.grid;
        if l == grid.depth() {
            grid.row(grid.output(0))..grid.row(grid.stop())
        } else {
            grid.row(grid.input(l + 1, 0))..grid.row(grid.bias(l + 1))
        }
    }

    /// Rows of the norm's bucket check and the loss's, in column 0 of the private columns.
    pub fn buckets(&self) -> (Range<usize>, Range<usize>) {
        let norm = self.grid.row(self.grid.gap(self.grid.depth())) + STATE_ROW;
        let loss = norm + self.bucket_rows.0;
        (norm..loss, loss..loss + self.bucket_rows.1)
    }

    /// Rows of the table of the exponential.
    pub fn exponential_rows(&self) -> Range<usize> {
        let first = self.table_row + (1 << self.profile.limb_bits);
        first..first + self.exponentials.len()
    }

    /// Codes of the rows from the table on: a table value plus one; on the rows of the exponential its argument plus one; after the tables 1; in the tail of a stacked column
    /// [`Plan::tail_code`].
    pub fn table_codes(&self) -> impl Iterator<Item = u64> {
        let table = 1..self.tail_code();
        let body = self.grid.height() - TAIL - self.table_row;
        let exponentials = 1..=self.exponentials.len() as u64;
        // With laps a zone of its own says where an update is zero.
        let rest = self.grid.laps == 1;
        let after = if rest { body - (1 << self.profile.limb_bits) - self.exponentials.len() } else { 0 };
        // Keygen refuses fixed cells in blinding rows: the tail of a column's last place has none.
        let tail = if rest && self.grid.stack_bits > 0 { TAIL } else { 0 };
        table
            .chain(exponentials)
            .chain(std::iter::repeat_n(1, after))
            .chain(std::iter::repeat_n(self.tail_code(), tail))
    }

    /// One more than the code of the largest table value.
    pub fn tail_code(&self) -> u64 {
        (1 << self.profile.limb_bits) + 1
    }

    /// log2 of the largest norm bound and loss bound that can be proven.
    pub fn bucket_bits(&self) -> (u32, u32) {
        let width = self.bucket_limbs().len() as u32 * self.profile.limb_bits;
        (self.bucket_rows.0 as u32 * width, self.bucket_rows.1 as u32 * width)
    }
}

/// Bits of one requantisation.
struct Bits {
    quotient: u32,
    remainder: u32,
    excess: u32,
}

/// Bits of the numbers of a softmax that are range-checked.
#[derive(Clone, Copy)]
struct SoftmaxBits {
    share: u32,
    rest: u32,
}

/// What a profile's units need.
struct Need {
    limb: u32,
    relu: Option<Bits>,
    signal: Bits,
    softmax: Option<SoftmaxBits>,
}

impl Need {
    fn new(profile: &Profile) -> Self {
        let bounds = profile.bounds();
        let limb = profile.limb_bits;
        let depth = profile.depth();
        let bits = |quotient: u32, shift: u32, excess: u32| Bits {
            quotient,
            remainder: shift.next_multiple_of(limb),
            excess: excess.next_multiple_of(limb),
        };
        let relu = (depth > 1).then(|| {
            let widest = bounds.pre_activation[..depth - 1].iter().max().copied().unwrap_or(0);
            bits(profile.activation_bits, profile.activation_shift, excess_bits(widest, profile.activation_shift, 0))
        });
        let reach = (1u128 << (profile.signal_bits - 1)) - 1;
        let mut shift = profile.output_shift();
        // Of a softmax all up to the end of the table is no excess.
        let table = profile.softmax().map(|table| (1u128 << table.table_bits) - 1);
        let mut excess = excess_bits(bounds.residual, shift, table.unwrap_or(reach));
        if let Some(widest) = bounds.backprop.iter().max() {
            shift = shift.max(profile.backprop_shift);
            excess = excess.max(excess_bits(*widest, profile.backprop_shift, reach));
        }
        let softmax = profile.softmax().map(|table| {
            // The remainder is below twice the sum of `classes` exponentials, each `2^exponent_bits` at most.
            let classes = usize::BITS - (profile.classes() - 1).leading_zeros();
            SoftmaxBits {
                share: (table.probability_bits + 1).next_multiple_of(limb),
                rest: (table.exponent_bits + classes + 1).next_multiple_of(limb),
            }
        });
        Need { limb, relu, signal: bits(profile.signal_bits, shift, excess), softmax }
    }

    fn parts(&self) -> impl Iterator<Item = &Bits> {
        self.relu.iter().chain([&self.signal])
    }

    fn limbs(&self, part: &Bits) -> usize {
        let limbs = |bits: u32| (bits.div_ceil(self.limb) + u32::from(!bits.is_multiple_of(self.limb))) as usize;
        limbs(part.quotient) + limbs(part.remainder) + limbs(part.excess)
    }

    /// Range-checked lanes.
    fn checked(&self) -> usize {
        let softmax = self.softmax.map_or(0, |bits| ((bits.share + 2 * bits.rest) / self.limb) as usize);
        let idle = self.relu.as_ref().map_or(0, |relu| self.limbs(relu));
        self.parts().map(|part| self.limbs(part)).sum::<usize>() + softmax.saturating_sub(idle)
    }

    /// Lanes that are not range-checked: the sign bits, and six of a softmax, of which one is a sign bit on other rows.
    fn plain(&self) -> usize {
        let idle = usize::from(self.relu.is_some());
        self.parts().count() + self.softmax.map_or(0, |_| SOFTMAX_PLAIN - idle)
    }

    /// Lanes of the second phase.
    fn folds(&self) -> usize {
        3 + usize::from(self.softmax.is_some())
    }
}

/// Bits of what a clamp can cut off a value of absolute value at most `max`, shifted and rounded,
/// when the clamp leaves `-reach ..= reach` alone.
fn excess_bits(max: u128, shift: u32, reach: u128) -> u32 {
    let excess = ((max >> shift) + 1).saturating_sub(reach).max(1);
    128 - excess.leading_zeros()
}

/// Lanes still to be handed out.
struct Lanes {
    checked: std::vec::IntoIter<Lane>,
    aux: Pool,
    chain: Pool,
}

impl Lanes {
    /// Chooses the lookup area: of all numbers of lanes a column, with or without column 0, the one
    /// with the fewest columns in total.
    fn plan(grid: &Grid, need: &Need, table_end: usize) -> Result<(Self, LookupArea), LayoutError> {
        let first = grid.bias(1);
        let span = grid.stop() + 1 - first;
        let mut best: Option<(usize, Self, LookupArea)> = None;
        for start in 0..2 {
            // Column 0 holds the activations from block `first` on and the multiplicities after the sections.
            let room = if start == 0 { first } else { grid.blocks() };
            for per_column in 1..=need.checked() {
                if 1 + per_column * span > room {
                    break;
                }
                let columns = need.checked().div_ceil(per_column);
                let area_end = 1 + per_column * span;
                let new = |blocks: Range<usize>| Pool {
                    first,
                    span,
                    rows_per_block: grid.rows_per_block,
                    fresh: blocks,
                    free: Vec::new(),
                };
                let mut aux = new(0..grid.blocks());
                aux.free.push(vec![if start == 0 { area_end } else { 0 }..first, table_end..grid.blocks()]);
                let rest = || std::iter::once(area_end..grid.blocks()).collect();
                aux.free.extend((0..columns - (1 - start)).map(|_| rest()));
                let mut chain = new(0..grid.blocks());
                chain.free.extend((0..columns).map(|_| rest()));
                let shift = |block: usize| ((block as i64 - first as i64) * grid.rows_per_block as i64) as i32;
                let checked: Vec<Lane> = (0..need.checked())
                    .map(|i| Lane { column: start + i / per_column, shift: shift(1 + i % per_column * span) })
                    .collect();
                let trial = Lanes { checked: checked.into_iter(), aux, chain };
                let (mut aux, mut chain) = (trial.aux.clone(), trial.chain.clone());
                (0..need.plain()).for_each(|_| {
                    aux.next();
                });
                (0..need.folds()).for_each(|_| {
                    chain.next();
                });
                let total = aux.columns() + chain.columns();
                if best.as_ref().is_none_or(|(least, ..)| total < *least) {
                    let area = LookupArea { columns: start..start + columns, rows: grid.row(1)..grid.row(area_end) };
                    best = Some((total, trial, area));
                }
            }
        }
        best.map(|(_, lanes, area)| (lanes, area)).ok_or(LayoutError::TooManyRows {
            need: 1 + span,
            rows_per_block: grid.rows_per_block,
            k: grid.k,
            have: grid.blocks(),
            suggested: grid.k + 1,
        })
    }

    fn limbs(&mut self, limb: u32, bits: u32) -> Limbs {
        let count = bits.div_ceil(limb);
        let missing = count * limb - bits;
        // invariant: `Need::checked` counted exactly these lanes.
        let mut next = || self.checked.next().expect("a range-checked lane for every limb");
        let lanes = (0..count).map(|_| next()).collect();
        Limbs { lanes, bits, missing, scaled: (missing > 0).then(next) }
    }

    fn requantise(&mut self, limb: u32, bits: &Bits) -> Requantise {
        Requantise {
            quotient: self.limbs(limb, bits.quotient),
            remainder: self.limbs(limb, bits.remainder),
            excess: self.limbs(limb, bits.excess),
            below: self.aux.next(),
            shift: bits.remainder,
        }
    }
}

/// Lanes of a softmax that are not range-checked.
const SOFTMAX_PLAIN: usize = 6;

impl Lanes {
    /// Lanes of a softmax: first those that an activation takes on the rows of hidden units.
    fn softmax(&mut self, limb: u32, bits: SoftmaxBits, relu: Option<&Requantise>) -> SoftmaxLanes {
        let parts = relu.iter().flat_map(|relu| [&relu.quotient, &relu.remainder, &relu.excess]);
        let idle: Vec<Lane> = parts.flat_map(|limbs| limbs.lanes.iter().copied().chain(limbs.scaled)).collect();
        let mut idle = idle.into_iter();
        // invariant: `Need::checked` counted the lanes that are not idle.
        let mut next =
            || idle.next().unwrap_or_else(|| self.checked.next().expect("a range-checked lane for every limb"));
        let mut limbs =
            |bits: u32| Limbs { lanes: (0..bits / limb).map(|_| next()).collect(), bits, missing: 0, scaled: None };
        let (share, rest, short) = (limbs(bits.share), limbs(bits.rest), limbs(bits.rest));
        let hot = relu.map_or_else(|| self.aux.next(), |relu| relu.below);
        let [max, count, exp, partial, sum] = [(); 5].map(|()| self.aux.next());
        SoftmaxLanes { max, hot, count, exp, partial, sum, share, rest, short, looked_up: self.chain.next() }
    }
}

/// Free blocks of the private columns of a phase.
#[derive(Clone)]
struct Pool {
    first: usize,
    span: usize,
    rows_per_block: usize,
    fresh: Range<usize>,
    free: Vec<Vec<Range<usize>>>,
}

impl Pool {
    fn columns(&self) -> usize {
        self.free.len()
    }

    fn next(&mut self) -> Lane {
        for (column, ranges) in self.free.iter_mut().enumerate() {
            if let Some(range) = ranges.iter_mut().find(|range| range.len() >= self.span) {
                let block = range.start;
                range.start += self.span;
                return Lane {
                    column,
                    shift: ((block as i64 - self.first as i64) * self.rows_per_block as i64) as i32,
                };
            }
        }
        // A fresh column holds at least one lane: the sections themselves span as much.
        self.free.push(vec![self.fresh.clone()]);
        self.next()
    }
}
