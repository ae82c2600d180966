//! LogUp: every looked-up value is a value of a table. One gate builder, one sum and one argument for all three circuits.
//!
//! # Shapes
//! The table holds `0 .. 2^bits`, once each, as fixed cells that carry the value plus one; so a cell of 0 means that its row
//! is none of the table. Beside each value stands its multiplicity `n`. The looked-up values `f_0, f_1, ..` lie on contiguous
//! rows, one or more in a row, each with a cell `S` for the sum so far.
//!
//! # Constraints
//! | circuit | looked-up value | table value | start of the sums | they meet |
//! |---|---|---|---|---|
//! | training | `lookup` | `table` | `lookup.start` | `lookup.total` |
//! | round | `lookup` | `table` | `lookup.start`, `table.start` | `lookup.total` |
//! | dataset | `range.feature` | `range.table` | `range.pin` | `range.pin` |
//!
//! 1. Looked-up value, degree 3: `(S - S_before) (alpha - f) = 1`. `S_before` is the sum of the value before, which for the
//!    first value of a row is the last one of the row above.
//! 2. Table value, degree 3: `(T - T[-1]) (alpha - t) + n = 0`.
//! 3. `S` at the end plus what `T` gains over the table is zero.
//!
//! The training circuit's exponentials are looked up by the same constraints as values `u + mu e` in rows of their own, with sums of
//! their own ([`crate::training::gates::softmax`]): a limb and an exponential never count for each other.
//!
//! # Soundness
//! Claim: each looked-up value is one of `0 .. 2^bits`, except with probability `d / r`, where `d` is the number of looked-up
//! values plus that of table rows. [`crate::soundness`] computes it; it is below `2^21` in every built-in profile.
//!
//! 1. What binds the cells: table values and the rows of both sums are fixed. Values and multiplicities are committed in the first
//!    phase, before `alpha` is drawn. Sums are bound by constraints 1 and 2, row by row, from a start that is pinned to zero
//!    or, where only the gain is read, cancels in it. The rows are contiguous; a gap would start a sum anew (checked in `tests/audit.rs`).
//! 2. By 1 no factor `alpha - f` is zero, and by 3 the committed values satisfy `sum 1/(alpha - f) = sum n/(alpha - t)`.
//!    As a rational function of `alpha`, a value off the table leaves a pole on the left whose residue is the number of times it is
//!    looked up: below `d < r`, so it does not vanish, and the right side has no pole there. Multiplied out, the two sides
//!    are different polynomials of degree at most `d`, which agree in at most `d` points.
//! 3. Multiplicities need not be integers, nor honest: what they are only shapes the right side.
//! 4. Where `alpha` is a table value, 2 leaves the sum of that row unbound; these values are among the `d` points.
//!
//! # Source
//! Haböck, Multivariate lookups based on logarithmic derivatives, eprint 2022/1530.

use crate::expr::{constant, Expr};
use crate::field::small;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::BatchInvert;

/// Constraint 1 on the rows where `active` is not zero: `sum` is `before` plus the value's inverse distance from `alpha`.
pub(crate) fn value(active: &Expr, alpha: &Expr, before: Expr, sum: Expr, value: Expr) -> Expr {
    active.clone() * ((sum - before) * (alpha.clone() - value) - constant(1))
}

/// Constraint 1 for the values of one row and their sums, from the last sum of the row above on.
pub(crate) fn row(active: &Expr, alpha: &Expr, above: Expr, cells: Vec<(Expr, Expr)>) -> Vec<Expr> {
    let step = |before: &mut Expr, (looked_up, sum): (Expr, Expr)| {
        let before = std::mem::replace(before, sum.clone());
        Some(value(active, alpha, before, sum, looked_up))
    };
    cells.into_iter().scan(above, step).collect()
}

