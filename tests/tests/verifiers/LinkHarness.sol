// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "./libraries/Bn254.sol";
import {LinkVerifier} from "./libraries/LinkVerifier.sol";

/// @title The link verifier as a contract of its own
contract LinkHarness {
    /// @notice Returns if the link holds.
    function check(uint256 context, G1Point calldata registered, G1Point calldata copy, bytes calldata link)
        external
        view
    {
        LinkVerifier.verify(context, registered, copy, link);
    }
}
