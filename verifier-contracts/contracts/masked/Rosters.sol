// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ClaimRecord, IContributionRounds, Round, RoundStatus} from "../interfaces/IContributionRounds.sol";
import {IMaskCommitments} from "../interfaces/IMaskCommitments.sol";
import {Group, ISecureAggregation, Posted, Seat} from "../interfaces/ISecureAggregation.sol";
import {Contexts} from "../libraries/Contexts.sol";
import {X25519} from "../libraries/X25519.sol";

/// @notice What an aggregation contract is made of.
/// @param masks What masks commit to.
/// @param shareBlocks Blocks after the claims in which groups are drawn and members post.
/// @param revealBlocks Blocks after that in which seeds are revealed.
/// @param disputeBlocks Blocks after that in which faults are shown; bonds go back then.
/// @param bond What a member pays when it posts, in wei.
struct AggregationConfig {
    IMaskCommitments masks;
    uint40 shareBlocks;
    uint40 revealBlocks;
    uint40 disputeBlocks;
    uint256 bond;
}

/// @title Phases, groups and their rosters
/// @notice Holds all storage of the aggregation contract, and draws the groups of a round.
///
/// The draw is seeded by the hash of block D1, in which the claims end. By then every claim and its mask key are on chain, so nobody
/// can choose with whom it is grouped. One influence is left: the proposer of that block can give it up, and with it the block reward,
/// to get another draw. A group has at most 16 members, because each member posts one commitment for each other member.
abstract contract Rosters is EIP712, ISecureAggregation {
    /// @notice Fewest members whose sum is made: of two, each would know the other's update.
    uint256 public constant MIN_MEMBERS = 3;
    /// @notice Most members of a group.
    uint256 public constant MAX_MEMBERS = 16;
    /// @notice Longest phase in blocks, so that no sum of block numbers is cut off: blocks are counted in 40 bits.
    uint40 public constant MAX_PHASE_BLOCKS = type(uint32).max;

    bytes32 private constant MISSING_TYPEHASH = keccak256("MissingShare(uint256 round,uint256 number,bytes32 shareId)");

    /// @notice What masks commit to.
    IMaskCommitments public immutable MASKS;
    /// @notice Blocks from D1 to D2.
    uint40 public immutable SHARE_BLOCKS;
    /// @notice Blocks from D2 to D3.
    uint40 public immutable REVEAL_BLOCKS;
    /// @notice Blocks from D3 to D4.
    uint40 public immutable DISPUTE_BLOCKS;
    /// @inheritdoc ISecureAggregation
    uint256 public immutable BOND;

    /// @inheritdoc ISecureAggregation
    address public rounds;
    /// @notice Blocks in which the rounds contract's rounds take claims.
    uint40 public claimBlocks;

    /// @inheritdoc ISecureAggregation
    mapping(uint256 round => bool fixed_) public isFixed;
    /// @dev One more than round and group of a nullifier's latest post, the group in the lowest byte; zero when there is none.
    mapping(bytes32 nullifier => uint256 place) internal _postedIn;

    mapping(uint256 round => Group[] groups) internal _groups;
    mapping(uint256 round => mapping(uint256 number => Posted posted)) internal _posts;

    constructor(AggregationConfig memory config) EIP712("zkpoc aggregation", "1") {
        if (
            address(config.masks) == address(0) || config.shareBlocks == 0 || config.revealBlocks == 0
                || config.disputeBlocks == 0 || config.bond == 0
        ) revert ZkPocAggregationZeroArgument();
        _requirePhase(config.shareBlocks);
        _requirePhase(config.revealBlocks);
        _requirePhase(config.disputeBlocks);
        MASKS = config.masks;
        SHARE_BLOCKS = config.shareBlocks;
        REVEAL_BLOCKS = config.revealBlocks;
        DISPUTE_BLOCKS = config.disputeBlocks;
        BOND = config.bond;
    }

    /// @inheritdoc ISecureAggregation
    function bind(uint40 claimBlocks_, uint40 finalizeBlocks) external {
        if (rounds != address(0)) revert ZkPocAggregationBound(rounds);
        // Seeds can be revealed in the last block before D3; a first finalization must still be in time then.
        uint256 taken = uint256(SHARE_BLOCKS) + REVEAL_BLOCKS;
        if (finalizeBlocks <= taken) revert ZkPocAggregationPhases(taken, finalizeBlocks);
        (rounds, claimBlocks) = (msg.sender, claimBlocks_);
        emit RoundsBound(msg.sender, claimBlocks_, finalizeBlocks);
    }

    /// @inheritdoc ISecureAggregation
    function fixRoster(uint256 number, ClaimRecord[] calldata records) external {
        bytes32 seed = _drawOf(number);
        isFixed[number] = true;
        (bytes32[] memory leaves, uint256[] memory order) = _eligible(number, records);
        uint256 count = order.length < MIN_MEMBERS ? 0 : (order.length + MAX_MEMBERS - 1) / MAX_MEMBERS;
        if (count > 1) _shuffle(order, seed);
        uint256 from = 0;
        for (uint256 g = 0; g < count; ++g) {
            // The first groups have one more until all are placed.
            uint256 to = from + order.length / count + (g < order.length % count ? 1 : 0);
            _form(number, leaves, order, from, to);
            from = to;
        }
    }

    /// @inheritdoc ISecureAggregation
    function deadlinesOf(uint256 number) public view returns (uint256 d1, uint256 d2, uint256 d3, uint256 d4) {
        Round memory round = _rounds().roundInfo(number);
        if (round.status == RoundStatus.None) revert ZkPocAggregationNotOpen(number, RoundStatus.None);
        d1 = uint256(round.openedAt) + claimBlocks;
        d2 = d1 + SHARE_BLOCKS;
        d3 = d2 + REVEAL_BLOCKS;
        d4 = d3 + DISPUTE_BLOCKS;
    }

    /// @inheritdoc ISecureAggregation
    function groupCount(uint256 number) external view returns (uint256) {
        return _groups[number].length;
    }

    /// @inheritdoc ISecureAggregation
    function groupInfo(uint256 number, uint256 group) external view returns (Group memory) {
        return _group(number, group);
    }

    /// @inheritdoc ISecureAggregation
    function isPosted(bytes32 nullifier) public view returns (bool) {
        uint256 place = _postedIn[nullifier];
        if (place == 0) return false;
        (uint256 number, uint256 group) = ((place - 1) >> 8, (place - 1) & 0xff);
        if (_count(_groups[number][group].posted) >= MIN_MEMBERS) return true;
        // Others may still post, and then shares are published.
        (, uint256 d2,,) = deadlinesOf(number);
        return block.number < d2;
    }

    /// @inheritdoc ISecureAggregation
    function postOf(uint256 number, uint256 claim) external view returns (Posted memory) {
        return _posts[number][claim];
    }

    /// @inheritdoc ISecureAggregation
    function missingDigest(uint256 number, uint256 claim, bytes32 shareId) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(MISSING_TYPEHASH, number, claim, shareId)));
    }

    /// @dev The round's claims with an acceptable key, in order, and the hash of a seat for each of them at its place among all.
    function _eligible(uint256 number, ClaimRecord[] calldata records)
        private
        view
        returns (bytes32[] memory leaves, uint256[] memory order)
    {
        leaves = new bytes32[](records.length);
        order = new uint256[](records.length);
        uint256 count = 0;
        bytes32 all = bytes32(number);
        for (uint256 i = 0; i < records.length; ++i) {
            ClaimRecord calldata record = records[i];
            bytes32 updateId = keccak256(record.update);
            bytes32 hash = Contexts.claim(record.claimant, record.reward, record.nullifier, updateId, record.maskKey);
            all = Contexts.chained(all, hash);
            if (!X25519.isAcceptable(record.maskKey)) continue;
            leaves[i] = _leafOf(Seat(i, record.claimant, record.maskKey, record.nullifier, updateId));
            order[count++] = i;
        }
        bytes32 expected = _rounds().claimsHash(number);
        if (all != expected) revert ZkPocAggregationRecords(expected, all);
        assembly ("memory-safe") {
            // The array was made for all claims; only those with an acceptable key count.
            mstore(order, count)
        }
    }

    /// @dev What shuffles the round's groups, if they can be drawn now.
    function _drawOf(uint256 number) private view returns (bytes32) {
        (uint256 d1, uint256 d2,,) = deadlinesOf(number);
        _requireOpen(number);
        if (isFixed[number]) revert ZkPocAggregationFixed(number);
        _requireFrom(d1 + 1);
        _requireBefore(d2);
        bytes32 draw = blockhash(d1);
        // Older than 256 blocks. Zero would be a draw that everyone could foresee.
        if (draw == 0) revert ZkPocAggregationNoDraw(d1, block.number);
        return keccak256(abi.encode(draw, number));
    }

    /// @dev Makes a group of some of the claims in `order`. Its roster is in the order of the claims.
    function _form(uint256 number, bytes32[] memory leaves, uint256[] memory order, uint256 from, uint256 to) private {
        uint256 members = 0;
        for (uint256 i = from; i < to; ++i) {
            members |= uint256(1) << order[i];
        }
        bytes32[] memory roster = new bytes32[](to - from);
        uint256 place = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            if ((members >> i) & 1 == 1) roster[place++] = leaves[i];
        }
        bytes32 rosterHash = keccak256(abi.encodePacked(roster));
        emit RosterFixed(number, _groups[number].length, members, rosterHash);
        _groups[number].push(Group(members, rosterHash, 0, 0, 0));
    }

    /// @dev Fisher and Yates; the remainder's bias is below 2^-247.
    function _shuffle(uint256[] memory order, bytes32 seed) private pure {
        for (uint256 i = order.length - 1; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }

    /// @dev The seats' hashes are those of the group's roster.
    function _requireRoster(Group storage group, bytes32[] calldata roster) internal view {
        bytes32 got = keccak256(abi.encodePacked(roster));
        if (got != group.rosterHash) revert ZkPocAggregationRoster(group.rosterHash, got);
    }

    /// @dev The seat is the one at this place of a roster that was checked.
    function _requireSeat(bytes32[] calldata roster, uint256 place, Seat calldata seat) internal pure {
        if (place >= roster.length) revert ZkPocAggregationPlace(roster.length, place);
        bytes32 got = _leafOf(seat);
        if (got != roster[place]) revert ZkPocAggregationSeat(roster[place], got);
    }

    function _requireOpen(uint256 number) internal view {
        RoundStatus status = _rounds().roundInfo(number).status;
        if (status != RoundStatus.Open) revert ZkPocAggregationNotOpen(number, status);
    }

    function _requireFrom(uint256 first) internal view {
        if (block.number < first) revert ZkPocAggregationTooEarly(first, block.number);
    }

    function _requireBefore(uint256 deadline) internal view {
        if (block.number >= deadline) revert ZkPocAggregationTooLate(deadline, block.number);
    }

    function _group(uint256 number, uint256 group) internal view returns (Group storage) {
        uint256 count = _groups[number].length;
        if (group >= count) revert ZkPocAggregationGroup(count, group);
        return _groups[number][group];
    }

    /// @dev The group; the claim is one of its members that posted.
    function _groupOfPosted(uint256 number, uint256 index, uint256 claim) internal view returns (Group storage group) {
        group = _group(number, index);
        // Nothing is left of a number above 255.
        if ((group.posted >> claim) & 1 == 0) revert ZkPocAggregationNotPosted(group.posted, claim);
    }

    /// @dev How many claims a set has.
    function _count(uint256 set) internal pure returns (uint256 count) {
        for (; set != 0; set &= set - 1) {
            ++count;
        }
    }

    /// @dev How many claims of a set come before one.
    function _before(uint256 set, uint256 claim) internal pure returns (uint256) {
        return _count(set & ((uint256(1) << claim) - 1));
    }

    function _rounds() internal view returns (IContributionRounds) {
        if (rounds == address(0)) revert ZkPocAggregationNotBound();
        return IContributionRounds(rounds);
    }

    function _leafOf(Seat memory seat) private pure returns (bytes32) {
        return keccak256(abi.encode(seat.number, seat.claimant, seat.key, seat.nullifier, seat.updateId));
    }

    function _requirePhase(uint40 blocks) private pure {
        if (blocks > MAX_PHASE_BLOCKS) revert ZkPocAggregationPhase(MAX_PHASE_BLOCKS, blocks);
    }
}
