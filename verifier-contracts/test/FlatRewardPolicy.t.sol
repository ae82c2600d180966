// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FlatRewardPolicy} from "../contracts/FlatRewardPolicy.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {Test} from "./utils/Vm.sol";

contract FlatRewardPolicyTest is Test {
    function testFuzz_PaysTheSameWithinTheBounds(uint8 norm, uint8 loss, uint256 round, address claimant) public {
        FlatRewardPolicy policy = new FlatRewardPolicy(7 ether, 80, 50);
        norm = norm % 81;
        loss = loss % 51;
        vm.assertEq(policy.reward(round, claimant, norm, loss), 7 ether);
    }

    function test_RevertWhen_BoundIsWider() public {
        FlatRewardPolicy policy = new FlatRewardPolicy(7 ether, 80, 50);
        vm.expectRevert(abi.encodeWithSelector(IRewardPolicy.ZkPocPolicyNormBound.selector, 80, 81));
        policy.reward(1, address(1), 81, 50);
        vm.expectRevert(abi.encodeWithSelector(IRewardPolicy.ZkPocPolicyLossBound.selector, 50, 51));
        policy.reward(1, address(1), 80, 51);
    }
}
