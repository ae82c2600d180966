// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TrainingLayout} from "../generated/TrainingLayout.sol";
import {Group, ISecureAggregation, Post, Posted} from "../interfaces/ISecureAggregation.sol";
import {Bn254, G1Point} from "../libraries/Bn254.sol";
import {ProofPoints} from "../libraries/ProofPoints.sol";
import {Rosters} from "./Rosters.sol";

/// @title What members post: commitments of their masks with a bond, later seeds of masks shared with missing members
/// @notice Commitments are additive: the commitment of a member's share is that of its update, plus those of its masks with later
/// members of the roster, minus those with earlier ones. This contract computes it and keeps its id. As nobody can open one commitment
/// to two values, the id determines the share before anyone publishes it off chain. Whoever receives bytes for a share can check them
/// against the id, so a wrong share cannot pass as the right one; a share can only be missing.
///
/// Whether the posted commitment of a mask belongs to the mask's seed is not checked here: Faults does so if someone disputes it.
abstract contract Shares is Rosters {
    /// @dev Length of one mask's commitments.
    uint256 internal constant MASK_BYTES = 64 * TrainingLayout.UPDATE_POINTS;

    /// @inheritdoc ISecureAggregation
    function postShare(Post calldata request) external payable {
        (uint256 number, uint256 claim) = (request.round, request.seat.number);
        if (msg.value != BOND) revert ZkPocAggregationBond(BOND, msg.value);
        (, uint256 d2,,) = deadlinesOf(number);
        _requireBefore(d2);
        _requireOpen(number);
        Group storage group = _group(number, request.group);
        _requireRoster(group, request.roster);
        _requireSeat(request.roster, request.place, request.seat);
        if (request.seat.claimant != msg.sender) revert ZkPocAggregationClaimant(request.seat.claimant, msg.sender);
        bytes32 updateId = keccak256(request.update);
        if (updateId != request.seat.updateId) revert ZkPocAggregationUpdate(request.seat.updateId, updateId);
        uint256 length = (request.roster.length - 1) * MASK_BYTES;
        if (request.masks.length != length) revert ZkPocAggregationMasksLength(length, request.masks.length);
        // One share of an update, ever: two shares of different groups would give away the difference of their masks.
        if (isPosted(request.seat.nullifier)) revert ZkPocAggregationPosted(request.seat.nullifier);
        // A round has at most 256 claims, so its groups fit a byte.
        _postedIn[request.seat.nullifier] = ((number << 8) | request.group) + 1;
        group.posted |= uint256(1) << claim;
        bytes32 shareId = _shareId(request.update, request.masks, request.place);
        _posts[number][claim] = Posted(shareId, keccak256(request.masks), 0, msg.sender, false);
        emit SharePosted(number, request.group, claim, shareId, request.masks);
    }

    /// @inheritdoc ISecureAggregation
    function revealSeeds(uint256 number, uint256 index, uint256 claim, bytes32[] calldata seeds) external {
        (, uint256 d2, uint256 d3,) = deadlinesOf(number);
        _requireFrom(d2);
        _requireBefore(d3);
        Group storage group = _groupOfPosted(number, index, claim);
        Posted storage post = _posts[number][claim];
        if (post.claimant != msg.sender) revert ZkPocAggregationClaimant(post.claimant, msg.sender);
        _requireEnough(group.posted);
        uint256 missing = group.members & ~group.posted;
        if (missing == 0) revert ZkPocAggregationNoneMissing(group.members);
        if (seeds.length != _count(missing)) revert ZkPocAggregationSeedCount(_count(missing), seeds.length);
        if ((group.revealed >> claim) & 1 == 1) revert ZkPocAggregationRevealed(claim);
        group.revealed |= uint256(1) << claim;
        post.seedsHash = keccak256(abi.encodePacked(seeds));
        emit SeedsRevealed(number, index, claim, missing, seeds);
    }

    /// @inheritdoc ISecureAggregation
    function withdrawBond(uint256 number, uint256 index, uint256 claim) external {
        (,,, uint256 d4) = deadlinesOf(number);
        _requireFrom(d4);
        Group storage group = _groupOfPosted(number, index, claim);
        if ((group.faulty >> claim) & 1 == 1) revert ZkPocAggregationFaulty(claim);
        Posted storage post = _posts[number][claim];
        if (post.withdrawn) revert ZkPocAggregationWithdrawn(claim);
        post.withdrawn = true;
        address claimant = post.claimant;
        emit BondWithdrawn(number, index, claim, claimant);
        // Everything is written down before the claimant is called.
        (bool taken,) = claimant.call{value: BOND}("");
        if (!taken) revert ZkPocAggregationTransfer(claimant);
    }

    /// @dev Fewer than three shares are not published.
    function _requireEnough(uint256 posted) internal pure {
        if (_count(posted) < MIN_MEMBERS) revert ZkPocAggregationTooFew(MIN_MEMBERS, _count(posted));
    }

    /// @dev Commitment id of the share of the member at `place`, whose masks with all other places these are. A point that is not
    /// on the curve, not canonical or the identity is refused. The update's points were verified when they were claimed.
    function _shareId(bytes calldata update, bytes calldata masks, uint256 place) private view returns (bytes32) {
        G1Point[] memory sums = new G1Point[](TrainingLayout.UPDATE_POINTS);
        for (uint256 c = 0; c < TrainingLayout.UPDATE_POINTS; ++c) {
            sums[c] = ProofPoints.pointAt(update, 64 * c);
            for (uint256 offset = 64 * c; offset < masks.length; offset += MASK_BYTES) {
                G1Point memory mask = ProofPoints.pointAt(masks, offset);
                Bn254.requirePoint(mask);
                // The first `place` masks are those with earlier members. No point of the curve has y = 0.
                bool earlier = offset < place * MASK_BYTES;
                Bn254.add(sums[c], mask.x, earlier ? Bn254.Q - mask.y : mask.y);
            }
        }
        bytes memory points;
        for (uint256 c = 0; c < TrainingLayout.UPDATE_POINTS; ++c) {
            points = bytes.concat(points, bytes32(sums[c].x), bytes32(sums[c].y));
        }
        return keccak256(points);
    }
}
