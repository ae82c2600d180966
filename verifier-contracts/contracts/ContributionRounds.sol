// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {TrainingLayout} from "./generated/TrainingLayout.sol";
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

/// @title One sequential chain of training rounds
/// @notice A round has a model and, a fixed number of blocks after it was opened, a beacon. The beacon draws one shard of each
/// dataset that was registered before the model was known. The owner proves the update of the model on that shard and is paid,
/// once for each model and shard, out of the round's budget.
///
/// The beacon is a block hash: whoever proposes that block can bias a draw by giving the block up, and the sequencer of a
/// chain with one can choose it. A hash that nobody stored within 256 blocks is gone; a later block then takes its place.
contract ContributionRounds is AccessControl, IContributionRounds {
    /// @notice Who sets models, opens and closes rounds.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Largest exponent of a bound: 2^253 is below the group's order, 2^254 is not.
    uint8 public constant MAX_BOUND_LOG2 = 253;

    /// @notice Datasets and validated shards.
    IDataRegistry public immutable REGISTRY;
    /// @notice Where verifiers are found.
    IVerifierRouter public immutable ROUTER;
    /// @notice What contributions are paid in.
    IContributionToken public immutable TOKEN;
    /// @notice What they earn.
    IRewardPolicy public immutable POLICY;
    /// @notice What a round can pay.
    uint96 public immutable ROUND_BUDGET;
    /// @notice Blocks that a round lasts at least.
    uint40 public immutable MIN_LENGTH;
    /// @notice Blocks from a round's opening to its beacon block.
    uint40 public immutable BEACON_DELAY;

    /// @inheritdoc IContributionRounds
    bytes32 public profileId;
    /// @inheritdoc IContributionRounds
    uint256 public currentRound;
    /// @inheritdoc IContributionRounds
    mapping(bytes32 nullifier => bool spent) public isSpent;

    mapping(uint256 number => Round round) private _rounds;
    mapping(bytes32 modelId => uint40 blockNumber) private _modelSetAt;

    /// @param admin Holds the admin and the operator role.
    /// @param registry Datasets and validated shards.
    /// @param router Where verifiers are found.
    /// @param token What contributions are paid in; this contract needs its minter role.
    /// @param policy What they earn.
    /// @param roundBudget What a round can pay.
    /// @param minLength Blocks that a round lasts at least.
    /// @param beaconDelay Blocks from a round's opening to its beacon block.
    constructor(
        address admin,
        IDataRegistry registry,
        IVerifierRouter router,
        IContributionToken token,
        IRewardPolicy policy,
        uint96 roundBudget,
        uint40 minLength,
        uint40 beaconDelay
    ) {
        if (
            admin == address(0) || address(registry) == address(0) || address(router) == address(0)
                || address(token) == address(0) || address(policy) == address(0) || roundBudget == 0 || beaconDelay == 0
        ) revert ZkPocRoundsZeroArgument();
        if (minLength <= beaconDelay) revert ZkPocRoundsLength(beaconDelay, minLength);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(OPERATOR_ROLE, admin);
        REGISTRY = registry;
        ROUTER = router;
        TOKEN = token;
        POLICY = policy;
        ROUND_BUDGET = roundBudget;
        MIN_LENGTH = minLength;
        BEACON_DELAY = beaconDelay;
    }

    /// @inheritdoc IContributionRounds
    function openGenesis(bytes32 modelId, bytes32 profileId_) external onlyRole(OPERATOR_ROLE) {
        if (profileId != 0) revert ZkPocRoundsGenesisSet(profileId);
        if (profileId_ == 0) revert ZkPocRoundsZeroId();
        profileId = profileId_;
        emit GenesisSet(modelId, profileId_);
        _open(modelId);
    }

    /// @inheritdoc IContributionRounds
    function openRound(bytes32 modelId) external onlyRole(OPERATOR_ROLE) {
        uint256 current = currentRound;
        if (current == 0) revert ZkPocRoundsNoGenesis();
        if (_rounds[current].status == RoundStatus.Open) revert ZkPocRoundsStillOpen(current);
        _open(modelId);
    }

    /// @inheritdoc IContributionRounds
    function closeRound() external onlyRole(OPERATOR_ROLE) {
        uint256 current = currentRound;
        Round storage round = _rounds[current];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(current, round.status);
        uint256 notBefore = uint256(round.openedAt) + MIN_LENGTH;
        if (block.number < notBefore) revert ZkPocRoundsTooEarly(notBefore, block.number);
        round.status = RoundStatus.Closed;
        emit RoundClosed(current, round.claims, round.remaining);
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
    function claim(Claim calldata request) external returns (uint256 reward) {
        Round memory round = _rounds[request.round];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(request.round, round.status);
        if (round.beacon == 0) revert ZkPocRoundsNotSealed(request.round);
        bytes32 profile = profileId;
        (Dataset memory data, bool valid) = REGISTRY.attestedShard(request.root, profile, request.commitment);
        _requireUsable(data, round.modelSetAt, profile);

        uint256 index = ShardTree.drawnIndex(round.beacon, request.root, msg.sender, data.shardCount);
        bytes32 nullifier = _spend(request, round.modelId, data.subject, index, profile);
        reward = _reserve(request, round);
        if (!valid) _validate(request, index);
        _verifyTraining(
            request,
            round.modelId,
            Contexts.training(request.round, msg.sender, data.subject, request.root, index, profile),
            profile
        );
        _emitProven(request, data.subject, index, nullifier, reward);
        TOKEN.mint(msg.sender, reward);
    }

    /// @inheritdoc IContributionRounds
    function roundInfo(uint256 number) external view returns (Round memory) {
        return _rounds[number];
    }

    /// @inheritdoc IContributionRounds
    function drawnIndex(uint256 number, bytes32 root) external view returns (uint256) {
        bytes32 beacon = _rounds[number].beacon;
        if (beacon == 0) revert ZkPocRoundsNotSealed(number);
        Dataset memory data = REGISTRY.attestedDataset(root);
        return ShardTree.drawnIndex(beacon, root, data.owner, data.shardCount);
    }

    /// @inheritdoc IContributionRounds
    function trainingContext(uint256 number, address claimant, bytes32 subject, bytes32 root, uint256 index)
        external
        view
        returns (uint256)
    {
        return Contexts.training(number, claimant, subject, root, index, profileId);
    }

    function _open(bytes32 modelId) private {
        if (modelId == 0) revert ZkPocRoundsZeroId();
        // A model that comes back was known all the time: data registered since then does not count.
        uint40 setAt = _modelSetAt[modelId];
        if (setAt == 0) {
            setAt = uint40(block.number);
            _modelSetAt[modelId] = setAt;
        }
        uint256 number = ++currentRound;
        uint40 beaconBlock = uint40(block.number) + BEACON_DELAY;
        _rounds[number] = Round({
            modelId: modelId,
            beacon: 0,
            remaining: ROUND_BUDGET,
            modelSetAt: setAt,
            openedAt: uint40(block.number),
            beaconBlock: beaconBlock,
            claims: 0,
            status: RoundStatus.Open
        });
        emit RoundOpened(number, modelId, setAt, beaconBlock);
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

    /// @dev Checks that the commitment is the drawn shard's, and uses up the nullifier.
    function _spend(Claim calldata request, bytes32 modelId, bytes32 subject, uint256 index, bytes32 profile)
        private
        returns (bytes32 nullifier)
    {
        bytes32 leaf = ShardTree.leafOf(profile, index, request.commitment);
        bytes32 reached = ShardTree.rootOf(leaf, index, request.path);
        if (reached != request.root) revert ZkPocRoundsNotInRoot(request.root, reached);
        nullifier = Contexts.nullifier(modelId, subject, leaf);
        if (isSpent[nullifier]) revert ZkPocRoundsNullifierUsed(nullifier);
        isSpent[nullifier] = true;
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

    function _emitProven(Claim calldata request, bytes32 subject, uint256 index, bytes32 nullifier, uint256 reward)
        private
    {
        emit ContributionProven(
            request.round,
            msg.sender,
            subject,
            request.root,
            index,
            ProofPoints.idOf(request.proof, TrainingLayout.UPDATE_OFFSET, TrainingLayout.UPDATE_POINTS),
            nullifier,
            request.normLog2,
            request.lossLog2,
            reward
        );
    }
}
