// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Token that contributions are paid in
interface IContributionToken is IERC20 {
    /// @notice Creates tokens; for the minter role only.
    /// @param to Who receives them.
    /// @param amount How many, in the smallest unit.
    function mint(address to, uint256 amount) external;
}
