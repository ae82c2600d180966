//! Memory of a proof: an estimate of the peak, and what to do when there is less.
//!
//! A limit changes how a proof is computed, never what is proven: layout, key and proof stay the same.
//!
//! # Estimate
//! The peak is at the quotient: for each column `2^k` coefficients and as many values on a coset, 32
//! bytes each, and four more buffers; three lists of `2^k` points of 64 bytes; and a fixed part for the
//! program. [`Strategy::Fast`] keeps the fixed columns' values on both cosets between proofs; [`Strategy::Thrifty`] keeps
//! neither these nor their coefficients and computes them again for each coset and for the opening.

use super::shape::Shape;

/// Memory beside columns and points, bytes.
const FIXED_PART: u64 = 48 << 20;

/// Buffers of the quotient beside the columns.
const BUFFERS: u64 = 4;

const CELL: u64 = 32;
const POINTS: u64 = 3 * 64;

/// How to trade time for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Least time.
    #[default]
    Fast,
    /// Fixed columns are transformed anew wherever they are needed.
    Thrifty,
}

/// No strategy keeps within a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proof takes about {least} MB of memory, the limit is {limit} MB: choose a smaller profile or a higher limit", least = .least.div_ceil(1_000_000), limit = .limit / 1_000_000)]
pub struct MemoryError {
    /// Bytes of the thriftiest strategy.
    pub least: u64,
    /// Bytes of the limit.
    pub limit: u64,
}

impl Strategy {
    /// An estimate of a proof's peak memory, bytes.
    pub fn peak(self, shape: &Shape) -> u64 {
        let coefficients = match self {
            Self::Fast => shape.columns() + shape.fixed,
            Self::Thrifty => shape.columns() - shape.fixed,
        };
        let cells = (shape.columns() + coefficients) as u64 + BUFFERS;
        FIXED_PART + (cells * CELL + POINTS) * shape.rows() as u64
    }

    /// The fastest strategy that keeps within `limit` bytes.
    pub fn within(shape: &Shape, limit: u64) -> Result<Self, MemoryError> {
        let fits = |strategy: &Self| strategy.peak(shape) <= limit;
        let least = Self::Thrifty.peak(shape);
        [Self::Fast, Self::Thrifty].into_iter().find(fits).ok_or(MemoryError { least, limit })
    }
}

/// Reads a size such as `200MB` or `1GiB` as bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 6] =
        [("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).map(|(_, factor)| *factor);
    let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.filter(|size| *size > 0).ok_or_else(|| format!("`{text}` is not a size such as 200MB or 1GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_a_number_and_a_unit() {
        assert_eq!(parse_size("200MB"), Ok(200_000_000));
        assert_eq!(parse_size("1 gib"), Ok(1 << 30));
        for bad in ["", "200", "MB", "0MB", "-1MB", "1.5GB", "99999999999GB", "1TB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_fastest_strategy_that_fits_is_chosen() {
        let shape = Shape {
            k: 16,
            first: 7,
            advice: 12,
            fixed: 11,
            instance: 1,
            challenges: 4,
            advice_queries: Vec::new(),
            fixed_queries: Vec::new(),
            blinding_rows: 9,
        };
        let (fast, thrifty) = (Strategy::Fast.peak(&shape), Strategy::Thrifty.peak(&shape));
        assert_eq!(fast - thrifty, (2 * 11 * 32) << 16);
        assert_eq!(Strategy::within(&shape, fast), Ok(Strategy::Fast));
        assert_eq!(Strategy::within(&shape, fast - 1), Ok(Strategy::Thrifty));
        let limit = thrifty - 1;
        assert_eq!(Strategy::within(&shape, limit), Err(MemoryError { least: thrifty, limit }));
    }
}
