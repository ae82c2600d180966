// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundStatus} from "../../contracts/interfaces/IContributionRounds.sol";
import {Group, ISecureAggregation, Post, Posted} from "../../contracts/interfaces/ISecureAggregation.sol";
import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {GroupFixture} from "../utils/GroupFixture.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice A claimant whose account is a contract: it posts, and is called when its bond goes back.
contract ContractClaimant {
    enum Mood {
        Takes,
        Refuses,
        Withdraws
    }

    ISecureAggregation private immutable SUMS;
    Mood private _mood;
    bytes private _again;
    uint256 public refused;

    constructor(ISecureAggregation sums_) {
        SUMS = sums_;
    }

    function turn(Mood mood, bytes calldata again) external {
        (_mood, _again) = (mood, again);
    }

    function post(Post calldata request) external payable {
        SUMS.postShare{value: msg.value}(request);
    }

    receive() external payable {
        require(_mood != Mood.Refuses, "not now");
        if (_mood != Mood.Withdraws) return;
        (bool success,) = address(SUMS).call(_again);
        if (!success) ++refused;
    }
}

/// @notice Posts, seeds, and bonds that go back.
contract SharesTest is GroupFixture {
    uint256 private constant A = 0;
    uint256 private constant B = 1;
    uint256 private constant C = 2;
    uint256 private constant D = 3;

    function _refuses(Post memory request, bytes4 selector) private {
        address sender = request.seat.claimant;
        vm.deal(sender, BOND);
        vm.prank(sender);
        vm.expectPartialRevert(selector);
        sums.postShare{value: BOND}(request);
    }

    // -- posting

    function test_PostKeepsShareMasksAndBond() public {
        _group(3);
        Post memory request = _post(ROUND, 0, B);
        vm.recordLogs();
        _pay(request);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(address(sums).balance, BOND);
        Posted memory post = sums.postOf(ROUND, B);
        vm.assertEq(post.claimant, request.seat.claimant);
        vm.assertEq(post.masksHash, keccak256(request.masks));
        vm.assertEq(post.seedsHash, 0);
        vm.assertFalse(post.withdrawn);
        vm.assertEq(sums.groupInfo(ROUND, 0).posted, 2);
        vm.assertTrue(sums.isPosted(request.seat.nullifier));
        vm.assertFalse(sums.isPosted(claims[ROUND][A].nullifier));
        // Its update, minus the mask with A, plus that with C.
        G1Point memory share = _updateOf(B);
        G1Point memory mask = _mask(_seed(ROUND, 0, A, B));
        Bn254.add(share, mask.x, Bn254.Q - mask.y);
        mask = _mask(_seed(ROUND, 0, C, B));
        Bn254.add(share, mask.x, mask.y);
        vm.assertEq(post.shareId, keccak256(abi.encode(share.x, share.y)));
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].topics[0], ISecureAggregation.SharePosted.selector);
        vm.assertEq(uint256(logs[0].topics[1]), ROUND);
        vm.assertEq(uint256(logs[0].topics[2]), 0);
        vm.assertEq(uint256(logs[0].topics[3]), B);
        vm.assertEq(keccak256(logs[0].data), keccak256(abi.encode(post.shareId, request.masks)));
    }

    function _updateOf(uint256 number) private view returns (G1Point memory point) {
        (point.x, point.y) = abi.decode(claims[ROUND][number].update, (uint256, uint256));
    }

    /// @dev The commitment of an honest share, from the seeds.
    function _shareOf(uint256 number) private view returns (G1Point memory share) {
        uint256[] memory members = _list(sums.groupInfo(ROUND, 0).members);
        share = _updateOf(number);
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == number) continue;
            G1Point memory mask = _mask(_seed(ROUND, 0, number, members[i]));
            Bn254.add(share, mask.x, members[i] < number ? Bn254.Q - mask.y : mask.y);
        }
    }

    /// @notice Whatever the size of the group: ids are those of the shares, and the shares' sum is that of the updates.
    function testFuzz_SharesAddUpToTheUpdates(uint8 count) public {
        uint256 size = 3 + uint256(count) % 6;
        _group(size);
        _postAll(ROUND, 0, 0);
        G1Point memory total;
        G1Point memory updates;
        for (uint256 i = 0; i < size; ++i) {
            G1Point memory share = _shareOf(i);
            vm.assertEq(sums.postOf(ROUND, i).shareId, keccak256(abi.encode(share.x, share.y)));
            Bn254.add(total, share.x, share.y);
            G1Point memory update = _updateOf(i);
            Bn254.add(updates, update.x, update.y);
        }
        vm.assertEq(total.x, updates.x);
        vm.assertEq(total.y, updates.y);
        vm.assertEq(sums.groupInfo(ROUND, 0).posted, _span(0, size));
        vm.assertEq(address(sums).balance, size * BOND);
    }

    function test_RevertWhen_BondIsNotExact() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        address sender = request.seat.claimant;
        uint256[4] memory values = [0, BOND - 1, BOND + 1, 2 * BOND];
        for (uint256 i = 0; i < 4; ++i) {
            vm.deal(sender, values[i]);
            vm.prank(sender);
            vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationBond.selector, BOND, values[i]));
            sums.postShare{value: values[i]}(request);
        }
    }

    function test_RevertWhen_PostIsLate() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        _roll(ROUND, 2, 0);
        _refuses(request, ISecureAggregation.ZkPocAggregationTooLate.selector);
        vm.roll(block.number - 1);
        _pay(request);
        vm.assertEq(sums.groupInfo(ROUND, 0).posted, 1);
    }

    function test_RevertWhen_RoundEndedBeforeThePost() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        pool.end(ROUND, RoundStatus.Settled);
        _refuses(request, ISecureAggregation.ZkPocAggregationNotOpen.selector);
    }

    function test_RevertWhen_PostedForSomeoneElse() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        vm.deal(address(this), BOND);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISecureAggregation.ZkPocAggregationClaimant.selector, request.seat.claimant, address(this)
            )
        );
        sums.postShare{value: BOND}(request);
    }

    function test_RevertWhen_RosterIsNotTheGroups() public {
        _group(4);
        Post memory request = _post(ROUND, 0, A);
        bytes32[] memory roster = request.roster;
        (roster[1], roster[2]) = (roster[2], roster[1]);
        _refuses(request, ISecureAggregation.ZkPocAggregationRoster.selector);
        request.roster = new bytes32[](3);
        (request.roster[0], request.roster[1], request.roster[2]) = (roster[0], roster[2], roster[1]);
        _refuses(request, ISecureAggregation.ZkPocAggregationRoster.selector);
        request = _post(ROUND, 0, A);
        request.group = 1;
        _refuses(request, ISecureAggregation.ZkPocAggregationGroup.selector);
    }

    function test_RevertWhen_SeatIsNotAtItsPlace() public {
        _group(4);
        bytes4 selector = ISecureAggregation.ZkPocAggregationSeat.selector;
        Post memory request = _post(ROUND, 0, A);
        for (uint256 kind = 0; kind < 5; ++kind) {
            request = _post(ROUND, 0, A);
            // Each field of the seat; the sender stays who is at the place.
            if (kind == 0) request.seat.number = B;
            if (kind == 1) request.seat.key = _newKey(77);
            if (kind == 2) request.seat.nullifier = claims[ROUND][B].nullifier;
            if (kind == 3) request.seat.updateId = keccak256(claims[ROUND][B].update);
            if (kind == 4) request.place = 1;
            _refuses(request, selector);
        }
        // Someone else's name in the seat does not help either.
        request.place = 0;
        request.seat.claimant = address(this);
        vm.deal(address(this), BOND);
        vm.expectPartialRevert(selector);
        sums.postShare{value: BOND}(request);
        request.place = 4;
        _refuses(request, ISecureAggregation.ZkPocAggregationPlace.selector);
    }

    function test_RevertWhen_UpdateIsNotTheClaims() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        request.update = claims[ROUND][B].update;
        _refuses(request, ISecureAggregation.ZkPocAggregationUpdate.selector);
        request.update = bytes.concat(claims[ROUND][A].update, hex"00");
        _refuses(request, ISecureAggregation.ZkPocAggregationUpdate.selector);
    }

    function test_RevertWhen_MasksAreTooFewOrTooMany() public {
        _group(4);
        bytes memory masks = _post(ROUND, 0, A).masks;
        for (uint256 kind = 0; kind < 4; ++kind) {
            Post memory request = _post(ROUND, 0, A);
            if (kind == 0) request.masks = bytes.concat(masks, hex"00");
            if (kind == 1) request.masks = bytes.concat(masks, abi.encode(1, 2));
            if (kind == 2) request.masks = abi.encode(1, 2, 1, 2);
            if (kind == 3) request.masks = "";
            _refuses(request, ISecureAggregation.ZkPocAggregationMasksLength.selector);
        }
    }

    function test_RevertWhen_AMaskIsNoPoint() public {
        _group(3);
        for (uint256 i = 0; i < 2; ++i) {
            Post memory request = _post(ROUND, 0, B);
            request.masks[64 * i + 63] ^= 0x01;
            _refuses(request, Bn254.ZkPocCurvePoint.selector);
            // The identity, and coordinates that are not canonical.
            request.masks = i == 0 ? abi.encode(0, 0, 1, 2) : abi.encode(1, 2, 0, 0);
            _refuses(request, Bn254.ZkPocCurvePoint.selector);
            request.masks = i == 0 ? abi.encode(1 + Bn254.Q, 2, 1, 2) : abi.encode(1, 2, 1, 2 + Bn254.Q);
            _refuses(request, Bn254.ZkPocCurveCoordinate.selector);
        }
    }

    function test_RevertWhen_PostedTwice() public {
        _group(3);
        Post memory request = _post(ROUND, 0, A);
        _pay(request);
        bytes4 selector = ISecureAggregation.ZkPocAggregationPosted.selector;
        _refuses(request, selector);
        request.masks = _post(ROUND, 0, B).masks;
        _refuses(request, selector);
    }

    /// @notice A claim that is made again in a later round has no second share.
    function test_RevertWhen_ItsShardWasPostedInAnotherRound() public {
        for (uint256 i = 0; i < 3; ++i) {
            _maskedClaim(ROUND);
            claims[ROUND + 1].push(claims[ROUND][i]);
            claims[ROUND + 1][i].maskKey = _newKey(100 + i);
        }
        _open(ROUND);
        _fix(ROUND);
        _pay(_post(ROUND, 0, A));
        _open(ROUND + 1);
        _fix(ROUND + 1);
        _refuses(_post(ROUND + 1, 0, A), ISecureAggregation.ZkPocAggregationPosted.selector);
        _pay(_post(ROUND + 1, 0, B));
    }

    function test_RevertWhen_MessageIsOfAnotherRoundOrGroup() public {
        for (uint256 i = 0; i < 17; ++i) {
            _maskedClaim(ROUND);
        }
        _open(ROUND);
        claims[ROUND + 1] = claims[ROUND];
        _open(ROUND + 1);
        _fix(ROUND);
        sums.fixRoster(ROUND + 1, claims[ROUND + 1]);
        uint256 number = _list(sums.groupInfo(ROUND, 0).members)[0];
        Post memory request = _post(ROUND, 0, number);
        bytes4 selector = ISecureAggregation.ZkPocAggregationRoster.selector;
        request.group = 1;
        _refuses(request, selector);
        // The same claims, drawn anew: other rosters.
        (request.round, request.group) = (ROUND + 1, 0);
        _refuses(request, selector);
        request.group = 1;
        _refuses(request, selector);
    }

    // -- seeds

    function test_RevealKeepsTheSeeds() public {
        _group(5);
        _postAll(ROUND, 0, 1 << C | 1 << D);
        _roll(ROUND, 2, 0);
        vm.recordLogs();
        _reveal(ROUND, 0, B);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Group memory group = sums.groupInfo(ROUND, 0);
        vm.assertEq(group.revealed, 1 << B);
        bytes32[] memory seeds = new bytes32[](2);
        // Those without a post could compute the same.
        (seeds[0], seeds[1]) = (_seed(ROUND, 0, C, B), _seed(ROUND, 0, D, B));
        vm.assertEq(sums.postOf(ROUND, B).seedsHash, keccak256(abi.encode(seeds[0], seeds[1])));
        vm.assertEq(logs[0].topics[0], ISecureAggregation.SeedsRevealed.selector);
        vm.assertEq(uint256(logs[0].topics[3]), B);
        vm.assertEq(keccak256(logs[0].data), keccak256(abi.encode(uint256(1 << C | 1 << D), seeds)));
        _revealAllBut(B);
        vm.assertEq(sums.groupInfo(ROUND, 0).revealed, group.posted);
    }

    function _revealAllBut(uint256 number) private {
        uint256[] memory posted = _list(sums.groupInfo(ROUND, 0).posted & ~(1 << number));
        for (uint256 i = 0; i < posted.length; ++i) {
            _reveal(ROUND, 0, posted[i]);
        }
    }

    function _refusesSeeds(uint256 number, bytes32[] memory seeds, bytes4 selector) private {
        vm.prank(claims[ROUND][number].claimant);
        vm.expectPartialRevert(selector);
        sums.revealSeeds(ROUND, 0, number, seeds);
    }

    function test_RevertWhen_SeedsAreEarlyOrLate() public {
        _group(4);
        _postAll(ROUND, 0, 1 << D);
        bytes32[] memory seeds = _seeds(ROUND, 0, A);
        _roll(ROUND, 2, 0);
        vm.roll(block.number - 1);
        _refusesSeeds(A, seeds, ISecureAggregation.ZkPocAggregationTooEarly.selector);
        _roll(ROUND, 3, 0);
        _refusesSeeds(A, seeds, ISecureAggregation.ZkPocAggregationTooLate.selector);
        vm.roll(block.number - 1);
        _reveal(ROUND, 0, A);
    }

    function test_RevertWhen_SeedsAreRevealedTwiceOrByOthers() public {
        _group(4);
        _postAll(ROUND, 0, 1 << D);
        _roll(ROUND, 2, 0);
        bytes32[] memory seeds = _seeds(ROUND, 0, A);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISecureAggregation.ZkPocAggregationClaimant.selector, claims[ROUND][A].claimant, address(this)
            )
        );
        sums.revealSeeds(ROUND, 0, A, seeds);
        _refusesSeeds(D, seeds, ISecureAggregation.ZkPocAggregationNotPosted.selector);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotPosted.selector);
        sums.revealSeeds(ROUND, 0, 256, seeds);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationGroup.selector);
        sums.revealSeeds(ROUND, 1, A, seeds);
        _reveal(ROUND, 0, A);
        _refusesSeeds(A, seeds, ISecureAggregation.ZkPocAggregationRevealed.selector);
    }

    function test_RevertWhen_SeedsAreTooFewOrTooMany() public {
        _group(5);
        _postAll(ROUND, 0, 1 << D | 1 << C);
        _roll(ROUND, 2, 0);
        for (uint256 count = 0; count < 5; ++count) {
            if (count == 2) continue;
            _refusesSeeds(A, new bytes32[](count), ISecureAggregation.ZkPocAggregationSeedCount.selector);
        }
    }

    function test_RevertWhen_NobodyIsMissing() public {
        _group(3);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 2, 0);
        _refusesSeeds(A, new bytes32[](0), ISecureAggregation.ZkPocAggregationNoneMissing.selector);
    }

    /// @notice With two posts each would know the other's update: nothing is revealed.
    function test_RevertWhen_FewerThanThreePosted() public {
        _group(4);
        _postAll(ROUND, 0, 1 << D | 1 << C);
        _roll(ROUND, 2, 0);
        _refusesSeeds(A, _seeds(ROUND, 0, A), ISecureAggregation.ZkPocAggregationTooFew.selector);
    }

    // -- bonds

    function test_BondsGoBackOnce() public {
        _group(3);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 4, 0);
        vm.roll(block.number - 1);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooEarly.selector, block.number + 1, block.number));
        sums.withdrawBond(ROUND, 0, A);
        vm.roll(block.number + 1);
        vm.recordLogs();
        sums.withdrawBond(ROUND, 0, A);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], ISecureAggregation.BondWithdrawn.selector);
        vm.assertEq(keccak256(logs[0].data), keccak256(abi.encode(claims[ROUND][A].claimant)));
        vm.assertEq(claims[ROUND][A].claimant.balance, BOND);
        vm.assertEq(address(sums).balance, 2 * BOND);
        vm.assertTrue(sums.postOf(ROUND, A).withdrawn);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationWithdrawn.selector, A));
        sums.withdrawBond(ROUND, 0, A);
        sums.withdrawBond(ROUND, 0, B);
        sums.withdrawBond(ROUND, 0, C);
        vm.assertEq(address(sums).balance, 0);
    }

    function test_RevertWhen_NothingWasPosted() public {
        _group(4);
        _postAll(ROUND, 0, 1 << D);
        _roll(ROUND, 4, 0);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotPosted.selector);
        sums.withdrawBond(ROUND, 0, D);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotPosted.selector);
        sums.withdrawBond(ROUND, 0, 300);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationGroup.selector);
        sums.withdrawBond(ROUND, 1, A);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationNotOpen.selector);
        sums.withdrawBond(ROUND + 1, 0, A);
    }

    /// @notice A void round, a void group: the bond goes back all the same.
    function test_BondsOfVoidGroupsGoBack() public {
        _group(3);
        _pay(_post(ROUND, 0, A));
        pool.end(ROUND, RoundStatus.Void);
        _roll(ROUND, 4, 1000);
        sums.withdrawBond(ROUND, 0, A);
        vm.assertEq(claims[ROUND][A].claimant.balance, BOND);
    }

    function _contractPosts() private returns (ContractClaimant account) {
        account = new ContractClaimant(sums);
        for (uint256 i = 0; i < 3; ++i) {
            _maskedClaim(ROUND);
        }
        claims[ROUND][A].claimant = address(account);
        _open(ROUND);
        _fix(ROUND);
        Post memory request = _post(ROUND, 0, A);
        vm.deal(address(this), BOND);
        account.post{value: BOND}(request);
        _pay(_post(ROUND, 0, B));
        _pay(_post(ROUND, 0, C));
        _roll(ROUND, 4, 0);
    }

    function test_ClaimantThatRefusesItsBondCanTakeItLater() public {
        ContractClaimant account = _contractPosts();
        account.turn(ContractClaimant.Mood.Refuses, "");
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationTransfer.selector, address(account)));
        sums.withdrawBond(ROUND, 0, A);
        vm.assertFalse(sums.postOf(ROUND, A).withdrawn);
        account.turn(ContractClaimant.Mood.Takes, "");
        sums.withdrawBond(ROUND, 0, A);
        vm.assertEq(address(account).balance, BOND);
    }

    function test_ClaimantThatCallsBackGetsItsBondOnce() public {
        ContractClaimant account = _contractPosts();
        account.turn(ContractClaimant.Mood.Withdraws, abi.encodeCall(ISecureAggregation.withdrawBond, (ROUND, 0, A)));
        sums.withdrawBond(ROUND, 0, A);
        vm.assertEq(account.refused(), 1);
        vm.assertEq(address(account).balance, BOND);
        vm.assertEq(address(sums).balance, 2 * BOND);
        // What others have can be paid out from inside: it goes to them.
        vm.assertEq(claims[ROUND][B].claimant.balance, 0);
        sums.withdrawBond(ROUND, 0, B);
        vm.assertEq(claims[ROUND][B].claimant.balance, BOND);
    }
}
