// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PoolActions} from "./utils/PoolActions.sol";

/// @notice Whatever four members do, in whatever order and at whatever time: what is paid is what was proven, once.
contract RoundsInvariantTest is PoolActions {
    /// @notice Supply, budgets, models and the one open round, checked together: each campaign costs its own time.
    function invariant_WhatIsPaidWasProvenOnce() public view {
        _checkAll();
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
        _checkAll();
    }
}
