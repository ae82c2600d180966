//! The softmax of a record's outputs in integers, by a table of the exponential.
//!
//! # Shapes
//! `Z` holds the `K` outputs of one record. With the numbers of [`Softmax`], `m = max Z` and `s = residual_shift`:
//!
//! | value | definition | range |
//! |---|---|---|
//! | `u_k` | `floor((m - Z_k) / 2^s)` | not negative |
//! | `e_k` | `table[min(u_k, 2^table_bits - 1)]` | `0 ..= 2^exp_bits` |
//! | `sum` | `e_1 + … + e_K` | `2^exp_bits ..= K 2^exp_bits` |
//! | `P_k` | `floor((2^(probability_bits + 1) e_k + sum) / (2 sum))`, the rounded share | `0 ..= 2^probability_bits` |
//! | `rest_k` | `2^(probability_bits + 1) e_k + sum - 2 sum P_k` | `0 .. 2 sum` |
//!
//! # Errors
//! None.
//!
//! # Source
//! Own; the subtraction of the largest output is the usual one, which keeps the exponential in its table.

use crate::profile::{Profile, Softmax};

/// The softmax of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probabilities {
    /// The largest output.
    pub max: i64,
    /// Index in the table, capped at its last.
    pub index: Vec<u64>,
    /// Value of the table.
    pub exp: Vec<u64>,
    /// Their sum.
    pub sum: u64,
    /// Probabilities; one is `2^probability_bits`.
    pub share: Vec<u64>,
    /// Remainders of the divisions.
    pub rest: Vec<u64>,
}

impl Probabilities {
    /// Of the outputs of one record, with a table that [`Softmax::table`] made.
    #[must_use]
    pub fn of(profile: &Profile, softmax: &Softmax, table: &[u64], outputs: &[i64]) -> Self {
        let max = outputs.iter().copied().max().unwrap_or(0);
        let last = table.len().saturating_sub(1) as u64;
        let index: Vec<u64> = outputs.iter().map(|z| ((max - z) as u64 >> profile.residual_shift).min(last)).collect();
        let exp: Vec<u64> = index.iter().map(|u| table.get(*u as usize).copied().unwrap_or(0)).collect();
        let sum: u64 = exp.iter().sum();
        let divide = |e: &u64| {
            let scaled = (e << (softmax.probability_bits + 1)) + sum;
            (scaled / (2 * sum).max(1), scaled % (2 * sum).max(1))
        };
        let (share, rest) = exp.iter().map(divide).unzip();
        Self { max, index, exp, sum, share, rest }
    }
}
