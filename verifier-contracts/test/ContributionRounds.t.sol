// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {Claim, IContributionRounds, Round, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";

/// @notice The life of rounds; claims have their own tests.
contract ContributionRoundsTest is PoolFixture {
    uint256 private constant MODEL = 3;

    function _genesis() private {
        rounds.openGenesis(_modelId(MODEL), PROFILE);
    }

    function test_GenesisOpensRoundOne() public {
        _genesis();
        Round memory round = rounds.roundInfo(1);
        vm.assertEq(rounds.currentRound(), 1);
        vm.assertEq(rounds.profileId(), PROFILE);
        vm.assertEq(round.modelId, _modelId(MODEL));
        vm.assertEq(round.modelSetAt, block.number);
        vm.assertEq(round.beaconBlock, block.number + BEACON_DELAY);
        vm.assertEq(round.remaining, BUDGET);
        vm.assertTrue(round.status == RoundStatus.Open);
    }

    function test_RevertWhen_GenesisIsSetTwice() public {
        _genesis();
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsGenesisSet.selector, PROFILE));
        rounds.openGenesis(bytes32(uint256(1)), PROFILE);
    }

    function test_RevertWhen_IdsAreZero() public {
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroId.selector));
        rounds.openGenesis(bytes32(uint256(1)), 0);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroId.selector));
        rounds.openGenesis(0, PROFILE);
    }

    function test_RevertWhen_RoundIsOpenedBeforeGenesis() public {
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNoGenesis.selector));
        rounds.openRound(bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOpen.selector, 0, RoundStatus.None));
        rounds.closeRound();
    }

    function testFuzz_RevertWhen_SenderIsNoOperator(address sender) public {
        vm.assume(sender != address(this));
        bytes4 unauthorized = IAccessControl.AccessControlUnauthorizedAccount.selector;
        vm.prank(sender);
        vm.expectPartialRevert(unauthorized);
        rounds.openGenesis(bytes32(uint256(1)), PROFILE);
        _genesis();
        vm.prank(sender);
        vm.expectPartialRevert(unauthorized);
        rounds.closeRound();
        vm.prank(sender);
        vm.expectPartialRevert(unauthorized);
        rounds.openRound(bytes32(uint256(1)));
    }

    function test_RevertWhen_ClosedBeforeMinimumLength() public {
        _genesis();
        uint256 notBefore = block.number + MIN_LENGTH;
        vm.roll(notBefore - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IContributionRounds.ZkPocRoundsTooEarly.selector, notBefore, notBefore - 1)
        );
        rounds.closeRound();
        vm.roll(notBefore);
        rounds.closeRound();
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Closed);
    }

    function test_RevertWhen_NextRoundOpensWhileOneIsOpen() public {
        _genesis();
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsStillOpen.selector, 1));
        rounds.openRound(bytes32(uint256(1)));
    }

    function test_NextRoundHasItsOwnBudgetAndBeacon() public {
        _genesis();
        _sealRound(1);
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        rounds.openRound(_modelId(4));
        Round memory round = rounds.roundInfo(2);
        vm.assertEq(round.modelSetAt, block.number);
        vm.assertEq(round.beacon, bytes32(0));
        vm.assertEq(round.remaining, BUDGET);
    }

    function test_ModelThatComesBackIsAsOldAsItWas() public {
        _genesis();
        uint256 setAt = block.number;
        bytes32[3] memory models = [_modelId(MODEL), _modelId(4), _modelId(MODEL)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.roll(block.number + MIN_LENGTH);
            rounds.closeRound();
            rounds.openRound(models[i]);
        }
        vm.assertEq(rounds.roundInfo(2).modelSetAt, setAt);
        vm.assertEq(rounds.roundInfo(3).modelSetAt, setAt + 2 * MIN_LENGTH);
        vm.assertEq(rounds.roundInfo(4).modelSetAt, setAt);
    }

    // -- the beacon

    function test_SealStoresTheBeaconBlocksHash() public {
        _genesis();
        uint256 beaconBlock = rounds.roundInfo(1).beaconBlock;
        vm.roll(beaconBlock + 256);
        rounds.seal(1);
        vm.assertEq(rounds.roundInfo(1).beacon, blockhash(beaconBlock));
        vm.assertNotEq(rounds.roundInfo(1).beacon, bytes32(0));
    }

    function test_RevertWhen_SealedBeforeTheBeaconBlock() public {
        _genesis();
        uint256 beaconBlock = rounds.roundInfo(1).beaconBlock;
        vm.roll(beaconBlock);
        vm.expectRevert(
            abi.encodeWithSelector(IContributionRounds.ZkPocRoundsTooEarly.selector, beaconBlock + 1, beaconBlock)
        );
        rounds.seal(1);
    }

    function test_MissedBeaconNamesALaterBlock() public {
        _genesis();
        vm.roll(rounds.roundInfo(1).beaconBlock + 257);
        rounds.seal(1);
        Round memory round = rounds.roundInfo(1);
        vm.assertEq(round.beacon, bytes32(0));
        vm.assertEq(round.beaconBlock, block.number + BEACON_DELAY);
        _sealRound(1);
        vm.assertNotEq(rounds.roundInfo(1).beacon, bytes32(0));
    }

    function test_RevertWhen_SealedTwice() public {
        _genesis();
        _sealRound(1);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsSealed.selector, 1));
        rounds.seal(1);
    }

    function test_RevertWhen_AnotherRoundIsSealed() public {
        _genesis();
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOpen.selector, 2, RoundStatus.None));
        rounds.seal(2);
    }

    function test_RevertWhen_ConstructedBadly() public {
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroArgument.selector));
        new ContributionRounds(address(this), registry, router, token, policy, 0, 20, 3);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsLength.selector, 20, 20));
        new ContributionRounds(address(this), registry, router, token, policy, 1, 20, 20);
    }
}
