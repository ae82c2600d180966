//! Why a profile has no layout.

use crate::error::ErrorKind;
use thiserror::Error;

/// Why a profile has no layout.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
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
