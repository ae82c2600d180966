// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {VerifierRouter} from "../contracts/VerifierRouter.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {ProfileId} from "../contracts/interfaces/Ids.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";
import {Test} from "./utils/Vm.sol";

contract VerifierRouterTest is Test {
    ProfileId private constant PROFILE = ProfileId.wrap(keccak256("profile"));

    VerifierRouter private router;
    address private verifier;

    function setUp() public {
        router = new VerifierRouter(address(this));
        verifier = address(new StandInVerifier(1));
    }

    function test_AddsOneRouteForEachCircuit() public {
        router.add(PROFILE, Circuit.Training, verifier);
        vm.assertEq(router.verifierOf(PROFILE, Circuit.Training), verifier);
        (address none,) = router.route(PROFILE, Circuit.Dataset);
        vm.assertEq(none, address(0));
    }

    function test_RevertWhen_RouteIsReplaced() public {
        router.add(PROFILE, Circuit.Training, verifier);
        address other = address(new StandInVerifier(2));
        vm.expectRevert(
            abi.encodeWithSelector(IVerifierRouter.ZkPocRouterRouteTaken.selector, PROFILE, Circuit.Training, verifier)
        );
        router.add(PROFILE, Circuit.Training, other);
    }

    function test_RevertWhen_FrozenRouteIsReplacedOrUsed() public {
        router.add(PROFILE, Circuit.Training, verifier);
        router.freeze(PROFILE, Circuit.Training);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterRouteTaken.selector);
        router.add(PROFILE, Circuit.Training, verifier);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterFrozen.selector, PROFILE, Circuit.Training));
        router.verifierOf(PROFILE, Circuit.Training);
    }

    function test_RevertWhen_NoRoute() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterNoRoute.selector, PROFILE, Circuit.Dataset));
        router.verifierOf(PROFILE, Circuit.Dataset);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterNoRoute.selector);
        router.freeze(PROFILE, Circuit.Dataset);
    }

    function test_RevertWhen_VerifierHasNoCode() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterNoCode.selector, address(0x1234)));
        router.add(PROFILE, Circuit.Training, address(0x1234));
    }

    function testFuzz_RevertWhen_SenderHasNoRole(address sender) public {
        vm.assume(sender != address(this));
        vm.prank(sender);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        router.add(PROFILE, Circuit.Training, verifier);
        router.add(PROFILE, Circuit.Training, verifier);
        vm.prank(sender);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        router.freeze(PROFILE, Circuit.Training);
    }
}
