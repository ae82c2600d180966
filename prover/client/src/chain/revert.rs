//! Refusals in plain words.
//!
//! A contract refuses with a custom error: a name and arguments. [`Revert::decode`] finds which of the pool's contracts,
//! their libraries or a generated verifier it comes from, and says what it means and what to do.
//!
//! The errors of groups, shares and bonds have a file of their own, `aggregation.rs`.
//!
//! # Source
//! The NatSpec of the interfaces in `verifier-contracts/contracts`.

use std::fmt;

use alloy::sol;
use alloy::sol_types::SolInterface;
use serde::Serialize;
use zkpoc_contracts::bindings::describe_revert;

mod aggregation;

/// Errors of generated verifiers, as the generator writes them.
mod verifier {
    #![allow(missing_docs, missing_debug_implementations, unreachable_pub)] // generated items
    use super::sol;

    sol! {
        #![sol(all_derives)]
        interface GeneratedVerifier {
            error KeyMismatch(bytes32 expected, bytes32 got);
            error ProofLength(uint256 expected, uint256 got);
            error InstanceCount(uint256 expected, uint256 got);
            error InstanceNotCanonical(uint256 index);
            error ScalarNotCanonical(uint256 offset);
            error PointInvalid(uint256 offset);
            error PrecompileFailed();
            error ZeroDenominator();
            error PairingFailed();
            error AccumulatorCount(uint256 words);
        }
    }
}

