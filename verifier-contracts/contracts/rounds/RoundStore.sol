// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Dataset, IDataRegistry} from "../interfaces/IDataRegistry.sol";
import {IContributionRounds, Proposal, Round, RoundStatus} from "../interfaces/IContributionRounds.sol";
import {IContributionToken} from "../interfaces/IContributionToken.sol";
import {IRewardPolicy} from "../interfaces/IRewardPolicy.sol";
import {ISecureAggregation} from "../interfaces/ISecureAggregation.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {ModelId, ProfileId, Root, Subject} from "../interfaces/Ids.sol";
import {Contexts} from "../libraries/Contexts.sol";
import {ShardTree} from "../libraries/ShardTree.sol";

/// @notice What a rounds contract is made of.
/// @param admin Holds the admin and the operator role.
/// @param registry Datasets and validated shards.
/// @param router Where verifiers are found.
/// @param token What contributions are paid in; the rounds contract needs its minter role.
/// @param policy What they earn.
/// @param roundBudget What a round can pay, in the token's smallest unit.
/// @param claimBlocks Blocks in which a round takes claims; more than `beaconDelay` and one.
/// @param finalizeBlocks Blocks after that in which a round must find a first finalization, or is void.
/// @param windowBlocks Blocks in which a finalization with more claims takes the place of one.
/// @param beaconDelay Blocks from a round's opening to its beacon block.
/// @param aggregation Which claims with a mask key can be included; it serves one rounds contract.
struct RoundsConfig {
    address admin;
    IDataRegistry registry;
    IVerifierRouter router;
    IContributionToken token;
    IRewardPolicy policy;
    uint96 roundBudget;
    uint40 claimBlocks;
    uint40 finalizeBlocks;
    uint40 windowBlocks;
    uint40 beaconDelay;
    ISecureAggregation aggregation;
}

