//! Memory of a proof: an estimate of the peak, and what to do when there is less.
//!
//! A limit changes how a proof is computed, never what is proven: layout, key and proof stay the same.
//!
//! # Strategies
//! [`Strategy::Fast`] keeps of each fixed column the coefficients and the values on both cosets between proofs, and computes the
//! quotient a whole coset at a time. [`Strategy::Thrifty`] keeps the fixed columns as small integers and transforms them where they are
//! needed, computes each coset of the quotient in eight parts, sums up a quarter of a multi-exponentiation at a time, and gives freed
//! memory back to the system after each stage.
//!
//! # Estimate
//! Bytes of a row for each column, and for the rest: the reference string and the tables of the verifying key's domain. They are fitted
//! to the peaks of both circuits of `digits-tiny`, `mnist-linear`, `mnist-mlp` and `mnist-mlp-cheap` on two threads with glibc, which they
//! meet within 10 %; what an allocator keeps of freed columns is in them.

use crate::heap;
use crate::shape::Shape;
use zkpoc_circuits::ErrorKind;

/// Memory of the program, bytes.
const PROGRAM: u64 = 18_000_000;

/// How to trade time for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Least time.
    #[default]
    Fast,
    /// Least memory.
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

impl MemoryError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

impl Strategy {
    /// An estimate of a proof's peak memory, bytes.
    pub fn peak(self, shape: &Shape) -> u64 {
        let (advice, fixed, rest) = match self {
            Self::Fast => (70, 160, 250),
            Self::Thrifty => (45, 32, 353),
        };
        let others = (shape.columns() - shape.fixed) as u64;
        PROGRAM + (others * advice + shape.fixed as u64 * fixed + rest) * shape.rows() as u64
    }

    /// The fastest strategy that keeps within `limit` bytes; `None` for no limit.
    pub fn within(shape: &Shape, limit: Option<u64>) -> Result<Self, MemoryError> {
        let Some(limit) = limit else { return Ok(Self::default()) };
        let fits = |strategy: &Self| strategy.peak(shape) <= limit;
        let least = Self::Thrifty.peak(shape);
        [Self::Fast, Self::Thrifty].into_iter().find(fits).ok_or(MemoryError { least, limit })
    }

    /// Parts of a coset of `n` rows that the quotient is computed in.
    pub(super) fn parts(self, n: usize) -> usize {
        match self {
            Self::Fast => 1,
            // A transform of fewer than 2^8 rows is not worth its call.
            Self::Thrifty => (n >> 8).clamp(1, 8),
        }
    }

    /// Terms of a multi-exponentiation of `n` that are summed at a time.
    pub(super) fn chunk(self, n: usize) -> usize {
        match self {
            Self::Fast => n,
            // Of fewer terms, the sums of buckets take most of the time.
            Self::Thrifty => (n / 4).max(1 << 12),
        }
    }

    /// What happens between the stages of a proof.
    pub(super) fn settle(self) {
        if self == Self::Thrifty {
            heap::trim();
        }
    }

    /// Groups of points that the opening divides by at once.
    pub(super) fn groups(self) -> usize {
        match self {
            Self::Fast => 2,
            Self::Thrifty => 1,
        }
    }
}

/// Reads a size such as `200MB` or `1GiB` as bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("B", 1),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
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
        assert_eq!(fast - thrifty, (13 * 25 + 11 * 128 - 103) << 16);
        assert_eq!(Strategy::within(&shape, Some(fast)), Ok(Strategy::Fast));
        assert_eq!(Strategy::within(&shape, Some(fast - 1)), Ok(Strategy::Thrifty));
        let limit = thrifty - 1;
        assert_eq!(Strategy::within(&shape, Some(limit)), Err(MemoryError { least: thrifty, limit }));
    }
}