/// Name, and what it means, of every error that a user can run into.
const MEANINGS: &[(&str, &str)] = &[
    ("AccessControlUnauthorizedAccount", "this account does not have the role that the call needs"),
    ("AccumulatorCount", "these are not the words of one or more accumulators"),
    ("ECDSAInvalidSignature", "the attestation's signature is not a signature"),
    ("ECDSAInvalidSignatureLength", "the attestation's signature has a wrong length"),
    ("ECDSAInvalidSignatureS", "the attestation's signature is not in its one canonical form"),
    ("FileAlreadyAdded", "the pool has paid for this file already"),
    ("FileUrlAlreadyUsed", "Vana's registry has a file with this url; any other url serves"),
    ("InstanceCount", "the verifier takes another number of public inputs"),
    ("InstanceNotCanonical", "a public input is not below the group order"),
    ("InvalidAttestator", "nobody the pool trusts vouches for this proof"),
    ("InvalidProof", "the proof is not one that this pool pays for; is it the right proof index?"),
    ("InvalidScore", "the score is zero or above 1e18"),
    ("KeyMismatch", "the verifier was given another key contract than its own"),
    ("PairingFailed", "the proof is wrong for these public inputs"),
    ("PointInvalid", "a point of the proof is not a canonical point on the curve"),
    ("PrecompileFailed", "the chain lacks a curve operation (EIP-196, EIP-197) or gave it too little gas"),
    ("ProofLength", "the proof has not the verifier's length"),
    ("ScalarNotCanonical", "a scalar of the proof is not below the group order"),
    ("ZeroDenominator", "the proof makes the verifier divide by zero; make a new one"),
    ("ZkPocCurveCoordinate", "a coordinate is not below the field's modulus"),
    ("ZkPocCurvePoint", "a point is not on the curve"),
    ("ZkPocCurvePrecompile", "the chain lacks a curve operation (EIP-196) or gave it too little gas"),
    (
        "ZkPocLinkInvalid",
        "the link proof does not hold: the proof's data is not the registered shard, or the context differs",
    ),
    ("ZkPocLinkLength", "the link proof has a wrong length"),
    (
        "ZkPocLinkSameCommitment",
        "the proof carries the registered commitment itself; it must carry a freshly blinded copy",
    ),
    ("ZkPocLinkScalar", "a scalar of the link proof is not below the group order"),
    ("ZkPocPolicyLossBound", "the proven bound on the loss is wider than the policy pays for"),
    ("ZkPocPolicyNormBound", "the proven bound on the update's norm is wider than the policy pays for"),
    (
        "ZkPocRegistryEpochNotNewer",
        "the subject has an attestation of this or a later epoch; ask the attestor for a new one",
    ),
    ("ZkPocRegistryIndexOutOfRange", "the dataset has no shard of this index"),
    (
        "ZkPocRegistryNotAttestor",
        "the signer of the attestation is not an authorised attestor, or the attestation was changed",
    ),
    ("ZkPocRegistryNotInRoot", "the path does not lead from this shard, at this index, to the dataset's root"),
    ("ZkPocRegistryNotOwner", "only the owner named in the attestation can register the dataset"),
    ("ZkPocRegistryProofLength", "the validity proof has not the circuit's length"),
    ("ZkPocRegistryRecordCount", "the attestation counts fewer records than shards"),
    ("ZkPocRegistryRootTaken", "the dataset is registered already"),
    ("ZkPocRegistryShardCount", "the attestation's number of shards is zero or more than a tree holds"),
    ("ZkPocRegistrySrsMismatch", "the dataset was committed under another SRS than the registry's"),
    ("ZkPocRegistrySubjectTaken", "another attestor vouches for this subject; only that one can replace its dataset"),
    ("ZkPocRegistryUnknownRoot", "no dataset with this root is registered"),
    ("ZkPocRoundsAcknowledged", "too few claimants say that they hold the next model; more than half must"),
    (
        "ZkPocRoundsAcknowledgement",
        "an acknowledgement is not signed by its claimant, for this round and this next model",
    ),
    ("ZkPocRoundsAlreadyClaimed", "this shard was claimed in this round already"),
    ("ZkPocRoundsBatch", "a call takes one claim at least and a fixed number at most"),
    ("ZkPocRoundsBatchGas", "the call was given too little gas for its claims"),
    ("ZkPocRoundsBound", "a bound's exponent does not fit the field"),
    ("ZkPocRoundsBudget", "the round cannot pay this reward any more"),
    ("ZkPocRoundsGenesisSet", "the pool has its first model already"),
    ("ZkPocRoundsFull", "the round has as many claims as the round circuit can add up"),
    ("ZkPocRoundsHasProposal", "the round has a finalization; settle it when its window is over"),
    ("ZkPocRoundsIncluded", "a claim was included that the round does not have"),
    ("ZkPocRoundsModel", "the proof is about another model than the round's"),
    ("ZkPocRoundsNoneAccepted", "no claim of the batch holds; the error has the reason of the last one"),
    ("ZkPocRoundsNoProposal", "nobody has finalized the round yet"),
    ("ZkPocRoundsNotMore", "a finalization with at least as many claims stands"),
    ("ZkPocRoundsNotInRoot", "the claimed shard is not the one that the beacon drew"),
    ("ZkPocRoundsNotOpen", "the round is not open"),
    ("ZkPocRoundsNotOwner", "the dataset belongs to another account"),
    ("ZkPocRoundsNotSealed", "the round's beacon is not known yet; it must be sealed after its beacon block"),
    ("ZkPocRoundsNotValidated", "the shard is not proven well-formed; it must be validated first"),
    ("ZkPocRoundsNullifierUsed", "this shard was paid for this model already"),
    ("ZkPocRoundsProfile", "the dataset was committed for another profile"),
    ("ZkPocRoundsProof", "the proof or the link does not hold for this claimant, round and shard"),
    ("ZkPocRoundsProofLength", "the proof has not its circuit's length"),
    ("ZkPocRoundsRecord", "the records are not those of the round's claims, in order"),
    ("ZkPocRoundsRecords", "there is not one record, or not one place for an acknowledgement, for each claim"),
    (
        "ZkPocRoundsRegisteredLate",
        "the dataset was registered when the round's model was known already; it counts from the next model on",
    ),
    ("ZkPocRoundsSealed", "the round's beacon is known already"),
    ("ZkPocRoundsSuperseded", "a newer dataset of the subject took this one's place before the round's model was set"),
    ("ZkPocRoundsTooEarly", "it is too early in blocks for this"),
    ("ZkPocRoundsTooLate", "it is too late in blocks for this"),
    ("ZkPocRouterBatch", "there is not one link for each proof of the batch"),
    ("ZkPocRouterBatchGas", "the call was given too little gas for its proofs"),
    ("ZkPocRouterFrozen", "the circuit's verifier was taken out of use"),
    ("ZkPocRouterNoRoute", "the pool has no verifier of this circuit"),
    ("ZkPocRouterRouteTaken", "the circuit has a verifier already; verifiers are never replaced"),
    ("ZkPocRouterStopped", "the pool was stopped for good: its proofs mean nothing any more"),
    (
        "ZkPocStopClaims",
        "a round has another number of claims; only proofs about one that it can have contradict each other",
    ),
    ("ZkPocStopColumn", "the next model has no such column"),
    ("ZkPocStopNotCanary", "the proven statement may be true, so its proof shows nothing"),
    ("ZkPocStopOpening", "the opening does not show that the two next models differ in this cell"),
    ("ZkPocStopOtherStep", "the two proofs start from different models, sums or numbers of claims"),
    ("ZkPocStopProofLength", "the proof has not its circuit's length"),
    ("ZkPocStopRow", "this is not the root of unity of a row"),
    ("ZkPocStopValue", "the difference is zero or not below the group order"),
    ("ZkPocVanaDlpId", "the pool has another number than the attestor was made for"),
    ("ZkPocVanaIndex", "the dataset has no shard of this index"),
    ("ZkPocVanaLossBound", "the proven bound on the loss is wider than the adapter accepts"),
    ("ZkPocVanaModel", "the proof is about another model than the adapter's"),
    ("ZkPocVanaModelSet", "the adapter has its model already"),
    ("ZkPocVanaNoFile", "Vana's registry has no such file"),
    ("ZkPocVanaNoModel", "the adapter has no model yet; its operator sets it"),
    ("ZkPocVanaNoPoint", "no point was found for the signature; send it again in a later block"),
    ("ZkPocVanaNormBound", "the proven bound on the update's norm is wider than the adapter accepts"),
    ("ZkPocVanaNotInRoot", "the path does not lead from this shard, at this index, to the dataset's root"),
    ("ZkPocVanaNotOwner", "the owner of the file is not the owner of the dataset"),
    ("ZkPocVanaNotValidated", "the shard was not proven well-formed, and no proof came along"),
    (
        "ZkPocVanaOtherRoot",
        "another dataset of the same source was used with this adapter before, and only that one counts",
    ),
    ("ZkPocVanaProfile", "the dataset was committed for another profile"),
    ("ZkPocVanaProofLength", "the proof has not the circuit's length"),
    ("ZkPocVanaProven", "the file was proven already; ask for its reward"),
    ("ZkPocVanaRegistry", "the pool reads files from another registry than the attestor"),
    ("ZkPocVanaTeePool", "the pool asks another contract for its attestors; its admin calls `updateTeePool`"),
    ("ZkPocVanaUrl", "the file's url has a byte that is not printable; add the file under another url"),
    ("ZkPocVanaUsed", "the shard was proven for another file before"),
];

