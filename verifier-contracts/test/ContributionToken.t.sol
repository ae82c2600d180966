// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ContributionToken} from "../contracts/ContributionToken.sol";
import {Test} from "./utils/Vm.sol";

contract ContributionTokenTest is Test {
    ContributionToken private token;

    function setUp() public {
        token = new ContributionToken(address(this));
    }

    function testFuzz_MinterMints(address to, uint128 amount) public {
        vm.assume(to != address(0));
        token.grantRole(token.MINTER_ROLE(), address(this));
        token.mint(to, amount);
        vm.assertEq(token.balanceOf(to), amount);
        vm.assertEq(token.totalSupply(), amount);
    }

    function test_RevertWhen_SenderIsNoMinter() public {
        // Not even the admin.
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        token.mint(address(this), 1);
    }
}
