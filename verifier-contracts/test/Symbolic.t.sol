// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionToken} from "../contracts/ContributionToken.sol";
import {FlatRewardPolicy} from "../contracts/FlatRewardPolicy.sol";
import {VerifierRouter} from "../contracts/VerifierRouter.sol";
import {Evidence, StopReason} from "../contracts/interfaces/IEmergencyStop.sol";
import {Circuit} from "../contracts/interfaces/IVerifierRouter.sol";
import {ProfileId, Root} from "../contracts/interfaces/Ids.sol";
import {G1Point} from "../contracts/libraries/Bn254.sol";
import {SHARD_TREE_DEPTH, ShardTree} from "../contracts/libraries/ShardTree.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";
import {Test} from "./utils/Vm.sol";

/// @notice Rules of the small contracts for every input: `check_*` by a symbolic executor (docs/slither.md says how), and the same
/// by fuzzing here.
contract SymbolicTest is Test {
    ProfileId private constant PROFILE = ProfileId.wrap(keccak256("profile"));

    VerifierRouter private router;
    ContributionToken private token;
    FlatRewardPolicy private policy;
    address private verifier;

    function setUp() public {
        router = new VerifierRouter(address(this));
        token = new ContributionToken(address(this));
        policy = new FlatRewardPolicy(10 ether, 60, 40);
        verifier = address(new StandInVerifier(1));
        router.add(PROFILE, Circuit.Training, verifier);
    }

    // -- the policy

    /// @notice It pays the one reward if and only if both bounds are in range.
    function check_PolicyPaysIffBoundsHold(uint256 round, address claimant, uint8 norm, uint8 loss) public view {
        try policy.reward(round, claimant, norm, loss) returns (uint256 paid) {
            assert(norm <= 60 && loss <= 40 && paid == 10 ether);
        } catch {
            assert(norm > 60 || loss > 40);
        }
    }

    function testFuzz_PolicyPaysIffBoundsHold(uint256 round, address claimant, uint8 norm, uint8 loss) public view {
        check_PolicyPaysIffBoundsHold(round, claimant, norm, loss);
    }

    // -- the token

    /// @notice Without the role nobody mints, whatever the amount.
    function check_OnlyTheMinterMints(address sender, address to, uint256 amount) public {
        vm.assume(!token.hasRole(token.MINTER_ROLE(), sender));
        vm.prank(sender);
        (bool minted,) = address(token).call(abi.encodeCall(token.mint, (to, amount)));
        assert(!minted && token.totalSupply() == 0);
    }

    function testFuzz_OnlyTheMinterMints(address sender, address to, uint256 amount) public {
        check_OnlyTheMinterMints(sender, to, amount);
    }

    /// @notice Without the admin role nobody gives or takes a role.
    function check_OnlyTheAdminGivesRoles(address sender, bytes32 role, address account, bool give) public {
        vm.assume(sender != address(this));
        bool before = token.hasRole(role, account);
        bytes memory data =
            give ? abi.encodeCall(token.grantRole, (role, account)) : abi.encodeCall(token.revokeRole, (role, account));
        vm.prank(sender);
        (bool done,) = address(token).call(data);
        assert(!done && token.hasRole(role, account) == before);
    }

    function testFuzz_OnlyTheAdminGivesRoles(address sender, bytes32 role, address account, bool give) public {
        check_OnlyTheAdminGivesRoles(sender, role, account, give);
    }

    // -- the router

    /// @notice A route that there is never changes, whoever adds what.
    function check_RouteIsNeverReplaced(address sender, ProfileId profile, uint8 circuit, address other) public {
        vm.assume(circuit < 3);
        vm.prank(sender);
        (bool added,) = address(router).call(abi.encodeCall(router.add, (profile, Circuit(circuit), other)));
        assert(router.verifierOf(PROFILE, Circuit.Training) == verifier);
        assert(!added || (sender == address(this) && other.code.length != 0));
    }

    function testFuzz_RouteIsNeverReplaced(address sender, ProfileId profile, uint8 circuit, address other) public {
        check_RouteIsNeverReplaced(sender, profile, circuit % 3, other);
    }

    /// @notice Without the role nobody freezes.
    function check_OnlyTheFreezerFreezes(address sender, ProfileId profile, uint8 circuit) public {
        vm.assume(sender != address(this) && circuit < 3);
        vm.prank(sender);
        (bool frozen,) = address(router).call(abi.encodeCall(router.freeze, (profile, Circuit(circuit))));
        assert(!frozen && router.verifierOf(PROFILE, Circuit.Training) == verifier);
    }

    function testFuzz_OnlyTheFreezerFreezes(address sender, ProfileId profile, uint8 circuit) public {
        check_OnlyTheFreezerFreezes(sender, profile, circuit % 3);
    }

    /// @notice What is frozen stays frozen, whoever calls what of these.
    function check_FrozenStaysFrozen(address sender, bool add, address other) public {
        router.freeze(PROFILE, Circuit.Training);
        vm.prank(sender);
        bytes memory data = add
            ? abi.encodeCall(router.add, (PROFILE, Circuit.Training, other))
            : abi.encodeCall(router.freeze, (PROFILE, Circuit.Training));
        (bool done,) = address(router).call(data);
        (address found, bool frozen) = router.route(PROFILE, Circuit.Training);
        assert(!done && frozen && found == verifier);
    }

    function testFuzz_FrozenStaysFrozen(address sender, bool add, address other) public {
        check_FrozenStaysFrozen(sender, add, other);
    }

    /// @notice A loss bound that is not zero never stops a pool, even by a proof that the verifier accepts.
    function check_PossibleBoundNeverStops(address sender, uint256 context, uint256 norm, uint256 loss) public {
        vm.assume(loss != 0);
        Evidence memory evidence = Evidence(new bytes(2240), new uint256[](3));
        (evidence.instances[0], evidence.instances[1], evidence.instances[2]) = (context, norm, loss);
        StandInVerifier(verifier).accept(evidence.proof, evidence.instances);
        vm.prank(sender);
        (bool done,) = address(router).call(abi.encodeCall(router.stopByCanary, (PROFILE, Circuit.Training, evidence)));
        assert(!done && router.stopReason(PROFILE) == StopReason.None);
    }

    function testFuzz_PossibleBoundNeverStops(address sender, uint256 context, uint256 norm, uint256 loss) public {
        vm.assume(loss != 0);
        check_PossibleBoundNeverStops(sender, context, norm, loss);
    }

    // -- the tree

    /// @notice A draw is a shard that there is.
    function check_DrawIsInRange(bytes32 beacon, Root root, address owner, uint256 count) public pure {
        vm.assume(count != 0);
        assert(ShardTree.drawnIndex(beacon, root, owner, count) < count);
    }

    function testFuzz_DrawIsInRange(bytes32 beacon, Root root, address owner, uint256 count) public pure {
        vm.assume(count != 0);
        check_DrawIsInRange(beacon, root, owner, count);
    }

    /// @notice Equal leaves are of equal profile, index and commitment.
    function check_LeafBindsItsParts(
        ProfileId[2] calldata profiles,
        uint256[2] calldata indices,
        G1Point[2] calldata points
    ) public pure {
        bytes32 one = ShardTree.leafOf(profiles[0], indices[0], points[0]);
        bytes32 other = ShardTree.leafOf(profiles[1], indices[1], points[1]);
        bool same = ProfileId.unwrap(profiles[0]) == ProfileId.unwrap(profiles[1]) && indices[0] == indices[1]
            && points[0].x == points[1].x && points[0].y == points[1].y;
        assert((one == other) == same);
    }

    function testFuzz_LeafBindsItsParts(
        ProfileId[2] calldata profiles,
        uint256[2] calldata indices,
        G1Point[2] calldata points
    ) public pure {
        check_LeafBindsItsParts(profiles, indices, points);
    }

    /// @notice Of one path, one leaf and two places below the capacity, only equal places give one root: a path proves a position.
    /// (A sibling that equals the node is left out: nobody finds one.)
    function check_PathBindsThePlace(bytes32 leaf, uint8 one, uint8 other, bytes32[SHARD_TREE_DEPTH] calldata path)
        public
        pure
    {
        vm.assume(one < 4 && other < 4 && one != other && path[0] != leaf);
        bytes32 a = Root.unwrap(ShardTree.rootOf(leaf, one, path));
        bytes32 b = Root.unwrap(ShardTree.rootOf(leaf, other, path));
        // Places that differ in the first step have different nodes from there on.
        if ((one ^ other) & 1 == 1) assert(a != b);
    }

    function testFuzz_PathBindsThePlace(bytes32 leaf, uint8 one, uint8 other, bytes32[SHARD_TREE_DEPTH] calldata path)
        public
        pure
    {
        (one, other) = (one % 4, other % 4);
        vm.assume(one != other && path[0] != leaf);
        check_PathBindsThePlace(leaf, one, other, path);
    }
}
