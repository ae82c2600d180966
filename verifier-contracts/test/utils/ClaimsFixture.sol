// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../../contracts/ContributionRounds.sol";
import {FlatRewardPolicy} from "../../contracts/FlatRewardPolicy.sol";
import {Claim} from "../../contracts/interfaces/IContributionRounds.sol";
import {Root} from "../../contracts/interfaces/Ids.sol";
import {Curve} from "./Curve.sol";
import {PoolFixture} from "./PoolFixture.sol";

/// @title A pool with an open, sealed round and an honest contributor, Alice
abstract contract ClaimsFixture is PoolFixture {
    uint256 internal constant MODEL = 3;
    Root internal root;
    // A second pool over the same registry, opened and sealed in the same blocks: its draws are the same.
    ContributionRounds internal twin;

    /// @dev Alice's dataset is registered and validated, round 1 is open and sealed.
    function setUp() public virtual override {
        super.setUp();
        root = _commit(1, SHARDS);
        _register(ALICE, SUBJECT, root, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(root, i, ALICE);
        }
        _registerCarol();
        vm.roll(block.number + 1);
        twin = _newRounds(new FlatRewardPolicy(REWARD, 255, 255));
        token.grantRole(token.MINTER_ROLE(), address(twin));
        _openGenesis(rounds, MODEL);
        _openGenesis(twin, MODEL);
        model_ = MODEL;
        _sealRound(1);
        twin.seal(1);
    }

    function _aliceClaim() internal returns (Claim memory) {
        return _claim(1, ALICE, SUBJECT, root, MODEL);
    }

    /// @dev A claim that may fail.
    function sendAs(address sender, Claim memory request) external {
        _send(sender, request);
    }

    function _expectRevert(Claim memory request, bytes4 selector) internal {
        vm.prank(ALICE);
        vm.expectPartialRevert(selector);
        rounds.claim(request);
    }

    function _nextRound(uint256 model) internal {
        _endRound(model);
        _sealRound(rounds.currentRound());
    }

    /// @dev A link for the right context between the registered commitment and the proof's data point.
    function _linkFor(Claim memory request, address claimant, uint256 index) internal view returns (bytes memory) {
        uint256 context = rounds.trainingContext(request.round, claimant, SUBJECT, request.root, index, request.maskKey);
        uint256[4] memory delta = _delta(request.root, index, 2);
        return Curve.link(context, request.commitment, Curve.reblind(request.commitment, delta), delta);
    }
}
