//! The sums of a round's groups, from the shares that everyone can read.

use alloy::primitives::U256;
use zkpoc_circuits::grid::Grid;

use super::super::{ContributeError, Site};
use super::{share_at, At, MaskedRound};
use crate::aggregation::roster::bit;
use crate::aggregation::share::Sum;
use crate::aggregation::{AggregationError, Roster};
use crate::exchange::share::Checker;
use crate::exchange::Source;
use zkpoc_prover::commit::sum_of_points;
use zkpoc_prover::prove::UpdateOpening;

/// The sum of a group's updates.
#[derive(Debug)]
pub struct GroupSum {
    /// Bit i stands for claim i.
    pub members: U256,
    /// Sum of the updates and of their random rows.
    pub opening: UpdateOpening,
}

/// A group that is not in the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The group.
    pub group: u64,
    /// Why.
    pub reason: String,
    /// It cannot be in the sum any more, whatever comes.
    pub void: bool,
}

impl Site<'_> {
    /// The sums of all groups of a round whose shares are at a source, and why others are left out.
    pub(in super::super) fn group_sums(
        &self,
        seen: &MaskedRound,
        source: &Source,
    ) -> Result<(Vec<GroupSum>, Vec<Absent>), ContributeError> {
        let (mut sums, mut absent) = (Vec::new(), Vec::new());
        if seen.rosters.is_empty() {
            return Ok((sums, absent));
        }
        let (checker, grid) = (self.share_checker()?, Grid::new(self.profile)?);
        for roster in &seen.rosters {
            match self.group_sum(seen, roster, (&checker, &grid), source)? {
                Ok(sum) => sums.push(sum),
                Err((reason, void)) => {
                    tracing::info!(round = seen.round, group = roster.group, reason, "this group is left out");
                    absent.push(Absent { group: roster.group, reason, void });
                }
            }
        }
        Ok((sums, absent))
    }

    fn group_sum(
        &self,
        seen: &MaskedRound,
        roster: &Roster,
        (checker, grid): (&Checker<'_>, &Grid),
        source: &Source,
    ) -> Result<Result<GroupSum, (String, bool)>, ContributeError> {
        let chain = self.group_chain(seen, roster)?;
        if let Some(void) = chain.void() {
            return Ok(Err((void.to_string(), true)));
        }
        if !chain.is_whole() {
            return Ok(Err(("members have not revealed the seeds of those without a post yet".into(), false)));
        }
        let mut sum = Sum::new(checker.shape());
        let missing = chain.missing();
        for (place, post) in &chain.posts {
            let number = roster.seats[*place].number;
            match share_at(checker, source, post.share_id) {
                At::There(share) => sum.add(&share)?,
                At::Absent => return Ok(Err((format!("the share of claim {number} is not there"), false))),
                At::Wrong(error) => {
                    return Ok(Err((format!("the share of claim {number} is not the posted one: {error}"), false)))
                }
                At::Unknown(error) => {
                    return Ok(Err((format!("the share of claim {number} cannot be had: {error}"), false)))
                }
            }
            for (other, seed) in missing.iter().zip(chain.reveals.get(place).into_iter().flatten()) {
                sum.remove(checker.shape(), seed, *place, *other);
            }
        }
        let opening = match sum.opening(self.profile, grid, checker.shape()) {
            Ok(opening) => opening,
            Err(error @ AggregationError::Sum { .. }) => {
                return Ok(Err((format!("{error}; a dispute finds out whose"), true)))
            }
            Err(error) => return Err(error.into()),
        };
        let claims = || chain.posts.keys().map(|place| roster.seats[*place].number);
        // A revealed seed that is not that of the posted mask can leave a small difference, which is an integer too.
        let updates = claims().filter_map(|number| seen.claims.get(number as usize));
        let expected = sum_of_points(self.profile.model_points(), updates.map(|claim| &claim.record.update[..]));
        match opening.commit(self.srs, grid)? == expected.map_err(AggregationError::from)? {
            true => Ok(Ok(GroupSum { members: claims().fold(U256::ZERO, |bits, number| bits | bit(number)), opening })),
            false => {
                let reason = "the sum is not that of the claims' commitments; a dispute finds out whose seed is wrong";
                Ok(Err((reason.into(), true)))
            }
        }
    }
}
