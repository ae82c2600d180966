// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundLayout} from "../generated/RoundLayout.sol";
import {TrainingLayout} from "../generated/TrainingLayout.sol";
import {Claim, IContributionRounds, Round, RoundStatus} from "../interfaces/IContributionRounds.sol";
import {Dataset} from "../interfaces/IDataRegistry.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Circuit} from "../interfaces/IVerifierRouter.sol";
import {ModelId, ProfileId, Root, Subject} from "../interfaces/Ids.sol";
import {G1Point} from "../libraries/Bn254.sol";
import {Contexts} from "../libraries/Contexts.sol";
import {LinkVerifier} from "../libraries/LinkVerifier.sol";
import {ProofPoints} from "../libraries/ProofPoints.sol";
import {ShardTree} from "../libraries/ShardTree.sol";
import {RoundStore} from "./RoundStore.sol";

/// @title One claim: what it must show, and what is kept of it
/// @notice A claim must show that the dataset is attested and counts for the round's model, that the shard is the one drawn and was
/// neither paid nor claimed, that the shard is well-formed, that the link ties the registered commitment to the proof's data point, and
/// that the training proof holds for this claim's context. Kept are a nullifier, a place and a promised reward; the rest is in the
/// hash of the round's claims and in an event.
abstract contract RoundClaims is RoundStore {
    /// @notice Largest exponent of a bound: 2^253 is below the group's order, 2^254 is not.
    uint8 public constant MAX_BOUND_LOG2 = 253;

    /// @dev What a claim comes to. In memory: the stack is short.
    struct Noted {
        address claimant;
        Subject subject;
        uint256 number;
        uint256 index;
        bytes32 nullifier;
        uint256 reward;
        uint256 context;
        ModelId modelId;
        bytes32 maskKey;
        bool validated;
    }

    /// @inheritdoc IContributionRounds
    function claim(Claim calldata request) external returns (uint256 number) {
        ProfileId profile = profileId;
        Noted memory noted = _check(request, msg.sender, profile);
        _take(request.round, noted);
        if (!noted.validated) _validate(request, noted.index);
        _requireStatement(request, noted.modelId);
        LinkVerifier.verify(noted.context, request.commitment, _dataPoint(request), request.link);
        IVerifier(ROUTER.verifierOf(profile, Circuit.Training)).verify(request.proof, _instances(request, noted));
        _record(request, noted);
        return noted.number;
    }

    /// @dev Everything but the proofs, without writing. `sender` must own the dataset; zero stands for whoever does.
    function _check(Claim calldata request, address sender, ProfileId profile)
        internal
        view
        returns (Noted memory noted)
    {
        Round memory round = _rounds[request.round];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(request.round, round.status);
        if (round.beacon == 0) revert ZkPocRoundsNotSealed(request.round);
        uint256 deadline = _claimDeadline(round);
        if (block.number >= deadline) revert ZkPocRoundsTooLate(deadline, block.number);
        if (round.claims >= RoundLayout.MAX_CLAIMS) revert ZkPocRoundsFull(RoundLayout.MAX_CLAIMS);
        Dataset memory data;
        (data, noted.validated) = REGISTRY.attestedShard(request.root, profile, request.commitment);
        address owner = data.owner;
        if (sender != address(0) && owner != sender) revert ZkPocRoundsNotOwner(owner, sender);
        _requireUsable(data, round.modelSetAt, profile);
        noted.claimant = owner;
        noted.subject = data.subject;
        noted.modelId = round.modelId;
        noted.index = ShardTree.drawnIndex(round.beacon, request.root, owner, data.shardCount);
        _requireDrawn(request, noted, profile);
        noted.reward = POLICY.reward(request.round, owner, request.normLog2, request.lossLog2);
        if (noted.reward > round.remaining) revert ZkPocRoundsBudget(round.remaining, noted.reward);
        noted.maskKey = request.maskKey;
        noted.context =
            Contexts.training(request.round, owner, noted.subject, request.root, noted.index, profile, noted.maskKey);
    }

    /// @dev The dataset counts for a model set in block `modelSetAt`. At most one dataset of a subject does: there is one draw
    /// per subject and round, and the nullifier says whether it was paid.
    function _requireUsable(Dataset memory data, uint256 modelSetAt, ProfileId profile) private pure {
        if (ProfileId.unwrap(data.profileId) != ProfileId.unwrap(profile)) {
            revert ZkPocRoundsProfile(profile, data.profileId);
        }
        if (data.registeredAt >= modelSetAt) revert ZkPocRoundsRegisteredLate(modelSetAt, data.registeredAt);
        if (data.supersededAt != 0 && data.supersededAt < modelSetAt) {
            revert ZkPocRoundsSuperseded(modelSetAt, data.supersededAt);
        }
    }

    /// @dev The commitment is the drawn shard's, and it was neither paid for this model nor claimed in this round.
    function _requireDrawn(Claim calldata request, Noted memory noted, ProfileId profile) private view {
        bytes32 leaf = ShardTree.leafOf(profile, noted.index, request.commitment);
        Root reached = ShardTree.rootOf(leaf, noted.index, request.path);
        if (Root.unwrap(reached) != Root.unwrap(request.root)) revert ZkPocRoundsNotInRoot(request.root, reached);
        bytes32 nullifier = Contexts.nullifier(noted.modelId, noted.subject, leaf);
        uint256 before = claimedIn[nullifier];
        if (before == PAID) revert ZkPocRoundsNullifierUsed(nullifier);
        if (before == request.round) revert ZkPocRoundsAlreadyClaimed(nullifier);
        noted.nullifier = nullifier;
    }

    /// @dev Notes the nullifier and the claim's place, and takes the reward out of the round's budget.
    function _take(uint256 number, Noted memory noted) internal {
        claimedIn[noted.nullifier] = number;
        Round storage round = _rounds[number];
        (uint32 position, uint96 remaining) = (round.claims, round.remaining);
        noted.number = position;
        // The reward is at most what remains, which fits; and there are at most MAX_CLAIMS claims.
        unchecked {
            (round.claims, round.remaining) = (position + 1, remaining - uint96(noted.reward));
        }
    }

    /// @dev Validates the shard by the proof that came along.
    function _validate(Claim calldata request, uint256 index) internal {
        if (request.datasetProof.length == 0) revert ZkPocRoundsNotValidated(request.root, index);
        REGISTRY.validateShard(
            request.root, index, request.commitment, request.path, request.datasetProof, request.datasetLink
        );
    }

    /// @dev The proof is about the round's model, and its bounds are field elements.
    function _requireStatement(Claim calldata request, ModelId modelId) internal pure {
        bytes calldata proof = request.proof;
        if (proof.length != TrainingLayout.PROOF_BYTES) {
            revert ZkPocRoundsProofLength(TrainingLayout.PROOF_BYTES, proof.length);
        }
        ModelId proven = ModelId.wrap(ProofPoints.idOf(proof, TrainingLayout.MODEL_OFFSET, TrainingLayout.MODEL_POINTS));
        if (ModelId.unwrap(proven) != ModelId.unwrap(modelId)) revert ZkPocRoundsModel(modelId, proven);
        if (request.normLog2 > MAX_BOUND_LOG2) revert ZkPocRoundsBound(MAX_BOUND_LOG2, request.normLog2);
        if (request.lossLog2 > MAX_BOUND_LOG2) revert ZkPocRoundsBound(MAX_BOUND_LOG2, request.lossLog2);
    }

    function _dataPoint(Claim calldata request) internal pure returns (G1Point memory) {
        return ProofPoints.pointAt(request.proof, TrainingLayout.DATA_OFFSET);
    }

    function _instances(Claim calldata request, Noted memory noted) internal pure returns (uint256[] memory instances) {
        instances = new uint256[](3);
        instances[0] = noted.context;
        instances[1] = uint256(1) << request.normLog2;
        instances[2] = uint256(1) << request.lossLog2;
    }

    /// @dev Adds the claim to the hash of the round's claims. The proof's length is checked by now.
    function _record(Claim calldata request, Noted memory noted) internal {
        uint256 end = TrainingLayout.UPDATE_OFFSET + 64 * TrainingLayout.UPDATE_POINTS;
        bytes calldata update = request.proof[TrainingLayout.UPDATE_OFFSET:end];
        bytes32 hash = Contexts.claim(noted.claimant, noted.reward, noted.nullifier, keccak256(update), noted.maskKey);
        uint256 number = request.round;
        claimsHash[number] = Contexts.chained(claimsHash[number], hash);
        _emitProven(request, noted, update);
    }

    function _emitProven(Claim calldata request, Noted memory noted, bytes calldata update) private {
        emit ContributionProven(
            request.round,
            noted.claimant,
            noted.subject,
            noted.number,
            request.root,
            noted.index,
            update,
            noted.nullifier,
            request.normLog2,
            request.lossLog2,
            noted.reward,
            noted.maskKey
        );
    }
}
