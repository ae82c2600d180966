//! Where the gas of a demo's first transactions went (`demo --ledger`).
//!
//! Of the first validated shard, claim and finalization, found by their events, and of the claim's training proof given to the
//! verifier alone. Each is a [`Ledger`], whose causes add up to the receipt's gas.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use serde::Serialize;
use zkpoc_contracts::bindings::{Circuit, ContributionRounds, DataRegistry, Verifier, VerifierRouter};

use crate::demo::DemoError;
use zkpoc_client::chain::ledger::Ledger;
use zkpoc_client::chain::{ChainError, Mode, PoolClient};

/// The ledgers of a demo.
#[derive(Clone, Debug, Serialize)]
pub struct Ledgers {
    /// The profile.
    pub profile: String,
    /// The training proof of the first claim, verified by an account.
    pub verify: Ledger,
    /// The first claim.
    pub claim: Ledger,
    /// The first finalization.
    pub finalize: Ledger,
    /// The first validated shard.
    pub validate: Ledger,
    /// The contracts by address.
    pub contracts: BTreeMap<Address, String>,
}

impl Ledgers {
    /// Asks the demo's node, which must keep the steps of transactions.
    pub(super) fn of(profile: &str, pool: &PoolClient<'_>) -> Result<Self, DemoError> {
        let (client, at) = (pool.client(), pool.pool());
        let latest = client.block_number()?;
        let first = |address: Address, signature: B256| -> Result<_, ChainError> {
            let logs = client.logs(address, at.block, latest)?;
            let log = logs.into_iter().find(|log| log.inner.topics().first() == Some(&signature));
            log.ok_or_else(|| strange("an event of the demo", "none"))
        };
        let transaction =
            |log: &alloy::rpc::types::Log| log.transaction_hash.ok_or_else(|| strange("an event", "no transaction"));
        let rounds = pool.rounds()?;
        let claimed = first(rounds, ContributionRounds::ContributionProven::SIGNATURE_HASH)?;
        let finalized = first(rounds, ContributionRounds::RoundFinalized::SIGNATURE_HASH)?;
        let validated = first(pool.registry()?, DataRegistry::ShardValidated::SIGNATURE_HASH)?;
        let claim = transaction(&claimed)?;
        Ok(Self {
            profile: profile.to_owned(),
            verify: client.ledger(verify(pool, &claimed, claim)?)?,
            claim: client.ledger(claim)?,
            finalize: client.ledger(transaction(&finalized)?)?,
            validate: client.ledger(transaction(&validated)?)?,
            contracts: at.contracts.iter().map(|(name, deployed)| (deployed.address, name.clone())).collect(),
        })
    }
}

/// Sends the proof of a claim to its verifier.
fn verify(pool: &PoolClient<'_>, log: &alloy::rpc::types::Log, claim: B256) -> Result<B256, ChainError> {
    let client = pool.client();
    let event = ContributionRounds::ContributionProven::decode_log(&log.inner)
        .map_err(|error| strange("an event", &error.to_string()))?;
    let (_, input) = client.transaction_input(claim)?.ok_or_else(|| strange("a transaction", "none"))?;
    let request = ContributionRounds::claimCall::abi_decode(&input)
        .map_err(|error| strange("a claim", &error.to_string()))?
        .request;
    let context = ContributionRounds::trainingContextCall {
        number: event.round,
        claimant: event.claimant,
        subject: event.subject,
        root: event.root,
        index: event.index,
        maskKey: event.maskKey,
    };
    let context = client.call(pool.rounds()?, &context)?;
    let bound = |log2: u8| U256::ONE << usize::from(log2);
    let instances = vec![context, bound(request.normLog2), bound(request.lossLog2)];
    let call = VerifierRouter::verifierOfCall { profileId: pool.pool().profile_id, circuit: Circuit::Training };
    let verifier = client.call(pool.router()?, &call)?;
    let call = Verifier::verifyCall { proof: request.proof, instances };
    let outcome = client.send("verify a training proof", verifier, &call, Mode::Send)?;
    Ok(outcome.receipt().ok_or_else(|| strange("a verification", "not mined"))?.transaction)
}

fn strange(what: &str, found: &str) -> ChainError {
    ChainError::Answer { what: what.to_owned(), address: Address::ZERO, found: found.to_owned() }
}
