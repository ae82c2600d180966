// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundLayout} from "../../contracts/generated/RoundLayout.sol";
import {
    Claim,
    Finalization,
    IContributionRounds,
    Proposal,
    Round,
    RoundStatus
} from "../../contracts/interfaces/IContributionRounds.sol";
import {ModelId, Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {PoolFixture} from "./PoolFixture.sol";
import {Vm} from "./Vm.sol";

/// @title What four members can do, in any order and at any time, and what must hold all the while
abstract contract PoolActions is PoolFixture {
    /// @notice Which functions of which contract are called.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 internal constant MEMBERS = 4;

    address[MEMBERS] internal _members;
    Root[MEMBERS] internal _roots;
    // The scalar behind each model's point.
    mapping(ModelId modelId => uint256 scalar) internal _scalars;
    mapping(ModelId modelId => bool proven) internal _proven;
    mapping(bytes32 nullifier => bool paid) internal _paid;
    mapping(uint256 round => uint256 paid) internal _paidIn;
    uint256 internal _sum;
    uint256 internal _fresh = 1000;
    uint256 internal _claims;
    uint256 internal _finalizations;
    uint256 internal _settlements;
    uint256 internal _voids;
    uint256 internal _refused;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _members[i] = vm.addr(0x5000 + i);
            keys[_members[i]] = 0x5000 + i;
            _roots[i] = _commit(500 + i, SHARDS);
            _register(_members[i], Subject.wrap(bytes32(500 + i)), _roots[i], 1);
            for (uint256 j = 0; j < SHARDS; ++j) {
                _validate(_roots[i], j, _members[i]);
            }
        }
        vm.roll(block.number + 1);
        _openGenesis(rounds, 77);
        _scalars[_modelId(77)] = 77;
        _proven[_modelId(77)] = true;
    }

    /// @notice This contract plays all members.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    /// @notice The actions, and nothing else.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(this), _actions());
    }

    function _actions() internal pure virtual returns (bytes4[] memory actions) {
        actions = new bytes4[](6);
        actions[0] = this.actClaim.selector;
        actions[1] = this.actFinalize.selector;
        actions[2] = this.actForge.selector;
        actions[3] = this.actSettle.selector;
        actions[4] = this.actVoid.selector;
        actions[5] = this.actWait.selector;
    }

    // -- actions

    function actWait(uint8 blocks) public virtual {
        vm.roll(block.number + 1 + blocks % 12);
    }

    function actClaim(uint256 member) public virtual {
        uint256 number = rounds.currentRound();
        Round memory round = rounds.roundInfo(number);
        if (round.beacon == 0) {
            if (block.number <= round.beaconBlock) vm.roll(uint256(round.beaconBlock) + 1);
            rounds.seal(number);
        }
        member %= MEMBERS;
        Claim memory request = _claim(
            number, _members[member], Subject.wrap(bytes32(500 + member)), _roots[member], _scalars[round.modelId]
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
        ModelId from = rounds.roundInfo(number).modelId;
        uint256 next = same ? _scalars[from] : _fresh++;
        ModelId nextId = _modelId(next);
        _scalars[nextId] = next;
        Finalization memory request = _finalization(number, included & _all(), _scalars[from], next);
        vm.recordLogs();
        try rounds.finalize(request) {
            ++_finalizations;
            _proven[nextId] = true;
            // Events of a call that failed are recorded too; they never happened.
            _count(vm.getRecordedLogs());
        } catch {
            ++_refused;
        }
    }

    /// @notice Everything that must never be accepted.
    function actForge(uint256 kind, uint256 included) public {
        uint256 number = rounds.currentRound();
        ModelId from = rounds.roundInfo(number).modelId;
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
            _count(vm.getRecordedLogs());
        } catch {
            ++_refused;
        }
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

    function _count(Vm.Log[] memory logs) internal {
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

    /// @dev What the pool's token has minted.
    function _supply() internal view virtual returns (uint256) {
        return token.totalSupply();
    }

    function _checkAll() internal view {
        _checkSupplyIsTheSumOfPaidClaims();
        _checkRoundsKeepWithinTheirBudgetAndClaims();
        _checkModelsChangeByProofOnly();
        _checkOnlyTheCurrentRoundIsOpen();
    }

    function _checkSupplyIsTheSumOfPaidClaims() internal view {
        vm.assertEq(_supply(), _sum);
    }

    function _checkRoundsKeepWithinTheirBudgetAndClaims() internal view {
        for (uint256 number = 1; number <= rounds.currentRound(); ++number) {
            Round memory round = rounds.roundInfo(number);
            vm.assertTrue(_paidIn[number] <= BUDGET - round.remaining);
            vm.assertTrue(round.claims <= RoundLayout.MAX_CLAIMS);
        }
    }

    function _checkModelsChangeByProofOnly() internal view {
        for (uint256 number = 2; number <= rounds.currentRound(); ++number) {
            Round memory before = rounds.roundInfo(number - 1);
            Proposal memory proposal = rounds.proposalOf(number - 1);
            ModelId modelId = rounds.roundInfo(number).modelId;
            vm.assertTrue(_proven[modelId]);
            vm.assertTrue(before.status == RoundStatus.Settled || before.status == RoundStatus.Void);
            vm.assertEq(
                ModelId.unwrap(modelId),
                ModelId.unwrap(before.status == RoundStatus.Void ? before.modelId : proposal.modelId)
            );
            if (before.status == RoundStatus.Void) vm.assertEq(_paidIn[number - 1], 0);
        }
    }

    function _checkOnlyTheCurrentRoundIsOpen() internal view {
        uint256 current = rounds.currentRound();
        vm.assertTrue(rounds.roundInfo(current).status == RoundStatus.Open);
        vm.assertTrue(rounds.roundInfo(current + 1).status == RoundStatus.None);
    }
}
