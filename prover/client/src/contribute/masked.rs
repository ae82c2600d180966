//! A member's way through its group in a masked round: what the chain says of it, what its next step is, and the steps.
//!
//! Everything is read from the chain and from the claim's own files; nothing that other members send is believed before it is
//! compared with what they posted. Each step can be run again after a crash: what must not be lost or done twice is written
//! down before anything is sent ([`crate::home::journal`]).
//!
//! # Errors
//! [`ContributeError`].

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Bytes, B256, U256};
use halo2_proofs::halo2curves::bn256::G1Affine;
use zkpoc_contracts::bindings::SecureAggregation::{SeedsRevealed, SharePosted};
use zkpoc_contracts::bindings::{Group, RoundStatus};

use super::{claim_id, ContributeError, RoundClaim, Site};
use crate::aggregation::keys::Place;
use crate::aggregation::roster;
use crate::aggregation::roster::bit;
use crate::aggregation::share::points_of_share;
use crate::aggregation::state;
use crate::aggregation::state::{Chain, Own, Post, Step};
use crate::aggregation::{AggregationError, MaskSecret, PairSeed, Roster, Seat, Share};
use crate::chain::words::points_id;
use crate::exchange::share::Checker;
use crate::exchange::{Item, OpeningError, Source};
use crate::home::journal::{Journal, Promise, Stage, UpdateKey};
use crate::home::{ClaimRecord, Dataset};
use zkpoc_engine::encoding::points_from_bytes;
use zkpoc_prover::srs::DEV_CHAIN_IDS;

mod disputes;
mod drive;
mod steps;
mod sums;

pub use disputes::{Accusation, Disputed};
pub use drive::{Allowed, Driver, Taken};
pub use steps::PostTimings;
pub use sums::{Absent, GroupSum};

/// Blocks after which nothing is taken to be undone, on a chain with a known insecure string and on others.
pub fn default_confirmations(chain_id: u64) -> u64 {
    match DEV_CHAIN_IDS.contains(&chain_id) {
        true => 1,
        false => 32,
    }
}

/// A member of a group: a claim of this account whose files are in the home.
#[derive(Debug)]
pub struct Member {
    /// The round.
    pub round: u64,
    /// The claim's place in the round.
    pub number: u64,
    /// The claim with its secrets.
    pub record: ClaimRecord,
    /// Names its update in the journal.
    pub key: UpdateKey,
    /// The points of its update, as the claim has them.
    update: Bytes,
}

impl Member {
    fn secret(&self) -> Result<&MaskSecret, ContributeError> {
        self.record.mask.as_ref().ok_or(ContributeError::NoMember { round: self.round })
    }
}

/// What a group looks like from a member's seat.
#[derive(Debug)]
pub struct Standing {
    /// What the chain says.
    pub chain: Chain,
    /// What the member did.
    pub own: Own,
    /// What it should do next.
    pub step: Step,
}

impl Standing {
    fn roster(&self, member: &Member) -> Result<(&Roster, usize), ContributeError> {
        let roster = self.chain.roster.as_ref().ok_or(AggregationError::NoSeat { number: member.number })?;
        Ok((roster, roster.place(member.number)?))
    }
}

