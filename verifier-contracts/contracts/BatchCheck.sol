// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "./interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ProfileId} from "./interfaces/Ids.sol";
import {Link, LinkVerifier} from "./libraries/LinkVerifier.sol";

/// @title Several proofs and links checked at once
/// @notice Each proof comes as an accumulator, the equation that is left of it after `IVerifier.defer`. An accumulator says nothing
/// about where it came from, and anyone can make one that holds. So callers must pass only what `defer` of the verifier in use gave
/// them.
abstract contract BatchCheck is IVerifierRouter {
    /// @inheritdoc IVerifierRouter
    function verifierOf(ProfileId profileId, Circuit circuit) public view virtual returns (address);

    /// @inheritdoc IVerifierRouter
    function hold(ProfileId profileId, Circuit circuit, uint256[][] calldata accumulators, Link[] calldata links)
        external
        view
        returns (uint256 good)
    {
        IVerifier verifier = IVerifier(verifierOf(profileId, circuit));
        uint256 count = accumulators.length;
        if (count == 0 || count > 255 || links.length != count) revert ZkPocRouterBatch(count, links.length);
        good = _judge(verifier, accumulators, 0, count, false);
        if (!LinkVerifier.hold(links)) {
            for (uint256 i = 0; i < count; ++i) {
                if (!LinkVerifier.holds(links[i])) good &= ~(uint256(1) << i);
            }
        }
    }

    /// @dev Which of the accumulators `from` to `to` (not included) hold: bit i of the result stands for accumulator i. They are
    /// decided together; if that fails, each half is judged by itself, so one bad accumulator among n costs about 2 log2(n) decisions.
    /// `failed` says that the caller knows already that not all of them hold: if a range fails and its first half holds, its second
    /// half fails.
    function _judge(IVerifier verifier, uint256[][] calldata accumulators, uint256 from, uint256 to, bool failed)
        private
        view
        returns (uint256 good)
    {
        uint256 all = (uint256(1) << to) - (uint256(1) << from);
        if (!failed && _decide(verifier, accumulators, from, to)) return all;
        if (to - from == 1) return 0;
        uint256 middle = (from + to) / 2;
        good = _judge(verifier, accumulators, from, middle, false);
        bool firstHolds = good == (uint256(1) << middle) - (uint256(1) << from);
        return good | _judge(verifier, accumulators, middle, to, firstHolds);
    }

    /// @dev Whether the verifier accepts these accumulators. A verifier always gives a reason when it refuses; a revert without one
    /// means that it ran out of gas. That says nothing about the accumulators, so the whole call reverts.
    function _decide(IVerifier verifier, uint256[][] calldata accumulators, uint256 from, uint256 to)
        private
        view
        returns (bool)
    {
        uint256 length = accumulators[from].length;
        uint256[] memory all = new uint256[](length * (to - from));
        for (uint256 i = from; i < to; ++i) {
            uint256[] calldata one = accumulators[i];
            if (one.length != length) revert ZkPocRouterBatch(length, one.length);
            assembly ("memory-safe") {
                // Behind the array's length and the words of those before.
                let target := add(add(all, 0x20), shl(5, mul(sub(i, from), length)))
                calldatacopy(target, one.offset, shl(5, length))
            }
        }
        try verifier.decide(all) {
            return true;
        } catch (bytes memory reason) {
            if (reason.length == 0) revert ZkPocRouterBatchGas();
            return false;
        }
    }
}
