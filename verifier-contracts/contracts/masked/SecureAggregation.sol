// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Group, ISecureAggregation} from "../interfaces/ISecureAggregation.sol";
import {Faults} from "./Faults.sol";
import {AggregationConfig, Rosters} from "./Rosters.sol";

/// @title Sums of updates that nobody sees one by one
/// @notice One of these serves one rounds contract, which asks it before it takes a finalization. Phases and messages are in
/// ISecureAggregation; who sums up with whom is drawn in Rosters, what members post is in Shares, how they lose their bond in
/// Faults.
///
/// Nobody can include part of a group: the sum of fewer members than posted is masked by those that are left out, and nobody who
/// follows the protocol helps to open another one. Who is alone among members that work together has its update known by them,
/// as in any sum.
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