impl Site<'_> {
    /// Where a round's masks are used.
    pub fn mask_place(&self, round: u64) -> Result<Place, ContributeError> {
        let contract = self.pool.aggregation()?.address();
        Ok(Place { chain_id: self.pool.client().chain_id(), contract, round })
    }

    pub(super) fn share_checker(&self) -> Result<Checker<'_>, ContributeError> {
        let wrong = crate::exchange::OpeningError::Size { expected: self.profile.k, found: self.srs.k() };
        Checker::new(self.profile, self.srs)?.ok_or_else(|| wrong.into())
    }

    /// Refuses a masked claim in a pool whose phases are too short for this chain.
    pub(super) fn require_reveal_time(&self, round: u64) -> Result<(), ContributeError> {
        let confirmations = default_confirmations(self.pool.client().chain_id());
        let phases = self.pool.aggregation()?.phases(round)?;
        let wrong = |reason: &str| ContributeError::Phases { reason: reason.to_owned() };
        state::require_time(&phases, confirmations).map_err(wrong)
    }

    /// The account's masked claim of a dataset in a round, with its secrets.
    pub fn member(&self, dataset: &Dataset, round: u64) -> Result<Member, ContributeError> {
        let none = || ContributeError::NoMember { round };
        let index = self.pool.drawn_index(round, dataset.manifest.root)?;
        let id = claim_id(&self.fields(dataset, round, index)?);
        if !self.home.claims()?.contains(&id) {
            return Err(none());
        }
        let record = self.home.load_claim(&id, self.profile)?;
        let key = record.mask.as_ref().map(MaskSecret::public).ok_or_else(none)?;
        let sender = self.sender()?;
        let mine = |claim: &RoundClaim| claim.record.claimant == sender && claim.record.maskKey == key;
        let claims = self.claims(round)?.into_iter().enumerate();
        let (number, claim) = { claims }.find(|(_, claim)| mine(claim)).ok_or_else(none)?;
        let model_id = self.pool.round(round)?.modelId;
        let key = UpdateKey::of(dataset.manifest.profile_id, model_id, &record.opening.update);
        Ok(Member { round, number: number as u64, record, key, update: claim.record.update })
    }

    /// What the chain says of a round and of its masked claims, read once for all of its groups.
    pub(super) fn masked_round(&self, round: u64, confirmations: u64) -> Result<MaskedRound, ContributeError> {
        let aggregation = self.pool.aggregation()?;
        let chain = Chain {
            // Asked before what changes with it: what is seen later can only be more.
            block: self.pool.client().block_number()?,
            confirmations,
            phases: aggregation.phases(round)?,
            fixed: aggregation.is_fixed(round)?,
            roster: None,
            posts: BTreeMap::new(),
            posts_unseen: BTreeSet::new(),
            reveals: BTreeMap::new(),
            faulty: BTreeSet::new(),
            ended: self.pool.round(round)?.status != RoundStatus::Open,
            included: false,
        };
        let groups = aggregation.groups(round)?;
        // Asked after the groups, which are fixed when no claim can come any more.
        let claims = self.claims(round)?;
        let rosters = self.rosters(round, groups, &claims, chain.phases.claims)?;
        let mut seen = MaskedRound { round, chain, claims, rosters, posted: Vec::new(), revealed: Vec::new() };
        if !seen.rosters.is_empty() {
            seen.posted = aggregation.events()?;
            seen.revealed = aggregation.events()?;
            seen.posted.retain(|event: &SharePosted| event.round == U256::from(round));
            seen.revealed.retain(|event: &SeedsRevealed| event.round == U256::from(round));
        }
        Ok(seen)
    }

    /// The groups of a round as the chain fixed them; compared with the round's claims, and with the draw by the block of the claim
    /// deadline.
    fn rosters(
        &self,
        round: u64,
        groups: Vec<Group>,
        claims: &[RoundClaim],
        deadline: u64,
    ) -> Result<Vec<Roster>, ContributeError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let block_hash =
            self.pool.client().block_hash(deadline)?.ok_or(ContributeError::NoBlock { number: deadline })?;
        let mut drawn = roster::draw(block_hash, round, &seats(claims)).into_iter();
        let roster = |(number, group): (usize, Group)| {
            let (number, found) = (number as u64, group.rosterHash);
            let roster = drawn.next().unwrap_or_else(|| Roster::new(number, Vec::new()));
            match roster.hash == found && roster.members() == group.members {
                true => Ok(roster),
                false => Err(AggregationError::Roster { round, group: number, expected: roster.hash, found }.into()),
            }
        };
        groups.into_iter().enumerate().map(roster).collect()
    }

    /// What the chain says of a group of a round.
    fn group_chain(&self, seen: &MaskedRound, roster: &Roster) -> Result<Chain, ContributeError> {
        let mut chain = seen.chain.clone();
        chain.posts = self.posts(seen, roster)?;
        chain.reveals = reveals(seen, roster, roster.seats.len() - chain.posts.len());
        // Asked after the events, so that every post in it has an event, unless the node keeps it back.
        let group = self.pool.aggregation()?.group(seen.round, roster.group)?;
        let places = |bits: U256| {
            let seats = roster.seats.iter().enumerate();
            seats.filter(move |(_, seat)| bits & bit(seat.number) != U256::ZERO).map(|(place, _)| place)
        };
        chain.posts_unseen = places(group.posted).filter(|place| !chain.posts.contains_key(place)).collect();
        chain.faulty = places(group.faulty).collect();
        chain.included = self.pool.proposal(seen.round)?.included & group.members != U256::ZERO;
        chain.roster = Some(roster.clone());
        Ok(chain)
    }

    /// What a member should do next.
    pub fn standing(
        &self,
        member: &Member,
        source: Option<&Source>,
        confirmations: u64,
    ) -> Result<Standing, ContributeError> {
        let seen = self.masked_round(member.round, confirmations)?;
        let chain = match seen.rosters.iter().find(|roster| roster.place(member.number).is_ok()) {
            Some(roster) => self.group_chain(&seen, roster)?,
            None => seen.chain,
        };
        let journal = Journal::of(self.home)?;
        let stage = match &chain.roster {
            Some(roster) => journal.stage(&member.key, roster.hash)?,
            None => None,
        };
        let share_id = chain.roster.as_ref().and_then(|roster| {
            let place = roster.place(member.number).ok()?;
            chain.posts.get(&place).map(|post| post.share_id)
        });
        let published = match (stage, source, share_id) {
            // It counts as published when others can read it; a source that does not answer says nothing.
            (Some(Stage::Published), Some(source), Some(id)) if !chain.ended => {
                !matches!(share_at(&self.share_checker()?, source, id), At::Absent | At::Wrong(_))
            }
            (stage, _, _) => stage == Some(Stage::Published),
        };
        let withdrawn = self.pool.aggregation()?.post_of(member.round, member.number)?.withdrawn;
        let own = Own { number: member.number, published, withdrawn, barred: stage == Some(Stage::Barred) };
        let step = state::next(&chain, &own);
        Ok(Standing { chain, own, step })
    }

    fn posts(&self, seen: &MaskedRound, roster: &Roster) -> Result<BTreeMap<usize, Post>, ContributeError> {
        let mut posts = BTreeMap::new();
        for event in &seen.posted {
            let number = event.number.saturating_to::<u64>();
            let Ok(place) = roster.place(number) else { continue };
            let masks = masks_of(&event.masks, self.profile.model_points(), roster.seats.len())?;
            let update = seen.claims.get(number as usize).map_or(&[][..], |claim| &claim.record.update);
            let update = points_from_bytes(update).map_err(AggregationError::from)?;
            let points = points_of_share(&update, &masks, place)?;
            // The contract computed the same; a node that shows other masks is found out here.
            let found = points_id(&points)?;
            if found != event.shareId {
                return Err(AggregationError::Share { number, expected: event.shareId, found }.into());
            }
            posts.insert(place, Post { share_id: event.shareId, masks });
        }
        Ok(posts)
    }

    fn promise(&self, member: &Member, roster: &Roster) -> Result<Promise, ContributeError> {
        let place = self.mask_place(member.round)?;
        let account = self.sender()?;
        Ok(Promise::new(place.chain_id, place.contract, member.round, member.number, account, roster.hash))
    }
}

