// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {DataRegistry} from "../contracts/DataRegistry.sol";
import {DatasetLayout} from "../contracts/generated/DatasetLayout.sol";
import {Attestation, Dataset, IDataRegistry} from "../contracts/interfaces/IDataRegistry.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {ProfileId, Root, Subject} from "../contracts/interfaces/Ids.sol";
import {G1Point} from "../contracts/libraries/Bn254.sol";
import {LinkVerifier} from "../contracts/libraries/LinkVerifier.sol";
import {SHARD_TREE_DEPTH} from "../contracts/libraries/ShardTree.sol";
import {Curve} from "./utils/Curve.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";

contract DataRegistryTest is PoolFixture {
    Root private root;

    function setUp() public override {
        super.setUp();
        root = _commit(1, SHARDS);
    }

    function _expectRegisterRevert(Attestation memory attestation, uint256 key, bytes memory revertData) private {
        bytes memory signature = _sign(key, attestation);
        vm.prank(attestation.owner);
        vm.expectRevert(revertData);
        registry.register(attestation, signature);
    }

    function test_RegistersWhatWasAttested() public {
        _register(ALICE, SUBJECT, root, 1);
        Dataset memory found = registry.attestedDataset(root);
        vm.assertEq(found.owner, ALICE);
        vm.assertEq(Subject.unwrap(found.subject), Subject.unwrap(SUBJECT));
        vm.assertEq(ProfileId.unwrap(found.profileId), ProfileId.unwrap(PROFILE));
        vm.assertEq(found.attestor, vm.addr(ATTESTOR_KEY));
        vm.assertEq(found.shardCount, SHARDS);
        vm.assertEq(found.registeredAt, block.number);
        vm.assertEq(Root.unwrap(registry.liveRoot(SUBJECT)), Root.unwrap(root));
    }

    function test_AttestationDigestFollowsEip712() public view {
        Attestation memory a = _attestation(ALICE, SUBJECT, root, 9);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("zkpoc"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 fields = keccak256(
            bytes.concat(
                abi.encode(registry.ATTESTATION_TYPEHASH(), a.owner, a.subject, a.profileId),
                abi.encode(a.srsDigest, a.datasetRoot, a.shardCount, a.recordCount, a.epoch)
            )
        );
        vm.assertEq(registry.attestationDigest(a), keccak256(abi.encodePacked(hex"1901", domain, fields)));
    }

    function test_NextEpochSupersedes() public {
        _register(ALICE, SUBJECT, root, 1);
        vm.roll(block.number + 5);
        Root next = _commit(2, SHARDS);
        _register(ALICE, SUBJECT, next, 2);
        vm.assertEq(registry.dataset(root).supersededAt, block.number);
        vm.assertEq(Root.unwrap(registry.liveRoot(SUBJECT)), Root.unwrap(next));
    }

    function test_RevertWhen_SenderIsNotTheOwner() public {
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDataRegistry.ZkPocRegistryNotOwner.selector, ALICE, BOB));
        registry.register(attestation, signature);
    }

    function testFuzz_RevertWhen_AttestationIsForged(uint128 key) public {
        vm.assume(key != 0 && key != ATTESTOR_KEY);
        _expectRegisterRevert(
            _attestation(ALICE, SUBJECT, root, 1),
            key,
            abi.encodeWithSelector(IDataRegistry.ZkPocRegistryNotAttestor.selector, vm.addr(key))
        );
    }

    function testFuzz_RevertWhen_AttestedFieldIsChanged(uint8 field) public {
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        field %= 7;
        if (field == 0) attestation.owner = BOB;
        if (field == 1) attestation.subject = Subject.wrap(keccak256("another"));
        if (field == 2) attestation.profileId = ProfileId.wrap(keccak256("another"));
        if (field == 3) attestation.datasetRoot = Root.wrap(keccak256("another"));
        if (field == 4) attestation.shardCount -= 1;
        if (field == 5) attestation.recordCount += 1;
        if (field == 6) attestation.epoch += 1;
        vm.prank(attestation.owner);
        vm.expectPartialRevert(IDataRegistry.ZkPocRegistryNotAttestor.selector);
        registry.register(attestation, signature);
    }

    function test_RevertWhen_AttestationIsForAnotherChain() public {
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.chainId(1);
        vm.prank(ALICE);
        vm.expectPartialRevert(IDataRegistry.ZkPocRegistryNotAttestor.selector);
        registry.register(attestation, signature);
    }

    function test_RevertWhen_AttestationIsForAnotherRegistry() public {
        DataRegistry other = new DataRegistry(address(this), router, SRS);
        other.grantRole(other.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(ALICE);
        vm.expectPartialRevert(IDataRegistry.ZkPocRegistryNotAttestor.selector);
        other.register(attestation, signature);
    }

    function test_RevertWhen_AttestorIsRevoked() public {
        _register(ALICE, SUBJECT, root, 1);
        address attestor = vm.addr(ATTESTOR_KEY);
        registry.revokeRole(registry.ATTESTOR_ROLE(), attestor);
        bytes memory revertData = abi.encodeWithSelector(IDataRegistry.ZkPocRegistryNotAttestor.selector, attestor);
        _expectRegisterRevert(_attestation(ALICE, SUBJECT, _commit(2, SHARDS), 2), ATTESTOR_KEY, revertData);
        // What it attested before does not count any more either.
        vm.expectRevert(revertData);
        registry.attestedDataset(root);
    }

    function testFuzz_RevertWhen_StrangerNamesAnAttestor(address stranger) public {
        vm.assume(stranger != address(this));
        bytes32 role = registry.ATTESTOR_ROLE();
        vm.prank(stranger);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        registry.grantRole(role, stranger);
    }

    function test_RevertWhen_CommitmentKeyDiffers() public {
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        attestation.srsDigest = keccak256("another");
        _expectRegisterRevert(
            attestation,
            ATTESTOR_KEY,
            abi.encodeWithSelector(IDataRegistry.ZkPocRegistrySrsMismatch.selector, SRS, attestation.srsDigest)
        );
    }

    function test_RevertWhen_CountsAreImpossible() public {
        Attestation memory attestation = _attestation(ALICE, SUBJECT, root, 1);
        attestation.shardCount = 0;
        _expectRegisterRevert(
            attestation, ATTESTOR_KEY, abi.encodeWithSelector(IDataRegistry.ZkPocRegistryShardCount.selector, 1024, 0)
        );
        attestation.shardCount = 1025;
        attestation.recordCount = 2000;
        _expectRegisterRevert(
            attestation,
            ATTESTOR_KEY,
            abi.encodeWithSelector(IDataRegistry.ZkPocRegistryShardCount.selector, 1024, 1025)
        );
        attestation.shardCount = 5;
        attestation.recordCount = 4;
        _expectRegisterRevert(
            attestation, ATTESTOR_KEY, abi.encodeWithSelector(IDataRegistry.ZkPocRegistryRecordCount.selector, 5, 4)
        );
    }

    function test_RevertWhen_RootIsRegisteredTwice() public {
        _register(ALICE, SUBJECT, root, 1);
        _expectRegisterRevert(
            _attestation(BOB, Subject.wrap(keccak256("another")), root, 1),
            ATTESTOR_KEY,
            abi.encodeWithSelector(IDataRegistry.ZkPocRegistryRootTaken.selector, root)
        );
    }

    function test_RevertWhen_EpochDoesNotGrow() public {
        _register(ALICE, SUBJECT, root, 3);
        _expectRegisterRevert(
            _attestation(ALICE, SUBJECT, _commit(2, SHARDS), 3),
            ATTESTOR_KEY,
            abi.encodeWithSelector(IDataRegistry.ZkPocRegistryEpochNotNewer.selector, 3, 3)
        );
    }

    function test_RevertWhen_SubjectIsAnotherAttestors() public {
        _register(ALICE, SUBJECT, root, 1);
        uint256 key = 0xBAD;
        registry.grantRole(registry.ATTESTOR_ROLE(), vm.addr(key));
        Root second = _commit(2, SHARDS);
        _expectRegisterRevert(
            _attestation(ALICE, SUBJECT, second, 2),
            key,
            abi.encodeWithSelector(
                IDataRegistry.ZkPocRegistrySubjectTaken.selector, vm.addr(ATTESTOR_KEY), vm.addr(key)
            )
        );
        // Another attestor takes over once the first is revoked, with epochs of its own.
        registry.revokeRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
        Attestation memory attestation = _attestation(ALICE, SUBJECT, second, 1);
        bytes memory signature = _sign(key, attestation);
        vm.prank(ALICE);
        registry.register(attestation, signature);
        vm.assertEq(Root.unwrap(registry.liveRoot(SUBJECT)), Root.unwrap(second));
        vm.assertEq(registry.dataset(root).supersededAt, block.number);
    }

    // -- validity

    function test_ValidatesEveryShardOnItsOwn() public {
        _register(ALICE, SUBJECT, root, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            vm.assertFalse(registry.isValidated(PROFILE, _point(root, i)));
            _validate(root, i, ALICE);
            vm.assertTrue(registry.isValidated(PROFILE, _point(root, i)));
        }
    }

    function test_ValidityHoldsUnderItsProfileOnly() public {
        _register(ALICE, SUBJECT, root, 1);
        _validate(root, 0, ALICE);
        ProfileId other = ProfileId.wrap(keccak256("another profile"));
        // The same verifier code, but another profile.
        router.add(other, Circuit.Dataset, address(datasetVerifier));
        vm.assertFalse(registry.isValidated(other, _point(root, 0)));
    }

    function test_ValidityHoldsUnderItsVerifiersCodeOnly() public {
        _register(ALICE, SUBJECT, root, 1);
        _validate(root, 0, ALICE);
        vm.etch(address(datasetVerifier), address(trainingVerifier).code);
        vm.assertFalse(registry.isValidated(PROFILE, _point(root, 0)));
    }

    function test_RevertWhen_ValidityVerifierIsFrozen() public {
        _register(ALICE, SUBJECT, root, 1);
        _validate(root, 0, ALICE);
        router.freeze(PROFILE, Circuit.Dataset);
        G1Point memory point = _point(root, 0);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterFrozen.selector);
        registry.isValidated(PROFILE, point);
    }

    function test_RevertWhen_ProofIsForAnotherIndex() public {
        _register(ALICE, SUBJECT, root, 1);
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, ALICE);
        G1Point memory point = _point(root, 1);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 1);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        registry.validateShard(root, 1, point, path, proof, link);
    }

    function test_RevertWhen_ProofIsForAnotherOwnersContext() public {
        _register(ALICE, SUBJECT, root, 1);
        // The link is made for the right context, the proof for Bob's.
        (bytes memory proof,) = _datasetProof(root, 0, BOB);
        uint256 context = registry.validityContext(ALICE, root, 0, PROFILE);
        uint256[4] memory delta = _delta(root, 0, 1);
        G1Point memory point = _point(root, 0);
        bytes memory link = Curve.link(context, point, Curve.reblind(point, delta), delta);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        registry.validateShard(root, 0, point, path, proof, link);
    }

    function test_RevertWhen_ShardIsNotLinked() public {
        _register(ALICE, SUBJECT, root, 1);
        (bytes memory proof,) = _datasetProof(root, 0, ALICE);
        uint256 context = registry.validityContext(ALICE, root, 0, PROFILE);
        G1Point memory point = _point(root, 0);
        uint256[4] memory delta = _delta(root, 0, 1);
        // A valid link, but to other points than the proof's.
        bytes memory link = Curve.link(context, point, Curve.reblind(point, _delta(root, 0, 9)), delta);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        registry.validateShard(root, 0, point, path, proof, link);
    }

    function test_RevertWhen_ProofLengthDiffers() public {
        _register(ALICE, SUBJECT, root, 1);
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, ALICE);
        G1Point memory point = _point(root, 0);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDataRegistry.ZkPocRegistryProofLength.selector,
                DatasetLayout.PROOF_BYTES,
                DatasetLayout.PROOF_BYTES + 1
            )
        );
        registry.validateShard(root, 0, point, path, bytes.concat(proof, hex"00"), link);
    }

    function testFuzz_RevertWhen_PathOrIndexIsWrong(uint256 index, uint8 level) public {
        _register(ALICE, SUBJECT, root, 1);
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, ALICE);
        G1Point memory point = _point(root, 0);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        index = 1 + index % (SHARDS - 1);
        vm.expectPartialRevert(IDataRegistry.ZkPocRegistryNotInRoot.selector);
        registry.validateShard(root, index, point, path, proof, link);
        path[level % 10] = ~path[level % 10];
        vm.expectPartialRevert(IDataRegistry.ZkPocRegistryNotInRoot.selector);
        registry.validateShard(root, 0, point, path, proof, link);
    }

    function test_RevertWhen_IndexIsNotAttested() public {
        _register(ALICE, SUBJECT, root, 1);
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, ALICE);
        G1Point memory point = _point(root, 0);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        vm.expectRevert(abi.encodeWithSelector(IDataRegistry.ZkPocRegistryIndexOutOfRange.selector, SHARDS, SHARDS));
        registry.validateShard(root, SHARDS, point, path, proof, link);
    }

    function test_RevertWhen_RootIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IDataRegistry.ZkPocRegistryUnknownRoot.selector, root));
        registry.attestedDataset(root);
    }

    function test_RevertWhen_ConstructedWithZero() public {
        vm.expectRevert(abi.encodeWithSelector(IDataRegistry.ZkPocRegistryZeroArgument.selector));
        new DataRegistry(address(this), router, 0);
    }
}
