// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {RoundLayout} from "../contracts/generated/RoundLayout.sol";
import {
    Claim,
    Finalization,
    IContributionRounds,
    Proposal,
    Round,
    RoundStatus
} from "../contracts/interfaces/IContributionRounds.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {Vm} from "./utils/Vm.sol";

/// @notice Whatever four members do, in whatever order and at whatever time: what is paid is what was proven, once.
contract RoundsInvariantTest is PoolFixture {
    /// @notice Which functions of which contract are called.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant MEMBERS = 4;

    address[MEMBERS] private _members;
    bytes32[MEMBERS] private _roots;
    // The scalar behind each model's point.
    mapping(bytes32 modelId => uint256 scalar) private _scalars;
    mapping(bytes32 modelId => bool proven) private _proven;
    mapping(bytes32 nullifier => bool paid) private _paid;
    mapping(uint256 round => uint256 paid) private _paidIn;
    uint256 private _sum;
    uint256 private _fresh = 1000;
    uint256 private _claims;
    uint256 private _finalizations;
    uint256 private _settlements;
    uint256 private _voids;
    uint256 private _refused;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _members[i] = vm.addr(0x5000 + i);
            keys[_members[i]] = 0x5000 + i;
            _roots[i] = _commit(500 + i, SHARDS);
            _register(_members[i], bytes32(500 + i), _roots[i], 1);
            for (uint256 j = 0; j < SHARDS; ++j) {
                _validate(_roots[i], j, _members[i]);
            }
        }
        vm.roll(block.number + 1);
        _openGenesis(rounds, 77);
        _scalars[_modelId(77)] = 77;
        _proven[_modelId(77)] = true;
    }

    /// @notice The actions below, and nothing else.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](6);
        actions[0] = this.actClaim.selector;
        actions[1] = this.actFinalize.selector;
        actions[2] = this.actForge.selector;
        actions[3] = this.actSettle.selector;
        actions[4] = this.actVoid.selector;
        actions[5] = this.actWait.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(this), actions);
    }

    /// @notice This contract plays all members.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    // -- actions

    function actWait(uint8 blocks) public {
        vm.roll(block.number + 1 + blocks % 12);
    }

    function actClaim(uint256 member) public {
        uint256 number = rounds.currentRound();
        Round memory round = rounds.roundInfo(number);
        if (round.beacon == 0) {
            if (block.number <= round.beaconBlock) vm.roll(uint256(round.beaconBlock) + 1);
            rounds.seal(number);
        }
        member %= MEMBERS;
        Claim memory request = _claim(
            number, _members[member], bytes32(500 + member), _roots[member], _scalars[round.modelId]
        );
        try this.send(_members[member], request) {
            ++_claims;
        } catch {
            ++_refused;
        }
    }

    /// @notice An honest proof for some of the claims, perhaps too early, too late or for too few.
    function actFinalize(uint256 included, bool same) public {
        uint256 number = rounds.currentRound();
        bytes32 from = rounds.roundInfo(number).modelId;
        uint256 next = same ? _scalars[from] : _fresh++;
        bytes32 nextId = _modelId(next);
        _scalars[nextId] = next;
        Finalization memory request = _finalization(number, included & _all(), _scalars[from], next);
        vm.recordLogs();
        try rounds.finalize(request) {
            ++_finalizations;
            _proven[nextId] = true;
        } catch {
            ++_refused;
        }
        _count(vm.getRecordedLogs());
    }

    /// @notice Everything that must never be accepted.
    function actForge(uint256 kind, uint256 included) public {
        uint256 number = rounds.currentRound();
        bytes32 from = rounds.roundInfo(number).modelId;
        Finalization memory request = _finalization(number, _all(), _scalars[from], _fresh);
        kind %= 5;
        // A next model that nobody proved; records of a round before; a set that the proof is not for; no acknowledgement; a reward.
        if (kind == 0) request.proof[64] ^= 0x01;
        if (kind == 1 && number > 1) request.records = recorded[number - 1];
        if (kind == 2) request.included = included & ~_all();
        if (kind == 3) request.acknowledgements = new bytes[](request.records.length);
        if (kind == 4 && request.records.length > 0) request.records[0].reward += 1;
        bool changed = kind != 1 || (number > 1 && recorded[number - 1].length > 0);
        if (!changed) return;
        try rounds.finalize(request) {
            revert("a forgery was accepted");
        } catch {
            ++_refused;
        }
    }

    function actSettle(uint256 back) public {
        uint256 number = rounds.currentRound() - back % 2;
        vm.recordLogs();
        try rounds.settle(number, recorded[number]) {
            // Counted by its event.
        } catch {
            ++_refused;
        }
        _count(vm.getRecordedLogs());
    }

    function actVoid(uint256 back) public {
        uint256 current = rounds.currentRound();
        try rounds.voidRound(current - back % 2) {
            ++_voids;
        } catch {
            ++_refused;
        }
    }

    /// @notice A claim that may fail.
    function send(address sender, Claim memory request) external {
        _send(sender, request);
    }

    function _count(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IContributionRounds.RoundSettled.selector) ++_settlements;
            if (logs[i].topics[0] != IContributionRounds.ContributionPaid.selector) continue;
            (bytes32 nullifier, uint256 reward) = abi.decode(logs[i].data, (bytes32, uint256));
            if (_paid[nullifier]) revert("a nullifier was paid twice");
            _paid[nullifier] = true;
            _sum += reward;
            _paidIn[uint256(logs[i].topics[1])] += reward;
        }
    }

    // -- what always holds

    function invariant_SupplyIsTheSumOfPaidClaims() public view {
        vm.assertEq(token.totalSupply(), _sum);
    }

    function invariant_RoundsKeepWithinTheirBudgetAndClaims() public view {
        for (uint256 number = 1; number <= rounds.currentRound(); ++number) {
            Round memory round = rounds.roundInfo(number);
            vm.assertTrue(_paidIn[number] <= BUDGET - round.remaining);
            vm.assertTrue(round.claims <= RoundLayout.MAX_CLAIMS);
        }
    }

    function invariant_ModelsChangeByProofOnly() public view {
        for (uint256 number = 2; number <= rounds.currentRound(); ++number) {
            Round memory before = rounds.roundInfo(number - 1);
            Proposal memory proposal = rounds.proposalOf(number - 1);
            bytes32 modelId = rounds.roundInfo(number).modelId;
            vm.assertTrue(_proven[modelId]);
            vm.assertTrue(before.status == RoundStatus.Settled || before.status == RoundStatus.Void);
            vm.assertEq(modelId, before.status == RoundStatus.Void ? before.modelId : proposal.modelId);
            if (before.status == RoundStatus.Void) vm.assertEq(_paidIn[number - 1], 0);
        }
    }

    function invariant_OnlyTheCurrentRoundIsOpen() public view {
        uint256 current = rounds.currentRound();
        vm.assertTrue(rounds.roundInfo(current).status == RoundStatus.Open);
        vm.assertTrue(rounds.roundInfo(current + 1).status == RoundStatus.None);
    }

    /// @notice The actions reach every end of a round: the invariants are about something.
    function test_ActionsReachEveryEnd() public {
        for (uint256 i = 0; i < 400; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("actions", i)));
            uint256 action = seed % 12;
            if (action < 4) actClaim(seed >> 8);
            else if (action < 6) actWait(uint8(seed >> 8));
            else if (action < 8) actFinalize(seed >> 8, seed >> 200 & 7 == 0);
            else if (action == 8) actForge(seed >> 8, seed >> 16);
            else if (action < 11) actSettle(seed >> 8);
            else actVoid(seed >> 8);
        }
        for (uint256 i = 0; i < 3 && _voids == 0; ++i) {
            vm.roll(block.number + CLAIM_BLOCKS + FINALIZE_BLOCKS);
            actVoid(0);
        }
        vm.assertTrue(_claims >= 15);
        vm.assertTrue(_finalizations >= 5);
        vm.assertTrue(_settlements >= 5);
        vm.assertTrue(_voids > 0);
        vm.assertTrue(_refused > 50);
        invariant_SupplyIsTheSumOfPaidClaims();
        invariant_RoundsKeepWithinTheirBudgetAndClaims();
        invariant_ModelsChangeByProofOnly();
        invariant_OnlyTheCurrentRoundIsOpen();
    }
}
