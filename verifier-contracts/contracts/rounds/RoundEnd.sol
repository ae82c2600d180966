// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {RoundLayout} from "../generated/RoundLayout.sol";
import {
    ClaimRecord,
    Finalization,
    IContributionRounds,
    Proposal,
    Round,
    RoundStatus
} from "../interfaces/IContributionRounds.sol";
import {ModelId, ProfileId} from "../interfaces/Ids.sol";
import {Bn254, G1Point} from "../libraries/Bn254.sol";
import {Contexts} from "../libraries/Contexts.sol";
import {ProofPoints} from "../libraries/ProofPoints.sol";
import {RoundStore} from "./RoundStore.sol";

/// @title How a round ends: finalized and settled, or void
/// @notice A finalization presents the record of every claim, whose hashes must be those that were kept. The contract adds up the
/// updates of the included claims, and the proof shows that the next model follows from the round's model and that sum. Masked claims
/// must come as whole groups, and more than half of all claimants must sign that they hold the next model.
abstract contract RoundEnd is RoundStore {
    /// @inheritdoc IContributionRounds
    function finalize(Finalization calldata request) external {
        uint256 number = request.round;
        Round memory round = _rounds[number];
        uint256 count = _requireFinalizable(number, round, request.included);
        ModelId modelId = _verifyNext(request, round, count);
        uint256 from = _requireWholeGroups(number, request.included, request.records);
        if (from < block.number) from = block.number;
        // Nothing can take the place of a finalization of all claims.
        bool whole = count == round.claims;
        uint256 settleFrom = whole ? block.number : from + WINDOW_BLOCKS;
        // The window is at most MAX_PHASE_BLOCKS long and there are at most 256 claims: nothing is cut off.
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
        // Nobody drew a shard for this model, and perhaps nobody could: data registered until now count for it from here on. A
        // round that had a claim keeps the model's age.
        if (round.claims == 0) delete _modelSetAt[round.modelId];
        _open(round.modelId, block.number);
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

    /// @dev Included claims with a mask key are whole groups. Gives the block before which the window must not begin, as a group may
    /// still come. The records are checked.
    function _requireWholeGroups(uint256 number, uint256 included, ClaimRecord[] calldata records)
        private
        view
        returns (uint256)
    {
        uint256 masked = 0;
        for (uint256 i = 0; i < records.length; ++i) {
            if (records[i].maskKey != 0) masked |= uint256(1) << i;
        }
        return masked == 0 ? 0 : AGGREGATION.requireWhole(number, included, masked);
    }

    /// @dev The hash of a record.
    function _hashOf(ClaimRecord calldata record) private pure returns (bytes32) {
        return
            Contexts.claim(record.claimant, record.reward, record.nullifier, keccak256(record.update), record.maskKey);
    }

    /// @dev The records' hash is that of the round's claims.
    function _requireHash(uint256 number, bytes32 got) private view {
        bytes32 expected = claimsHash[number];
        if (got != expected) revert ZkPocRoundsRecord(expected, got);
    }

    function _requireRecords(uint256 number, uint256 claims, ClaimRecord[] calldata records) private view {
        if (records.length != claims) revert ZkPocRoundsRecords(claims, records.length);
        bytes32 all = bytes32(number);
        for (uint256 i = 0; i < claims; ++i) {
            all = Contexts.chained(all, _hashOf(records[i]));
        }
        _requireHash(number, all);
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
        bytes32 all = bytes32(number);
        for (uint256 i = 0; i < claims; ++i) {
            bytes32 hash = _hashOf(records[i]);
            all = Contexts.chained(all, hash);
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
        _requireHash(number, all);
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
        returns (ModelId modelId)
    {
        bytes calldata proof = request.proof;
        (bytes memory sum, bytes32 setHash) = _sum(request.round, round.claims, request.records, request.included);
        uint256 length = RoundLayout.PROOF_BYTES - sum.length;
        if (proof.length != length) revert ZkPocRoundsProofLength(length, proof.length);
        ModelId proven = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS));
        if (ModelId.unwrap(proven) != ModelId.unwrap(round.modelId)) revert ZkPocRoundsModel(round.modelId, proven);
        modelId = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.NEXT_OFFSET - sum.length, RoundLayout.NEXT_POINTS));
        _requireAcknowledged(request, modelId);
        ProfileId profile = profileId;
        _verifyRound(
            profile,
            ProofPoints.insert(proof, RoundLayout.SUM_OFFSET, sum),
            Contexts.finalization(request.round, setHash, profile),
            count
        );
    }

    /// @dev More than half of all claims' claimants say that they hold the next model.
    function _requireAcknowledged(Finalization calldata request, ModelId modelId) private view {
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

    /// @dev Ends the round and opens the next one before anything is paid. The records are checked. What claims and next model
    /// were proven with must still be trusted: a finalization that stands when the profile is stopped is never paid.
    function _settle(uint256 number, ModelId modelId, uint256 included, ClaimRecord[] calldata records) private {
        ROUTER.requireLive(profileId);
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
        }
        emit RoundSettled(number, modelId, paid);
        // Everything is written down before the token is called.
        for (uint256 i = 0; i < records.length; ++i) {
            if ((included >> i) & 1 == 1) TOKEN.mint(records[i].claimant, records[i].reward);
        }
    }
}
