// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {
    Fault,
    ISecureAggregation,
    PairDispute,
    Post,
    Seat,
    SeedDispute
} from "../../contracts/interfaces/ISecureAggregation.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {Curve} from "../utils/Curve.sol";
import {GroupFixture} from "../utils/GroupFixture.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice How a member loses its bond, and how it does not. X25519 keys and seeds are real.
contract FaultsTest is GroupFixture {
    uint256 private constant A = 0;
    uint256 private constant B = 1;
    uint256 private constant C = 2;
    uint256 private constant D = 3;

    /// @dev A post whose mask with another member commits to something else.
    function _wrongPost(uint256 number, uint256 other, uint256 salt) private view returns (Post memory request) {
        request = _post(ROUND, 0, number);
        request.masks = _wrongMasks(request.masks, number, other, salt);
    }

    function _wrongMasks(bytes memory masks, uint256 number, uint256 other, uint256 salt)
        private
        view
        returns (bytes memory wrong)
    {
        G1Point memory point = Curve.point(salt);
        uint256 skip = 64 * (other < number ? other : other - 1);
        wrong = bytes.concat(masks, "");
        for (uint256 i = 0; i < 32; ++i) {
            wrong[skip + i] = bytes32(point.x)[i];
            wrong[skip + 32 + i] = bytes32(point.y)[i];
        }
    }

    function _requireLost(Vm.Log memory log, uint256 number, Fault reason) private pure {
        vm.assertEq(log.topics[0], ISecureAggregation.BondLost.selector);
        vm.assertEq(uint256(log.topics[1]), ROUND);
        vm.assertEq(uint256(log.topics[2]), 0);
        vm.assertEq(uint256(log.topics[3]), number);
        vm.assertEq(abi.decode(log.data, (uint256)), uint256(reason));
    }

    function _refusesPair(PairDispute memory request, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        sums.disputePair(request);
    }

    function _refusesSeed(SeedDispute memory request, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        sums.disputeSeed(request);
    }

    // -- pairs

    /// @dev B posts a wrong mask with C; A and C are honest.
    function _badPair() private {
        _group(3);
        _pay(_post(ROUND, 0, A));
        _pay(_wrongPost(B, C, 4711));
        _pay(_post(ROUND, 0, C));
    }

    /// @dev The dispute about that, with one or the other's secret.
    function _badPairDispute(bool secretIsFirsts) private returns (PairDispute memory request) {
        request = _pairDispute(ROUND, 0, B, C, secretIsFirsts);
        request.firstMasks = _wrongMasks(request.firstMasks, B, C, 4711);
    }

    function test_PairIsJudgedByEithersSecret() public {
        _badPair();
        for (uint256 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            PairDispute memory request = _badPairDispute(i == 0);
            vm.recordLogs();
            sums.disputePair(request);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            vm.assertEq(logs.length, 1);
            _requireLost(logs[0], B, Fault.Pair);
            vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B);
            _refusesPair(request, ISecureAggregation.ZkPocAggregationNoFault.selector);
            vm.revertToState(snapshot);
        }
        sums.disputePair(_badPairDispute(true));
        _roll(ROUND, 4, 0);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationFaulty.selector, B));
        sums.withdrawBond(ROUND, 0, B);
        sums.withdrawBond(ROUND, 0, A);
        sums.withdrawBond(ROUND, 0, C);
        vm.assertEq(address(sums).balance, BOND);
    }

    function test_TheLaterOneOfAPairCanBeWrong() public {
        _group(3);
        _pay(_post(ROUND, 0, A));
        _pay(_post(ROUND, 0, B));
        _pay(_wrongPost(C, A, 5));
        PairDispute memory request = _pairDispute(ROUND, 0, A, C, true);
        request.secondMasks = _wrongMasks(request.secondMasks, C, A, 5);
        sums.disputePair(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << C);
    }

    function test_BothOfAPairCanBeWrong() public {
        _group(4);
        _pay(_wrongPost(B, D, 5));
        _pay(_wrongPost(D, B, 6));
        PairDispute memory request = _pairDispute(ROUND, 0, B, D, false);
        request.firstMasks = _wrongMasks(request.firstMasks, B, D, 5);
        request.secondMasks = _wrongMasks(request.secondMasks, D, B, 6);
        vm.recordLogs();
        sums.disputePair(request);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        _requireLost(logs[0], B, Fault.Pair);
        _requireLost(logs[1], D, Fault.Pair);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B | 1 << D);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationNoFault.selector);
    }

    /// @notice One who lost its bond over one pair can still be what shows the other one's fault.
    function test_SecondDisputeFindsTheOtherOne() public {
        _group(4);
        Post memory post = _wrongPost(B, D, 5);
        post.masks = _wrongMasks(post.masks, B, C, 6);
        _pay(post);
        _pay(_post(ROUND, 0, C));
        _pay(_wrongPost(D, B, 7));
        PairDispute memory request = _pairDispute(ROUND, 0, B, C, false);
        request.firstMasks = post.masks;
        sums.disputePair(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B);
        request = _pairDispute(ROUND, 0, B, D, false);
        request.firstMasks = post.masks;
        request.secondMasks = _wrongMasks(request.secondMasks, D, B, 7);
        sums.disputePair(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B | 1 << D);
    }

    function test_RevertWhen_PairAgrees() public {
        _group(3);
        _postAll(ROUND, 0, 0);
        _refusesPair(_pairDispute(ROUND, 0, A, B, true), ISecureAggregation.ZkPocAggregationSame.selector);
    }

    function test_RevertWhen_CommitmentIsNotProven() public {
        _badPair();
        PairDispute memory request = _badPairDispute(true);
        // What B posted, and anything else: nobody can prove it.
        request.commitment = Curve.point(4711);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationNotProven.selector);
        request.commitment = Curve.point(3);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationNotProven.selector);
    }

    function test_RevertWhen_FactIsAboutAnotherSeed() public {
        _badPair();
        PairDispute memory request = _badPairDispute(true);
        // True of the seeds that A has with both; of no use here.
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 seed = _seed(ROUND, 0, A, i == 0 ? B : C);
            request.commitment = _mask(seed);
            facts.accept(seed, 0, request.commitment);
            _refusesPair(request, ISecureAggregation.ZkPocAggregationNotProven.selector);
        }
    }

    function test_RevertWhen_SecretIsNotThePairs() public {
        _badPair();
        bytes4 selector = ISecureAggregation.ZkPocAggregationSecret.selector;
        PairDispute memory request = _badPairDispute(true);
        request.secretIsFirsts = false;
        _refusesPair(request, selector);
        request.secretIsFirsts = true;
        request.secret = secrets[claims[ROUND][A].maskKey];
        _refusesPair(request, selector);
        request.secret = 0;
        _refusesPair(request, selector);
    }

    function test_RevertWhen_MasksAreNotThePosted() public {
        _badPair();
        bytes4 selector = ISecureAggregation.ZkPocAggregationMasks.selector;
        PairDispute memory request = _badPairDispute(true);
        bytes memory posted = request.firstMasks;
        request.firstMasks = _wrongMasks(posted, B, C, 4712);
        _refusesPair(request, selector);
        request.firstMasks = bytes.concat(posted, hex"00");
        _refusesPair(request, selector);
        request.firstMasks = posted;
        request.secondMasks = posted;
        _refusesPair(request, selector);
    }

    function test_RevertWhen_SeatsOfAPairAreNotTheRosters() public {
        _badPair();
        PairDispute memory request = _badPairDispute(true);
        // Who swaps the two, or puts in another one, gets another seed: that must not be possible.
        (request.first, request.second) = (request.second, request.first);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationSeat.selector);
        (request.firstPlace, request.secondPlace) = (request.secondPlace, request.firstPlace);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationPlace.selector);
        request = _badPairDispute(true);
        (request.second, request.secondPlace) = (request.first, request.firstPlace);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationPlace.selector);
        for (uint256 field = 0; field < 4; ++field) {
            request = _badPairDispute(true);
            Seat memory seat = request.second;
            if (field == 0) seat.claimant = claims[ROUND][A].claimant;
            if (field == 1) seat.key = claims[ROUND][A].maskKey;
            if (field == 2) seat.nullifier = 0;
            if (field == 3) seat.updateId = 0;
            _refusesPair(request, ISecureAggregation.ZkPocAggregationSeat.selector);
        }
        request = _badPairDispute(true);
        request.secondPlace = 3;
        _refusesPair(request, ISecureAggregation.ZkPocAggregationPlace.selector);
        request.roster = new bytes32[](3);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationRoster.selector);
    }

    function test_RevertWhen_OneOfAPairDidNotPost() public {
        _group(4);
        _pay(_post(ROUND, 0, A));
        _pay(_wrongPost(B, C, 4711));
        PairDispute memory request = _badPairDispute(true);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationNotPosted.selector);
        request = _pairDispute(ROUND, 0, C, D, true);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationNotPosted.selector);
        request.group = 1;
        _refusesPair(request, ISecureAggregation.ZkPocAggregationGroup.selector);
    }

    function test_RevertWhen_PairsColumnDoesNotExist() public {
        _badPair();
        PairDispute memory request = _badPairDispute(true);
        for (uint256 i = 1; i < 3; ++i) {
            request.column = i == 1 ? 1 : type(uint256).max;
            _refusesPair(request, ISecureAggregation.ZkPocAggregationColumn.selector);
        }
    }

    function test_RevertWhen_PairIsDisputedLate() public {
        _badPair();
        PairDispute memory request = _badPairDispute(true);
        _roll(ROUND, 4, 0);
        _refusesPair(request, ISecureAggregation.ZkPocAggregationTooLate.selector);
        vm.roll(block.number - 1);
        sums.disputePair(request);
    }

    /// @notice Someone who has another's key in its claim does not know its seeds, and loses its bond.
    function test_CopiedKeyIsOfNoUse() public {
        _maskedClaim(ROUND);
        _maskedClaim(ROUND);
        _claim(ROUND, claims[ROUND][A].maskKey);
        _open(ROUND);
        _fix(ROUND);
        // With the same secret the seeds would differ all the same, as their names do.
        vm.assertNotEq(_seed(ROUND, 0, A, B), _seed(ROUND, 0, B, C));
        _pay(_post(ROUND, 0, A));
        _pay(_post(ROUND, 0, B));
        Post memory copy = _post(ROUND, 0, C);
        copy.masks = bytes.concat(_post(ROUND, 0, A).masks);
        _pay(copy);
        PairDispute memory request = _pairDispute(ROUND, 0, B, C, true);
        request.secondMasks = copy.masks;
        sums.disputePair(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << C);
    }

    // -- seeds

    /// @dev C does not post; B reveals `seed` for it.
    function _badSeed(bytes32 seed) private {
        _group(4);
        _postAll(ROUND, 0, 1 << C);
        _roll(ROUND, 2, 0);
        bytes32[] memory seeds = new bytes32[](1);
        seeds[0] = seed;
        vm.prank(claims[ROUND][B].claimant);
        sums.revealSeeds(ROUND, 0, B, seeds);
    }

    function _badSeedDispute(bytes32 seed) private returns (SeedDispute memory request) {
        request = _seedDispute(ROUND, 0, B, C, seed);
        request.seeds[0] = seed;
    }

    function test_WrongSeedCostsTheBond() public {
        _badSeed(keccak256("no seed"));
        SeedDispute memory request = _badSeedDispute(keccak256("no seed"));
        vm.recordLogs();
        sums.disputeSeed(request);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _requireLost(logs[0], B, Fault.Seed);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B);
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNoFault.selector);
    }

    function test_RightSeedAndWrongMaskCostTheBond() public {
        _group(4);
        _pay(_post(ROUND, 0, A));
        _pay(_wrongPost(B, C, 4711));
        _pay(_post(ROUND, 0, D));
        _roll(ROUND, 2, 0);
        _reveal(ROUND, 0, B);
        SeedDispute memory request = _seedDispute(ROUND, 0, B, C, _seed(ROUND, 0, B, C));
        request.masks = _wrongMasks(request.masks, B, C, 4711);
        sums.disputeSeed(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << B);
    }

    /// @notice With several missing, each seed is judged by the mask at its own place.
    function test_SeedsOfSeveralMissingAreToldApart() public {
        _group(6);
        // 0, 2 and 5 are missing.
        _pay(_post(ROUND, 0, B));
        _pay(_post(ROUND, 0, D));
        _pay(_wrongPost(4, 5, 9));
        _roll(ROUND, 2, 0);
        _revealAll(ROUND, 0);
        uint256[3] memory missing = [uint256(0), 2, 5];
        for (uint256 i = 0; i < 9; ++i) {
            uint256 number = [B, D, uint256(4)][i / 3];
            SeedDispute memory request =
                _seedDispute(ROUND, 0, number, missing[i % 3], _seed(ROUND, 0, number, missing[i % 3]));
            if (number == 4) request.masks = _wrongMasks(request.masks, 4, 5, 9);
            if (i == 8) sums.disputeSeed(request);
            else _refusesSeed(request, ISecureAggregation.ZkPocAggregationNoFault.selector);
        }
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1 << 4);
    }

    function test_RevertWhen_SeedIsRight() public {
        _group(4);
        _postAll(ROUND, 0, 1 << C);
        _roll(ROUND, 2, 0);
        _reveal(ROUND, 0, B);
        SeedDispute memory request = _seedDispute(ROUND, 0, B, C, _seed(ROUND, 0, B, C));
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNoFault.selector);
        // Another commitment would be needed, and nobody can prove one.
        request.commitment = Curve.point(5);
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNotProven.selector);
    }

    function test_RevertWhen_SeedDisputeDoesNotFit() public {
        _badSeed(keccak256("no seed"));
        SeedDispute memory request = _badSeedDispute(keccak256("no seed"));
        request.missing = D;
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNotMissing.selector);
        request.missing = 256;
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNotMissing.selector);
        request.missing = C;
        request.number = C;
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationNotPosted.selector);
        // A posted and revealed nothing yet.
        request.number = A;
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationSeeds.selector);
        request.number = B;
        request.seeds = new bytes32[](0);
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationSeeds.selector);
        request = _badSeedDispute(keccak256("no seed"));
        request.masks = _wrongMasks(request.masks, B, C, 1);
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationMasks.selector);
        request = _badSeedDispute(keccak256("no seed"));
        request.column = 1;
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationColumn.selector);
        request.column = 0;
        _roll(ROUND, 4, 0);
        _refusesSeed(request, ISecureAggregation.ZkPocAggregationTooLate.selector);
        vm.roll(block.number - 1);
        sums.disputeSeed(request);
    }

    // -- seeds kept back

    function test_SeedsKeptBackCostTheBond() public {
        _group(4);
        _postAll(ROUND, 0, 1 << D);
        _roll(ROUND, 2, 0);
        _reveal(ROUND, 0, A);
        _reveal(ROUND, 0, C);
        bytes4 early = ISecureAggregation.ZkPocAggregationTooEarly.selector;
        vm.expectPartialRevert(early);
        sums.faultUnrevealed(ROUND, 0, B);
        _roll(ROUND, 3, 0);
        vm.recordLogs();
        sums.faultUnrevealed(ROUND, 0, B);
        _requireLost(vm.getRecordedLogs()[0], B, Fault.Unrevealed);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationFaulty.selector, B));
        sums.faultUnrevealed(ROUND, 0, B);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationRevealed.selector, A));
        sums.faultUnrevealed(ROUND, 0, A);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotPosted.selector);
        sums.faultUnrevealed(ROUND, 0, D);
        _roll(ROUND, 4, 0);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationTooLate.selector);
        sums.faultUnrevealed(ROUND, 0, B);
    }

    function test_RevertWhen_ThereWasNothingToReveal() public {
        _group(4);
        uint256 snapshot = vm.snapshotState();
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 3, 0);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationNoneMissing.selector, 15));
        sums.faultUnrevealed(ROUND, 0, A);
        vm.revertToState(snapshot);
        _postAll(ROUND, 0, 1 << C | 1 << D);
        _roll(ROUND, 3, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooFew.selector, 3, 2));
        sums.faultUnrevealed(ROUND, 0, A);
    }

    // -- shares that are missing

    function _toVotes(uint256 count, uint256 silent) private {
        _group(count);
        _postAll(ROUND, 0, silent);
        _roll(ROUND, 3, 0);
    }

    function _refusesVotes(uint256 voters, bytes[] memory signatures, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        sums.faultMissing(ROUND, 0, A, voters, signatures);
    }

    function test_MajorityOfTheOthersTakesTheBond() public {
        // Five others: three are needed.
        _toVotes(6, 0);
        bytes4 selector = ISecureAggregation.ZkPocAggregationVotes.selector;
        _refusesVotes(0, new bytes[](0), selector);
        _refusesVotes(6, _votes(ROUND, A, 6), selector);
        vm.recordLogs();
        sums.faultMissing(ROUND, 0, A, 6 + 32, _votes(ROUND, A, 6 + 32));
        _requireLost(vm.getRecordedLogs()[0], A, Fault.Missing);
        bytes[] memory all = _votes(ROUND, A, 62);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationSpoilt.selector, 0, 1));
        sums.faultMissing(ROUND, 0, A, 62, all);
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1);
    }

    function test_TwoVotesAreNeededAtLeast() public {
        // Three posted: both others.
        _group(4);
        _postAll(ROUND, 0, 1 << D);
        _roll(ROUND, 2, 0);
        _revealAll(ROUND, 0);
        _roll(ROUND, 3, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationVotes.selector, 2, 1));
        sums.faultMissing(ROUND, 0, A, 2, new bytes[](1));
        sums.faultMissing(ROUND, 0, A, 6, _votes(ROUND, A, 6));
        vm.assertEq(sums.groupInfo(ROUND, 0).faulty, 1);
    }

    /// @notice Nobody owes a share in a group that cannot be included: honest votes must not take honest members' bonds there.
    function test_RevertWhen_TheGroupIsVoidAnyway() public {
        _group(5);
        uint256 snapshot = vm.snapshotState();
        // Too few.
        _postAll(ROUND, 0, 1 << C | 1 << D | 1 << 4);
        _roll(ROUND, 3, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooFew.selector, 3, 2));
        sums.faultMissing(ROUND, 0, A, 2, new bytes[](1));
        vm.revertToState(snapshot);
        // Seeds were kept back.
        _postAll(ROUND, 0, 1 << 4);
        _roll(ROUND, 2, 0);
        _reveal(ROUND, 0, A);
        _roll(ROUND, 3, 0);
        bytes[] memory votes = _votes(ROUND, A, 14);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationUnrevealed.selector, 15, 1));
        sums.faultMissing(ROUND, 0, A, 14, votes);
        // Somebody is at fault.
        sums.faultUnrevealed(ROUND, 0, B);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationSpoilt.selector, 0, 2));
        sums.faultMissing(ROUND, 0, A, 14, votes);
        vm.revertToState(snapshot);
        // One revealed a seed that is none, and was found out before D3.
        _postAll(ROUND, 0, 1 << 4);
        _roll(ROUND, 2, 0);
        bytes32[] memory seeds = new bytes32[](1);
        seeds[0] = keccak256("no seed");
        vm.prank(claims[ROUND][B].claimant);
        sums.revealSeeds(ROUND, 0, B, seeds);
        SeedDispute memory request = _seedDispute(ROUND, 0, B, 4, seeds[0]);
        request.seeds = seeds;
        sums.disputeSeed(request);
        _reveal(ROUND, 0, A);
        _reveal(ROUND, 0, C);
        _reveal(ROUND, 0, D);
        _roll(ROUND, 3, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationSpoilt.selector, 0, 2));
        sums.faultMissing(ROUND, 0, A, 14, votes);
    }

    function test_RevertWhen_VotersAreNotOthersThatPosted() public {
        _group(5);
        _postAll(ROUND, 0, 1 << 4);
        _roll(ROUND, 2, 0);
        _revealAll(ROUND, 0);
        _roll(ROUND, 3, 0);
        bytes4 selector = ISecureAggregation.ZkPocAggregationVoters.selector;
        // The member itself, one without a post, a claim that does not exist.
        uint256[3] memory sets = [uint256(1 + 2 + 4), 2 + 4 + 16, 2 + 4 + (1 << 255)];
        for (uint256 i = 0; i < 3; ++i) {
            _refusesVotes(sets[i], new bytes[](3), selector);
        }
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotPosted.selector);
        sums.faultMissing(ROUND, 0, 4, 15, new bytes[](4));
    }

    function test_RevertWhen_VotesAreNotTheVoters() public {
        _toVotes(4, 0);
        bytes4 selector = ISecureAggregation.ZkPocAggregationVote.selector;
        bytes[] memory votes = _votes(ROUND, A, 14);
        (votes[0], votes[1]) = (votes[1], votes[0]);
        _refusesVotes(14, votes, selector);
        votes = _votes(ROUND, A, 14);
        votes[2] = votes[1];
        _refusesVotes(14, votes, selector);
        // About another member.
        votes = _votes(ROUND, A, 14);
        votes[1] = _vote(ROUND, B, C);
        _refusesVotes(14, votes, selector);
        votes[1] = "";
        _refusesVotes(14, votes, ECDSA.ECDSAInvalidSignatureLength.selector);
        _refusesVotes(14, _votes(ROUND, A, 6), ISecureAggregation.ZkPocAggregationVotes.selector);
        // On another chain the domain is another.
        votes = _votes(ROUND, A, 14);
        vm.chainId(4242);
        _refusesVotes(14, votes, selector);
        vm.chainId(31337);
        sums.faultMissing(ROUND, 0, A, 14, votes);
    }

    function test_RevertWhen_VotesAreEarlyOrLate() public {
        _toVotes(3, 0);
        bytes[] memory votes = _votes(ROUND, A, 6);
        _roll(ROUND, 4, 0);
        _refusesVotes(6, votes, ISecureAggregation.ZkPocAggregationTooLate.selector);
        _roll(ROUND, 3, 0);
        vm.roll(block.number - 1);
        _refusesVotes(6, votes, ISecureAggregation.ZkPocAggregationTooEarly.selector);
        vm.roll(block.number + 1);
        sums.faultMissing(ROUND, 0, A, 6, votes);
    }

    function test_RevertWhen_TheShareIsInTheFinalization() public {
        _toVotes(3, 0);
        bytes[] memory votes = _votes(ROUND, A, 6);
        pool.propose(ROUND, 7);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationIncluded.selector, A));
        sums.faultMissing(ROUND, 0, A, 6, votes);
        pool.propose(ROUND, 6);
        sums.faultMissing(ROUND, 0, A, 6, votes);
    }

    /// @notice What a vote signs, put together by hand.
    function test_VoteIsAsSpecified() public {
        _toVotes(3, 0);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("zkpoc aggregation"),
                keccak256("1"),
                block.chainid,
                address(sums)
            )
        );
        bytes32 vote = keccak256(
            abi.encode(
                keccak256("MissingShare(uint256 round,uint256 number,bytes32 shareId)"),
                ROUND,
                B,
                sums.postOf(ROUND, B).shareId
            )
        );
        vm.assertEq(
            sums.missingDigest(ROUND, B, sums.postOf(ROUND, B).shareId),
            keccak256(abi.encodePacked(hex"1901", domain, vote))
        );
    }
}
