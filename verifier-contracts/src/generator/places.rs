//! What the pool's contracts presume of the layouts they are compiled against.
//!
//! `ContributionRounds` marks included claims by the bits of one word, adds up the updates of training proofs point by point
//! to the sum of a round's proof, and gets that proof without the points of the sum: what lies before them keeps its offset,
//! what lies behind them moves. A profile or a circuit that breaks one of these has no contracts.
//!
//! # Errors
//! [`PlacesError`].

use thiserror::Error;

use crate::ErrorKind;
use zkpoc_engine::encoding::POINT_BYTES;

/// Claims that the bits of a word can mark.
pub const MOST_CLAIMS: u64 = 256;

/// A layout that the pool's contracts cannot work with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlacesError {
    /// More claims than bits of a word.
    #[error("rounds of {got} claims: the contracts mark the included ones in a word of {MOST_CLAIMS} bits")]
    Claims {
        /// Claims of a round.
        got: u64,
    },
    /// The sum has other points than the updates that are added up to it.
    #[error("the sum of a round has {sum} points, an update has {update}")]
    Points {
        /// Points of the sum.
        sum: u64,
        /// Points of an update.
        update: u64,
    },
    /// Model, sum and next model overlap, or come in another order.
    #[error("{before} ends at byte {end} of a round's proof, after {after} at byte {start}; the order is model, sum, next model")]
    Order {
        /// What should come before.
        before: &'static str,
        /// Where it ends.
        end: u64,
        /// What should come after.
        after: &'static str,
        /// Where that starts.
        start: u64,
    },
}

impl PlacesError {
    /// What the caller can do about it: the profile has to be another one.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

/// Where a round's proof has its committed points, how many an update has, and how many claims a round takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Offset and number of points of the model.
    pub model: (u64, u64),
    /// Of the sum of updates.
    pub sum: (u64, u64),
    /// Of the next model.
    pub next: (u64, u64),
    /// Points of an update in a training proof.
    pub update_points: u64,
    /// Most claims of a round.
    pub max_claims: u64,
}

impl Places {
    /// Refuses what the contracts cannot work with.
    ///
    /// # Errors
    /// The first of [`PlacesError`] that holds.
    pub fn check(&self) -> Result<(), PlacesError> {
        if self.max_claims > MOST_CLAIMS {
            return Err(PlacesError::Claims { got: self.max_claims });
        }
        if self.sum.1 != self.update_points {
            return Err(PlacesError::Points { sum: self.sum.1, update: self.update_points });
        }
        for ((before, (offset, points)), (after, (start, _))) in
            [(("the model", self.model), ("the sum", self.sum)), (("the sum", self.sum), ("the next model", self.next))]
        {
            let end = offset.saturating_add(points.saturating_mul(POINT_BYTES as u64));
            if start < end {
                return Err(PlacesError::Order { before, end, after, start });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Places =
        Places { model: (0, 2), sum: (128, 2), next: (256, 2), update_points: 2, max_claims: MOST_CLAIMS };

    #[test]
    fn accepts_the_order_of_the_circuit_and_a_full_word_of_claims() {
        assert_eq!(GOOD.check(), Ok(()));
        assert_eq!(Places { next: (320, 2), ..GOOD }.check(), Ok(()), "with something between");
    }

    #[test]
    fn rejects_more_claims_than_a_word_has_bits() {
        let refusal = Places { max_claims: 257, ..GOOD }.check().expect_err("too many");
        assert_eq!(refusal, PlacesError::Claims { got: 257 });
        assert!(refusal.to_string().contains("257 claims"));
    }

    #[test]
    fn rejects_a_sum_of_other_points_than_an_update() {
        let refused = Err(PlacesError::Points { sum: 2, update: 1 });
        assert_eq!(Places { update_points: 1, ..GOOD }.check(), refused);
    }

    #[test]
    fn rejects_the_next_model_before_the_sum() {
        let refused = PlacesError::Order { before: "the sum", end: 384, after: "the next model", start: 128 };
        assert_eq!(Places { sum: (256, 2), next: (128, 2), ..GOOD }.check(), Err(refused));
    }

    #[test]
    fn rejects_a_sum_before_or_over_the_model() {
        for model in [(256, 2), (64, 2), (0, 3)] {
            let refusal = Places { model, ..GOOD }.check().expect_err("no order");
            assert!(matches!(refusal, PlacesError::Order { before: "the model", after: "the sum", start: 128, .. }));
        }
    }
}
