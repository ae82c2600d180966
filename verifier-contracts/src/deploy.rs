//! How a pool is deployed, as data: which contracts in which order with which constructor arguments, and the calls that
//! follow. Whoever has a provider sends them; nothing here talks to a node.
//!
//! ```text
//! VerifierRouter ─► ContributionToken ─► FlatRewardPolicy ─► DataRegistry ─► MaskCommitments ─► SecureAggregation ─► ContributionRounds
//! then: token.grantRole(MINTER, rounds) · registry.grantRole(ATTESTOR, ..) · router.add(profile, circuit, verifier)
//! ```
//!
//! The generated verifiers and their keys are deployed on their own, before [`setup_calls`] name them.

use std::collections::BTreeMap;

use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, Address, B256, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use thiserror::Error;

use crate::bindings::{
    AggregationConfig, Circuit, ContributionRounds, ContributionToken, DataRegistry, FlatRewardPolicy, MaskCommitments,
    RoundsConfig, SecureAggregation, VerifierRouter,
};
use crate::compile::{Artifacts, CompileError};
use crate::ErrorKind;

/// Name of the router, in artifacts and deployments alike.
pub const ROUTER: &str = "VerifierRouter";
/// Name of the token.
pub const TOKEN: &str = "ContributionToken";
/// Name of the reward policy.
pub const POLICY: &str = "FlatRewardPolicy";
/// Name of the registry.
pub const REGISTRY: &str = "DataRegistry";
/// Name of the contract that knows what masks commit to.
pub const MASKS: &str = "MaskCommitments";
/// Name of the contract of groups, shares and bonds.
pub const AGGREGATION: &str = "SecureAggregation";
/// Name of the rounds contract.
pub const ROUNDS: &str = "ContributionRounds";

/// The contracts of a pool in the order of their deployment: each needs only addresses of earlier ones.
pub const ORDER: [&str; 7] = [ROUTER, TOKEN, POLICY, REGISTRY, MASKS, AGGREGATION, ROUNDS];

/// Why a deployment cannot be put together.
#[derive(Debug, Error)]
pub enum DeployError {
    /// The contract is not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A contract it needs has no address yet.
    #[error("{contract} needs the address of {needs}, which is not deployed yet")]
    Missing {
        /// The contract to be deployed.
        contract: String,
        /// The one that must come first.
        needs: &'static str,
    },
    /// Not a contract of [`ORDER`].
    #[error("{name} is not one of the pool's contracts ({})", ORDER.join(", "))]
    Unknown {
        /// The name given.
        name: String,
    },
}

impl DeployError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Compile(error) => error.kind(),
            Self::Missing { .. } | Self::Unknown { .. } => ErrorKind::Input,
        }
    }
}

/// What a pool's constructors are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// Holds every admin role, and opens rounds.
    pub admin: Address,
    /// Digest of the commitment key ([`crate::bindings::digests::srs_digest`]).
    pub srs_digest: B256,
    /// Reward of a proven claim, in the token's smallest unit.
    pub reward: U256,
    /// Widest accepted bound on the update's squared norm, as a power of two.
    pub max_norm_log2: u8,
    /// Widest accepted bound on the loss, as a power of two.
    pub max_loss_log2: u8,
    /// What a round can pay.
    pub round_budget: U96,
    /// Blocks in which a round takes claims; more than `beacon_delay`.
    pub claim_blocks: U40,
    /// Blocks after that in which a round must find a first finalization, or is void.
    pub finalize_blocks: U40,
    /// Blocks in which a finalization with more claims takes the place of one.
    pub window_blocks: U40,
    /// Blocks from a round's opening to its beacon block; at least one.
    pub beacon_delay: U40,
    /// Blocks after the claims in which members of a group post; with `reveal_blocks` fewer than `finalize_blocks`.
    pub share_blocks: U40,
    /// Blocks after that in which seeds of missing members are revealed.
    pub reveal_blocks: U40,
    /// Blocks after that in which faults cost the bond.
    pub dispute_blocks: U40,
    /// What a member of a group pays when it posts and gets back unless it spoils the group, in wei.
    pub bond: U256,
}

/// Addresses by contract name.
pub type Addresses = BTreeMap<String, Address>;

fn address(deployed: &Addresses, contract: &str, needs: &'static str) -> Result<Address, DeployError> {
    deployed.get(needs).copied().ok_or_else(|| DeployError::Missing { contract: contract.to_owned(), needs })
}

/// ABI-encoded constructor arguments of a contract in [`ORDER`], given the addresses of those before it.
pub fn constructor_args(name: &str, config: &PoolConfig, deployed: &Addresses) -> Result<Vec<u8>, DeployError> {
    let at = |needs| address(deployed, name, needs);
    let admin = config.admin;
    Ok(match name {
        ROUTER => VerifierRouter::constructorCall { admin }.abi_encode(),
        TOKEN => ContributionToken::constructorCall { admin }.abi_encode(),
        POLICY => FlatRewardPolicy::constructorCall {
            reward_: config.reward,
            maxNormLog2: config.max_norm_log2,
            maxLossLog2: config.max_loss_log2,
        }
        .abi_encode(),
        REGISTRY => {
            DataRegistry::constructorCall { admin, router: at(ROUTER)?, srsDigest: config.srs_digest }.abi_encode()
        }
        MASKS => MaskCommitments::constructorCall {}.abi_encode(),
        AGGREGATION => {
            let terms = AggregationConfig {
                masks: at(MASKS)?,
                shareBlocks: config.share_blocks,
                revealBlocks: config.reveal_blocks,
                disputeBlocks: config.dispute_blocks,
                bond: config.bond,
            };
            SecureAggregation::constructorCall { config: terms }.abi_encode()
        }
        ROUNDS => {
            let terms = RoundsConfig {
                admin,
                registry: at(REGISTRY)?,
                router: at(ROUTER)?,
                token: at(TOKEN)?,
                policy: at(POLICY)?,
                roundBudget: config.round_budget,
                claimBlocks: config.claim_blocks,
                finalizeBlocks: config.finalize_blocks,
                windowBlocks: config.window_blocks,
                beaconDelay: config.beacon_delay,
                aggregation: at(AGGREGATION)?,
            };
            ContributionRounds::constructorCall { config: terms }.abi_encode()
        }
        name => return Err(DeployError::Unknown { name: name.to_owned() }),
    })
}

