//! The softmax of a record's outputs in integers, with every number that a circuit commits to.
//!
//! # Shapes
//! `Z` holds the `K` outputs of one record, `m = max Z`, and the table is [`super::output_table`]'s:
//!
//! | value | definition | range |
//! |---|---|---|
//! | `u_k` | `min(floor((m - Z_k) / 2^shift), 2^table_bits - 1)` | an index of the table |
//! | `e_k` | `table[u_k]` | `0 ..= 2^exponent_bits` |
//! | `Σ` | `e_1 + … + e_K` | `2^exponent_bits ..= K 2^exponent_bits` |
//! | `P_k` | `floor((2^(probability_bits + 1) e_k + Σ) / (2 Σ))` | `0 ..= 2^probability_bits` |
//! | `rest_k` | `2^(probability_bits + 1) e_k + Σ - 2 Σ P_k` | `0 .. 2 Σ` |
//!
//! # Errors
//! None.
//!
//! # Source
//! Own; the subtraction of the largest output is the usual one, which keeps the exponential in its table.

use crate::profile::OutputTable;

/// The softmax of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probabilities {
    /// The largest output.
    pub max: i64,
    /// Indices `u_k`.
    pub index: Vec<usize>,
    /// Exponentials `e_k`.
    pub exp: Vec<i64>,
    /// Their sum.
    pub sum: i64,
    /// Probabilities `P_k`; one is `2^probability_bits`.
    pub share: Vec<i64>,
    /// Remainders of the divisions.
    pub rest: Vec<i64>,
}

impl Probabilities {
    /// Of the outputs of one record. The table has an exponential that is not zero at index 0.
    #[must_use]
    pub fn of(shift: u32, sizes: OutputTable, table: &[i64], outputs: &[i64]) -> Self {
        let max = outputs.iter().copied().max().unwrap_or(0);
        let last = table.len().saturating_sub(1) as i64;
        let index: Vec<usize> = outputs.iter().map(|z| ((max - z) >> shift).min(last) as usize).collect();
        let exp: Vec<i64> = index.iter().map(|u| table[*u]).collect();
        let sum: i64 = exp.iter().sum();
        let scaled = |e: &i64| (e << (sizes.probability_bits + 1)) + sum;
        let share = exp.iter().map(|e| scaled(e) / (2 * sum)).collect();
        let rest = exp.iter().map(|e| scaled(e) % (2 * sum)).collect();
        Self { max, index, exp, sum, share, rest }
    }
}
