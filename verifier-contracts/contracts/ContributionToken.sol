// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IContributionToken} from "./interfaces/IContributionToken.sol";

/// @title Token that contributions are paid in
/// @notice The admin gives the minter role to the rounds contract; nobody else needs it.
contract ContributionToken is ERC20, AccessControl, IContributionToken {
    /// @notice Who may create tokens.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @param admin Holds the admin role.
    constructor(address admin) ERC20("zkpoc contribution", "ZKPOC") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IContributionToken
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }
}
