//! What a circuit costs: time of proving in units of one full-size multi-exponentiation of 2^16 points, gas of verifying.
//!
//! # Model
//! With `N = 2^(k - 16)`, time is `N` times the sum of
//! `small` for each first-phase column, `full` for each second-phase column, for the random polynomial, the pieces of
//! the quotient and the two points of the opening, `transform` for each transform (three a column of advice; those of fixed
//! columns are kept), `gate` for each query and `open` for each evaluation.
//! Gas is `base + pairing + point` for each point of the proof, `key_point` for each fixed column, `evaluation` for each
//! evaluation.
//!
//! # Source
//! Fitted by hand to the stages of `zkpoc bench prove mnist-mlp` in docs/benchmarks.md, 3.7 units in all, and to the gas of
//! its verification in docs/gas.md. A model for choosing between layouts, not a promise: taller columns take up to a fifth
//! longer, since they leave the caches.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// The coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Committing a column of small integers.
    pub small: f64,
    /// Committing a column of field elements.
    pub full: f64,
    /// One transform of a column.
    pub transform: f64,
    /// Gates, for each query.
    pub gate: f64,
    /// Opening, for each evaluation.
    pub open: f64,
    /// Gas of a transaction.
    pub base: f64,
    /// Gas of the pairing check.
    pub pairing: f64,
    /// Gas of a point of the proof: calldata, curve check, multiplication, addition.
    pub point: f64,
    /// Gas of a point of the key.
    pub key_point: f64,
    /// Gas of an evaluation: calldata and arithmetic.
    pub evaluation: f64,
}

/// The measured coefficients.
pub const MEASURED: Coefficients = Coefficients {
    small: 0.036,
    full: 0.24,
    transform: 0.012,
    gate: 0.005,
    open: 0.0067,
    base: 21_000.0,
    pairing: 113_100.0,
    point: 7_500.0,
    key_point: 6_350.0,
    evaluation: 980.0,
};

/// What the costs depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// log2 of the rows.
    pub k: u32,
    /// First-phase columns.
    pub first: usize,
    /// Second-phase columns.
    pub second: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Queries of advice and fixed columns.
    pub queries: usize,
    /// Degree of the gates.
    pub degree: usize,
}

impl Counts {
    /// The counts of a constraint system.
    #[must_use]
    pub fn of(cs: &ConstraintSystem<Fr>, k: u32) -> Self {
        let first = cs.advice_column_phase().iter().filter(|phase| **phase == 0).count();
        Self {
            k,
            first,
            second: cs.num_advice_columns() - first,
            fixed: cs.num_fixed_columns(),
            queries: cs.advice_queries().len() + cs.fixed_queries().len(),
            degree: cs.degree(),
        }
    }

    /// Points of a proof: columns, the random polynomial, the quotient's pieces, the opening.
    #[must_use]
    pub fn points(&self) -> usize {
        self.first + self.second + 1 + (self.degree - 1) + 2
    }

    /// Evaluations of a proof: the queries and the random polynomial.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.queries + 1
    }

    /// Estimated time of proving, in multi-exponentiations of 2^16 points.
    #[must_use]
    pub fn time(&self, c: &Coefficients) -> f64 {
        let full = self.points() - self.first;
        let transforms = 3 * (self.first + self.second);
        let columns = c.small * self.first as f64 + c.full * full as f64 + c.transform * transforms as f64;
        let rows = 2f64.powi(self.k as i32 - 16);
        rows * (columns + c.gate * self.queries as f64 + c.open * self.evaluations() as f64)
    }

    /// Estimated gas of a transaction that verifies a proof.
    #[must_use]
    pub fn gas(&self, c: &Coefficients) -> f64 {
        let points = c.point * self.points() as f64 + c.key_point * self.fixed as f64;
        c.base + c.pairing + points + c.evaluation * self.evaluations() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_gives_what_it_was_fitted_to() {
        // `mnist-mlp`: 11 advice and 9 fixed columns, 80 queries.
        let counts = Counts { k: 16, first: 7, second: 4, fixed: 9, queries: 80, degree: 3 };
        assert!((counts.time(&MEASURED) - 3.7).abs() < 0.2, "{}", counts.time(&MEASURED));
        assert!((counts.gas(&MEASURED) - 389_600.0).abs() < 4_000.0, "{}", counts.gas(&MEASURED));
    }

    #[test]
    fn twice_the_rows_cost_twice_the_time_and_no_gas() {
        let low = Counts { k: 16, first: 7, second: 4, fixed: 10, queries: 80, degree: 3 };
        let high = Counts { k: 17, ..low };
        assert!((high.time(&MEASURED) - 2.0 * low.time(&MEASURED)).abs() < 1e-9);
        assert!((high.gas(&MEASURED) - low.gas(&MEASURED)).abs() < 1e-9);
    }
}
