// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Claim, Round, RoundStatus} from "../../contracts/interfaces/IContributionRounds.sol";
import {Group, PairDispute, Post, SeedDispute} from "../../contracts/interfaces/ISecureAggregation.sol";
import {ModelId, Subject} from "../../contracts/interfaces/Ids.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {Curve} from "../utils/Curve.sol";
import {MaskedMembers} from "../utils/MaskedMembers.sol";
import {PoolActions} from "../utils/PoolActions.sol";

/// @notice Three members follow the protocol when they do anything at all; the fourth one posts what it likes, reveals what it likes,
/// and votes for everything. Honest members reveal their seeds in time, and vote against nobody but the fourth.
contract AggregationInvariantTest is PoolActions, MaskedMembers {
    uint256 private constant HOSTILE = 3;

    /// @dev What a claim's member posted and revealed, for disputes.
    mapping(uint256 round => mapping(uint256 number => bytes posted)) private _masksOf;
    mapping(uint256 round => mapping(uint256 number => bytes32[] seeds)) private _seedsOf;
    mapping(bytes32 nullifier => bool posted) private _postedEver;
    uint256 private _postsMade;
    uint256 private _withdrawals;
    uint256 private _groupsDrawn;
    uint256 private _reveals;
    uint256 private _bondsLost;
    uint256 private _groupsPaid;

    function setUp() public override {
        super.setUp();
        (sums, facts) = (aggregation, masks);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            signers[_members[i]] = keys[_members[i]];
        }
    }

    function _actions() internal pure override returns (bytes4[] memory actions) {
        actions = new bytes4[](11);
        actions[0] = this.actClaim.selector;
        actions[1] = this.actFinalize.selector;
        actions[2] = this.actFinalizeWhole.selector;
        actions[3] = this.actSettle.selector;
        actions[4] = this.actVoid.selector;
        actions[5] = this.actWait.selector;
        actions[6] = this.actPost.selector;
        actions[7] = this.actMisreveal.selector;
        actions[8] = this.actDispute.selector;
        actions[9] = this.actAccuse.selector;
        actions[10] = this.actWithdraw.selector;
    }

    // -- time: in each block anyone draws groups that can be drawn, and honest members reveal their seeds

    function actWait(uint8 blocks) public override {
        _advance(block.number + 1 + blocks % 12);
    }

    function _advance(uint256 target) private {
        while (block.number < target) {
            vm.roll(block.number + 1);
            uint256 current = rounds.currentRound();
            _attend(current);
            if (current > 1) _attend(current - 1);
        }
    }

    function _attend(uint256 round) private {
        (uint256 d1, uint256 d2, uint256 d3,) = sums.deadlinesOf(round);
        bool open = rounds.roundInfo(round).status == RoundStatus.Open;
        if (open && block.number > d1 && block.number < d2 && !sums.isFixed(round)) {
            sums.fixRoster(round, claims[round]);
            _groupsDrawn += sums.groupCount(round);
        }
        if (block.number < d2 || block.number >= d3 || sums.groupCount(round) == 0) return;
        Group memory group = sums.groupInfo(round, 0);
        if (group.posted == group.members || _list(group.posted).length < 3) return;
        uint256[] memory due = _list(group.posted & ~group.revealed & ~_hostiles(round));
        for (uint256 i = 0; i < due.length; ++i) {
            _reveal(round, 0, due[i]);
            ++_reveals;
        }
    }

    /// @dev The claims of the fourth member.
    function _hostiles(uint256 round) private view returns (uint256 set) {
        for (uint256 i = 0; i < claims[round].length; ++i) {
            if (claims[round][i].claimant == _members[HOSTILE]) set |= uint256(1) << i;
        }
    }

    /// @dev A round with a group: the current one or the one before.
    function _pick(uint256 seed) private view returns (uint256 round, bool found) {
        round = rounds.currentRound();
        if (round > 1 && seed & 1 == 1) --round;
        found = sums.groupCount(round) != 0;
    }

    // -- actions

    /// @notice Some members claim. Most claims have a key, some none, some one that gives no secret.
    function actClaim(uint256 seed) public override {
        uint256 number = rounds.currentRound();
        Round memory round = rounds.roundInfo(number);
        if (round.beacon == 0) {
            _advance(uint256(round.beaconBlock) + 1);
            rounds.seal(number);
            // The hash was gone: another block takes its place.
            if (rounds.roundInfo(number).beacon == 0) return;
        }
        for (uint256 member = 0; member < MEMBERS; ++member) {
            if (seed >> (2 * member) & 3 != 0) _claimAs(number, member, (seed >> (8 + 4 * member)) % 16);
        }
    }

    function _claimAs(uint256 number, uint256 member, uint256 kind) private {
        ModelId modelId = rounds.roundInfo(number).modelId;
        bytes32 key = kind == 0 ? bytes32(0) : kind == 1 ? bytes32(uint256(1) << 248) : _newKey(number * 8 + member);
        uint256 index = rounds.drawnIndex(number, _roots[member]);
        Claim memory request = _maskedClaimAt(
            number, _members[member], Subject.wrap(bytes32(500 + member)), _roots[member], index, _scalars[modelId], key
        );
        try this.send(_members[member], request) {
            ++_claims;
            claims[number].push(recorded[number][recorded[number].length - 1]);
        } catch {
            ++_refused;
        }
    }

    /// @notice A finalization of whole groups and some plain claims.
    function actFinalizeWhole(uint256 seed) public {
        uint256 number = rounds.currentRound();
        uint256 included = seed & _openClaims(number);
        (, uint256 d2,,) = sums.deadlinesOf(number);
        if (seed >> 128 & 1 == 1 && sums.groupCount(number) != 0 && block.number < d2) _advance(d2);
        bool grouped = sums.groupCount(number) != 0 && seed >> 130 & 3 != 0;
        if (grouped) included |= sums.groupInfo(number, 0).posted;
        uint256 before = _finalizations;
        actFinalize(included, seed >> 140 & 7 == 0);
        if (grouped && _finalizations > before) ++_groupsPaid;
    }

    function _openClaims(uint256 number) private view returns (uint256 set) {
        for (uint256 i = 0; i < claims[number].length; ++i) {
            if (claims[number][i].maskKey == 0) set |= uint256(1) << i;
        }
    }

    /// @notice Members post, once claims are over; in some rounds one never does, and the fourth one posts a wrong mask.
    function actPost(uint256 seed) public {
        uint256 round = rounds.currentRound();
        (uint256 d1,,,) = sums.deadlinesOf(round);
        if (claims[round].length >= 3 && block.number <= d1) _advance(d1 + 1);
        if (sums.groupCount(round) == 0) return;
        uint256[] memory members = _list(sums.groupInfo(round, 0).members);
        for (uint256 i = 0; i < members.length; ++i) {
            bool silent = uint256(keccak256(abi.encode(round))) % 8 == members[i];
            if (!silent && seed >> (4 * i) & 7 != 0) _postAs(round, members[i], seed >> 100, members.length - 1);
        }
    }

    function _postAs(uint256 round, uint256 number, uint256 seed, uint256 others) private {
        Post memory request = _post(round, 0, number);
        if (_hostiles(round) >> number & 1 == 1 && round % 3 == 0) {
            request.masks = _spoilt(request.masks, 64 * ((seed >> 8) % others));
        }
        try this.pay(request) {
            if (_postedEver[request.seat.nullifier]) revert("a claim was posted twice");
            _postedEver[request.seat.nullifier] = true;
            _masksOf[round][number] = request.masks;
            ++_postsMade;
        } catch {
            ++_refused;
        }
    }

    function _spoilt(bytes memory good, uint256 skip) private view returns (bytes memory bad) {
        G1Point memory point = Curve.point(1234);
        bad = bytes.concat(good, "");
        for (uint256 i = 0; i < 32; ++i) {
            bad[skip + i] = bytes32(point.x)[i];
            bad[skip + 32 + i] = bytes32(point.y)[i];
        }
    }

    /// @notice A post that may be refused.
    function pay(Post memory request) external {
        _pay(request);
    }

    /// @notice The fourth member reveals, right or wrong, in or out of time.
    function actMisreveal(uint256 seed) public {
        (uint256 round, bool found) = _pick(seed);
        uint256 hostile = _hostiles(round);
        if (!found || hostile == 0) return;
        uint256 number = _list(hostile)[0];
        bytes32[] memory seeds = _seeds(round, 0, number);
        if (seeds.length != 0 && seed >> 8 & 1 == 1) seeds[0] = bytes32(seed);
        vm.prank(_members[HOSTILE]);
        try sums.revealSeeds(round, 0, number, seeds) {
            _seedsOf[round][number] = seeds;
            ++_reveals;
        } catch {
            ++_refused;
        }
    }

    /// @notice Every pair and every revealed seed is disputed, with facts that are true and with one that is not.
    function actDispute(uint256 seed) public {
        (uint256 round, bool found) = _pick(seed);
        if (!found) return;
        Group memory group = sums.groupInfo(round, 0);
        uint256[] memory posted = _list(group.posted);
        for (uint256 i = 0; i + 1 < posted.length; ++i) {
            _disputePair(round, posted[i], posted[i + 1 + seed % (posted.length - 1 - i)], seed);
        }
        uint256[] memory silent = _list(group.members & ~group.posted);
        if (posted.length == 0 || silent.length == 0) return;
        _disputeSeed(round, posted[seed % posted.length], silent[0], seed);
    }

    function _disputePair(uint256 round, uint256 first, uint256 second, uint256 seed) private {
        PairDispute memory request = _pairDispute(round, 0, first, second, seed >> 8 & 1 == 0);
        (request.firstMasks, request.secondMasks) = (_masksOf[round][first], _masksOf[round][second]);
        if (seed >> 16 & 3 == 0) request.commitment = Curve.point(seed >> 17);
        try sums.disputePair(request) {
            ++_bondsLost;
        } catch {
            ++_refused;
        }
    }

    function _disputeSeed(uint256 round, uint256 number, uint256 missing, uint256 seed) private {
        bytes32[] memory revealed = _seedsOf[round][number];
        // Honest members reveal the right ones.
        if (revealed.length == 0) revealed = _seeds(round, 0, number);
        SeedDispute memory request = _seedDispute(round, 0, number, missing, revealed[0]);
        request.seeds = revealed;
        request.masks = _masksOf[round][number];
        if (seed >> 16 & 3 == 0) request.commitment = Curve.point(seed >> 17);
        try sums.disputeSeed(request) {
            ++_bondsLost;
        } catch {
            ++_refused;
        }
    }

    /// @notice Someone is accused to keep seeds or a share back. The fourth member signs against everyone, others against it only;
    /// a signature that is not there is made up.
    function actAccuse(uint256 seed) public {
        (uint256 round, bool found) = _pick(seed);
        if (!found) return;
        uint256 members = sums.groupInfo(round, 0).members;
        uint256 number = _list(members)[(seed >> 8) % _list(members).length];
        try sums.faultUnrevealed(round, 0, number) {
            ++_bondsLost;
        } catch {
            ++_refused;
        }
        uint256 hostile = _hostiles(round);
        uint256 voters = (seed >> 16) & sums.groupInfo(round, 0).posted & ~(uint256(1) << number);
        bytes[] memory votes = _votes(round, number, voters);
        if (hostile >> number & 1 == 0 && hostile != 0) {
            bytes memory forged = _vote(round, number, _list(hostile)[0]);
            for (uint256 i = 0; i < votes.length; ++i) {
                votes[i] = forged;
            }
        } else if (hostile == 0) {
            return;
        }
        try sums.faultMissing(round, 0, number, voters, votes) {
            ++_bondsLost;
        } catch {
            ++_refused;
        }
    }

    /// @notice Anyone's bond of any round is asked for.
    function actWithdraw(uint256 seed) public {
        uint256 round = 1 + seed % rounds.currentRound();
        for (uint256 number = 0; number < claims[round].length; ++number) {
            _withdraw(round, number);
        }
    }

    function _withdraw(uint256 round, uint256 number) private {
        try sums.withdrawBond(round, 0, number) {
            ++_withdrawals;
        } catch {
            ++_refused;
        }
    }

    // -- what always holds

    function _checkSums() private view {
        vm.assertEq(address(sums).balance, (_postsMade - _withdrawals) * BOND);
        for (uint256 round = 1; round <= rounds.currentRound(); ++round) {
            if (sums.groupCount(round) != 0) {
                vm.assertEq(sums.groupInfo(round, 0).faulty & ~_hostiles(round), 0);
            }
            _checkIncluded(round, rounds.proposalOf(round).included);
        }
    }

    /// @dev Groups as a whole, and plain claims.
    function _checkIncluded(uint256 round, uint256 included) private view {
        uint256 rest = included & ~_openClaims(round);
        if (rest == 0) return;
        Group memory group = sums.groupInfo(round, 0);
        vm.assertEq(rest, group.posted);
        vm.assertTrue(_list(rest).length >= 3);
        vm.assertTrue(group.posted == group.members || group.revealed == group.posted);
    }

    /// @notice Bonds, nullifiers and included sets, and what is paid.
    /// forge-config: default.invariant.runs = 4
    /// forge-config: default.invariant.depth = 80
    function invariant_HonestMembersKeepTheirBonds() public view {
        _checkAll();
        _checkSums();
    }

    function step(uint256 seed) external {
        uint256 action = seed % 24;
        seed >>= 8;
        if (action < 3) actClaim(seed);
        else if (action < 5) actWait(uint8(seed));
        else if (action < 10) actPost(seed);
        else if (action == 10) actFinalize(seed, seed >> 200 & 7 == 0);
        else if (action < 14) actFinalizeWhole(seed);
        else if (action == 14) actSettle(seed);
        else if (action == 15) actVoid(seed);
        else if (action < 18) actMisreveal(seed);
        else if (action < 21) actDispute(seed);
        else actAccuse(seed);
        if (seed >> 100 & 15 == 0) actWithdraw(seed >> 104);
    }

    /// @notice The actions reach what they are for; in the end every bond but those that were lost is paid back.
    function test_AggregationActionsReachEveryEnd() public {
        vm.pauseGasMetering();
        for (uint256 i = 0; i < 1200; ++i) {
            // A call of its own: memory is given back.
            this.step(uint256(keccak256(abi.encode("masked actions", i))));
        }
        vm.assertTrue(_groupsDrawn >= 8);
        vm.assertTrue(_postsMade >= 15);
        vm.assertTrue(_reveals >= 3);
        vm.assertTrue(_bondsLost >= 2);
        vm.assertTrue(_groupsPaid >= 2);
        vm.assertTrue(_withdrawals >= 10);
        _checkAll();
        _checkSums();
        vm.roll(block.number + 100);
        uint256 lost = 0;
        for (uint256 round = 1; round <= rounds.currentRound(); ++round) {
            if (sums.groupCount(round) == 0) continue;
            lost += _list(sums.groupInfo(round, 0).faulty).length;
            for (uint256 number = 0; number < claims[round].length; ++number) {
                _withdraw(round, number);
            }
        }
        vm.assertEq(address(sums).balance, lost * BOND);
    }
}
