// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundLayout} from "../generated/RoundLayout.sol";
import {Claim, IContributionRounds, Round} from "../interfaces/IContributionRounds.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Circuit} from "../interfaces/IVerifierRouter.sol";
import {ProfileId} from "../interfaces/Ids.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";
import {RoundClaims} from "./RoundClaims.sol";

/// @title Several claims in one call, which share one pairing
/// @notice A member of a batch is one claim. Everything about it is checked by itself except two equations: that of its proof, which
/// the verifier returns as an accumulator, and that of its link. These are checked for all members at once: the equations are multiplied
/// by powers of a challenge and added up. If the sum does not hold, the members whose equations fail are searched for.
///
/// Anyone may send a batch, and pays its gas. For whom a claim is made does not depend on the sender: the context that a proof is
/// bound to holds the dataset's owner. A refused member does not affect the others, apart from the gas of the search.
///
/// Soundness: both equations are linear. If some of n equations do not hold, their weighted sum holds for at most n - 1 of the r
/// possible challenges, and the challenge is a hash of all that the equations consist of.
abstract contract ClaimBatch is RoundClaims {
    /// @notice Most claims in one call: with all of them bad the call stays below 2^24 gas (EIP-7825).
    uint256 public constant MAX_BATCH = 16;

    /// @dev A member that is not refused yet.
    struct Member {
        uint256 place;
        Noted noted;
        Link link;
        uint256[] accumulator;
    }

    /// @inheritdoc IContributionRounds
    function claimMany(Claim[] calldata requests) external returns (uint256 accepted) {
        uint256 count = requests.length;
        if (count == 0 || count > MAX_BATCH) revert ZkPocRoundsBatch(MAX_BATCH, count);
        Member[] memory members = new Member[](count);
        bytes memory refusal;
        uint256 left = 0;
        for (uint256 i = 0; i < count; ++i) {
            try this.checkMember(requests[i]) returns (
                Noted memory noted, Link memory link, uint256[] memory accumulator
            ) {
                members[left++] = Member(i, noted, link, accumulator);
            } catch (bytes memory reason) {
                refusal = _refuse(requests[i].round, i, reason);
            }
        }
        uint256 good = _hold(members, left);
        for (uint256 i = 0; i < left; ++i) {
            Member memory member = members[i];
            Claim calldata request = requests[member.place];
            bytes memory reason = (good >> i) & 1 == 0
                ? abi.encodeWithSelector(ZkPocRoundsProof.selector, member.noted.context)
                : _refusalNow(request.round, member.noted);
            if (reason.length != 0) {
                refusal = _refuse(request.round, member.place, reason);
                continue;
            }
            _take(request.round, member.noted);
            _record(request, member.noted);
            accepted |= uint256(1) << member.place;
        }
        if (accepted == 0) revert ZkPocRoundsNoneAccepted(refusal);
    }

    /// @notice All that a claim must show but the two equations, for the owner of the dataset. It changes nothing, except that it
    /// may validate the shard, as anyone may.
    /// @param request The claim.
    /// @return noted What the claim comes to.
    /// @return link Equation of the link.
    /// @return accumulator Equation of the proof.
    function checkMember(Claim calldata request)
        external
        returns (Noted memory noted, Link memory link, uint256[] memory accumulator)
    {
        ProfileId profile = profileId;
        noted = _check(request, address(0), profile);
        if (!noted.validated) _validate(request, noted.index);
        _requireStatement(request, noted.modelId);
        link = LinkVerifier.read(noted.context, request.commitment, _dataPoint(request), request.link);
        address verifier = ROUTER.verifierOf(profile, Circuit.Training);
        accumulator = IVerifier(verifier).defer(request.proof, _instances(request, noted));
    }

    /// @dev What an earlier member of the batch may have changed: the same shard claimed, the round full, the budget spent.
    function _refusalNow(uint256 number, Noted memory noted) private view returns (bytes memory) {
        if (claimedIn[noted.nullifier] == number) {
            return abi.encodeWithSelector(ZkPocRoundsAlreadyClaimed.selector, noted.nullifier);
        }
        Round storage round = _rounds[number];
        if (round.claims >= RoundLayout.MAX_CLAIMS) {
            return abi.encodeWithSelector(ZkPocRoundsFull.selector, RoundLayout.MAX_CLAIMS);
        }
        if (noted.reward > round.remaining) {
            return abi.encodeWithSelector(ZkPocRoundsBudget.selector, round.remaining, noted.reward);
        }
        return "";
    }

    /// @dev Which members' equations hold, by bits.
    function _hold(Member[] memory members, uint256 count) private view returns (uint256) {
        if (count == 0) return 0;
        Link[] memory links = new Link[](count);
        uint256[][] memory accumulators = new uint256[][](count);
        for (uint256 i = 0; i < count; ++i) {
            (links[i], accumulators[i]) = (members[i].link, members[i].accumulator);
        }
        return ROUTER.hold(profileId, Circuit.Training, accumulators, links);
    }

    function _refuse(uint256 number, uint256 place, bytes memory reason) private returns (bytes memory) {
        _requireReason(reason);
        emit ClaimRefused(number, msg.sender, place, reason);
        return reason;
    }

    /// @dev Every contract that is called here gives a reason when it refuses; a revert without one means that it ran out of gas. Then
    /// the whole batch reverts: otherwise whoever sends a batch could have members refused by sending too little gas.
    function _requireReason(bytes memory reason) private pure {
        if (reason.length == 0) revert ZkPocRoundsBatchGas();
    }
}
