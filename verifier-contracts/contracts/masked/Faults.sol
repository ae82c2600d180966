// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {TrainingLayout} from "../generated/TrainingLayout.sol";
import {Fault, Group, ISecureAggregation, PairDispute, Seat, SeedDispute} from "../interfaces/ISecureAggregation.sol";
import {G1Point} from "../libraries/Bn254.sol";
import {Hkdf} from "../libraries/Hkdf.sol";
import {ProofPoints} from "../libraries/ProofPoints.sol";
import {X25519} from "../libraries/X25519.sol";
import {Shares} from "./Shares.sol";

/// @title How a member loses its bond
/// @notice | fault | evidence |
/// |---|---|
/// | Pair: the posted mask is not the one the two members share | the secret key of one of the two, which gives the pair's seed; the proven commitment of that seed's mask |
/// | Seed: the revealed seed does not give the posted mask | the proven commitment of that seed's mask |
/// | Unrevealed: the member kept its seeds back | the contract's own record: it posted, others did not, it revealed nothing |
/// | Missing: the member did not publish its share | signatures of more than half of the other members that posted, two at least |
///
/// Commitments of masks are proven in MaskCommitments.
///
/// The first three faults cannot be shown of a member that follows the protocol: a pair has one seed, whichever of the two secret keys
/// it is computed from, a seed has one mask, and a mask has one commitment. The fourth is a vote, because no contract can see whether
/// bytes were published off chain. It is possible only in a group that could still be included, with no fault and no seed missing:
/// in any other group members are right to publish nothing. If two members posted different commitments of their common mask, the
/// group's sum cannot be opened either; the contract does not notice that unless a dispute shows it, so voters have to.
///
/// A lost bond stays in this contract for ever. Nobody is paid for a fault, so nobody gains by provoking one.
abstract contract Faults is Shares {
    bytes private constant SEED_SALT = "zkpoc.mask.v1";
    /// @dev Votes that a missing share takes at least, however small the group.
    uint256 private constant MIN_VOTES = 2;

    /// @inheritdoc ISecureAggregation
    function disputePair(PairDispute calldata request) external {
        _requireDisputable(request.round);
        (uint256 a, uint256 b) = (request.first.number, request.second.number);
        Group storage group = _groupOfPosted(request.round, request.group, a);
        _groupOfPosted(request.round, request.group, b);
        _requireRoster(group, request.roster);
        _requireSeat(request.roster, request.firstPlace, request.first);
        _requireSeat(request.roster, request.secondPlace, request.second);
        if (request.firstPlace >= request.secondPlace) {
            revert ZkPocAggregationPlace(request.secondPlace, request.firstPlace);
        }
        // Masks leave the member itself out: the second one's place among those of the first is one less.
        G1Point memory left = _pointOf(request.round, a, request.firstMasks, request.secondPlace - 1, request.column);
        G1Point memory right = _pointOf(request.round, b, request.secondMasks, request.firstPlace, request.column);
        if (_same(left, right)) revert ZkPocAggregationSame(request.column);
        _requireProven(_pairSeed(request, group.rosterHash), request.column, request.commitment);
        bool found = false;
        if (!_same(left, request.commitment)) found = _spoil(request.round, request.group, a, Fault.Pair);
        if (!_same(right, request.commitment)) {
            found = _spoil(request.round, request.group, b, Fault.Pair) || found;
        }
        if (!found) revert ZkPocAggregationNoFault();
    }

    /// @inheritdoc ISecureAggregation
    function disputeSeed(SeedDispute calldata request) external {
        _requireDisputable(request.round);
        (uint256 claim, uint256 other) = (request.number, request.missing);
        Group storage group = _groupOfPosted(request.round, request.group, claim);
        uint256 missing = group.members & ~group.posted;
        if ((missing >> other) & 1 == 0) revert ZkPocAggregationNotMissing(missing, other);
        bytes32 expected = _posts[request.round][claim].seedsHash;
        bytes32 got = keccak256(abi.encodePacked(request.seeds));
        // Nothing hashes to the zero of a member that revealed nothing.
        if (got != expected) revert ZkPocAggregationSeeds(expected, got);
        uint256 place = _before(group.members & ~(uint256(1) << claim), other);
        G1Point memory posted = _pointOf(request.round, claim, request.masks, place, request.column);
        _requireProven(request.seeds[_before(missing, other)], request.column, request.commitment);
        bool found = !_same(posted, request.commitment) && _spoil(request.round, request.group, claim, Fault.Seed);
        if (!found) revert ZkPocAggregationNoFault();
    }

    /// @inheritdoc ISecureAggregation
    function faultUnrevealed(uint256 number, uint256 index, uint256 claim) external {
        Group storage group = _requireLate(number, index, claim);
        _requireEnough(group.posted);
        if (group.members == group.posted) revert ZkPocAggregationNoneMissing(group.members);
        if ((group.revealed >> claim) & 1 == 1) revert ZkPocAggregationRevealed(claim);
        if (!_spoil(number, index, claim, Fault.Unrevealed)) revert ZkPocAggregationFaulty(claim);
    }

    /// @inheritdoc ISecureAggregation
    function faultMissing(uint256 number, uint256 index, uint256 claim, uint256 voters, bytes[] calldata signatures)
        external
    {
        Group storage group = _requireLate(number, index, claim);
        // Where nothing can come of a group any more, members are right to publish nothing.
        _requireEnough(group.posted);
        if (group.faulty != 0) revert ZkPocAggregationSpoilt(index, group.faulty);
        if (group.posted != group.members && group.posted != group.revealed) {
            revert ZkPocAggregationUnrevealed(group.posted, group.revealed);
        }
        if ((_rounds().proposalOf(number).included >> claim) & 1 == 1) revert ZkPocAggregationIncluded(claim);
        uint256 others = group.posted & ~(uint256(1) << claim);
        if (voters & ~others != 0) revert ZkPocAggregationVoters(others, voters);
        uint256 needed = _count(others) / 2 + 1;
        if (needed < MIN_VOTES) needed = MIN_VOTES;
        if (_count(voters) < needed) revert ZkPocAggregationVotes(needed, _count(voters));
        if (signatures.length != _count(voters)) revert ZkPocAggregationVotes(_count(voters), signatures.length);
        bytes32 digest = missingDigest(number, claim, _posts[number][claim].shareId);
        uint256 position = 0;
        for (uint256 i = 0; voters >> i != 0; ++i) {
            if ((voters >> i) & 1 == 0) continue;
            address expected = _posts[number][i].claimant;
            address got = ECDSA.recoverCalldata(digest, signatures[position]);
            if (got != expected) revert ZkPocAggregationVote(position, expected, got);
            ++position;
        }
        _spoil(number, index, claim, Fault.Missing);
    }

    /// @dev Takes the bond, and the group out of use. False when that was done already.
    function _spoil(uint256 number, uint256 index, uint256 claim, Fault reason) private returns (bool) {
        Group storage group = _groups[number][index];
        if ((group.faulty >> claim) & 1 == 1) return false;
        group.faulty |= uint256(1) << claim;
        emit BondLost(number, index, claim, reason);
        return true;
    }

    /// @dev The seed of two seats that were checked, from the secret key of one and the key of the other.
    function _pairSeed(PairDispute calldata request, bytes32 rosterHash) private view returns (bytes32) {
        (Seat calldata own, Seat calldata other) =
            request.secretIsFirsts ? (request.first, request.second) : (request.second, request.first);
        bytes32 key = X25519.publicKey(request.secret);
        if (key != own.key) revert ZkPocAggregationSecret(own.key, key);
        // Keys of small order are on no roster, so this is not zero.
        bytes32 common = X25519.shared(request.secret, other.key);
        bytes memory info = abi.encode(
            block.chainid,
            address(this),
            request.round,
            rosterHash,
            request.first.claimant,
            request.second.claimant,
            request.first.number,
            request.second.number
        );
        return Hkdf.derive(SEED_SALT, abi.encodePacked(common), info);
    }

    /// @dev The point that a member posted for a column of the mask at `place` among its masks.
    function _pointOf(uint256 number, uint256 claim, bytes calldata masks, uint256 place, uint256 column)
        private
        view
        returns (G1Point memory)
    {
        bytes32 expected = _posts[number][claim].masksHash;
        bytes32 got = keccak256(masks);
        if (got != expected) revert ZkPocAggregationMasks(expected, got);
        if (column >= TrainingLayout.UPDATE_POINTS) {
            revert ZkPocAggregationColumn(TrainingLayout.UPDATE_POINTS, column);
        }
        return ProofPoints.pointAt(masks, place * MASK_BYTES + 64 * column);
    }

    function _same(G1Point memory one, G1Point memory other) private pure returns (bool) {
        return one.x == other.x && one.y == other.y;
    }

    function _requireProven(bytes32 seed, uint256 column, G1Point calldata commitment) private view {
        if (!MASKS.isProven(seed, column, commitment)) revert ZkPocAggregationNotProven(seed, column);
    }

    function _requireDisputable(uint256 number) private view {
        (,,, uint256 d4) = deadlinesOf(number);
        _requireBefore(d4);
    }

    /// @dev Between D3 and D4, about a member that posted.
    function _requireLate(uint256 number, uint256 index, uint256 claim) private view returns (Group storage) {
        (,, uint256 d3, uint256 d4) = deadlinesOf(number);
        _requireFrom(d3);
        _requireBefore(d4);
        return _groupOfPosted(number, index, claim);
    }
}
