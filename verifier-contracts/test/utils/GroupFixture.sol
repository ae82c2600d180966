// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ClaimRecord} from "../../contracts/interfaces/IContributionRounds.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {AggregationConfig} from "../../contracts/masked/Rosters.sol";
import {SecureAggregation} from "../../contracts/masked/SecureAggregation.sol";
import {Curve} from "./Curve.sol";
import {MaskedMembers} from "./MaskedMembers.sol";
import {StandInMasks} from "./StandInMasks.sol";
import {StandInRounds} from "./StandInRounds.sol";

/// @title The aggregation contract before a stand-in for the rounds contract, and claims for it
abstract contract GroupFixture is MaskedMembers {
    uint40 internal constant CLAIM_BLOCKS = 20;
    uint40 internal constant SHARE_BLOCKS = 300;
    uint40 internal constant REVEAL_BLOCKS = 6;
    uint40 internal constant DISPUTE_BLOCKS = 8;
    uint40 internal constant FINALIZE_BLOCKS = SHARE_BLOCKS + REVEAL_BLOCKS + 1;
    uint256 internal constant BOND = 1 ether;
    uint256 internal constant ROUND = 5;

    StandInRounds internal pool;
    uint256 private _nonce;

    function setUp() public virtual {
        vm.roll(1000);
        facts = new StandInMasks();
        sums = new SecureAggregation(AggregationConfig(facts, SHARE_BLOCKS, REVEAL_BLOCKS, DISPUTE_BLOCKS, BOND));
        pool = new StandInRounds(sums, CLAIM_BLOCKS, FINALIZE_BLOCKS);
    }

    /// @dev One more claim of a round that is not open yet.
    function _claim(uint256 round, bytes32 key) internal {
        uint256 salt = ++_nonce;
        G1Point memory point = Curve.point(uint256(keccak256(abi.encode("update", salt))));
        claims[round].push(
            ClaimRecord(
                _newAccount(salt), 10, keccak256(abi.encode("nullifier", salt)), key, abi.encode(point.x, point.y)
            )
        );
    }

    /// @dev One more claim with a key of its own.
    function _maskedClaim(uint256 round) internal {
        _claim(round, _newKey(_nonce + 1));
    }

    /// @dev Opens a round with the claims there are.
    function _open(uint256 round) internal {
        pool.open(round, claims[round]);
    }

    /// @dev A round with `count` masked claims, in the block after D1, groups drawn.
    function _group(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            _maskedClaim(ROUND);
        }
        _open(ROUND);
        _fix(ROUND);
    }

    function _fix(uint256 round) internal {
        _roll(round, 1, 1);
        sums.fixRoster(round, claims[round]);
    }

    /// @dev To the block `more` after a deadline of the round.
    function _roll(uint256 round, uint256 deadline, uint256 more) internal {
        uint256[5] memory d;
        (d[1], d[2], d[3], d[4]) = sums.deadlinesOf(round);
        vm.roll(d[deadline] + more);
    }

    /// @dev Set of the claims from `from` on, before `to`.
    function _span(uint256 from, uint256 to) internal pure returns (uint256) {
        return (uint256(1) << to) - (uint256(1) << from);
    }

    function _error(bytes4 selector, uint256 one, uint256 two) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, one, two);
    }
}
