//! Who spoiled a group, and how the contract is shown.
//!
//! | fault | shown by | by whom |
//! |---|---|---|
//! | a member's mask is not that of its pair | what the mask commits to, proven cell by cell, and one of the pair's secret keys | the other end of the pair |
//! | a revealed seed does not give the posted mask | the same, with the revealed seed | anyone |
//! | seeds were not revealed | the chain | anyone |
//! | a share is not to be had | more than half of the other members' signatures | the others |
//!
//! Showing the first publishes the secret key of the claim's masks. That gives nothing away: shares of a group with such a pair
//! are never published, and the key is of this claim alone.

use alloy::primitives::{Bytes, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_contracts::bindings::{G1Point, PairDispute, SeedDispute};

use super::super::{solidity_point, ContributeError, Progress, Site};
use super::steps::{mask_bytes, refusal, seat};
use super::{share_at, At, Member, Standing};
use crate::aggregation::roster::bit;
use crate::aggregation::state::{Chain, Post};
use crate::aggregation::{AggregationError, PairSeed, MIN_GROUP};
use crate::chain::aggregation::MaskFact;
use crate::chain::{Mode, Outcome};
use crate::exchange::complaint::Complaint;
use crate::exchange::share::Checker;
use crate::exchange::{Item, Source};
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::commit::open_column;

/// Cells of a mask that one transaction sums up: about 500 gas each, below the most that a transaction may take (EIP-7825).
const CELLS_A_TRANSACTION: u64 = 24_000;

/// Something that a member did wrong, by places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accusation {
    /// Both ends of a pair posted, and named different points.
    Pair {
        /// A place.
        one: usize,
        /// The other.
        other: usize,
    },
    /// A revealed seed does not give the posted mask.
    Seed {
        /// Whose.
        place: usize,
        /// The member without a post that it shares the seed with.
        missing: usize,
    },
    /// Seeds were not revealed in time.
    Unrevealed {
        /// Whose.
        place: usize,
    },
    /// A share is not at the source, or is not the posted one.
    Missing {
        /// Whose.
        place: usize,
    },
}

impl std::fmt::Display for Accusation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pair { one, other } => write!(f, "the members at places {one} and {other} name different masks"),
            Self::Seed { place, missing } => write!(
                f,
                "the seed that the member at place {place} revealed of its pair with place {missing} does not give the posted mask"
            ),
            Self::Unrevealed { place } => write!(f, "the member at place {place} did not reveal its seeds"),
            Self::Missing { place } => write!(f, "the share of the member at place {place} is not to be had"),
        }
    }
}

/// A dispute that was carried on chain, or as far as this member can.
#[derive(Debug)]
pub struct Disputed {
    /// What it is about.
    pub accusation: Accusation,
    /// The transactions that showed it.
    pub outcomes: Vec<Outcome>,
    /// A complaint was signed; so many of the members whose votes count have.
    pub votes: Option<(usize, usize)>,
}

