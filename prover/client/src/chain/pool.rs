//! The calls of a contributor and of an operator, to one pool.
//!
//! Each method is one call of one contract; what it means is in the NatSpec of the interfaces. [`PoolClient::new`] first makes
//! sure that the pool is of the profile and the commitment key that the caller works with, and that an insecure key is not
//! used on a public chain: a proof for another pool would be refused only after minutes of work.

use alloy::primitives::{Address, Bytes, B256, U256};
use alloy::sol_types::SolEvent;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::bindings::{
    Attestation, Circuit, Claim, ClaimRecord, ContributionRounds, ContributionToken, DataRegistry, Dataset, Difference,
    Evidence, Finalization, FlatRewardPolicy, G1Point, Proposal, Round, StopReason, VerifierRouter,
};
use zkpoc_contracts::deploy::{POLICY, REGISTRY, ROUNDS, ROUTER, TOKEN};

use super::aggregation::AggregationClient;
use super::{ChainError, Client, Mode, Outcome, Pool};
use zkpoc_prover::prove::Buckets;
use zkpoc_prover::srs::{Origin, SrsError, DEV_CHAIN_IDS};

/// A pool on a chain.
#[derive(Debug)]
pub struct PoolClient<'a> {
    client: &'a Client,
    pool: &'a Pool,
}

/// What the policy pays, and up to which bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Reward of a claim, in the token's smallest unit.
    pub reward: U256,
    /// log2 of the widest accepted bound on the squared norm.
    pub max_norm_log2: u8,
    /// log2 of the widest accepted bound on the loss.
    pub max_loss_log2: u8,
}

/// Lengths of a round's phases, in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From its opening on a round takes claims.
    pub claim_blocks: u64,
    /// After that it must find a first finalization.
    pub finalize_blocks: u64,
    /// After that one with more claims takes its place.
    pub window_blocks: u64,
}

impl<'a> PoolClient<'a> {
    /// A pool, checked against the profile and the commitment key at hand.
    pub fn new(client: &'a Client, pool: &'a Pool, profile_id: B256, srs_digest: B256) -> Result<Self, ChainError> {
        let checks = [("profile", profile_id, pool.profile_id), ("SRS digest", srs_digest, pool.srs.digest)];
        if let Some((what, expected, found)) = checks.into_iter().find(|(_, here, there)| here != there) {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(ChainError::Mismatch { what, expected, found });
        }
        Self::unchecked(client, pool)
    }

    /// A pool to look at: only the rule about insecure commitment keys is checked.
    pub fn unchecked(client: &'a Client, pool: &'a Pool) -> Result<Self, ChainError> {
        let chain_id = client.chain_id();
        if pool.srs.origin == Origin::DevInsecure && !DEV_CHAIN_IDS.contains(&chain_id) {
            return Err(SrsError::InsecureOnChain { chain_id }.into());
        }
        Ok(Self { client, pool })
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        self.client
    }

    /// The pool.
    pub fn pool(&self) -> &Pool {
        self.pool
    }

    /// The registry's address.
    pub fn registry(&self) -> Result<Address, ChainError> {
        self.pool.address(REGISTRY)
    }

    /// The address of the rounds contract.
    pub fn rounds(&self) -> Result<Address, ChainError> {
        self.pool.address(ROUNDS)
    }

