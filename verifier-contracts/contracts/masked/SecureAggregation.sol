// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Group, ISecureAggregation} from "../interfaces/ISecureAggregation.sol";
import {Faults} from "./Faults.sol";
import {AggregationConfig, Rosters} from "./Rosters.sol";

/// @title Secure aggregation: the sum of a group's updates becomes known, no single update does
/// @notice One instance serves one rounds contract, which calls `requireWhole` before it accepts a finalization. ISecureAggregation
/// describes the phases and the messages. The code is split by what happens: Rosters draws the groups, Shares takes what members
/// post and reveal, Faults decides who loses its bond.
///
/// What stays secret: a member's share is its update plus one mask for each other member, and each mask cancels against the share of
/// the member it is shared with. A sum that leaves out some members that posted still holds their masks, so it looks random to
/// whoever does not know the masks' seeds. Members reveal seeds only for members that did not post. Therefore this contract accepts a
/// group with exactly the members that posted, or not at all.
///
/// What does not: if all other members of a group work together, they subtract their own updates from the sum and learn the one that
/// is left. This holds for every protocol that publishes a sum.
contract SecureAggregation is Faults {
    /// @param config What the contract is made of, for good.
    constructor(AggregationConfig memory config) Rosters(config) {}

    /// @inheritdoc ISecureAggregation
    function requireWhole(uint256 round, uint256 included, uint256 masked)
        external
        view
        returns (uint256 settleNotBefore)
    {
        (, uint256 d2, uint256 d3,) = deadlinesOf(round);
        if (block.number < d2) {
            // Posts may still come, and so may the groups.
            if (included & masked != 0) revert ZkPocAggregationTooEarly(d2, block.number);
            return d3;
        }
        uint256 all = 0;
        for (uint256 g = 0; g < _groups[round].length; ++g) {
            Group memory group = _groups[round][g];
            all |= group.members;
            uint256 taken = included & group.members;
            if (taken == 0) {
                if (_canBeWhole(group, d3)) settleNotBefore = d3;
                continue;
            }
            if (taken != group.posted) revert ZkPocAggregationPartly(group.posted, taken);
            _requireEnough(taken);
            if (taken != group.members && taken != group.revealed) {
                revert ZkPocAggregationUnrevealed(taken, group.revealed);
            }
            if (group.faulty != 0) revert ZkPocAggregationSpoilt(g, group.faulty);
        }
        uint256 claims = included & masked;
        if (claims & ~all != 0) revert ZkPocAggregationOutside(all, claims);
    }

    /// @dev A group that is not included can still be, when its shares and seeds have come: until D3 they may.
    function _canBeWhole(Group memory group, uint256 d3) private view returns (bool) {
        if (block.number >= d3) return false;
        return group.faulty == 0 && _count(group.posted) >= MIN_MEMBERS;
    }
}