impl Site<'_> {
    /// What members of a group did wrong, as far as the chain and a source show. `costly`: also what takes proofs of masks to show.
    ///
    /// A share is missing only in a group that could be in the sum, some time after the deadline for publishing: nobody owes one
    /// in a group that is void. A source that does not answer is nobody's fault.
    pub fn accusations(
        &self,
        chain: &Chain,
        source: Option<&Source>,
        costly: bool,
    ) -> Result<Vec<Accusation>, ContributeError> {
        let mut out = Vec::new();
        if costly {
            let checker = self.share_checker()?;
            out.extend(chain.disagreements().into_iter().map(|(one, other)| Accusation::Pair { one, other }));
            let missing = chain.missing();
            for (place, seeds) in &chain.reveals {
                for (absent, seed) in missing.iter().zip(seeds) {
                    let posted = chain.posts.get(place).and_then(|post| post.mask(*place, *absent));
                    if posted != Some(mask_points(&checker, seed).as_slice()) {
                        out.push(Accusation::Seed { place: *place, missing: *absent });
                    }
                }
            }
        }
        if chain.block >= chain.phases.reveals && !chain.missing().is_empty() && chain.posts.len() >= MIN_GROUP {
            let late = chain.posts.keys().filter(|place| !chain.reveals.contains_key(place));
            out.extend(late.map(|place| Accusation::Unrevealed { place: *place }));
        }
        if let (Some(source), true) =
            (source, chain.is_whole() && !chain.included && chain.block >= complaints_from(chain))
        {
            let checker = self.share_checker()?;
            for (place, post) in &chain.posts {
                if matches!(share_at(&checker, source, post.share_id), At::Absent | At::Wrong(_)) {
                    out.push(Accusation::Missing { place: *place });
                }
            }
        }
        out.retain(|accusation| match accusation {
            Accusation::Pair { one, other } => !chain.faulty.contains(one) && !chain.faulty.contains(other),
            Accusation::Seed { place, .. } | Accusation::Unrevealed { place } | Accusation::Missing { place } => {
                !chain.faulty.contains(place)
            }
        });
        Ok(out)
    }

    /// Shows the contract what a member of the own group did wrong, as far as the own member can.
    pub fn dispute(
        &self,
        member: &Member,
        standing: &Standing,
        accusation: Accusation,
        (signer, source): (Option<&PrivateKeySigner>, Option<&Source>),
        progress: Progress<'_>,
    ) -> Result<Disputed, ContributeError> {
        let (roster, own) = standing.roster(member)?;
        let aggregation = self.pool.aggregation()?;
        let done = |outcomes| Disputed { accusation, outcomes, votes: None };
        match accusation {
            Accusation::Pair { one, other } if one == own || other == own => {
                self.dispute_pair(member, standing, if one == own { other } else { one }, progress).map(done)
            }
            Accusation::Pair { .. } => {
                Err(refusal(member, standing, "only the two members of a pair can show who of them is wrong"))
            }
            Accusation::Seed { place, missing } => {
                self.dispute_seed(member, standing, place, missing, progress).map(done)
            }
            Accusation::Unrevealed { place } => {
                let number = roster.seats[place].number;
                Ok(done(vec![aggregation.fault_unrevealed(member.round, roster.group, number, Mode::Send)?]))
            }
            Accusation::Missing { place } => {
                let (Some(signer), Some(source)) = (signer, source) else {
                    return Err(refusal(member, standing, "a complaint needs the account's key and a place for it"));
                };
                self.complain(member, standing, place, signer, source)
            }
        }
    }

    fn dispute_pair(
        &self,
        member: &Member,
        standing: &Standing,
        other: usize,
        progress: Progress<'_>,
    ) -> Result<Vec<Outcome>, ContributeError> {
        let (roster, own) = standing.roster(member)?;
        let secret = member.secret()?;
        let checker = self.share_checker()?;
        let seed = secret.seed(&self.mask_place(member.round)?, roster, own, other)?;
        let (mine, theirs) = (posted(standing, own)?, posted(standing, other)?);
        let column = first_difference(mine.mask(own, other), theirs.mask(other, own));
        let column = column.ok_or_else(|| refusal(member, standing, "both name the same points"))?;
        let (fact, mut outcomes) = self.prove_mask(&checker, &seed, column, progress)?;
        let first = own.min(other);
        let second = own.max(other);
        progress("dispute");
        let request = PairDispute {
            round: U256::from(member.round),
            group: U256::from(roster.group),
            firstPlace: U256::from(first),
            secondPlace: U256::from(second),
            roster: roster.leaves(),
            first: seat(roster, first),
            second: seat(roster, second),
            firstMasks: mask_bytes(&posted(standing, first)?.masks),
            secondMasks: mask_bytes(&posted(standing, second)?.masks),
            secret: B256::new(*secret.expose()),
            secretIsFirsts: own == first,
            column: fact.column,
            commitment: fact.commitment,
        };
        outcomes.push(self.pool.aggregation()?.dispute_pair(request, Mode::Send)?);
        Ok(outcomes)
    }

    fn dispute_seed(
        &self,
        member: &Member,
        standing: &Standing,
        place: usize,
        missing: usize,
        progress: Progress<'_>,
    ) -> Result<Vec<Outcome>, ContributeError> {
        let (roster, _) = standing.roster(member)?;
        let checker = self.share_checker()?;
        let chain = &standing.chain;
        let revealed = chain.reveals.get(&place);
        let index = chain.missing().iter().position(|absent| *absent == missing);
        let seed = revealed.zip(index).and_then(|(seeds, index)| seeds.get(index));
        let seed = seed.ok_or_else(|| refusal(member, standing, "no such seed was revealed"))?;
        let post = posted(standing, place)?;
        let column = first_difference(post.mask(place, missing), Some(&mask_points(&checker, seed)));
        let column = column.ok_or_else(|| refusal(member, standing, "the revealed seed gives the posted mask"))?;
        let (fact, mut outcomes) = self.prove_mask(&checker, seed, column, progress)?;
        progress("dispute");
        let request = SeedDispute {
            round: U256::from(member.round),
            group: U256::from(roster.group),
            number: U256::from(roster.seats[place].number),
            missing: U256::from(roster.seats[missing].number),
            seeds: revealed.into_iter().flatten().map(|seed| B256::new(*seed.expose())).collect(),
            masks: mask_bytes(&post.masks),
            column: fact.column,
            commitment: fact.commitment,
        };
        outcomes.push(self.pool.aggregation()?.dispute_seed(request, Mode::Send)?);
        Ok(outcomes)
    }

    /// Proves on chain what a column of a seed's mask commits to, or finds it proven. **Publishes the seed.**
    pub fn prove_mask(
        &self,
        checker: &Checker<'_>,
        seed: &PairSeed,
        column: usize,
        progress: Progress<'_>,
    ) -> Result<(MaskFact, Vec<Outcome>), ContributeError> {
        let aggregation = self.pool.aggregation()?;
        let shape = checker.shape();
        let (rows, mask) = (shape.rows(), shape.expand(seed));
        let wrong = AggregationError::Points { expected: shape.columns(), found: column };
        let cells = mask.cells().chunks_exact(rows.len().max(1)).nth(column).ok_or(wrong)?;
        let points = checker.bases().commit(cells);
        let commitment = points.first().map(solidity_point).unwrap_or(G1Point { x: U256::ZERO, y: U256::ZERO });
        let fact = MaskFact { seed: B256::new(*seed.expose()), column: U256::from(column), commitment };
        let mut outcomes = Vec::new();
        if aggregation.is_proven(&fact)? {
            return Ok((fact, outcomes));
        }
        progress("what the mask commits to, on chain");
        outcomes.push(aggregation.begin(&fact, Mode::Send)?);
        loop {
            let (done, z) = aggregation.progress_of(&fact)?;
            let left = (rows.len() as u64).saturating_sub(done.saturating_to());
            if left > 0 {
                outcomes.push(aggregation.advance(&fact, left.min(CELLS_A_TRANSACTION), Mode::Send)?);
                continue;
            }
            let mut values = vec![Fr::ZERO; self.srs.powers().len()];
            for (row, cell) in rows.iter().zip(cells) {
                values[*row as usize] = *cell;
            }
            // invariant: the contract reduces the point modulo the group order.
            let z = scalar_from_bytes(&z.to_be_bytes()).unwrap_or_default();
            let opening = open_column(self.srs, values, z)?;
            outcomes.push(aggregation.finish(&fact, solidity_point(&opening), Mode::Send)?);
            return Ok((fact, outcomes));
        }
    }

    /// Signs that a share is missing, and reports it once enough members have.
    fn complain(
        &self,
        member: &Member,
        standing: &Standing,
        place: usize,
        signer: &PrivateKeySigner,
        source: &Source,
    ) -> Result<Disputed, ContributeError> {
        let (roster, own) = standing.roster(member)?;
        let accused = &roster.seats[place];
        let share_id = posted(standing, place)?.share_id;
        if own == place {
            return Err(refusal(member, standing, "it is the own share that is missing: publish it"));
        }
        let at = self.mask_place(member.round)?;
        let said = Complaint::sign(at, accused.number, share_id, signer)
            .map_err(|error| refusal(member, standing, &format!("the key cannot sign: {error}")))?;
        if let Err(error) = source.publish(&said.item(), &said.to_json()) {
            tracing::warn!(item = %said.item(), %error, "the complaint is not handed over");
        }
        let (mut voters, mut signatures) = (U256::ZERO, Vec::new());
        for other in standing.chain.posts.keys().filter(|other| **other != place) {
            let seat = &roster.seats[*other];
            let item = Item::Complaint { round: member.round, number: accused.number, account: seat.claimant };
            let Some(bytes) = source.fetch(&item)? else { continue };
            match Complaint::from_json(&bytes) {
                Ok(said) if said.place == at && said.share_id == share_id && said.item() == item => {
                    voters |= bit(seat.number);
                    signatures.push(Bytes::copy_from_slice(&said.signature));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%item, %error, "this complaint is left out"),
            }
        }
        let (given, others) = (signatures.len(), standing.chain.posts.len() - 1);
        let needed = (others / 2 + 1).max(2);
        let mut outcomes = Vec::new();
        if given >= needed {
            let aggregation = self.pool.aggregation()?;
            let (round, group, number) = (member.round, roster.group, accused.number);
            outcomes.push(aggregation.fault_missing(round, group, number, voters, signatures, Mode::Send)?);
        }
        Ok(Disputed { accusation: Accusation::Missing { place }, outcomes, votes: Some((given, needed)) })
    }
}

/// Complaints begin a quarter of the time for disputes after the deadline for publishing: an upload may be under way.
fn complaints_from(chain: &Chain) -> u64 {
    chain.phases.reveals + chain.phases.disputes.saturating_sub(chain.phases.reveals) / 4
}

fn posted(standing: &Standing, place: usize) -> Result<&Post, ContributeError> {
    let number = place as u64;
    standing.chain.posts.get(&place).ok_or_else(|| AggregationError::NoSeat { number }.into())
}

/// The points of the mask that a seed gives.
fn mask_points(checker: &Checker<'_>, seed: &PairSeed) -> Vec<G1Affine> {
    checker.bases().commit(checker.shape().expand(seed).cells())
}

/// The first column of which two masks have different points.
fn first_difference(one: Option<&[G1Affine]>, other: Option<&[G1Affine]>) -> Option<usize> {
    one?.iter().zip(other?).position(|(one, other)| one != other)
}
