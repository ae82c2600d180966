// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {TrainingLayout} from "../contracts/generated/TrainingLayout.sol";
import {Claim, IContributionRounds, Round} from "../contracts/interfaces/IContributionRounds.sol";
import {Evidence, StopReason} from "../contracts/interfaces/IEmergencyStop.sol";
import {IContributionToken} from "../contracts/interfaces/IContributionToken.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {Circuit} from "../contracts/interfaces/IVerifierRouter.sol";
import {Root, Subject} from "../contracts/interfaces/Ids.sol";
import {HostileToken, Mood} from "./utils/Hostile.sol";
import {PoolActions} from "./utils/PoolActions.sol";

/// @notice The same with a token that calls back, refuses or works, members that change their data, an attestor that comes and
/// goes, and someone who stops the pool.
contract HostileInvariantTest is PoolActions {
    HostileToken private _token;
    Root[] private _known;
    mapping(Root root => uint256 member) private _ownerOf;
    uint64 private _epoch = 1;
    bool private _stopped;
    uint256 private _sumAtStop;
    uint256 private _superseded;
    uint256 private _stops;

    function setUp() public override {
        _token = new HostileToken();
        super.setUp();
        _token.turn(Mood.CallsBack);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _known.push(_roots[i]);
            _ownerOf[_roots[i]] = i;
        }
    }

    function _newRounds(IRewardPolicy terms) internal override returns (ContributionRounds) {
        return new ContributionRounds(_roundsConfig(IContributionToken(address(_token)), terms));
    }

    function _supply() internal view override returns (uint256) {
        return _token.totalSupply();
    }

    function _actions() internal pure override returns (bytes4[] memory actions) {
        actions = new bytes4[](8);
        actions[0] = this.actClaim.selector;
        actions[1] = this.actFinalize.selector;
        actions[2] = this.actSettle.selector;
        actions[3] = this.actVoid.selector;
        actions[4] = this.actWait.selector;
        actions[5] = this.actAttestor.selector;
        actions[6] = this.actSupersede.selector;
        actions[7] = this.actTurn.selector;
    }

    /// @notice A claim with any dataset there ever was, in front of an attestor who may be gone.
    function actClaim(uint256 which) public override {
        uint256 number = rounds.currentRound();
        Round memory round = rounds.roundInfo(number);
        if (round.beacon == 0) {
            if (block.number <= round.beaconBlock) vm.roll(uint256(round.beaconBlock) + 1);
            rounds.seal(number);
            round = rounds.roundInfo(number);
            // The hash was gone: another block takes its place.
            if (round.beacon == 0) return;
        }
        Root root = _known[which % _known.length];
        address owner = _members[_ownerOf[root]];
        uint256 index = uint256(keccak256(abi.encode(round.beacon, root, owner))) % SHARDS;
        Claim memory request =
            _claimAt(number, owner, Subject.wrap(bytes32(500 + _ownerOf[root])), root, index, _scalars[round.modelId]);
        try this.send(owner, request) {
            ++_claims;
            _plan(request);
        } catch {
            ++_refused;
        }
    }

    /// @notice The attestor is revoked, or comes back.
    function actAttestor(uint256 seed) public {
        bytes32 role = registry.ATTESTOR_ROLE();
        if (seed % 5 == 0) registry.revokeRole(role, vm.addr(ATTESTOR_KEY));
        else registry.grantRole(role, vm.addr(ATTESTOR_KEY));
    }

    /// @notice A member registers other data for the same subject.
    function actSupersede(uint256 member) public {
        if (!registry.hasRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY))) return;
        if (_known.length > 8 || _stopped) return;
        member %= MEMBERS;
        Root root = _commit(900 + _known.length, SHARDS);
        _register(_members[member], Subject.wrap(bytes32(500 + member)), root, ++_epoch);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(root, i, _members[member]);
        }
        _known.push(root);
        _ownerOf[root] = member;
        ++_superseded;
    }

    /// @notice The token changes its mood; rarely someone stops the pool.
    function actTurn(uint256 seed) public {
        _token.turn(seed % 4 == 0 ? Mood.Reverts : Mood.CallsBack);
        if (seed % 64 == 63 && !_stopped) _stop();
    }

    function _stop() private {
        Evidence memory evidence = Evidence(_fill("", TrainingLayout.PROOF_BYTES), new uint256[](3));
        trainingVerifier.accept(evidence.proof, evidence.instances);
        router.stopByCanary(PROFILE, Circuit.Training, evidence);
        (_stopped, _sumAtStop) = (true, _supply());
        ++_stops;
    }

    /// @dev What the token tries from inside, with the latest claim and the records of the rounds about now.
    function _plan(Claim memory request) private {
        uint256 number = rounds.currentRound();
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(IContributionRounds.settle, (number, recorded[number]));
        calls[1] = abi.encodeCall(IContributionRounds.voidRound, (number));
        calls[2] = abi.encodeCall(IContributionRounds.voidRound, (number + 1));
        calls[3] = abi.encodeCall(IContributionRounds.claim, (request));
        calls[4] = abi.encodeCall(IContributionRounds.seal, (number + 1));
        _token.plan(address(rounds), calls);
    }

    function _checkHostile() private view {
        _checkAll();
        vm.assertEq(_token.entered(), 0);
        vm.assertEq(_stopped ? _sumAtStop : _sum, _sum);
        vm.assertTrue(_stopped == (router.stopReason(PROFILE) == StopReason.Canary));
    }

    /// @notice Whoever is hostile: one payment for what was proven, and nothing once the pool is stopped.
    /// forge-config: default.invariant.runs = 4
    /// forge-config: default.invariant.depth = 60
    function invariant_HostileActorsGetNothingMore() public view {
        _checkHostile();
    }

    /// @notice The actions reach what they are for.
    function test_HostileActionsReachEveryEnd() public {
        for (uint256 i = 0; i < 400; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("hostile actions", i)));
            uint256 action = seed % 16;
            if (action < 6) actClaim(seed >> 8);
            else if (action < 8) actWait(uint8(seed >> 8));
            else if (action < 10) actFinalize(seed >> 8, seed >> 200 & 7 == 0);
            else if (action < 12) actSettle(seed >> 8);
            else if (action == 12) actVoid(seed >> 8);
            else if (action == 13) actAttestor(seed >> 8);
            else if (action == 14) actSupersede(seed >> 8);
            else _token.turn(seed >> 8 & 3 == 0 ? Mood.Reverts : Mood.CallsBack);
        }
        vm.assertTrue(_claims >= 5);
        vm.assertTrue(_settlements >= 2);
        vm.assertTrue(_superseded >= 2);
        vm.assertTrue(_token.refused() >= 10);
        _checkHostile();
        _stop();
        uint256 sum = _sum;
        for (uint256 i = 0; i < 30; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("after the stop", i)));
            if (seed % 4 == 0) actClaim(seed >> 8);
            else if (seed % 4 == 1) actFinalize(seed >> 8, false);
            else if (seed % 4 == 2) actSettle(seed >> 8);
            else actWait(uint8(seed >> 8));
        }
        vm.assertEq(_sum, sum);
        _checkHostile();
    }
}