/// Constraint 2 on the rows of the table, whose fixed cell `code` is the value plus one.
pub(crate) fn table(code: Expr, alpha: Expr, before: Expr, sum: Expr, count: Expr) -> Expr {
    code.clone() * ((sum - before) * (alpha - code + constant(1)) + count)
}

/// How often each of `0 .. 2^bits` is looked up.
pub(crate) struct Multiplicities(Vec<u64>);

impl Multiplicities {
    pub(crate) fn new(bits: u32) -> Self {
        Multiplicities(vec![0; 1 << bits])
    }

    /// Counts a value; what is off the table is not counted.
    pub(crate) fn count(&mut self, value: Option<u64>) {
        if let Some(count) = value.and_then(|value| self.0.get_mut(usize::try_from(value).ok()?)) {
            *count += 1;
        }
    }

    /// The counts, by value.
    pub(crate) fn into_counts(self) -> Vec<u64> {
        self.0
    }
}

/// `1 / (alpha - t)` for the values of a table.
pub(crate) struct Inverses {
    alpha: Fr,
    known: Vec<Fr>,
}

impl Inverses {
    pub(crate) fn new(alpha: Fr, bits: u32) -> Self {
        let mut known: Vec<Fr> = (0..1u64 << bits).map(|t| alpha - Fr::from(t)).collect();
        known.iter_mut().batch_invert();
        Inverses { alpha, known }
    }

    /// `1 / (alpha - value)`; 0 where there is none, which is where no proof exists.
    fn of(&self, value: Fr) -> Fr {
        match small(&value).and_then(|v| self.known.get(usize::try_from(v).ok()?)) {
            Some(known) => *known,
            None => (self.alpha - value).invert().unwrap_or(Fr::ZERO),
        }
    }

    /// A sum that starts at zero.
    pub(crate) fn sum(&self) -> Sum<'_> {
        Sum { inverses: self, now: Fr::ZERO }
    }
}

/// A running sum; each step gives the cell beside its value.
pub(crate) struct Sum<'a> {
    inverses: &'a Inverses,
    now: Fr,
}

impl Sum<'_> {
    /// The next looked-up value.
    pub(crate) fn look_up(&mut self, value: Fr) -> Fr {
        self.now += self.inverses.of(value);
        self.now
    }

    /// The next value of the table, with its multiplicity.
    pub(crate) fn table(&mut self, value: u64, count: Fr) -> Fr {
        if count != Fr::ZERO {
            self.now -= count * self.inverses.of(Fr::from(value));
        }
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_values_of_the_table_and_no_others() {
        let inverses = Inverses::new(Fr::from(1_000_003), 3);
        let gain = |values: &[u64], counts: &[u64]| {
            let (mut sum, mut table) = (inverses.sum(), inverses.sum());
            values.iter().for_each(|v| {
                sum.look_up(Fr::from(*v));
            });
            (0..).zip(counts).for_each(|(t, n)| {
                table.table(t, Fr::from(*n));
            });
            sum.now + table.now
        };
        let counted = |values: &[u64]| {
            let mut counts = Multiplicities::new(3);
            values.iter().for_each(|v| counts.count(Some(*v)));
            counts.into_counts()
        };
        for values in [&[][..], &[0], &[7, 7, 7], &[3, 1, 4, 1, 5]] {
            assert_eq!(gain(values, &counted(values)), Fr::ZERO, "{values:?}");
        }
        for values in [&[8][..], &[3, 1, 4, 1, 5, 9], &[u64::MAX]] {
            assert_ne!(gain(values, &counted(values)), Fr::ZERO, "{values:?}");
        }
        assert_ne!(gain(&[3], &counted(&[4])), Fr::ZERO);
    }

    #[test]
    fn counts_only_what_is_on_the_table() {
        let mut counts = Multiplicities::new(2);
        [Some(3), None, Some(3), Some(4), Some(0), Some(u64::MAX)].into_iter().for_each(|v| counts.count(v));
        assert_eq!(counts.into_counts(), [1, 0, 0, 2]);
    }
}