/// A contract's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revert {
    /// Name of the custom error; empty when it is none.
    pub name: String,
    /// Name and arguments.
    pub error: String,
    /// What it means; empty when only `error` can say.
    pub meaning: &'static str,
}

impl Revert {
    /// Decodes a revert's data.
    pub fn decode(data: &[u8]) -> Self {
        let error = match verifier::GeneratedVerifier::GeneratedVerifierErrors::abi_decode_validate(data) {
            Ok(error) => inner(&format!("{error:?}")),
            Err(_) => describe_revert(data),
        };
        let name = error.split([' ', '(', ':']).next().unwrap_or_default();
        let known = MEANINGS.iter().chain(aggregation::MEANINGS).find(|(known, _)| *known == name);
        let is_custom = known.is_some() || name.starts_with("ZkPoc");
        Self {
            name: if is_custom { name.to_owned() } else { String::new() },
            meaning: known.map_or("", |(_, meaning)| meaning),
            error,
        }
    }
}

/// `Name(Name { a: 1 })` -> `Name { a: 1 }`.
fn inner(debug: &str) -> String {
    debug.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(debug).to_owned()
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning {
            "" => f.write_str(&self.error),
            meaning => write!(f, "{meaning} ({})", self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use alloy::sol_types::SolError;
    use zkpoc_contracts::bindings::ContributionRounds;

    use super::*;

    #[test]
    fn accepts_errors_of_pool_and_verifier() {
        let sealed = Revert::decode(&ContributionRounds::ZkPocRoundsNotSealed { round: U256::from(3) }.abi_encode());
        assert_eq!(sealed.name, "ZkPocRoundsNotSealed");
        assert!(sealed.to_string().contains("must be sealed") && sealed.to_string().contains("round: 3"), "{sealed}");
        let pairing = Revert::decode(&verifier::GeneratedVerifier::PairingFailed {}.abi_encode());
        assert_eq!(pairing.name, "PairingFailed");
        let nothing = Revert::decode(&[]);
        assert_eq!((nothing.name.as_str(), nothing.error.as_str()), ("", "reverted without data"));
    }

    #[test]
    fn golden_every_pool_error_has_a_meaning() {
        use zkpoc_contracts::bindings::vana::{KeylessAttestor, VanaProofPool};
        use zkpoc_contracts::bindings::{
            DataRegistry, FlatRewardPolicy, MaskCommitments, SecureAggregation, VerifierRouter,
        };
        let constructor_only = [
            "ZkPocRegistryZeroArgument",
            "ZkPocAggregationZeroArgument",
            "ZkPocMaskLayout",
            "ZkPocRoundsZeroArgument",
            "ZkPocRoundsZeroId",
            "ZkPocVanaZeroArgument",
            "ZkPocVanaBound",
        ];
        let operator_only = [
            "ZkPocAggregationPhase",
            "ZkPocAggregationPhases",
            "ZkPocRoundsLength",
            "ZkPocRoundsPhase",
            "ZkPocRouterNoCode",
        ];
        let selectors = [
            <ContributionRounds::ContributionRoundsErrors as SolInterface>::selectors().collect::<Vec<_>>(),
            <DataRegistry::DataRegistryErrors as SolInterface>::selectors().collect(),
            <VerifierRouter::VerifierRouterErrors as SolInterface>::selectors().collect(),
            <FlatRewardPolicy::FlatRewardPolicyErrors as SolInterface>::selectors().collect(),
            <SecureAggregation::SecureAggregationErrors as SolInterface>::selectors().collect(),
            <MaskCommitments::MaskCommitmentsErrors as SolInterface>::selectors().collect(),
            <KeylessAttestor::KeylessAttestorErrors as SolInterface>::selectors().collect(),
            <VanaProofPool::VanaProofPoolErrors as SolInterface>::selectors().collect(),
        ];
        let mut known = 0;
        for selector in selectors.concat() {
            // Enough zero words for every error's arguments; those that take fewer are cut down to fit.
            let decoded = (0..8).map(|words| [selector.as_slice(), &vec![0; 32 * words]].concat());
            let found = decoded.map(|data| Revert::decode(&data)).find(|revert| !revert.error.starts_with("unknown"));
            let Some(found) = found else { continue };
            let name = found.error.split([' ', '(']).next().unwrap_or_default();
            let silent = constructor_only.contains(&name) || operator_only.contains(&name);
            if name.starts_with("ZkPoc") && !silent {
                assert!(!found.meaning.is_empty(), "{name} has no meaning");
                known += 1;
            }
        }
        assert!(known >= 60, "only {known} errors were looked at");
    }
}
