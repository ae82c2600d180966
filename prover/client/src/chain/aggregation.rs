//! The calls of a member of a group: rosters, posts, seeds, disputes, bonds.
//!
//! Each method is one call of one contract; what it means is in the NatSpec of the interfaces.

use alloy::primitives::{Address, Bytes, B256, U256};
use alloy::sol_types::SolEvent;
use zkpoc_contracts::bindings::{
    ClaimRecord, G1Point, Group, MaskCommitments, PairDispute, Post, Posted, SecureAggregation, SeedDispute,
};
use zkpoc_contracts::deploy::{AGGREGATION, MASKS};

use super::{ChainError, Client, Mode, Outcome, Pool};
use crate::aggregation::state::Phases;

/// The aggregation contract of a pool, and the one that knows what masks commit to.
#[derive(Clone, Copy, Debug)]
pub struct AggregationClient<'a> {
    client: &'a Client,
    pool: &'a Pool,
    address: Address,
    masks: Address,
}

/// A fact about a mask: this point commits to this column of the mask of this seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskFact {
    /// The seed.
    pub seed: B256,
    /// The column.
    pub column: U256,
    /// The point.
    pub commitment: G1Point,
}

impl<'a> AggregationClient<'a> {
    pub(super) fn new(client: &'a Client, pool: &'a Pool) -> Result<Self, ChainError> {
        Ok(Self { client, pool, address: pool.address(AGGREGATION)?, masks: pool.address(MASKS)? })
    }

    /// The contract's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What a member pays when it posts, in wei.
    pub fn bond(&self) -> Result<U256, ChainError> {
        self.client.call(self.address, &SecureAggregation::BONDCall {})
    }

    /// The blocks in which a round's phases end.
    pub fn phases(&self, round: u64) -> Result<Phases, ChainError> {
        let ends = self.client.call(self.address, &SecureAggregation::deadlinesOfCall { round: U256::from(round) })?;
        let block = |value: U256| value.saturating_to::<u64>();
        Ok(Phases { claims: block(ends.d1), shares: block(ends.d2), reveals: block(ends.d3), disputes: block(ends.d4) })
    }

    /// Whether the groups of a round are fixed.
    pub fn is_fixed(&self, round: u64) -> Result<bool, ChainError> {
        self.client.call(self.address, &SecureAggregation::isFixedCall { round: U256::from(round) })
    }

    /// The groups of a round, in order.
    pub fn groups(&self, number: u64) -> Result<Vec<Group>, ChainError> {
        let round = U256::from(number);
        let count = self.client.call(self.address, &SecureAggregation::groupCountCall { round })?;
        (0..count.saturating_to::<u64>()).map(|group| self.group(number, group)).collect()
    }

    /// One group.
    pub fn group(&self, round: u64, group: u64) -> Result<Group, ChainError> {
        let (round, group) = (U256::from(round), U256::from(group));
        self.client.call(self.address, &SecureAggregation::groupInfoCall { round, group })
    }

    /// What is kept of a post; all zero when there is none.
    pub fn post_of(&self, round: u64, number: u64) -> Result<Posted, ChainError> {
        let call = SecureAggregation::postOfCall { round: U256::from(round), number: U256::from(number) };
        self.client.call(self.address, &call)
    }

    /// Whether a share was posted for this shard and model, in any round.
    pub fn is_posted(&self, nullifier: B256) -> Result<bool, ChainError> {
        self.client.call(self.address, &SecureAggregation::isPostedCall { nullifier })
    }

    /// Events of one kind, since the pool was deployed.
    pub fn events<E: SolEvent>(&self) -> Result<Vec<E>, ChainError> {
        self.client.events(self.address, self.pool.block)
    }

    /// Fixes the groups of a round.
    pub fn fix_roster(&self, round: u64, records: Vec<ClaimRecord>, mode: Mode) -> Result<Outcome, ChainError> {
        let call = SecureAggregation::fixRosterCall { round: U256::from(round), records };
        self.client.send("fix the round's groups", self.address, &call, mode)
    }

