//! Statistical soundness as arithmetic: how often a false statement survives the random challenges of a proof.
//!
//! Each check of a circuit is an identity of polynomials in a challenge that is drawn after everything it binds. A false one
//! of degree `d` holds with a probability of at most `d / r` (Schwartz, 1980; Zippel, 1979). The degrees and counts below come
//! from a profile's plan and from the constraint system itself, so they follow every change of a circuit.
//!
//! # Checks
//! | check | degree | count |
//! |---|---|---|
//! | product | `R^2 C + n + 3` in `theta`, `mu`, `upsilon`: `forward` of each layer, `backward` of all but the first | `2 L - 1` |
//! | update | `C h` in `upsilon`, `h` the rows of a place: `gradient` of each layer, whose `E` folds a section's rows of `C` cells | `L` |
//! | state | 3 in `mu`, `upsilon`: `state` of each layer and `start` | `L + 1` |
//! | lookup | looked-up cells plus table rows in `alpha`; in a training proof of one step plus `n C` in `upsilon`, for the update's last fold | 1 |
//! | exponentials | looked-up pairs times those of the table in `mu`, plus both in `alpha` | 1 with a softmax |
//! | order | twice the records of a shard in `beta`; in a validity proof | 1 |
//! | copies | `(R C)^2 + 2 R C` in `tau`, with laps in `upsilon`: `transposed` of each layer but the first | `L - 1` |
//! | constraints | number of constraints, in `y` | 1 |
//! | evaluation | `D N` in `x`, `D` the degree of the gates | 1 |
//! | opening | `2 N` plus the number of queries, in SHPLONK's challenges | 1 |
//! | link | 2 in `e` | 1 for each proof with a data column |
//!
//! A run of several steps makes the checks of a step in each lap: product, update, state and copies count as often; lookups and
//! exponentials are those of all laps.
//!
//! `n` is the number of rows, `N` that of the powers of tau that a prover can have: an opening shows that a polynomial is
//! committed to, not that its degree is below `n`, and a ceremony publishes more powers than a circuit uses. The largest one on
//! BN254, of 2^28 rows, has `N = 2^29 - 1` ([`POWERS_BITS`]). Folds and sums are over rows, whatever the degree of what has them.
//!
//! # Bounds
//! A challenge is a 256-bit hash modulo `r`; its most frequent values are 6 r / 2^256 < 1.14 times as likely as uniform ones,
//! and each count is multiplied by that. Not in these figures: what the algebraic group model, the hash as a random oracle
//! and discrete logarithms in BN254 (about 100 bits) are worth. A prover that tries `Q` transcripts wins `Q` times as often.

use crate::dataset::{DatasetCircuit, DatasetPlan};
use crate::round::{RoundCircuit, RoundPlan};
use crate::training::{Plan, TrainingCircuit};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};

/// log2 of the order of BN254's scalar field, rounded down.
pub const ORDER_BITS: f64 = 253.59;

/// log2 of the powers of tau that the largest ceremony on BN254 published, rounded up.
pub const POWERS_BITS: u32 = 29;

/// How much likelier than `1 / r` a value of a challenge can be.
const BIAS: f64 = 1.14;

/// The error of one kind of check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorBound {
    /// What is checked.
    pub check: &'static str,
    /// Degree in the challenges.
    pub degree: f64,
    /// How many checks of this kind a proof makes.
    pub count: usize,
}

impl ErrorBound {
    /// The probability that any of them fails to notice, times `r`.
    fn weight(&self) -> f64 {
        BIAS * self.degree * self.count as f64
    }

    /// Minus log2 of the probability.
    pub fn bits(&self) -> f64 {
        ORDER_BITS - self.weight().log2()
    }
}

/// Minus log2 of the probability that any of several checks fails to notice.
pub fn total_bits(bounds: &[ErrorBound]) -> f64 {
    ORDER_BITS - bounds.iter().map(ErrorBound::weight).sum::<f64>().log2()
}

fn bound(check: &'static str, degree: usize, count: usize) -> ErrorBound {
    ErrorBound { check, degree: degree as f64, count }
}

/// What holds for every circuit: constraints, evaluation, opening.
fn proof_system<C: Circuit<Fr>>(circuit: &C) -> [ErrorBound; 3] {
    let mut cs = ConstraintSystem::default();
    C::configure_with_params(&mut cs, circuit.params());
    let constraints = cs.gates().iter().map(|gate| gate.polynomials().len()).sum();
    // The quotient's pieces and the random polynomial are opened as well.
    let queries = cs.advice_queries().len() + cs.fixed_queries().len() + cs.degree();
    [
        bound("constraints", constraints, 1),
        bound("evaluation", cs.degree() << POWERS_BITS, 1),
        bound("opening", (2 << POWERS_BITS) + queries, 1),
    ]
}

/// The errors of a training proof and its link.
pub fn training(circuit: &TrainingCircuit) -> Vec<ErrorBound> {
    let Plan { grid, profile, area, .. } = circuit.plan();
    let (rows, block, depth) = (grid.rows(), grid.rows_per_block, grid.depth());
    let laps = grid.laps;
    let looked_up = laps * area.rows.len() * area.columns.len();
    // Without laps the sum of the lookups also shows the padding of the update.
    let padding = if laps == 1 { rows * grid.columns } else { 0 };
    let mut out = vec![
        bound("product", block * block * grid.width + rows + 3, laps * (2 * depth - 1)),
        bound("update", grid.width * grid.height(), laps * depth),
        bound("state", 3, laps * (depth + 1)),
        bound("lookup", looked_up + (1 << profile.limb_bits) + padding, 1),
    ];
    if laps > 1 && depth > 1 {
        let cells = block * grid.width;
        out.push(bound("copies", cells * cells + 2 * cells, laps * (depth - 1)));
    }
    if circuit.plan().softmax.is_some() {
        let looked_up = laps * circuit.plan().unit_rows(depth).len();
        let table = circuit.plan().exponentials.len();
        // A looked-up pair agrees with one of the table for one `mu` each; then the sum, in `alpha`.
        out.push(bound("exponentials", looked_up * table + looked_up + table, 1));
    }
    out.extend(proof_system(circuit));
    out.push(bound("link", 2, 1));
    out
}

/// The errors of a validity proof and its link. Padding and labels are checked cell by cell, without a challenge.
pub fn dataset(circuit: &DatasetCircuit) -> Vec<ErrorBound> {
    let plan: &DatasetPlan = circuit.plan();
    let looked_up = plan.looked_up().len() + plan.order_rows().len();
    let mut out = vec![bound("lookup", looked_up + (1 << plan.feature_bits), 1)];
    if plan.records() > 1 {
        out.push(bound("order", 2 * plan.records(), 1));
    }
    out.extend(proof_system(circuit));
    out.push(bound("link", 2, 1));
    out
}

/// The errors of a round proof.
pub fn round(circuit: &RoundCircuit) -> Vec<ErrorBound> {
    let plan: &RoundPlan = circuit.plan();
    let (grid, cells) = (&plan.grid, plan.grid.rows_per_block * plan.grid.width);
    let looked_up = plan.area().len() * plan.lookups() * grid.columns;
    let mut out = vec![bound("lookup", looked_up + (1 << plan.limb_bits), 1)];
    if grid.depth() > 1 {
        out.push(bound("copies", cells * cells + 2 * cells, grid.depth() - 1));
    }
    out.extend(proof_system(circuit));
    out
}
