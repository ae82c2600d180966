//! The sums of a round's groups, from the shares that everyone can read.

use alloy::primitives::U256;
use halo2_proofs::halo2curves::bn256::G1;
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::grid::Grid;
use zkpoc_contracts::bindings::Group;

use super::super::{ContributeError, Site};
use super::{update_points, At};
use crate::aggregation::roster::bit;
use crate::aggregation::share::Sum;
use crate::aggregation::{AggregationError, Roster};
use crate::openings::Source;
use crate::prove::UpdateOpening;

/// The sum of a group's updates.
#[derive(Debug)]
pub struct GroupSum {
    /// The group.
    pub group: u64,
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
    /// Its members' claims.
    pub numbers: Vec<u64>,
    /// Why.
    pub reason: String,
    /// It cannot be in the sum any more, whatever comes.
    pub void: bool,
}

impl Site<'_> {
    /// The sums of all groups of a round whose shares are at a source, and why others are left out.
    pub fn group_sums(&self, round: u64, source: &Source) -> Result<(Vec<GroupSum>, Vec<Absent>), ContributeError> {
        let (mut sums, mut absent) = (Vec::new(), Vec::new());
        for (roster, group) in self.rosters(round)? {
            match self.group_sum(round, &roster, &group, source)? {
                Ok(sum) => sums.push(sum),
                Err((reason, void)) => {
                    let numbers = roster.seats.iter().map(|seat| seat.number).collect();
                    tracing::info!(round, group = roster.group, reason, "this group is left out");
                    absent.push(Absent { group: roster.group, numbers, reason, void });
                }
            }
        }
        Ok((sums, absent))
    }

    fn group_sum(
        &self,
        round: u64,
        roster: &Roster,
        group: &Group,
        source: &Source,
    ) -> Result<Result<GroupSum, (String, bool)>, ContributeError> {
        let first = roster.seats.first().map_or(0, |seat| seat.number);
        let chain = self.group_chain(round, first, 0)?;
        if let Some(void) = chain.void() {
            return Ok(Err((void.to_string(), true)));
        }
        if !chain.is_whole() {
            return Ok(Err(("members have not revealed the seeds of those without a post yet".into(), false)));
        }
        let checker = self.share_checker()?;
        let grid = Grid::new(self.profile)?;
        let mut sum = Sum::new(checker.shape());
        let missing = chain.missing();
        for (place, post) in &chain.posts {
            let number = roster.seats[*place].number;
            match self.share_at(source, post.share_id) {
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
        let opening = match sum.opening(self.profile, &grid, checker.shape()) {
            Ok(opening) => opening,
            Err(error @ AggregationError::Sum { .. }) => {
                return Ok(Err((format!("{error}; `round dispute` finds out whose"), true)))
            }
            Err(error) => return Err(error.into()),
        };
        let members = group.posted;
        // A revealed seed that is not that of the posted mask can leave a small difference, which is an integer too.
        match self.is_sum_of(round, members, &opening)? {
            true => Ok(Ok(GroupSum { group: roster.group, members, opening })),
            false => {
                let reason =
                    "the sum is not that of the claims' commitments; `round dispute` finds out whose seed is wrong";
                Ok(Err((reason.into(), true)))
            }
        }
    }

    /// Whether a sum opens the sum of the claims' commitments, which the contract adds up.
    fn is_sum_of(&self, round: u64, members: U256, opening: &UpdateOpening) -> Result<bool, ContributeError> {
        let mut sums = vec![G1::default(); self.profile.model_points()];
        for (number, claim) in self.claims(round)?.iter().enumerate() {
            if members & bit(number as u64) != U256::ZERO {
                for (sum, point) in sums.iter_mut().zip(update_points(&claim.record.update)?) {
                    *sum += point;
                }
            }
        }
        let expected: Vec<_> = sums.iter().map(|sum| sum.to_affine()).collect();
        Ok(opening.commit(self.srs, &Grid::new(self.profile)?)? == expected)
    }
}
