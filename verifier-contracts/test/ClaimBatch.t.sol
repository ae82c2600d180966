// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Claim, ClaimRecord, IContributionRounds} from "../contracts/interfaces/IContributionRounds.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {Root, Subject} from "../contracts/interfaces/Ids.sol";
import {Bn254} from "../contracts/libraries/Bn254.sol";
import {Link} from "../contracts/libraries/LinkVerifier.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {Vm} from "./utils/Vm.sol";

/// @notice Several claims in one call, and what one of them can do to the others.
contract ClaimBatchTest is PoolFixture {
    uint256 private constant MODEL = 3;
    uint256 private constant MEMBERS = 6;
    address private constant RELAYER = address(0x4E1A);

    Root[MEMBERS] private _roots;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _roots[i] = _commit(100 + i, SHARDS);
            _register(_owner(i), _subject(i), _roots[i], 1);
            // The last one's shards are not validated.
            for (uint256 j = 0; i + 1 < MEMBERS && j < SHARDS; ++j) {
                _validate(_roots[i], j, _owner(i));
            }
        }
        vm.roll(block.number + 1);
        _openGenesis(rounds, MODEL);
        model_ = MODEL;
        _sealRound(1);
    }

    function _owner(uint256 i) private view returns (address) {
        return i % 3 == 0 ? ALICE : i % 3 == 1 ? BOB : CAROL;
    }

    function _subject(uint256 i) private pure returns (Subject) {
        return Subject.wrap(keccak256(abi.encode("subject", i)));
    }

    function _member(uint256 i) private returns (Claim memory) {
        return _claim(1, _owner(i), _subject(i), _roots[i], MODEL);
    }

    function _members(uint256 count) private returns (Claim[] memory requests) {
        requests = new Claim[](count);
        for (uint256 i = 0; i < count; ++i) {
            requests[i] = _member(i);
        }
    }

    /// @dev Sends a batch and keeps the records of its events. Gives the reasons of the refused ones.
    function _sendMany(Claim[] memory requests) private returns (uint256 accepted, bytes[] memory reasons) {
        reasons = new bytes[](requests.length);
        vm.recordLogs();
        vm.prank(RELAYER);
        accepted = rounds.claimMany(requests);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IContributionRounds.ClaimRefused.selector) {
                (uint256 place, bytes memory reason) = abi.decode(logs[i].data, (uint256, bytes));
                reasons[place] = reason;
            }
            if (logs[i].topics[0] == IContributionRounds.ContributionProven.selector) _keepEvent(logs[i]);
        }
    }

    /// @dev Keeps what an event tells. The hash of all claims is compared when the last one is kept.
    function _keepEvent(Vm.Log memory log) private {
        (uint256 number, ClaimRecord memory record) = _recordOf(log);
        vm.assertEq(number, recorded[1].length);
        if (number + 1 == rounds.roundInfo(1).claims) _keep(1, record);
        else _keepUnchecked(1, record);
    }

    function _selector(bytes memory reason) private pure returns (bytes4) {
        return bytes4(reason);
    }

    function _refused(bytes memory reason, bytes4 selector) private pure {
        vm.assertTrue(_selector(reason) == selector);
    }

    function _tamperProof(Claim memory request) private pure {
        request.proof[request.proof.length - 1] ^= 0x01;
    }

    function _tamperLink(Claim memory request) private pure {
        uint256[6] memory words = abi.decode(request.link, (uint256[6]));
        words[2] = addmod(words[2], 1, Bn254.R);
        request.link = abi.encode(words);
    }

    // -- what holds is recorded

    function test_RecordsEveryOwnersClaimWhoeverSendsThem() public {
        (uint256 accepted,) = _sendMany(_members(4));
        vm.assertEq(accepted, 15);
        vm.assertEq(uint256(rounds.roundInfo(1).claims), 4);
        vm.assertEq(uint256(rounds.roundInfo(1).remaining), BUDGET - 4 * REWARD);
        for (uint256 i = 0; i < 4; ++i) {
            vm.assertEq(recorded[1][i].claimant, _owner(i));
            vm.assertEq(rounds.claimedIn(recorded[1][i].nullifier), 1);
        }
        _endRound(5);
        vm.assertEq(token.balanceOf(ALICE), 2 * REWARD);
        vm.assertEq(token.balanceOf(BOB), REWARD);
        vm.assertEq(token.balanceOf(RELAYER), 0);
    }

    function test_LeavesWhatSingleClaimsLeave() public {
        uint256 before = vm.snapshotState();
        _sendMany(_members(3));
        bytes32 hash = rounds.claimsHash(1);
        uint256 remaining = rounds.roundInfo(1).remaining;
        vm.revertToState(before);
        for (uint256 i = 0; i < 3; ++i) {
            _send(_owner(i), _member(i));
        }
        vm.assertEq(rounds.claimsHash(1), hash);
        vm.assertEq(uint256(rounds.roundInfo(1).remaining), remaining);
    }

    function test_ContinuesAfterSingleClaims() public {
        _send(ALICE, _member(0));
        Claim[] memory requests = new Claim[](2);
        (requests[0], requests[1]) = (_member(1), _member(2));
        (uint256 accepted,) = _sendMany(requests);
        vm.assertEq(accepted, 3);
        vm.assertEq(recorded[1].length, 3);
    }

    function test_ValidatesAMembersShardInTheSameCall() public {
        Claim[] memory requests = _members(2);
        requests[1] = _member(5);
        uint256 index = rounds.drawnIndex(1, _roots[5]);
        (requests[1].datasetProof, requests[1].datasetLink) = _datasetProof(_roots[5], index, _owner(5));
        (uint256 accepted,) = _sendMany(requests);
        vm.assertEq(accepted, 3);
        vm.assertTrue(registry.isValidated(PROFILE, requests[1].commitment));
    }

    // -- what does not hold is refused, and the others are recorded

    function test_RefusesOneBadProofAmongGoodOnes() public {
        uint256 before = vm.snapshotState();
        for (uint256 bad = 0; bad < 3; ++bad) {
            vm.revertToState(before);
            before = vm.snapshotState();
            Claim[] memory requests = _members(3);
            _tamperProof(requests[bad]);
            (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
            vm.assertEq(accepted, 7 & ~(1 << bad));
            _refused(reasons[bad], IContributionRounds.ZkPocRoundsProof.selector);
            // Nothing of it is left: sent again as it should be, it counts.
            _send(_owner(bad), _member(bad));
        }
    }

    function test_RefusesOneBadLinkAmongGoodOnes() public {
        Claim[] memory requests = _members(3);
        _tamperLink(requests[1]);
        (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
        vm.assertEq(accepted, 5);
        _refused(reasons[1], IContributionRounds.ZkPocRoundsProof.selector);
    }

    function test_RefusesABadProofAndABadLinkOfTwoMembers() public {
        Claim[] memory requests = _members(4);
        _tamperProof(requests[0]);
        _tamperLink(requests[2]);
        (uint256 accepted,) = _sendMany(requests);
        vm.assertEq(accepted, 10);
    }

    /// @dev Two links whose errors cancel when they are added up without weights.
    function test_RefusesLinksWhoseErrorsCancel() public {
        Claim[] memory requests = _members(2);
        for (uint256 i = 0; i < 2; ++i) {
            uint256[6] memory words = abi.decode(requests[i].link, (uint256[6]));
            words[2] = addmod(words[2], i == 0 ? 1 : Bn254.R - 1, Bn254.R);
            requests[i].link = abi.encode(words);
        }
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoneAccepted.selector);
        rounds.claimMany(requests);
    }

    function test_RevertWhen_NoMemberHolds() public {
        Claim[] memory requests = _members(3);
        for (uint256 i = 0; i < 3; ++i) {
            _tamperProof(requests[i]);
        }
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoneAccepted.selector);
        rounds.claimMany(requests);
    }

    function test_RefusesTheSameShardTwice() public {
        Claim[] memory requests = _members(3);
        requests[2] = requests[0];
        (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
        vm.assertEq(accepted, 3);
        _refused(reasons[2], IContributionRounds.ZkPocRoundsAlreadyClaimed.selector);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoneAccepted.selector);
        rounds.claimMany(requests);
    }

    function test_RefusesAShardThatIsNotValidated() public {
        Claim[] memory requests = _members(2);
        requests[0] = _member(5);
        (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
        vm.assertEq(accepted, 2);
        _refused(reasons[0], IContributionRounds.ZkPocRoundsNotValidated.selector);
    }

    function test_RefusesWhatSingleClaimsAreRefusedFor() public {
        Claim[] memory requests = _members(4);
        requests[0].round = 2;
        requests[1].normLog2 = NORM_LOG2 + 1;
        requests[2].path[0] ^= bytes32(uint256(1));
        (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
        vm.assertEq(accepted, 8);
        _refused(reasons[0], IContributionRounds.ZkPocRoundsNotOpen.selector);
        vm.assertTrue(_selector(reasons[1]) == bytes4(keccak256("ZkPocPolicyNormBound(uint8,uint8)")));
        _refused(reasons[2], IContributionRounds.ZkPocRoundsNotInRoot.selector);
    }

    /// @dev A proof names its claimant: nobody claims with someone else's data, nor is paid for someone else's step.
    function test_RefusesAProofMadeForAnotherClaimant() public {
        Claim[] memory requests = _members(2);
        requests[0] = _claim(1, BOB, _subject(0), _roots[0], MODEL);
        (uint256 accepted,) = _sendMany(requests);
        vm.assertEq(accepted, 2);
    }

    function test_RefusesWhatTheBudgetDoesNotCover() public {
        Claim[] memory requests = _members(5);
        (uint256 accepted, bytes[] memory reasons) = _sendMany(requests);
        // Four rewards of ten out of 45.
        vm.assertEq(accepted, 15);
        _refused(reasons[4], IContributionRounds.ZkPocRoundsBudget.selector);
    }

    function test_RevertWhen_BatchIsEmptyOrTooLarge() public {
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBatch.selector, 16, 0));
        rounds.claimMany(new Claim[](0));
        Claim memory one = _member(0);
        Claim[] memory requests = new Claim[](17);
        for (uint256 i = 0; i < 17; ++i) {
            requests[i] = one;
        }
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBatch.selector, 16, 17));
        rounds.claimMany(requests);
    }

    function test_RevertWhen_VerifierIsFrozen() public {
        Claim[] memory requests = _members(2);
        router.freeze(PROFILE, Circuit.Training);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoneAccepted.selector);
        rounds.claimMany(requests);
    }

    // -- what a sender or a bystander can do

    /// @dev Whoever sends too little gas gets nothing recorded, and nobody refused.
    function test_TooLittleGasRefusesNobody() public {
        Claim[] memory requests = _members(3);
        bytes memory data = abi.encodeCall(IContributionRounds.claimMany, (requests));
        uint256 done = 0;
        for (uint256 gas_ = 40_000; gas_ < 900_000 && done == 0; gas_ += 7_919) {
            (bool success, bytes memory answer) = address(rounds).call{gas: gas_}(data);
            if (success) {
                done = abi.decode(answer, (uint256));
            } else {
                vm.assertEq(uint256(rounds.roundInfo(1).claims), 0);
            }
        }
        vm.assertEq(done, 7);
    }

    function test_CheckingAMemberRecordsNothing() public {
        Claim memory request = _member(0);
        rounds.checkMember(request);
        vm.assertEq(uint256(rounds.roundInfo(1).claims), 0);
        vm.assertEq(rounds.claimsHash(1), bytes32(uint256(1)));
        _send(ALICE, request);
    }

    /// @dev What the router is asked about is what it is given; it keeps nothing.
    function test_RouterRefusesBatchesThatDoNotMatch() public {
        Link[] memory links = new Link[](1);
        uint256[][] memory accumulators = new uint256[][](2);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterBatch.selector, 2, 1));
        router.hold(PROFILE, Circuit.Training, accumulators, links);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterBatch.selector, 0, 0));
        router.hold(PROFILE, Circuit.Training, new uint256[][](0), new Link[](0));
    }
}