    /// Groups, shares and bonds of the pool.
    pub fn aggregation(&self) -> Result<AggregationClient<'a>, ChainError> {
        AggregationClient::new(self.client, self.pool)
    }

    /// Registers an attested dataset.
    pub fn register(&self, attestation: &Attestation, signature: &[u8], mode: Mode) -> Result<Outcome, ChainError> {
        let call = DataRegistry::registerCall {
            attestation: attestation.clone(),
            signature: Bytes::copy_from_slice(signature),
        };
        self.client.send("register the dataset", self.registry()?, &call, mode)
    }

    /// A dataset; all zero if it is not registered.
    pub fn dataset(&self, root: B256) -> Result<Dataset, ChainError> {
        self.client.call(self.registry()?, &DataRegistry::datasetCall { root })
    }

    /// Whether a dataset is registered and its attestor still authorised.
    pub fn is_attested(&self, root: B256) -> Result<bool, ChainError> {
        match self.client.call(self.registry()?, &DataRegistry::attestedDatasetCall { root }) {
            Ok(_) => Ok(true),
            Err(error) if error.is_refusal() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a shard was proven well-formed.
    pub fn is_validated(&self, commitment: &G1Point) -> Result<bool, ChainError> {
        let call = DataRegistry::isValidatedCall { profileId: self.pool.profile_id, commitment: commitment.clone() };
        self.client.call(self.registry()?, &call)
    }

    /// Proves a shard well-formed.
    pub fn validate_shard(&self, call: &DataRegistry::validateShardCall, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("validate the shard", self.registry()?, call, mode)
    }

    /// Number of the latest round; zero before the first.
    pub fn current_round(&self) -> Result<u64, ChainError> {
        let number = self.client.call(self.rounds()?, &ContributionRounds::currentRoundCall {})?;
        number.try_into().map_err(|_| self.strange("currentRound", number))
    }

    /// A round.
    pub fn round(&self, number: u64) -> Result<Round, ChainError> {
        self.client.call(self.rounds()?, &ContributionRounds::roundInfoCall { number: U256::from(number) })
    }

    /// The shard that a sealed round draws from a dataset.
    pub fn drawn_index(&self, round: u64, root: B256) -> Result<u64, ChainError> {
        let call = ContributionRounds::drawnIndexCall { number: U256::from(round), root };
        let index = self.client.call(self.rounds()?, &call)?;
        index.try_into().map_err(|_| self.strange("drawnIndex", index))
    }

    /// Claims a contribution.
    pub fn claim(&self, request: Claim, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("claim", self.rounds()?, &ContributionRounds::claimCall { request }, mode)
    }

    /// Claims several contributions at once, each for the owner of its dataset.
    pub fn claim_many(&self, requests: Vec<Claim>, mode: Mode) -> Result<Outcome, ChainError> {
        let call = ContributionRounds::claimManyCall { requests };
        self.client.send("claim", self.rounds()?, &call, mode)
    }

    /// Sets the first model and opens round 1.
    pub fn open_genesis(&self, seed: B256, proof: Vec<u8>, mode: Mode) -> Result<Outcome, ChainError> {
        let call = ContributionRounds::openGenesisCall { profileId_: self.pool.profile_id, seed, proof: proof.into() };
        self.client.send("open the first round", self.rounds()?, &call, mode)
    }

    /// Proves the next model.
    pub fn finalize(&self, request: Finalization, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("finalize the round", self.rounds()?, &ContributionRounds::finalizeCall { request }, mode)
    }

    /// Pays a finalized round's claims and opens the next round.
    pub fn settle(&self, round: u64, records: Vec<ClaimRecord>, mode: Mode) -> Result<Outcome, ChainError> {
        let call = ContributionRounds::settleCall { number: U256::from(round), records };
        self.client.send("settle the round", self.rounds()?, &call, mode)
    }

    /// Ends a round that nobody finalized in time.
    pub fn void_round(&self, round: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let call = ContributionRounds::voidRoundCall { number: U256::from(round) };
        self.client.send("void the round", self.rounds()?, &call, mode)
    }

    /// The finalization of a round that stands; its count is zero if there is none.
    pub fn proposal(&self, number: u64) -> Result<Proposal, ChainError> {
        self.client.call(self.rounds()?, &ContributionRounds::proposalOfCall { number: U256::from(number) })
    }

    /// The hash that a round keeps of its claims.
    pub fn claims_hash(&self, number: u64) -> Result<B256, ChainError> {
        self.client.call(self.rounds()?, &ContributionRounds::claimsHashCall { number: U256::from(number) })
    }

    /// Events of one kind of the rounds contract, since the pool was deployed.
    pub fn rounds_events<E: SolEvent>(&self) -> Result<Vec<E>, ChainError> {
        self.client.events(self.rounds()?, self.pool.block)
    }

    /// Blocks for claims, for a first finalization, and of the window for one with more claims.
    pub fn deadlines(&self) -> Result<Deadlines, ChainError> {
        let rounds = self.rounds()?;
        Ok(Deadlines {
            claim_blocks: self.client.call(rounds, &ContributionRounds::CLAIM_BLOCKSCall {})?.to(),
            finalize_blocks: self.client.call(rounds, &ContributionRounds::FINALIZE_BLOCKSCall {})?.to(),
            window_blocks: self.client.call(rounds, &ContributionRounds::WINDOW_BLOCKSCall {})?.to(),
        })
    }

    /// Stores the beacon of a round.
    pub fn seal(&self, round: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let call = ContributionRounds::sealCall { number: U256::from(round) };
        self.client.send("seal the round", self.rounds()?, &call, mode)
    }

    /// The router's address.
    pub fn router(&self) -> Result<Address, ChainError> {
        self.pool.address(ROUTER)
    }

    /// Why the pool was stopped; [`StopReason::None`] when it was not.
    pub fn stop_reason(&self) -> Result<StopReason, ChainError> {
        self.client.call(self.router()?, &VerifierRouter::stopReasonCall { profileId: self.pool.profile_id })
    }

    /// Stops the pool by a proof of a statement that is false for every witness.
    pub fn stop_by_canary(&self, circuit: Circuit, evidence: Evidence, mode: Mode) -> Result<Outcome, ChainError> {
        let call = VerifierRouter::stopByCanaryCall { profileId: self.pool.profile_id, circuit, evidence };
        self.client.send("stop the pool", self.router()?, &call, mode)
    }

    /// Stops the pool by two proofs that lead to different next models in one step.
    pub fn stop_by_contradiction(
        &self,
        [one, other]: [Evidence; 2],
        difference: Difference,
        mode: Mode,
    ) -> Result<Outcome, ChainError> {
        let profile_id = self.pool.profile_id;
        let call = VerifierRouter::stopByContradictionCall { profileId: profile_id, one, other, difference };
        self.client.send("stop the pool", self.router()?, &call, mode)
    }

    /// What the policy pays.
    pub fn terms(&self) -> Result<Terms, ChainError> {
        let policy = self.pool.address(POLICY)?;
        Ok(Terms {
            reward: self.client.call(policy, &FlatRewardPolicy::REWARDCall {})?,
            max_norm_log2: self.client.call(policy, &FlatRewardPolicy::MAX_NORM_LOG2Call {})?,
            max_loss_log2: self.client.call(policy, &FlatRewardPolicy::MAX_LOSS_LOG2Call {})?,
        })
    }

    /// What an account holds of the pool's token, in its smallest unit.
    pub fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.client.call(self.pool.address(TOKEN)?, &ContributionToken::balanceOfCall { account })
    }

    fn strange(&self, what: &str, found: U256) -> ChainError {
        ChainError::Answer { what: what.to_owned(), address: Address::ZERO, found: found.to_string() }
    }
}

