// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {RoundLayout} from "../contracts/generated/RoundLayout.sol";
import {IContributionRounds, Round, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {ISecureAggregation} from "../contracts/interfaces/ISecureAggregation.sol";
import {ModelId, ProfileId} from "../contracts/interfaces/Ids.sol";
import {SecureAggregation} from "../contracts/masked/SecureAggregation.sol";
import {RoundsConfig} from "../contracts/rounds/RoundStore.sol";
import {Curve} from "./utils/Curve.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";

/// @notice The life of rounds; claims have their own tests.
contract ContributionRoundsTest is PoolFixture {
    uint256 private constant MODEL = 3;

    function _genesis() private {
        _openGenesis(rounds, MODEL);
        model_ = MODEL;
    }

    function test_GenesisOpensRoundOne() public {
        _genesis();
        Round memory round = rounds.roundInfo(1);
        vm.assertEq(rounds.currentRound(), 1);
        vm.assertEq(ProfileId.unwrap(rounds.profileId()), ProfileId.unwrap(PROFILE));
        vm.assertEq(ModelId.unwrap(round.modelId), ModelId.unwrap(_modelId(MODEL)));
        vm.assertEq(round.modelSetAt, block.number);
        vm.assertEq(round.beaconBlock, block.number + BEACON_DELAY);
        vm.assertEq(round.remaining, BUDGET);
        vm.assertTrue(round.status == RoundStatus.Open);
    }

    function test_RevertWhen_GenesisIsSetTwice() public {
        _genesis();
        bytes memory proof = _genesisProof(rounds, 5);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsGenesisSet.selector, PROFILE));
        rounds.openGenesis(PROFILE, SEED, proof);
    }

    function test_RevertWhen_ProfileIsZero() public {
        bytes memory proof = _genesisProof(rounds, MODEL);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroId.selector));
        rounds.openGenesis(ProfileId.wrap(0), SEED, proof);
    }

    function test_RevertWhen_GenesisDoesNotStartFromZero() public {
        bytes memory proof = _roundProof(Curve.point(2), Curve.point(99), Curve.point(MODEL));
        uint256[] memory instances = new uint256[](2);
        (instances[0], instances[1]) = (rounds.genesisContext(SEED, PROFILE), 1);
        roundVerifier.accept(proof, instances);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsModel.selector);
        rounds.openGenesis(PROFILE, SEED, proof);
    }

    function test_RevertWhen_GenesisProofIsForAnotherSeedOrPool() public {
        bytes memory proof = _genesisProof(rounds, MODEL);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        rounds.openGenesis(PROFILE, keccak256("another seed"), proof);
        ContributionRounds other = _newRounds(policy);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        other.openGenesis(PROFILE, SEED, proof);
        vm.chainId(1);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        rounds.openGenesis(PROFILE, SEED, proof);
    }

    function test_RevertWhen_GenesisProofHasAnotherLength() public {
        bytes memory proof = bytes.concat(_genesisProof(rounds, MODEL), hex"00");
        vm.expectRevert(
            abi.encodeWithSelector(
                IContributionRounds.ZkPocRoundsProofLength.selector,
                RoundLayout.PROOF_BYTES,
                RoundLayout.PROOF_BYTES + 1
            )
        );
        rounds.openGenesis(PROFILE, SEED, proof);
    }

    function testFuzz_RevertWhen_SenderIsNoOperator(address sender) public {
        vm.assume(sender != address(this));
        bytes memory proof = _genesisProof(rounds, MODEL);
        vm.prank(sender);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        rounds.openGenesis(PROFILE, SEED, proof);
    }

    function test_VoidRoundWithoutClaimsKeepsTheModelAndRenewsItsAge() public {
        _genesis();
        for (uint256 number = 1; number < 4; ++number) {
            _endRound(MODEL);
            vm.assertTrue(rounds.roundInfo(number).status == RoundStatus.Void);
            Round memory round = rounds.roundInfo(number + 1);
            vm.assertEq(ModelId.unwrap(round.modelId), ModelId.unwrap(_modelId(MODEL)));
            vm.assertEq(round.modelSetAt, block.number);
            vm.assertEq(round.beacon, bytes32(0));
            vm.assertEq(round.remaining, BUDGET);
        }
    }

    function test_RevertWhen_VoidedBeforeItsTime() public {
        _genesis();
        uint256 from = block.number + CLAIM_BLOCKS + FINALIZE_BLOCKS;
        vm.roll(from - 1);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsTooEarly.selector, from, from - 1));
        rounds.voidRound(1);
        vm.roll(from);
        rounds.voidRound(1);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOpen.selector, 1, RoundStatus.Void));
        rounds.voidRound(1);
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

    /// @dev `b` is claimBlocks, finalizeBlocks, windowBlocks, beaconDelay.
    function _construct(uint96 budget, uint40[4] memory b, ISecureAggregation sums) private {
        new ContributionRounds(
            RoundsConfig({
                admin: address(this),
                registry: registry,
                router: router,
                token: token,
                policy: policy,
                roundBudget: budget,
                claimBlocks: b[0],
                finalizeBlocks: b[1],
                windowBlocks: b[2],
                beaconDelay: b[3],
                aggregation: sums
            })
        );
    }

    function test_RevertWhen_ConstructedBadly() public {
        SecureAggregation sums = _newAggregation();
        uint40[4][3] memory bad = [[uint40(20), 0, 1, 3], [uint40(20), 13, 0, 3], [uint40(20), 13, 1, 0]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroArgument.selector));
            _construct(1, bad[i], sums);
        }
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroArgument.selector));
        _construct(0, [uint40(20), 13, 1, 3], sums);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsZeroArgument.selector));
        _construct(1, [uint40(20), 13, 1, 3], ISecureAggregation(address(0)));
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsLength.selector, 20, 20));
        _construct(1, [uint40(20), 13, 1, 19], sums);
        // Shares and seeds take twelve blocks.
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationPhases.selector, 12, 12));
        _construct(1, [uint40(20), 12, 1, 3], sums);
        // The shortest: sealed one block after the beacon's, with room for a claim in the same block.
        _construct(1, [uint40(21), 13, 1, 19], sums);
        vm.assertTrue(sums.rounds() != address(0));
    }

    function test_RevertWhen_AnotherPoolHasTheAggregation() public {
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationBound.selector, address(rounds)));
        _construct(1, [uint40(20), 13, 1, 3], aggregation);
    }

    function test_RevertWhen_PhaseIsTooLongForBlockNumbers() public {
        uint40 most = type(uint32).max;
        SecureAggregation sums = _newAggregation();
        for (uint256 i = 0; i < 8; ++i) {
            uint40[4] memory b = [uint40(20), 13, 1, 3];
            b[i % 4] = i < 4 ? most + 1 : type(uint40).max;
            vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsPhase.selector, most, b[i % 4]));
            _construct(1, b, sums);
        }
        _construct(1, [most, most, most, 3], sums);
    }
}
