// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ClaimRecord} from "../../contracts/interfaces/IContributionRounds.sol";
import {Group, PairDispute, Post, Seat, SeedDispute} from "../../contracts/interfaces/ISecureAggregation.sol";
import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {Hkdf} from "../../contracts/libraries/Hkdf.sol";
import {X25519} from "../../contracts/libraries/X25519.sol";
import {SecureAggregation} from "../../contracts/masked/SecureAggregation.sol";
import {Curve} from "./Curve.sol";
import {StandInMasks} from "./StandInMasks.sol";
import {Test} from "./Vm.sol";

/// @title The members' side of a group, with real keys
/// @notice The mask of a seed commits to the seed times the generator; the stand-in is told so when someone disputes.
abstract contract MaskedMembers is Test {
    SecureAggregation internal sums;
    StandInMasks internal facts;
    /// @dev The round's claims, whoever keeps them.
    mapping(uint256 round => ClaimRecord[] records) internal claims;
    mapping(bytes32 key => bytes32 secret) internal secrets;
    /// @dev The claimants' signing keys.
    mapping(address account => uint256 key) internal signers;

    // -- keys, seats, seeds

    /// @dev A mask key; `salt` tells it apart.
    function _newKey(uint256 salt) internal returns (bytes32 key) {
        bytes32 secret = keccak256(abi.encode("secret", salt));
        key = X25519.publicKey(secret);
        secrets[key] = secret;
    }

    /// @dev An account that signs.
    function _newAccount(uint256 salt) internal returns (address account) {
        uint256 key = uint256(keccak256(abi.encode("account", salt))) >> 8;
        account = vm.addr(key);
        signers[account] = key;
    }

    function _seat(uint256 round, uint256 number) internal view returns (Seat memory) {
        ClaimRecord storage record = claims[round][number];
        return Seat(number, record.claimant, record.maskKey, record.nullifier, keccak256(record.update));
    }

    /// @dev A group's members in order, and the hashes of their seats.
    function _rosterOf(uint256 round, uint256 group)
        internal
        view
        returns (uint256[] memory members, bytes32[] memory leaves)
    {
        members = _list(sums.groupInfo(round, group).members);
        leaves = new bytes32[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            leaves[i] = keccak256(abi.encode(_seat(round, members[i])));
        }
    }

    /// @dev The claims of a set, in order.
    function _list(uint256 set) internal pure returns (uint256[] memory list) {
        uint256 count = 0;
        for (uint256 bits = set; bits != 0; bits &= bits - 1) {
            ++count;
        }
        list = new uint256[](count);
        count = 0;
        for (uint256 i = 0; count < list.length; ++i) {
            if ((set >> i) & 1 == 1) list[count++] = i;
        }
    }

    function _placeOf(uint256 set, uint256 number) internal pure returns (uint256) {
        return _list(set & ((uint256(1) << number) - 1)).length;
    }

    /// @dev The seed that a member shares with another one, computed by the first of the two arguments.
    function _seed(uint256 round, uint256 group, uint256 own, uint256 other) internal view returns (bytes32) {
        bytes32 common = X25519.shared(secrets[claims[round][own].maskKey], claims[round][other].maskKey);
        bytes memory info = own < other ? _info(round, group, own, other) : _info(round, group, other, own);
        return Hkdf.derive("zkpoc.mask.v1", abi.encode(common), info);
    }

    function _info(uint256 round, uint256 group, uint256 first, uint256 second) private view returns (bytes memory) {
        (address one, address two) = (claims[round][first].claimant, claims[round][second].claimant);
        bytes32 rosterHash = sums.groupInfo(round, group).rosterHash;
        return abi.encode(block.chainid, address(sums), round, rosterHash, one, two, first, second);
    }

    function _mask(bytes32 seed) internal view returns (G1Point memory) {
        return Curve.point(uint256(seed) % Bn254.R);
    }

    // -- messages

    /// @dev An honest post.
    function _post(uint256 round, uint256 group, uint256 number) internal view returns (Post memory request) {
        uint256[] memory members;
        (members, request.roster) = _rosterOf(round, group);
        request.round = round;
        request.group = group;
        request.seat = _seat(round, number);
        request.update = claims[round][number].update;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == number) {
                request.place = i;
                continue;
            }
            G1Point memory mask = _mask(_seed(round, group, number, members[i]));
            request.masks = bytes.concat(request.masks, abi.encode(mask.x, mask.y));
        }
    }

    function _pay(Post memory request) internal {
        address sender = request.seat.claimant;
        uint256 bond = sums.BOND();
        vm.deal(sender, sender.balance + bond);
        vm.prank(sender);
        sums.postShare{value: bond}(request);
    }

    /// @dev Everyone posts honestly but those in `silent`.
    function _postAll(uint256 round, uint256 group, uint256 silent) internal {
        uint256[] memory members = _list(sums.groupInfo(round, group).members & ~silent);
        for (uint256 i = 0; i < members.length; ++i) {
            _pay(_post(round, group, members[i]));
        }
    }

    /// @dev The seeds that a member shares with those that did not post.
    function _seeds(uint256 round, uint256 group, uint256 number) internal view returns (bytes32[] memory seeds) {
        Group memory info = sums.groupInfo(round, group);
        uint256[] memory missing = _list(info.members & ~info.posted);
        seeds = new bytes32[](missing.length);
        for (uint256 i = 0; i < missing.length; ++i) {
            seeds[i] = _seed(round, group, number, missing[i]);
        }
    }

    function _reveal(uint256 round, uint256 group, uint256 number) internal {
        bytes32[] memory seeds = _seeds(round, group, number);
        vm.prank(claims[round][number].claimant);
        sums.revealSeeds(round, group, number, seeds);
    }

    function _revealAll(uint256 round, uint256 group) internal {
        uint256[] memory posted = _list(sums.groupInfo(round, group).posted);
        for (uint256 i = 0; i < posted.length; ++i) {
            _reveal(round, group, posted[i]);
        }
    }

    function _vote(uint256 round, uint256 number, uint256 voter) internal view returns (bytes memory) {
        bytes32 digest = sums.missingDigest(round, number, sums.postOf(round, number).shareId);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signers[claims[round][voter].claimant], digest);
        return abi.encodePacked(r, s, v);
    }

    function _votes(uint256 round, uint256 number, uint256 voters) internal view returns (bytes[] memory signatures) {
        uint256[] memory list = _list(voters);
        signatures = new bytes[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            signatures[i] = _vote(round, number, list[i]);
        }
    }

    /// @dev A dispute about two honest posts, with the right commitment; tests put in what was posted instead.
    function _pairDispute(uint256 round, uint256 group, uint256 first, uint256 second, bool secretIsFirsts)
        internal
        returns (PairDispute memory request)
    {
        uint256 members = sums.groupInfo(round, group).members;
        (request.round, request.group) = (round, group);
        (request.firstPlace, request.secondPlace) = (_placeOf(members, first), _placeOf(members, second));
        (request.first, request.second) = (_seat(round, first), _seat(round, second));
        (, request.roster) = _rosterOf(round, group);
        (uint256 own, uint256 other) = secretIsFirsts ? (first, second) : (second, first);
        request.firstMasks = _post(round, group, first).masks;
        request.secondMasks = _post(round, group, second).masks;
        request.secret = secrets[claims[round][own].maskKey];
        request.secretIsFirsts = secretIsFirsts;
        bytes32 seed = _seed(round, group, own, other);
        request.commitment = _mask(seed);
        facts.accept(seed, 0, request.commitment);
    }

    /// @dev A dispute about the seed that a member reveals, with the right commitment of that seed.
    function _seedDispute(uint256 round, uint256 group, uint256 number, uint256 missing, bytes32 seed)
        internal
        returns (SeedDispute memory request)
    {
        (request.round, request.group, request.number, request.missing) = (round, group, number, missing);
        request.seeds = _seeds(round, group, number);
        request.masks = _post(round, group, number).masks;
        request.commitment = _mask(seed);
        facts.accept(seed, 0, request.commitment);
    }
}
