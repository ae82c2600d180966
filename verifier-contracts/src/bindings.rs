//! What a client needs to speak with the contracts: typed calls and events, the protocol's digests computed natively, and
//! reverts in words.
//!
//! - here: alloy bindings, one module for each contract of a pool, and the structs and enums of their calls;
//! - [`vana`]: those of the contracts for Vana's pools;
//! - [`digests`]: contexts, leaves, Merkle paths, drawn index, ids, nullifier, attestation digest;
//! - [`describe_revert`]: the name and arguments of the custom error in a revert's data.

mod contracts;
pub mod digests;
pub mod vana;

pub use contracts::{
    Acknowledgement, AggregationConfig, Attestation, Circuit, Claim, ClaimRecord, ContributionRounds,
    ContributionToken, DataRegistry, Dataset, Difference, Evidence, Fault, Finalization, FlatRewardPolicy, G1Point,
    Group, Link, MaskCommitments, MissingShare, Noted, PairDispute, Post, Posted, Proposal, Round, RoundStatus,
    RoundsConfig, Seat, SecureAggregation, SeedDispute, StopReason, Verifier, VerifierRouter,
};

use alloy::sol_types::{ContractError, SolInterface};

/// A revert's data in words: the custom error with its arguments, a `require` string, a panic code, or the bytes in hex.
///
/// Errors of the pool's contracts, of those for Vana's pools and of the libraries they use are known here; those of a generated verifier are named by
/// their selector.
pub fn describe_revert(data: &[u8]) -> String {
    use vana::KeylessAttestor::KeylessAttestorErrors as Keyless;
    use vana::LocalVanaRegistry::LocalVanaRegistryErrors as Files;
    use vana::VanaProofPool::VanaProofPoolErrors as Proofs;
    use ContributionRounds::ContributionRoundsErrors as Rounds;
    use ContributionToken::ContributionTokenErrors as Token;
    use DataRegistry::DataRegistryErrors as Registry;
    use FlatRewardPolicy::FlatRewardPolicyErrors as Policy;
    use MaskCommitments::MaskCommitmentsErrors as Masks;
    use SecureAggregation::SecureAggregationErrors as Aggregation;
    use VerifierRouter::VerifierRouterErrors as Router;

    describe::<Rounds>(data)
        .or_else(|| describe::<Registry>(data))
        .or_else(|| describe::<Router>(data))
        .or_else(|| describe::<Policy>(data))
        .or_else(|| describe::<Token>(data))
        .or_else(|| describe::<Aggregation>(data))
        .or_else(|| describe::<Masks>(data))
        .or_else(|| describe::<Proofs>(data))
        .or_else(|| describe::<Keyless>(data))
        .or_else(|| describe::<Files>(data))
        .unwrap_or_else(|| match data {
            [] => "reverted without data".to_owned(),
            data => format!("unknown error 0x{}", hex::encode(data)),
        })
}

fn describe<E: SolInterface + std::fmt::Debug>(data: &[u8]) -> Option<String> {
    match ContractError::<E>::abi_decode_validate(data).ok()? {
        ContractError::CustomError(error) => Some(words(&format!("{error:?}"))),
        ContractError::Revert(revert) => Some(revert.to_string()),
        ContractError::Panic(panic) => Some(panic.to_string()),
    }
}

/// `Name(Name { a: 1 })` -> `Name { a: 1 }`: the enum's variant repeats its type's name.
fn words(debug: &str) -> String {
    debug.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(debug).to_owned()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U256};
    use alloy::sol_types::{Revert, SolError};

    use super::*;

    #[test]
    fn accepts_every_kind_of_revert() {
        let budget = ContributionRounds::ZkPocRoundsBudget { remaining: U256::from(5), got: U256::from(7) };
        assert_eq!(describe_revert(&budget.abi_encode()), "ZkPocRoundsBudget { remaining: 5, got: 7 }");
        let frozen = VerifierRouter::ZkPocRouterFrozen { profileId: B256::ZERO, circuit: Circuit::Training };
        assert!(describe_revert(&frozen.abi_encode()).starts_with("ZkPocRouterFrozen { "));
        assert_eq!(describe_revert(&Revert::from("no").abi_encode()), "revert: no");
        assert_eq!(describe_revert(&[]), "reverted without data");
        assert_eq!(describe_revert(&[1, 2, 3, 4]), "unknown error 0x01020304");
    }

    #[test]
    fn rejects_truncated_arguments() {
        let budget = ContributionRounds::ZkPocRoundsBudget { remaining: U256::from(5), got: U256::from(7) };
        let data = budget.abi_encode();
        assert!(describe_revert(&data[..data.len() - 1]).starts_with("unknown error 0x"));
    }
}