/// What the chain says of a round with masked claims.
#[derive(Debug)]
pub(super) struct MaskedRound {
    round: u64,
    /// What holds for every group; nothing of a group.
    pub chain: Chain,
    /// Every claim of the round.
    pub claims: Vec<RoundClaim>,
    rosters: Vec<Roster>,
    posted: Vec<SharePosted>,
    revealed: Vec<SeedsRevealed>,
}

/// What a source has under a share's id.
#[derive(Debug)]
enum At {
    /// The share.
    There(Share),
    /// Nothing.
    Absent,
    /// Something else.
    Wrong(String),
    /// It did not answer; that is nobody's fault in the group.
    Unknown(String),
}

/// The claims with a mask key, as seats.
fn seats(claims: &[RoundClaim]) -> Vec<Seat> {
    let seat = |(number, claim): (usize, &RoundClaim)| Seat {
        number: number as u64,
        claimant: claim.record.claimant,
        key: claim.record.maskKey,
        nullifier: claim.record.nullifier,
        update_id: claim.update_id,
    };
    claims.iter().enumerate().filter(|(_, claim)| !claim.record.maskKey.is_zero()).map(seat).collect()
}

/// The share of an id at a source.
fn share_at(checker: &Checker<'_>, source: &Source, id: B256) -> At {
    let item = Item::Share(id);
    match source.fetch(&item) {
        Ok(None) => At::Absent,
        Ok(Some(bytes)) => match checker.read(&source.origin(&item), id, &bytes) {
            Ok(share) => At::There(share),
            Err(error) => At::Wrong(error.to_string()),
        },
        // What is stored under the name is something else.
        Err(error @ (OpeningError::Format { .. } | OpeningError::Id { .. })) => At::Wrong(error.to_string()),
        Err(error) => At::Unknown(error.to_string()),
    }
}

/// The seeds that members of a group revealed, one for each of the `missing` members, by place.
fn reveals(seen: &MaskedRound, roster: &Roster, missing: usize) -> BTreeMap<usize, Vec<PairSeed>> {
    let of_group = |event: &SeedsRevealed| {
        let place = roster.place(event.number.saturating_to()).ok()?;
        let seeds = event.seeds.iter().map(|seed| PairSeed::from_bytes(seed.0)).collect();
        (event.seeds.len() == missing).then_some((place, seeds))
    };
    seen.revealed.iter().filter_map(of_group).collect()
}

/// The points of masks, for each other place as many as an update has columns.
fn masks_of(bytes: &[u8], columns: usize, seats: usize) -> Result<Vec<Vec<G1Affine>>, ContributeError> {
    let points = points_from_bytes(bytes).map_err(AggregationError::from)?;
    let expected = seats.saturating_sub(1) * columns;
    match points.len() == expected {
        true => Ok(points.chunks(columns.max(1)).map(<[G1Affine]>::to_vec).collect()),
        false => Err(AggregationError::Points { expected, found: points.len() }.into()),
    }
}