/// Creation code with constructor arguments: the data of the transaction that deploys `name`.
pub fn creation_code(
    name: &str,
    artifacts: &Artifacts,
    config: &PoolConfig,
    deployed: &Addresses,
) -> Result<Vec<u8>, DeployError> {
    let mut code = artifacts.get(name)?.bytecode.clone();
    code.extend(constructor_args(name, config, deployed)?);
    Ok(code)
}

/// A call that the admin sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupCall {
    /// What it does, for people.
    pub what: String,
    /// The contract's name.
    pub contract: &'static str,
    /// Its address.
    pub to: Address,
    /// Call data.
    pub data: Vec<u8>,
}

/// Id of a role, from its name in the contracts.
pub fn role(name: &str) -> B256 {
    keccak256(name)
}

/// The calls that make deployed contracts a pool: the minter role, the attestors, the profile's verifiers.
pub fn setup_calls(
    deployed: &Addresses,
    attestors: &[Address],
    profile_id: B256,
    verifiers: &[(Circuit, Address)],
) -> Result<Vec<SetupCall>, DeployError> {
    let at = |needs| address(deployed, "the set-up", needs);
    let rounds = at(ROUNDS)?;
    let mut calls = vec![SetupCall {
        what: format!("let {ROUNDS} mint"),
        contract: TOKEN,
        to: at(TOKEN)?,
        data: ContributionToken::grantRoleCall { role: role("MINTER_ROLE"), account: rounds }.abi_encode(),
    }];
    for attestor in attestors {
        calls.push(SetupCall {
            what: format!("authorise attestor {attestor}"),
            contract: REGISTRY,
            to: at(REGISTRY)?,
            data: DataRegistry::grantRoleCall { role: role("ATTESTOR_ROLE"), account: *attestor }.abi_encode(),
        });
    }
    for (circuit, verifier) in verifiers {
        let add = VerifierRouter::addCall { profileId: profile_id, circuit: *circuit, verifier: *verifier };
        calls.push(SetupCall {
            what: format!("route {circuit:?} to verifier {verifier}"),
            contract: ROUTER,
            to: at(ROUTER)?,
            data: add.abi_encode(),
        });
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolValue;

    use super::*;

    fn config() -> PoolConfig {
        PoolConfig {
            admin: Address::with_last_byte(1),
            srs_digest: B256::with_last_byte(2),
            reward: U256::from(3),
            max_norm_log2: 60,
            max_loss_log2: 50,
            round_budget: U96::from(9),
            claim_blocks: U40::from(20),
            finalize_blocks: U40::from(20),
            window_blocks: U40::from(20),
            beacon_delay: U40::from(3),
            share_blocks: U40::from(6),
            reveal_blocks: U40::from(6),
            dispute_blocks: U40::from(6),
            bond: U256::from(7),
        }
    }

    #[test]
    fn accepts_the_order_it_names() {
        let mut deployed = Addresses::new();
        for (byte, name) in (1..).zip(ORDER) {
            constructor_args(name, &config(), &deployed).expect("earlier contracts suffice");
            deployed.insert(name.to_owned(), Address::with_last_byte(byte));
        }
        let calls = setup_calls(&deployed, &[Address::ZERO], B256::ZERO, &[(Circuit::Dataset, Address::ZERO)]);
        assert_eq!(calls.expect("every address is known").len(), 3);
    }

    /// A struct of static fields is encoded as its fields in a row: deployments do not depend on the constructor's form.
    #[test]
    fn golden_constructor_arguments_are_the_fields_in_a_row() {
        let config = config();
        let addresses: Vec<Address> = (1..).take(ORDER.len()).map(Address::with_last_byte).collect();
        let deployed: Addresses = ORDER.map(str::to_owned).into_iter().zip(addresses.iter().copied()).collect();
        let [router, token, policy, registry, masks, aggregation, _] = addresses[..] else { panic!("seven contracts") };
        let rounds = (
            (config.admin, registry, router, token, policy),
            (config.round_budget, config.claim_blocks, config.finalize_blocks, config.window_blocks),
            (config.beacon_delay, aggregation),
        );
        assert_eq!(constructor_args(ROUNDS, &config, &deployed).expect("arguments"), rounds.abi_encode_params());
        let terms = (masks, config.share_blocks, config.reveal_blocks, config.dispute_blocks, config.bond);
        assert_eq!(constructor_args(AGGREGATION, &config, &deployed).expect("arguments"), terms.abi_encode_params());
    }

    #[test]
    fn rejects_a_contract_before_those_it_needs() {
        let error = constructor_args(REGISTRY, &config(), &Addresses::new()).expect_err("no router yet");
        assert!(matches!(error, DeployError::Missing { needs: ROUTER, .. }));
        let error = constructor_args("Token", &config(), &Addresses::new()).expect_err("no such contract");
        assert!(matches!(error, DeployError::Unknown { .. }));
    }
}
