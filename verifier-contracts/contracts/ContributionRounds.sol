// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {RoundLayout} from "./generated/RoundLayout.sol";
import {TrainingLayout} from "./generated/TrainingLayout.sol";
import {ZeroModel} from "./generated/ZeroModel.sol";
import {
    Claim,
    ClaimRecord,
    Finalization,
    IContributionRounds,
    Proposal,
    Round,
    RoundStatus
} from "./interfaces/IContributionRounds.sol";
import {IContributionToken} from "./interfaces/IContributionToken.sol";
import {Dataset, IDataRegistry} from "./interfaces/IDataRegistry.sol";
import {IRewardPolicy} from "./interfaces/IRewardPolicy.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {Bn254, G1Point} from "./libraries/Bn254.sol";
import {Contexts} from "./libraries/Contexts.sol";
import {LinkVerifier} from "./libraries/LinkVerifier.sol";
import {ProofPoints} from "./libraries/ProofPoints.sol";
import {ShardTree} from "./libraries/ShardTree.sol";

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
contract ContributionRounds is AccessControl, EIP712, IContributionRounds {
    /// @notice Who sets the first model.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
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

    /// @dev In place of a round's number: the nullifier's claim was paid.
    uint256 private constant PAID = type(uint256).max;
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

    /// @inheritdoc IContributionRounds
    bytes32 public profileId;
    /// @inheritdoc IContributionRounds
    uint256 public currentRound;
    /// @inheritdoc IContributionRounds
    mapping(bytes32 nullifier => uint256 round) public claimedIn;
    /// @inheritdoc IContributionRounds
    mapping(uint256 number => mapping(uint256 position => bytes32 hash)) public claimHash;

    mapping(uint256 number => Round round) private _rounds;
    mapping(uint256 number => Proposal proposal) private _proposals;
    mapping(bytes32 modelId => uint40 blockNumber) private _modelSetAt;

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
    ) EIP712("zkpoc rounds", "1") {
        if (
            admin == address(0) || address(registry) == address(0) || address(router) == address(0)
                || address(token) == address(0) || address(policy) == address(0) || roundBudget == 0 || beaconDelay == 0
                || finalizeBlocks == 0 || windowBlocks == 0
        ) revert ZkPocRoundsZeroArgument();
        if (claimBlocks <= beaconDelay) revert ZkPocRoundsLength(beaconDelay, claimBlocks);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(OPERATOR_ROLE, admin);
        REGISTRY = registry;
        ROUTER = router;
        TOKEN = token;
        POLICY = policy;
        ROUND_BUDGET = roundBudget;
        CLAIM_BLOCKS = claimBlocks;
        FINALIZE_BLOCKS = finalizeBlocks;
        WINDOW_BLOCKS = windowBlocks;
        BEACON_DELAY = beaconDelay;
    }

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

    /// @inheritdoc IContributionRounds
    function finalize(Finalization calldata request) external {
        uint256 number = request.round;
        Round memory round = _rounds[number];
        uint256 count = _requireFinalizable(number, round, request.included);
        bytes32 modelId = _verifyNext(request, round, count);
        // Nothing can take the place of a finalization of all claims.
        bool whole = count == round.claims;
        uint256 settleFrom = whole ? block.number : block.number + WINDOW_BLOCKS;
        _proposals[number] = Proposal(modelId, request.included, uint40(settleFrom), uint32(count));
        emit RoundFinalized(number, modelId, request.included, count, settleFrom);
        if (whole) _settle(number, modelId, request.included, request.records);
    }

    /// @inheritdoc IContributionRounds
    function settle(uint256 number, ClaimRecord[] calldata records) external {
        Round storage round = _rounds[number];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(number, round.status);
        Proposal memory proposal = _proposals[number];
        if (proposal.count == 0) revert ZkPocRoundsNoProposal(number);
        if (block.number < proposal.settleFrom) revert ZkPocRoundsTooEarly(proposal.settleFrom, block.number);
        _requireRecords(number, round.claims, records);
        _settle(number, proposal.modelId, proposal.included, records);
    }

    /// @inheritdoc IContributionRounds
    function voidRound(uint256 number) external {
        Round memory round = _rounds[number];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(number, round.status);
        if (_proposals[number].count != 0) revert ZkPocRoundsHasProposal(number);
        uint256 from = _claimDeadline(round) + FINALIZE_BLOCKS;
        if (block.number < from) revert ZkPocRoundsTooEarly(from, block.number);
        _rounds[number].status = RoundStatus.Void;
        emit RoundVoided(number, round.claims);
        _open(round.modelId, round.modelSetAt);
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
    function genesisContext(bytes32 seed, bytes32 profileId_) external view returns (uint256) {
        return Contexts.genesis(seed, profileId_);
    }

    /// @inheritdoc IContributionRounds
    function acknowledgementDigest(uint256 number, bytes32 modelId) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ACKNOWLEDGEMENT_TYPEHASH, number, modelId)));
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

    function _claimDeadline(Round memory round) private view returns (uint256) {
        return uint256(round.openedAt) + CLAIM_BLOCKS;
    }

    /// @dev The round takes a finalization of these claims now. Gives their number.
    function _requireFinalizable(uint256 number, Round memory round, uint256 included)
        private
        view
        returns (uint256 count)
    {
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(number, round.status);
        uint256 from = _claimDeadline(round);
        if (block.number < from) revert ZkPocRoundsTooEarly(from, block.number);
        Proposal memory standing = _proposals[number];
        uint256 deadline = standing.count == 0 ? from + FINALIZE_BLOCKS : standing.settleFrom;
        if (block.number >= deadline) revert ZkPocRoundsTooLate(deadline, block.number);
        if (included >> round.claims != 0) revert ZkPocRoundsIncluded(round.claims, included);
        for (uint256 bits = included; bits != 0; bits &= bits - 1) {
            ++count;
        }
        if (count <= standing.count) revert ZkPocRoundsNotMore(standing.count, count);
    }

    /// @dev The hash of the claim at `position`, which the record must have.
    function _requireRecord(uint256 number, uint256 position, ClaimRecord calldata record)
        private
        view
        returns (bytes32 expected)
    {
        expected = claimHash[number][position];
        bytes32 got = Contexts.claim(record.claimant, record.reward, record.nullifier, keccak256(record.update));
        if (got != expected) revert ZkPocRoundsRecord(position, expected, got);
    }

    function _requireRecords(uint256 number, uint256 claims, ClaimRecord[] calldata records) private view {
        if (records.length != claims) revert ZkPocRoundsRecords(claims, records.length);
        for (uint256 i = 0; i < claims; ++i) {
            _requireRecord(number, i, records[i]);
        }
    }

    /// @dev Checks every record, and adds up the updates of the included ones. Their points were verified when they were claimed;
    /// the hash of the record says that these are the same.
    function _sum(uint256 number, uint256 claims, ClaimRecord[] calldata records, uint256 included)
        private
        view
        returns (bytes memory sum, bytes32 setHash)
    {
        if (records.length != claims) revert ZkPocRoundsRecords(claims, records.length);
        G1Point[] memory sums = new G1Point[](RoundLayout.SUM_POINTS);
        bytes32[] memory hashes = new bytes32[](claims);
        uint256 count = 0;
        for (uint256 i = 0; i < claims; ++i) {
            bytes32 hash = _requireRecord(number, i, records[i]);
            if ((included >> i) & 1 == 0) continue;
            hashes[count++] = hash;
            bytes calldata update = records[i].update;
            for (uint256 j = 0; j < RoundLayout.SUM_POINTS; ++j) {
                Bn254.add(
                    sums[j],
                    uint256(bytes32(update[64 * j:64 * j + 32])),
                    uint256(bytes32(update[64 * j + 32:64 * j + 64]))
                );
            }
        }
        for (uint256 j = 0; j < RoundLayout.SUM_POINTS; ++j) {
            sum = bytes.concat(sum, bytes32(sums[j].x), bytes32(sums[j].y));
        }
        assembly ("memory-safe") {
            // The array was made for all claims; only the included ones count.
            mstore(hashes, count)
        }
        setHash = keccak256(abi.encodePacked(hashes));
    }

    /// @dev The proof leads from the round's model to the next one by the sum of the included updates, and more than half of
    /// all claimants hold the next one. Gives its id.
    function _verifyNext(Finalization calldata request, Round memory round, uint256 count)
        private
        view
        returns (bytes32 modelId)
    {
        bytes calldata proof = request.proof;
        (bytes memory sum, bytes32 setHash) = _sum(request.round, round.claims, request.records, request.included);
        uint256 length = RoundLayout.PROOF_BYTES - sum.length;
        if (proof.length != length) revert ZkPocRoundsProofLength(length, proof.length);
        bytes32 proven = ProofPoints.idOf(proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS);
        if (proven != round.modelId) revert ZkPocRoundsModel(round.modelId, proven);
        modelId = ProofPoints.idOf(proof, RoundLayout.NEXT_OFFSET - sum.length, RoundLayout.NEXT_POINTS);
        _requireAcknowledged(request, modelId);
        bytes32 profile = profileId;
        _verifyRound(
            profile,
            ProofPoints.insert(proof, RoundLayout.SUM_OFFSET, sum),
            Contexts.finalization(request.round, setHash, profile),
            count
        );
    }

    /// @dev More than half of all claims' claimants say that they hold the next model.
    function _requireAcknowledged(Finalization calldata request, bytes32 modelId) private view {
        ClaimRecord[] calldata records = request.records;
        bytes[] calldata acknowledgements = request.acknowledgements;
        if (acknowledgements.length != records.length) {
            revert ZkPocRoundsRecords(records.length, acknowledgements.length);
        }
        bytes32 digest = acknowledgementDigest(request.round, modelId);
        uint256 given = 0;
        for (uint256 i = 0; i < acknowledgements.length; ++i) {
            if (acknowledgements[i].length == 0) continue;
            address signer = ECDSA.recoverCalldata(digest, acknowledgements[i]);
            if (signer != records[i].claimant) revert ZkPocRoundsAcknowledgement(i, records[i].claimant, signer);
            ++given;
        }
        uint256 needed = records.length / 2 + 1;
        if (given < needed) revert ZkPocRoundsAcknowledged(needed, given);
    }

    /// @dev Ends the round and opens the next one before anything is paid. The records are checked.
    function _settle(uint256 number, bytes32 modelId, uint256 included, ClaimRecord[] calldata records) private {
        Round storage round = _rounds[number];
        round.status = RoundStatus.Settled;
        // From the claim deadline on whoever has the openings can compute the next model.
        _open(modelId, _claimDeadline(round));
        uint256 paid = 0;
        for (uint256 i = 0; i < records.length; ++i) {
            if ((included >> i) & 1 == 0) continue;
            ClaimRecord calldata record = records[i];
            // Cannot happen: a paid nullifier is not claimed, and no two claims of a round have the same.
            if (claimedIn[record.nullifier] == PAID) revert ZkPocRoundsNullifierUsed(record.nullifier);
            claimedIn[record.nullifier] = PAID;
            paid += record.reward;
            emit ContributionPaid(number, record.claimant, record.nullifier, record.reward);
            TOKEN.mint(record.claimant, record.reward);
        }
        emit RoundSettled(number, modelId, paid);
    }

    function _verifyRound(bytes32 profile, bytes memory proof, uint256 context, uint256 count) private view {
        uint256[] memory instances = new uint256[](2);
        instances[0] = context;
        instances[1] = count;
        IVerifier(ROUTER.verifierOf(profile, Circuit.Round)).verify(proof, instances);
    }

    /// @dev Opens the next round with a model that could be known from block `knownSince` on.
    function _open(bytes32 modelId, uint256 knownSince) private {
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
