//! The steps of a member: fix the groups, post, publish, reveal, bar, take the bond back.

use std::time::{Duration, Instant};

use alloy::primitives::{Bytes, B256, U256};
use halo2_proofs::halo2curves::bn256::G1Affine;
use zkpoc_circuits::grid::Grid;
use zkpoc_contracts::bindings::{Post, Seat};

use super::super::{ContributeError, Progress, Site};
use super::{Member, Standing};
use crate::aggregation::share::{seeds, Share};
use crate::aggregation::state::Step;
use crate::aggregation::{AggregationError, Roster};
use crate::chain::{Mode, Outcome};
use crate::exchange::{Item, Source};
use crate::home::journal::Journal;
use zkpoc_engine::encoding::point_to_bytes;

/// What posting took.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostTimings {
    /// Expanding the masks with all other members.
    pub masks: Duration,
    /// Masks and their commitments together.
    pub total: Duration,
}

/// A seat as the contract takes it.
pub(super) fn seat(roster: &Roster, place: usize) -> Seat {
    let seat = &roster.seats[place];
    Seat {
        number: U256::from(seat.number),
        claimant: seat.claimant,
        key: seat.key,
        nullifier: seat.nullifier,
        updateId: seat.update_id,
    }
}

/// Points of masks as the contract takes them.
pub(super) fn mask_bytes(masks: &[Vec<G1Affine>]) -> Bytes {
    masks.iter().flatten().flat_map(point_to_bytes).collect::<Vec<u8>>().into()
}

impl Site<'_> {
    /// Has the groups of a round fixed; anyone may.
    pub fn fix_roster(&self, round: u64, mode: Mode) -> Result<Outcome, ContributeError> {
        let records = self.claims(round)?.into_iter().map(|claim| claim.record).collect();
        Ok(self.pool.aggregation()?.fix_roster(round, records, mode)?)
    }

    /// Computes the masks with all other members, promises the update to this roster, and posts.
    pub fn post_share(
        &self,
        member: &Member,
        standing: &Standing,
        mode: Mode,
        progress: Progress<'_>,
    ) -> Result<(Outcome, PostTimings), ContributeError> {
        require(
            member,
            standing,
            standing.step == Step::Post,
            "a share is posted between the claim deadline and the share deadline, once",
        )?;
        let (roster, own) = standing.roster(member)?;
        standing.chain.require_time().map_err(|reason| refusal(member, standing, reason))?;
        let checker = self.share_checker()?;
        let grid = Grid::new(self.profile)?;
        progress("masks with the other members, and their commitments");
        let start = Instant::now();
        let seeds = seeds(member.secret()?, &self.mask_place(member.round)?, roster, own)?;
        let opening = &member.record.opening;
        let prepared = Share::prepare(&grid, checker.shape(), checker.bases(), opening, &seeds, own);
        let timings = PostTimings { masks: prepared.expanding, total: start.elapsed() };
        let request = Post {
            round: U256::from(member.round),
            group: U256::from(roster.group),
            place: U256::from(own),
            roster: roster.leaves(),
            seat: seat(roster, own),
            update: member.update.clone(),
            masks: mask_bytes(&prepared.masks),
        };
        if mode == Mode::Send {
            let lock = self.home.lock()?;
            Journal::of(self.home)?.promise(&lock, &member.key, &self.promise(member, roster)?)?;
        }
        progress("posting");
        let aggregation = self.pool.aggregation()?;
        Ok((aggregation.post_share(request, aggregation.bond()?, mode)?, timings))
    }

    /// Publishes the share, when the chain says that it may be: it is written down first, and must be the posted one.
    pub fn publish_share(
        &self,
        member: &Member,
        standing: &Standing,
        source: &Source,
    ) -> Result<B256, ContributeError> {
        require(
            member,
            standing,
            standing.step == Step::Publish,
            "its share must not be published now, or is published",
        )?;
        let (roster, own) = standing.roster(member)?;
        let checker = self.share_checker()?;
        let grid = Grid::new(self.profile)?;
        let seeds = seeds(member.secret()?, &self.mask_place(member.round)?, roster, own)?;
        let share = Share::mask(&grid, checker.shape(), &member.record.opening, &seeds, own);
        let expected = standing.chain.posts.get(&own).map(|post| post.share_id).unwrap_or_default();
        let found = checker.id(&share)?;
        if found != expected {
            return Err(AggregationError::Share { number: member.number, expected, found }.into());
        }
        let lock = self.home.lock()?;
        Journal::of(self.home)?.publish(&lock, &member.key, &self.promise(member, roster)?)?;
        drop(lock);
        source.publish(&Item::Share(expected), &checker.write(expected, &share))?;
        tracing::info!(share = %expected, "share published");
        Ok(expected)
    }

    /// Notes that the share is never published: its member posted nothing in time, so its masks are or will be public; or the group
    /// is void, and its members may post the update to another one.
    pub fn bar_share(&self, member: &Member, standing: &Standing) -> Result<(), ContributeError> {
        require(member, standing, standing.step == Step::Bar, "its share is not barred")?;
        let (roster, _) = standing.roster(member)?;
        let lock = self.home.lock()?;
        Ok(Journal::of(self.home)?.bar(&lock, &member.key, &self.promise(member, roster)?)?)
    }

    /// Puts on chain the seeds of the pairs with members that posted nothing.
    pub fn reveal_seeds(&self, member: &Member, standing: &Standing, mode: Mode) -> Result<Outcome, ContributeError> {
        let Step::Reveal { missing } = &standing.step else {
            return Err(refusal(member, standing, "there are no seeds to reveal now"));
        };
        let (roster, own) = standing.roster(member)?;
        let (secret, place) = (member.secret()?, self.mask_place(member.round)?);
        let seed = |other: &usize| secret.seed(&place, roster, own, *other).map(|seed| B256::new(*seed.expose()));
        let seeds = missing.iter().map(seed).collect::<Result<Vec<_>, _>>()?;
        Ok(self.pool.aggregation()?.reveal_seeds(member.round, roster.group, member.number, seeds, mode)?)
    }

    /// Takes the bond back.
    pub fn withdraw_bond(&self, member: &Member, standing: &Standing, mode: Mode) -> Result<Outcome, ContributeError> {
        require(member, standing, standing.step == Step::Withdraw, "its bond does not come back now")?;
        let (roster, _) = standing.roster(member)?;
        Ok(self.pool.aggregation()?.withdraw_bond(member.round, roster.group, member.number, mode)?)
    }
}

pub(super) fn require(
    member: &Member,
    standing: &Standing,
    holds: bool,
    reason: &'static str,
) -> Result<(), ContributeError> {
    match holds {
        true => Ok(()),
        false => Err(refusal(member, standing, reason)),
    }
}

pub(super) fn refusal(member: &Member, standing: &Standing, reason: &str) -> ContributeError {
    let reason = format!("{reason}; next: {}", standing.step);
    ContributeError::Step { round: member.round, number: member.number, reason }
}