    /// Posts the points of a member's masks, with its bond.
    pub fn post_share(&self, request: Post, bond: U256, mode: Mode) -> Result<Outcome, ChainError> {
        let call = SecureAggregation::postShareCall { request };
        self.client.send_value("post the share", self.address, &call, bond, mode)
    }

    /// Reveals the seeds that a member shares with members that did not post.
    pub fn reveal_seeds(
        &self,
        round: u64,
        group: u64,
        number: u64,
        seeds: Vec<B256>,
        mode: Mode,
    ) -> Result<Outcome, ChainError> {
        let (round, group, number) = (U256::from(round), U256::from(group), U256::from(number));
        let call = SecureAggregation::revealSeedsCall { round, group, number, seeds };
        self.client.send("reveal seeds", self.address, &call, mode)
    }

    /// Shows which of two members posted a wrong mask.
    pub fn dispute_pair(&self, request: PairDispute, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("dispute a mask", self.address, &SecureAggregation::disputePairCall { request }, mode)
    }

    /// Shows that a revealed seed does not give the posted mask.
    pub fn dispute_seed(&self, request: SeedDispute, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("dispute a seed", self.address, &SecureAggregation::disputeSeedCall { request }, mode)
    }

    /// Shows that a member kept its seeds back.
    pub fn fault_unrevealed(&self, round: u64, group: u64, number: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let (round, group, number) = (U256::from(round), U256::from(group), U256::from(number));
        let call = SecureAggregation::faultUnrevealedCall { round, group, number };
        self.client.send("report seeds that were not revealed", self.address, &call, mode)
    }

    /// Shows that most others did not get a member's share.
    pub fn fault_missing(
        &self,
        round: u64,
        group: u64,
        number: u64,
        voters: U256,
        signatures: Vec<Bytes>,
        mode: Mode,
    ) -> Result<Outcome, ChainError> {
        let (round, group, number) = (U256::from(round), U256::from(group), U256::from(number));
        let call = SecureAggregation::faultMissingCall { round, group, number, voters, signatures };
        self.client.send("report a missing share", self.address, &call, mode)
    }

    /// Pays a bond back.
    pub fn withdraw_bond(&self, round: u64, group: u64, number: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let (round, group, number) = (U256::from(round), U256::from(group), U256::from(number));
        let call = SecureAggregation::withdrawBondCall { round, group, number };
        self.client.send("take the bond back", self.address, &call, mode)
    }

    /// Whether a fact about a mask is proven.
    pub fn is_proven(&self, fact: &MaskFact) -> Result<bool, ChainError> {
        let MaskFact { seed, column, commitment } = fact.clone();
        self.client.call(self.masks, &MaskCommitments::isProvenCall { seed, column, commitment })
    }

    /// Cells summed up for a fact, and the point at which its commitment is opened.
    pub fn progress_of(&self, fact: &MaskFact) -> Result<(U256, U256), ChainError> {
        let MaskFact { seed, column, commitment } = fact.clone();
        let found = self.client.call(self.masks, &MaskCommitments::progressOfCall { seed, column, commitment })?;
        Ok((found.cells, found.z))
    }

    /// Begins to prove a fact about a mask. **Publishes the seed.**
    pub fn begin(&self, fact: &MaskFact, mode: Mode) -> Result<Outcome, ChainError> {
        let MaskFact { seed, column, commitment } = fact.clone();
        let call = MaskCommitments::beginCall { seed, column, commitment };
        self.client.send("begin with a mask", self.masks, &call, mode)
    }

    /// Sums up more cells.
    pub fn advance(&self, fact: &MaskFact, cells: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let MaskFact { seed, column, commitment } = fact.clone();
        let call = MaskCommitments::advanceCall { seed, column, commitment, cells: U256::from(cells) };
        self.client.send("sum up a mask", self.masks, &call, mode)
    }

    /// Ends the proof of a fact.
    pub fn finish(&self, fact: &MaskFact, opening: G1Point, mode: Mode) -> Result<Outcome, ChainError> {
        let MaskFact { seed, column, commitment } = fact.clone();
        let call = MaskCommitments::finishCall { seed, column, commitment, opening };
        self.client.send("prove what a mask commits to", self.masks, &call, mode)
    }
}