/// The widest bounds that a policy of this profile pays for by default, as powers of two: squared norm, and loss.
///
/// They are the largest possible values if no signal were larger than that of an output 2.0 from its target, in the steps that
/// claims are rounded to; 1.0 where outputs are probabilities, which are no further from theirs. An update beyond them comes from a model that has left the range it can learn in, or from made-up records.
pub fn default_bounds(profile: &Profile) -> (u8, u8) {
    let bounds = profile.bounds();
    // One unit of an output signal, 1.0 at the target; how many of them; and the largest signal there is.
    let unit = u128::from(profile.target.unsigned_abs()) >> profile.residual_shift.min(63);
    let units = if profile.output_table.is_some() { 1 } else { 2 };
    let limit = unit.saturating_mul(units).max(1);
    let largest = 1u128 << profile.signal_bits.saturating_sub(1).min(63);
    let log2 = |value: u128| 128 - value.leading_zeros();
    // Both values grow with the square of the signals; logarithms keep this from overflowing.
    let less = 2 * (log2(largest) - 1).saturating_sub(log2(limit));
    let coarse = |bits: u32| bits.saturating_sub(less).next_multiple_of(Buckets::STEP).min(124) as u8;
    (coarse(log2(bounds.norm)), coarse(log2(bounds.loss)))
}

/// An amount of a token with 18 decimals, as a decimal number of whole tokens without trailing zeros.
pub fn whole_tokens(amount: U256) -> String {
    let unit = U256::from(10).pow(U256::from(18));
    let (whole, rest) = amount.div_rem(unit);
    match rest.is_zero() {
        true => whole.to_string(),
        false => {
            let digits = format!("{:0>18}", rest.to_string());
            format!("{whole}.{}", digits.trim_end_matches('0'))
        }
    }
}

/// The amount that a decimal number of whole tokens names; `None` if it is none or has more than 18 decimals.
pub fn from_whole_tokens(text: &str) -> Option<U256> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > 18 || !digits(whole) || !digits(rest) {
        return None;
    }
    U256::from_str_radix(&format!("{whole}{rest:0<18}"), 10).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_their_text() {
        for (text, same) in [("10", "10"), ("0", "0"), ("1.5", "1.5"), ("0.000000000000000001", "0.000000000000000001")]
        {
            let amount = from_whole_tokens(text).expect(text);
            assert_eq!(whole_tokens(amount), same);
        }
        assert_eq!(from_whole_tokens("2.50").map(whole_tokens).as_deref(), Some("2.5"));
    }

    #[test]
    fn bounds_are_below_the_largest_and_multiples_of_the_step() {
        for name in Profile::builtin_names() {
            let profile = Profile::builtin(name).expect("a profile");
            let bounds = profile.bounds();
            let (norm, loss) = default_bounds(&profile);
            for (bound, largest) in [(norm, bounds.norm), (loss, bounds.loss)] {
                assert_eq!(u32::from(bound) % Buckets::STEP, 0, "{name}");
                assert!(u32::from(bound) < 128 - largest.leading_zeros(), "{name}: 2^{bound} of {largest}");
            }
        }
    }

    #[test]
    fn rejects_amounts_that_are_none() {
        for text in ["", ".", ".5", "-1", "1e3", "1.0000000000000000001", "ten", &"9".repeat(70)] {
            assert_eq!(from_whole_tokens(text), None, "{text}");
        }
    }
}
