// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundLayout} from "./generated/RoundLayout.sol";
import {TrainingLayout} from "./generated/TrainingLayout.sol";
import {ZeroModel} from "./generated/ZeroModel.sol";
import {Claim, IContributionRounds, Round, RoundStatus} from "./interfaces/IContributionRounds.sol";
import {IContributionToken} from "./interfaces/IContributionToken.sol";
import {Dataset, IDataRegistry} from "./interfaces/IDataRegistry.sol";
import {IRewardPolicy} from "./interfaces/IRewardPolicy.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {Contexts} from "./libraries/Contexts.sol";
import {LinkVerifier} from "./libraries/LinkVerifier.sol";
import {ProofPoints} from "./libraries/ProofPoints.sol";
import {ShardTree} from "./libraries/ShardTree.sol";
import {RoundEnd} from "./rounds/RoundEnd.sol";
import {RoundStore} from "./rounds/RoundStore.sol";

/// @title One sequential chain of training rounds
/// @notice A round has a model and, a fixed number of blocks after it was opened, a beacon. The beacon draws one shard of each
/// dataset that was registered before the model was known. The owner proves the update of the model on that shard and claims.
/// After the claim deadline anyone proves the next model from the sum of the claims' updates, which this contract adds up
/// itself; then the included claims are paid, once for each model and shard, out of the round's budget.
///
/// Who picks the included claims has power, and so has whoever alone knows the next model. Therefore a finalization gives way
/// to one with more claims, and needs the word of more than half of all claimants that they hold the next model. Otherwise the
/// round is void: the model stays, and nothing is paid. Whoever has a majority of the claims has the pool: attestation
/// is what stands against that.
///
/// The beacon is a block hash: whoever proposes that block can bias a draw by giving the block up, and the sequencer of a
/// chain with one can choose it. A hash that nobody stored within 256 blocks is gone; a later block then takes its place.
contract ContributionRounds is RoundEnd {
    /// @notice Largest exponent of a bound: 2^253 is below the group's order, 2^254 is not.
    uint8 public constant MAX_BOUND_LOG2 = 253;

    /// @dev What a claim comes to. In memory: the stack is short.
    struct Noted {
        bytes32 subject;
        uint256 number;
        uint256 index;
        bytes32 nullifier;
        uint256 reward;
    }

    /// @param admin Holds the admin and the operator role.
    /// @param registry Datasets and validated shards.
    /// @param router Where verifiers are found.
    /// @param token What contributions are paid in; this contract needs its minter role.
    /// @param policy What they earn.
    /// @param roundBudget What a round can pay.
    /// @param claimBlocks Blocks in which a round takes claims.
    /// @param finalizeBlocks Blocks after that in which a round must find a first finalization, or is void.
    /// @param windowBlocks Blocks in which a finalization with more claims takes the place of one.
    /// @param beaconDelay Blocks from a round's opening to its beacon block.
    constructor(
        address admin,
        IDataRegistry registry,
        IVerifierRouter router,
        IContributionToken token,
        IRewardPolicy policy,
        uint96 roundBudget,
        uint40 claimBlocks,
        uint40 finalizeBlocks,
        uint40 windowBlocks,
        uint40 beaconDelay
    )
        RoundStore(
            admin,
            registry,
            router,
            token,
            policy,
            roundBudget,
            claimBlocks,
            finalizeBlocks,
            windowBlocks,
            beaconDelay
        )
    {}

    /// @inheritdoc IContributionRounds
    function openGenesis(bytes32 profileId_, bytes32 seed, bytes calldata proof) external onlyRole(OPERATOR_ROLE) {
        if (profileId != 0) revert ZkPocRoundsGenesisSet(profileId);
        if (profileId_ == 0) revert ZkPocRoundsZeroId();
        if (proof.length != RoundLayout.PROOF_BYTES) {
            revert ZkPocRoundsProofLength(RoundLayout.PROOF_BYTES, proof.length);
        }
        bytes32 start = ProofPoints.idOf(proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS);
        if (start != ZeroModel.ID) revert ZkPocRoundsModel(ZeroModel.ID, start);
        profileId = profileId_;
        bytes32 modelId = ProofPoints.idOf(proof, RoundLayout.NEXT_OFFSET, RoundLayout.NEXT_POINTS);
        emit GenesisSet(modelId, profileId_, seed);
        _open(modelId, block.number);
        _verifyRound(profileId_, proof, Contexts.genesis(seed, profileId_), 1);
    }

    /// @inheritdoc IContributionRounds
    function seal(uint256 number) external {
        Round storage round = _rounds[number];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(number, round.status);
        if (round.beacon != 0) revert ZkPocRoundsSealed(number);
        uint256 beaconBlock = round.beaconBlock;
        if (block.number <= beaconBlock) revert ZkPocRoundsTooEarly(beaconBlock + 1, block.number);
        bytes32 beacon = blockhash(beaconBlock);
        if (beacon == 0) {
            // Older than 256 blocks. Zero would be a draw that everyone could foresee.
            uint40 next = uint40(block.number) + BEACON_DELAY;
            round.beaconBlock = next;
            emit BeaconMissed(number, beaconBlock, next);
        } else {
            round.beacon = beacon;
            emit RoundSealed(number, beaconBlock, beacon);
        }
    }

    /// @inheritdoc IContributionRounds
    function claim(Claim calldata request) external returns (uint256 number) {
        Round memory round = _rounds[request.round];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(request.round, round.status);
        if (round.beacon == 0) revert ZkPocRoundsNotSealed(request.round);
        uint256 deadline = _claimDeadline(round);
        if (block.number >= deadline) revert ZkPocRoundsTooLate(deadline, block.number);
        if (round.claims >= RoundLayout.MAX_CLAIMS) revert ZkPocRoundsFull(RoundLayout.MAX_CLAIMS);
        bytes32 profile = profileId;
        (Dataset memory data, bool valid) = REGISTRY.attestedShard(request.root, profile, request.commitment);
        _requireUsable(data, round.modelSetAt, profile);

        Noted memory noted;
        noted.subject = data.subject;
        noted.number = round.claims;
        noted.index = ShardTree.drawnIndex(round.beacon, request.root, msg.sender, data.shardCount);
        noted.nullifier = _note(request, round.modelId, data.subject, noted.index, profile);
        noted.reward = _reserve(request, round);
        if (!valid) _validate(request, noted.index);
        _verifyTraining(
            request,
            round.modelId,
            Contexts.training(request.round, msg.sender, data.subject, request.root, noted.index, profile),
            profile
        );
        _record(request, noted);
        return noted.number;
    }

    /// @dev The sender owns the dataset and it counts for a model set in block `modelSetAt`. At most one dataset of a subject
    /// does: there is one draw per subject and round, and the nullifier says whether it was paid.
    function _requireUsable(Dataset memory data, uint256 modelSetAt, bytes32 profile) private view {
        if (data.owner != msg.sender) revert ZkPocRoundsNotOwner(data.owner, msg.sender);
        if (data.profileId != profile) revert ZkPocRoundsProfile(profile, data.profileId);
        if (data.registeredAt >= modelSetAt) revert ZkPocRoundsRegisteredLate(modelSetAt, data.registeredAt);
        if (data.supersededAt != 0 && data.supersededAt < modelSetAt) {
            revert ZkPocRoundsSuperseded(modelSetAt, data.supersededAt);
        }
    }

    /// @dev Checks that the commitment is the drawn shard's, and that it was neither paid for this model nor claimed in this round.
    function _note(Claim calldata request, bytes32 modelId, bytes32 subject, uint256 index, bytes32 profile)
        private
        returns (bytes32 nullifier)
    {
        bytes32 leaf = ShardTree.leafOf(profile, index, request.commitment);
        bytes32 reached = ShardTree.rootOf(leaf, index, request.path);
        if (reached != request.root) revert ZkPocRoundsNotInRoot(request.root, reached);
        nullifier = Contexts.nullifier(modelId, subject, leaf);
        uint256 before = claimedIn[nullifier];
        if (before == PAID) revert ZkPocRoundsNullifierUsed(nullifier);
        if (before == request.round) revert ZkPocRoundsAlreadyClaimed(nullifier);
        claimedIn[nullifier] = request.round;
    }

    /// @dev Takes the reward out of the round's budget.
    function _reserve(Claim calldata request, Round memory round) private returns (uint256 reward) {
        reward = POLICY.reward(request.round, msg.sender, request.normLog2, request.lossLog2);
        if (reward > round.remaining) revert ZkPocRoundsBudget(round.remaining, reward);
        Round storage stored = _rounds[request.round];
        // The reward is at most what remains, which fits.
        stored.remaining = round.remaining - uint96(reward);
        stored.claims = round.claims + 1;
    }

    /// @dev Validates the shard by the proof that came along.
    function _validate(Claim calldata request, uint256 index) private {
        if (request.datasetProof.length == 0) revert ZkPocRoundsNotValidated(request.root, index);
        REGISTRY.validateShard(
            request.root, index, request.commitment, request.path, request.datasetProof, request.datasetLink
        );
    }

    /// @dev The proof is about the round's model, the registered shard and the claimed bounds.
    function _verifyTraining(Claim calldata request, bytes32 modelId, uint256 context, bytes32 profile) private view {
        bytes calldata proof = request.proof;
        if (proof.length != TrainingLayout.PROOF_BYTES) {
            revert ZkPocRoundsProofLength(TrainingLayout.PROOF_BYTES, proof.length);
        }
        bytes32 proven = ProofPoints.idOf(proof, TrainingLayout.MODEL_OFFSET, TrainingLayout.MODEL_POINTS);
        if (proven != modelId) revert ZkPocRoundsModel(modelId, proven);
        if (request.normLog2 > MAX_BOUND_LOG2) revert ZkPocRoundsBound(MAX_BOUND_LOG2, request.normLog2);
        if (request.lossLog2 > MAX_BOUND_LOG2) revert ZkPocRoundsBound(MAX_BOUND_LOG2, request.lossLog2);
        LinkVerifier.verify(
            context, request.commitment, ProofPoints.pointAt(proof, TrainingLayout.DATA_OFFSET), request.link
        );
        uint256[] memory instances = new uint256[](3);
        instances[0] = context;
        instances[1] = uint256(1) << request.normLog2;
        instances[2] = uint256(1) << request.lossLog2;
        IVerifier(ROUTER.verifierOf(profile, Circuit.Training)).verify(proof, instances);
    }

    /// @dev Keeps the claim's hash. The proof's length is checked by now.
    function _record(Claim calldata request, Noted memory noted) private {
        uint256 end = TrainingLayout.UPDATE_OFFSET + 64 * TrainingLayout.UPDATE_POINTS;
        bytes calldata update = request.proof[TrainingLayout.UPDATE_OFFSET:end];
        claimHash[request.round][noted.number] =
            Contexts.claim(msg.sender, noted.reward, noted.nullifier, keccak256(update));
        emit ContributionProven(
            request.round,
            msg.sender,
            noted.subject,
            noted.number,
            request.root,
            noted.index,
            update,
            noted.nullifier,
            request.normLog2,
            request.lossLog2,
            noted.reward
        );
    }
}