/// @title Storage, terms and views of the rounds contract
/// @notice Holds all storage of the rounds contract, and the two steps that several parts of it need: opening a round, and verifying a
/// proof of the round circuit.
abstract contract RoundStore is AccessControl, EIP712, IContributionRounds {
    /// @notice Who sets the first model.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");

    /// @notice Longest phase in blocks, so that no sum of block numbers is cut off: blocks are counted in 40 bits.
    uint40 public constant MAX_PHASE_BLOCKS = type(uint32).max;

    /// @dev In place of a round's number: the nullifier's claim was paid.
    uint256 internal constant PAID = type(uint256).max;
    bytes32 private constant ACKNOWLEDGEMENT_TYPEHASH = keccak256("Acknowledgement(uint256 round,bytes32 modelId)");

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
    /// @notice Blocks in which a round takes claims.
    uint40 public immutable CLAIM_BLOCKS;
    /// @notice Blocks after that in which a round must find a first finalization, or is void.
    uint40 public immutable FINALIZE_BLOCKS;
    /// @notice Blocks in which a finalization with more claims takes the place of one.
    uint40 public immutable WINDOW_BLOCKS;
    /// @notice Blocks from a round's opening to its beacon block.
    uint40 public immutable BEACON_DELAY;
    /// @notice Which claims with a mask key can be included.
    ISecureAggregation public immutable AGGREGATION;

    /// @inheritdoc IContributionRounds
    ProfileId public profileId;
    /// @inheritdoc IContributionRounds
    uint256 public currentRound;
    /// @inheritdoc IContributionRounds
    mapping(bytes32 nullifier => uint256 round) public claimedIn;
    /// @inheritdoc IContributionRounds
    mapping(uint256 number => bytes32 hash) public claimsHash;

    mapping(uint256 number => Round round) internal _rounds;
    mapping(uint256 number => Proposal proposal) internal _proposals;
    mapping(ModelId modelId => uint40 blockNumber) internal _modelSetAt;

    constructor(RoundsConfig memory config) EIP712("zkpoc rounds", "1") {
        if (
            config.admin == address(0) || address(config.registry) == address(0) || address(config.router) == address(0)
                || address(config.token) == address(0) || address(config.policy) == address(0)
                || config.roundBudget == 0 || config.beaconDelay == 0 || config.finalizeBlocks == 0
                || config.windowBlocks == 0 || address(config.aggregation) == address(0)
        ) revert ZkPocRoundsZeroArgument();
        _requirePhase(config.claimBlocks);
        _requirePhase(config.finalizeBlocks);
        _requirePhase(config.windowBlocks);
        _requirePhase(config.beaconDelay);
        // The beacon can be stored one block after its own; the first claim must still be in time then.
        if (config.claimBlocks <= config.beaconDelay + 1) {
            revert ZkPocRoundsLength(config.beaconDelay + 1, config.claimBlocks);
        }
        _grantRole(DEFAULT_ADMIN_ROLE, config.admin);
        _grantRole(OPERATOR_ROLE, config.admin);
        REGISTRY = config.registry;
        ROUTER = config.router;
        TOKEN = config.token;
        POLICY = config.policy;
        ROUND_BUDGET = config.roundBudget;
        CLAIM_BLOCKS = config.claimBlocks;
        FINALIZE_BLOCKS = config.finalizeBlocks;
        WINDOW_BLOCKS = config.windowBlocks;
        BEACON_DELAY = config.beaconDelay;
        AGGREGATION = config.aggregation;
        config.aggregation.bind(config.claimBlocks, config.finalizeBlocks);
    }

    /// @inheritdoc IContributionRounds
    function isSpent(bytes32 nullifier) external view returns (bool spent) {
        return claimedIn[nullifier] == PAID;
    }

    /// @inheritdoc IContributionRounds
    function proposalOf(uint256 number) external view returns (Proposal memory) {
        return _proposals[number];
    }

    /// @inheritdoc IContributionRounds
    function roundContext(uint256 number, bytes32 setHash) external view returns (uint256) {
        return Contexts.finalization(number, setHash, profileId);
    }

    /// @inheritdoc IContributionRounds
    function genesisContext(bytes32 seed, ProfileId profileId_) external view returns (uint256) {
        return Contexts.genesis(seed, profileId_);
    }

    /// @inheritdoc IContributionRounds
    function acknowledgementDigest(uint256 number, ModelId modelId) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ACKNOWLEDGEMENT_TYPEHASH, number, modelId)));
    }

    /// @inheritdoc IContributionRounds
    function roundInfo(uint256 number) external view returns (Round memory) {
        return _rounds[number];
    }

    /// @inheritdoc IContributionRounds
    function drawnIndex(uint256 number, Root root) external view returns (uint256) {
        bytes32 beacon = _rounds[number].beacon;
        if (beacon == 0) revert ZkPocRoundsNotSealed(number);
        Dataset memory data = REGISTRY.attestedDataset(root);
        return ShardTree.drawnIndex(beacon, root, data.owner, data.shardCount);
    }

    /// @inheritdoc IContributionRounds
    function trainingContext(
        uint256 number,
        address claimant,
        Subject subject,
        Root root,
        uint256 index,
        bytes32 maskKey
    ) external view returns (uint256) {
        return Contexts.training(number, claimant, subject, root, index, profileId, maskKey);
    }

    function _requirePhase(uint40 blocks) private pure {
        if (blocks > MAX_PHASE_BLOCKS) revert ZkPocRoundsPhase(MAX_PHASE_BLOCKS, blocks);
    }

    function _claimDeadline(Round memory round) internal view returns (uint256) {
        return uint256(round.openedAt) + CLAIM_BLOCKS;
    }

    function _verifyRound(ProfileId profile, bytes memory proof, uint256 context, uint256 count) internal view {
        uint256[] memory instances = new uint256[](2);
        instances[0] = context;
        instances[1] = count;
        IVerifier(ROUTER.verifierOf(profile, Circuit.Round)).verify(proof, instances);
    }

    /// @dev Opens the next round with a model that could be known from block `knownSince` on.
    function _open(ModelId modelId, uint256 knownSince) internal {
        // A model that comes back was known all the time: data registered since then does not count.
        uint40 setAt = _modelSetAt[modelId];
        if (setAt == 0) {
            setAt = uint40(knownSince);
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
        // Not zero, so that the first claim pays no more than the others.
        claimsHash[number] = bytes32(number);
        emit RoundOpened(number, modelId, setAt, beaconBlock);
    }
}
