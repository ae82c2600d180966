// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {Claim, Finalization, IContributionRounds, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {IDataRegistry} from "../contracts/interfaces/IDataRegistry.sol";
import {IContributionToken} from "../contracts/interfaces/IContributionToken.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {ModelId} from "../contracts/interfaces/Ids.sol";
import {ClaimsFixture} from "./utils/ClaimsFixture.sol";
import {Hostile, HostilePolicy, HostileToken, Mood} from "./utils/Hostile.sol";

/// @notice A token, a policy and an attestor that turn against the pool.
contract HostileActorsTest is ClaimsFixture {
    HostileToken private _token;
    HostilePolicy private _policy;

    function setUp() public override {
        _token = new HostileToken();
        _policy = new HostilePolicy(REWARD);
        super.setUp();
    }

    /// @dev Every pool of this test has them.
    function _newRounds(IRewardPolicy) internal override returns (ContributionRounds) {
        return new ContributionRounds(_roundsConfig(IContributionToken(address(_token)), _policy));
    }

    function _twoClaims() private {
        _send(ALICE, _aliceClaim());
        _send(CAROL, _claim(1, CAROL, CAROLS, _carolsRoot(), MODEL));
        _toDeadline();
    }

    /// @dev All that could be worth calling while a round is being paid.
    function _attacks(Claim memory request, Finalization memory ending) private view returns (bytes[] memory calls) {
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(IContributionRounds.settle, (1, recorded[1]));
        calls[1] = abi.encodeCall(IContributionRounds.finalize, (ending));
        calls[2] = abi.encodeCall(IContributionRounds.voidRound, (1));
        calls[3] = abi.encodeCall(IContributionRounds.voidRound, (2));
        calls[4] = abi.encodeCall(IContributionRounds.seal, (1));
        calls[5] = abi.encodeCall(IContributionRounds.seal, (2));
        calls[6] = abi.encodeCall(IContributionRounds.claim, (request));
        request.round = 2;
        calls[7] = abi.encodeCall(IContributionRounds.claim, (request));
        calls[8] = abi.encodeCall(IContributionRounds.settle, (2, recorded[1]));
        calls[9] = abi.encodeCall(IContributionRounds.openGenesis, (PROFILE, SEED, bytes("")));
        Claim[] memory batch = new Claim[](1);
        batch[0] = request;
        calls[10] = abi.encodeCall(IContributionRounds.claimMany, (batch));
    }

    // -- the token

    function test_TokenThatCallsBackFindsEveryDoorShut() public {
        Claim memory request = _aliceClaim();
        _twoClaims();
        Finalization memory ending = _finalization(1, 3, MODEL, 5);
        _token.plan(address(rounds), _attacks(request, ending));
        _token.turn(Mood.CallsBack);
        rounds.finalize(ending);
        // Eleven calls from inside each of two payments.
        vm.assertEq(_token.entered(), 0);
        vm.assertEq(_token.refused(), 22);
        vm.assertEq(_token.totalSupply(), 2 * REWARD);
        vm.assertEq(_token.balanceOf(ALICE), REWARD);
        vm.assertEq(rounds.currentRound(), 2);
        vm.assertEq(rounds.roundInfo(2).remaining, BUDGET);
    }

    function test_TokenThatCallsBackFromASettlementFindsEveryDoorShut() public {
        Claim memory request = _aliceClaim();
        _twoClaims();
        rounds.finalize(_finalization(1, 2, MODEL, 5));
        Finalization memory ending = _finalization(1, 3, MODEL, 6);
        vm.roll(block.number + WINDOW_BLOCKS);
        _token.plan(address(rounds), _attacks(request, ending));
        _token.turn(Mood.CallsBack);
        rounds.settle(1, recorded[1]);
        vm.assertEq(_token.entered(), 0);
        vm.assertEq(_token.refused(), 11);
        vm.assertEq(_token.totalSupply(), REWARD);
        vm.assertEq(ModelId.unwrap(rounds.roundInfo(2).modelId), ModelId.unwrap(_modelId(5)));
    }

    function test_RoundOutlastsATokenThatRefuses() public {
        _twoClaims();
        Finalization memory ending = _finalization(1, 3, MODEL, 5);
        _token.turn(Mood.Reverts);
        vm.expectRevert(abi.encodeWithSelector(Hostile.HostileRefuses.selector));
        rounds.finalize(ending);
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Open);
        vm.assertFalse(rounds.isSpent(recorded[1][0].nullifier));
        // A finalization of fewer pays nobody now: it stands, and is paid when the token works again, however late.
        rounds.finalize(_finalization(1, 2, MODEL, 6));
        vm.roll(block.number + 10_000);
        vm.expectRevert(abi.encodeWithSelector(Hostile.HostileRefuses.selector));
        rounds.settle(1, recorded[1]);
        _token.turn(Mood.Quiet);
        rounds.settle(1, recorded[1]);
        vm.assertEq(_token.balanceOf(CAROL), REWARD);
        vm.assertEq(rounds.currentRound(), 2);
    }

    function test_RoundWithoutPaymentIsVoidAndItsShardsCanBeClaimedAgain() public {
        _twoClaims();
        _token.turn(Mood.Reverts);
        Finalization memory ending = _finalization(1, 3, MODEL, 5);
        vm.expectRevert(abi.encodeWithSelector(Hostile.HostileRefuses.selector));
        rounds.finalize(ending);
        vm.roll(block.number + FINALIZE_BLOCKS);
        rounds.voidRound(1);
        _sealRound(2);
        _token.turn(Mood.Quiet);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, MODEL));
        _toDeadline();
        rounds.finalize(_finalization(2, 1, MODEL, 5));
        vm.assertEq(_token.balanceOf(ALICE), REWARD);
    }

    function test_TokenThatEatsGasStopsThePaymentOnly() public {
        _twoClaims();
        Finalization memory ending = _finalization(1, 3, MODEL, 5);
        _token.turn(Mood.EatsGas);
        (bool paid,) = address(rounds).call{gas: 5_000_000}(abi.encodeCall(IContributionRounds.finalize, (ending)));
        vm.assertFalse(paid);
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Open);
        _token.turn(Mood.Quiet);
        rounds.finalize(ending);
        vm.assertEq(_token.totalSupply(), 2 * REWARD);
    }

    // -- the policy

    function test_PolicyThatCallsBackChangesNothing() public {
        Claim memory request = _aliceClaim();
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IContributionRounds.claim, (request));
        calls[1] = abi.encodeCall(IContributionRounds.seal, (1));
        _policy.plan(address(rounds), calls);
        _policy.turn(Mood.CallsBack);
        _send(ALICE, request);
        vm.assertEq(_policy.entered(), 0);
        vm.assertEq(rounds.roundInfo(1).claims, 1);
        vm.assertEq(rounds.roundInfo(1).remaining, BUDGET - REWARD);
    }

    function test_RevertWhen_PolicyRefusesOrPromisesTooMuch() public {
        Claim memory request = _aliceClaim();
        _policy.turn(Mood.Reverts);
        _expectRevert(request, Hostile.HostileRefuses.selector);
        _policy.turn(Mood.EatsGas);
        vm.prank(ALICE);
        (bool claimed,) = address(rounds).call{gas: 3_000_000}(abi.encodeCall(IContributionRounds.claim, (request)));
        vm.assertFalse(claimed);
        _policy.turn(Mood.Quiet);
        uint256[3] memory amounts = [uint256(BUDGET) + 1, uint256(1) << 96, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            _policy.set(amounts[i]);
            _expectRevert(request, IContributionRounds.ZkPocRoundsBudget.selector);
        }
        _policy.set(REWARD);
        _send(ALICE, request);
        vm.assertEq(rounds.roundInfo(1).remaining, BUDGET - REWARD);
    }

    function test_PolicyThatChangesItsMindPaysWhatItPromised() public {
        _twoClaims();
        _policy.set(0);
        rounds.finalize(_finalization(1, 3, MODEL, 5));
        vm.assertEq(_token.totalSupply(), 2 * REWARD);
    }

    // -- the attestor

    function test_RevokedAttestorStopsNewClaimsNotThoseThatWereMade() public {
        Claim memory late = _aliceClaim();
        _send(CAROL, _claim(1, CAROL, CAROLS, _carolsRoot(), MODEL));
        registry.revokeRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
        _expectRevert(late, IDataRegistry.ZkPocRegistryNotAttestor.selector);
        _toDeadline();
        rounds.finalize(_finalization(1, 1, MODEL, 5));
        vm.assertEq(_token.balanceOf(CAROL), REWARD);
        vm.assertEq(_token.totalSupply(), REWARD);
    }

    // -- gas

    /// @dev What a refused call spends of a lot of gas.
    function _spent(address sender, bytes memory data) private returns (uint256 spent) {
        vm.prank(sender);
        uint256 before = gasleft();
        (bool success,) = address(rounds).call{gas: 30_000_000}(data);
        spent = before - gasleft();
        vm.assertFalse(success);
    }

    function test_RefusedClaimsDoNotEatTheGas() public {
        // Each of these is found out before or by the link; a precompile that refuses its input has little to eat.
        for (uint256 kind = 0; kind < 6; ++kind) {
            Claim memory request = _aliceClaim();
            if (kind == 0) request.link[5] ^= 0x01;
            if (kind == 1) request.link[70] ^= 0x01;
            if (kind == 2) request.proof[64] ^= 0x01;
            if (kind == 3) request.proof[1000] ^= 0x01;
            if (kind == 4) request.link = new bytes(192);
            if (kind == 5) {
                for (uint256 i = 64; i < 128; ++i) {
                    request.proof[i] = 0xff;
                }
            }
            vm.assertTrue(_spent(ALICE, abi.encodeCall(IContributionRounds.claim, (request))) < 500_000);
        }
    }

    function test_RefusedFinalizationsDoNotEatTheGas() public {
        _twoClaims();
        for (uint256 kind = 0; kind < 4; ++kind) {
            Finalization memory ending = _finalization(1, 3, MODEL, 5);
            if (kind == 0) ending.proof[64] ^= 0x01;
            if (kind == 1) ending.records[0].update[3] ^= 0x01;
            if (kind == 2) ending.acknowledgements[0][3] ^= 0x01;
            if (kind == 3) ending.proof[1000] ^= 0x01;
            vm.assertTrue(_spent(BOB, abi.encodeCall(IContributionRounds.finalize, (ending))) < 500_000);
        }
    }
}
