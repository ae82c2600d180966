//! Why a profile has no layout.

use crate::error::ErrorKind;
use thiserror::Error;

/// Why a profile has no layout.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A statement that no circuit proves yet: the trainer computes it, but it cannot be claimed. The circuits prove runs
    /// of squared error or cross-entropy with one class a record, and rounds without momentum.
    #[error("the circuits prove runs of squared error or cross-entropy, with one class a record and no momentum: profile field `{field}` is {found}, expected {expected}")]
    Statement {
        /// The field, as profiles name it.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What circuits prove.
        expected: &'static str,
    },
    /// A table of exponentials that is longer than that of limbs, or whose arguments are wider than a signal.
    #[error("the table of exponentials has output_table.table_bits = {table_bits}; expected at most {most}, the smaller of limb_bits and signal_bits")]
    Exponentials {
        /// log2 of the table's length.
        table_bits: u32,
        /// The largest.
        most: u32,
    },
    /// The blocks of the shape need more rows than the columns have.
    #[error("the shape needs {need} blocks of {rows_per_block} rows, but k = {k} has {have}: use k >= {suggested}, fewer units or a smaller batch")]
    TooManyRows {
        /// Blocks the shape needs.
        need: usize,
        /// Rows in a block.
        rows_per_block: usize,
        /// The profile's k.
        k: u32,
        /// Blocks that `2^k` rows hold.
        have: usize,
        /// The smallest k with enough rows.
        suggested: u32,
    },
    /// A width does not fill whole rows of the weight columns, so a cell beside it would be neither
    /// data nor padding.
    #[error("layer {layer} has width {width}, not a multiple of weight_columns = {columns}: set weight_columns = 1 or change the width")]
    Width {
        /// Index of the layer.
        layer: usize,
        /// Its width.
        width: usize,
        /// Weight columns.
        columns: usize,
    },
    /// The last committed column has a place without a weight column where the others have one. Fixed columns serve all
    /// committed columns alike: such a place would be bound nowhere, or the others' not.
    #[error("weight_columns = {columns} fill {full} committed columns of {places} places (stack_bits = {stack_bits}) and a part of another: set weight_columns to a multiple of {places} or to less than {places}, or stack_bits to a smaller number")]
    Places {
        /// Weight columns.
        columns: usize,
        /// log2 of the places.
        stack_bits: u32,
        /// Places of a committed column.
        places: usize,
        /// Committed columns that are full.
        full: usize,
    },
    /// The lookup table does not fit beside the sections.
    #[error(
        "the table of 2^{limb_bits} values needs {need} blocks, but {have} are free: use a larger k or narrower limbs"
    )]
    Table {
        /// log2 of the table's size.
        limb_bits: u32,
        /// Blocks needed.
        need: usize,
        /// Blocks free.
        have: usize,
    },
    /// The bucket rows do not fit the gap they are placed in.
    #[error(
        "proving the loss and norm buckets needs {need} rows, but a gap has {have}: use wider limbs or a larger batch"
    )]
    BucketRows {
        /// Rows needed.
        need: usize,
        /// Rows there are.
        have: usize,
    },
    /// A round divides by more claims than a remainder's limbs hold.
    #[error("max_claims is {max_claims}; with limbs of {limb_bits} bits and a learning rate of shift {shift} a round can divide by {most} at most: lower max_claims or the shift, or use a larger k")]
    Claims {
        /// The profile's most claims.
        max_claims: u64,
        /// Bits of a limb.
        limb_bits: u32,
        /// Shift of the learning rate.
        shift: u32,
        /// Most claims that fit.
        most: u64,
    },
    /// A weight needs more than two limbs.
    #[error("weights have {weight_bits} bits, the round circuit's limbs hold {most}: use a larger k, a larger shift or narrower weights")]
    WeightBits {
        /// Bits of a weight.
        weight_bits: u32,
        /// Bits of two limbs.
        most: u32,
    },
    /// The keys of a shard's records cannot be put in order.
    #[error("putting {records} records of a shard in order needs {need} blocks after the features, labels included, but {have} are free: use a larger k, a smaller batch or more feature_bits")]
    Order {
        /// Records in a shard.
        records: usize,
        /// Blocks needed.
        need: usize,
        /// Blocks there are.
        have: usize,
    },
    /// The table of feature values does not fit after the features.
    #[error("the table of 2^{feature_bits} feature values and the labels' sums need {need} blocks after the features, but {have} are free: use a larger k or fewer feature_bits")]
    Features {
        /// log2 of the table's size.
        feature_bits: u32,
        /// Blocks needed.
        need: usize,
        /// Blocks free.
        have: usize,
    },
    /// Proofs would open a hiding committed column so often that it hides no more.
    #[error("a proof opens {column} in {openings} rows; hiding it takes {need} random rows, but there are {have}: use a smaller stack_bits, or fewer weight_columns in a column")]
    Blinding {
        /// The column.
        column: &'static str,
        /// Rows at which a proof opens it.
        openings: usize,
        /// Random rows needed.
        need: usize,
        /// Random rows there are.
        have: usize,
    },
    /// Gates read a column at two rotations that are one row.
    #[error("gates read a column {} and {} rows away, which is the same row of 2^{k}: use a larger k", .rotations.0, .rotations.1)]
    Rotations {
        /// The two rotations.
        rotations: (i32, i32),
        /// log2 of the rows.
        k: u32,
    },
    /// A column would need more blinding rows than the tail has.
    #[error("a column is queried so often that {need} blinding rows are needed, but the tail has {have}")]
    Tail {
        /// Blinding rows needed.
        need: usize,
        /// Rows of the tail.
        have: usize,
    },
}

impl LayoutError {
    /// What can be done about it: always another profile.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Layout
    }
}
