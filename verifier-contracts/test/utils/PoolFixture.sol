// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../../contracts/ContributionRounds.sol";
import {ContributionToken} from "../../contracts/ContributionToken.sol";
import {DataRegistry} from "../../contracts/DataRegistry.sol";
import {FlatRewardPolicy} from "../../contracts/FlatRewardPolicy.sol";
import {VerifierRouter} from "../../contracts/VerifierRouter.sol";
import {DatasetLayout} from "../../contracts/generated/DatasetLayout.sol";
import {TrainingLayout} from "../../contracts/generated/TrainingLayout.sol";
import {Claim} from "../../contracts/interfaces/IContributionRounds.sol";
import {Attestation} from "../../contracts/interfaces/IDataRegistry.sol";
import {Circuit} from "../../contracts/interfaces/IVerifierRouter.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {Curve} from "./Curve.sol";
import {StandInVerifier} from "./StandInVerifier.sol";
import {Tree} from "./Tree.sol";
import {Test} from "./Vm.sol";

/// @title A deployed pool and an honest contributor's side of it
abstract contract PoolFixture is Test {
    bytes32 internal constant PROFILE = keccak256("profile");
    bytes32 internal constant SRS = keccak256("srs");
    bytes32 internal constant SUBJECT = keccak256("subject");
    uint256 internal constant ATTESTOR_KEY = 0xA77E5707;
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    uint96 internal constant BUDGET = 25 ether;
    uint256 internal constant REWARD = 10 ether;
    uint8 internal constant NORM_LOG2 = 60;
    uint8 internal constant LOSS_LOG2 = 40;
    uint40 internal constant MIN_LENGTH = 20;
    uint40 internal constant BEACON_DELAY = 3;
    uint256 internal constant SHARDS = 5;

    VerifierRouter internal router;
    ContributionToken internal token;
    FlatRewardPolicy internal policy;
    DataRegistry internal registry;
    ContributionRounds internal rounds;
    StandInVerifier internal datasetVerifier;
    StandInVerifier internal trainingVerifier;

    mapping(bytes32 root => G1Point[] points) private _points;
    mapping(bytes32 root => bytes32[] leaves) private _leaves;

    function setUp() public virtual {
        vm.roll(100);
        router = new VerifierRouter(address(this));
        token = new ContributionToken(address(this));
        policy = new FlatRewardPolicy(REWARD, NORM_LOG2, 253);
        registry = new DataRegistry(address(this), router, SRS);
        rounds =
            new ContributionRounds(address(this), registry, router, token, policy, BUDGET, MIN_LENGTH, BEACON_DELAY);
        datasetVerifier = new StandInVerifier(1);
        trainingVerifier = new StandInVerifier(2);
        router.add(PROFILE, Circuit.Dataset, address(datasetVerifier));
        router.add(PROFILE, Circuit.Training, address(trainingVerifier));
        token.grantRole(token.MINTER_ROLE(), address(rounds));
        registry.grantRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
    }

    // -- the contributor's files

    function _leaf(bytes32 profileId, uint256 index, G1Point memory point) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("zkpoc.leaf.v1"), profileId, index, point.x, point.y));
    }

    /// @dev A dataset of `count` shards that `salt` tells apart.
    function _commit(uint256 salt, uint256 count) internal returns (bytes32 root) {
        G1Point[] memory points = new G1Point[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            points[i] = Curve.point(uint256(keccak256(abi.encode(salt, i))));
            leaves[i] = _leaf(PROFILE, i, points[i]);
        }
        (, root) = Tree.pathOf(leaves, 0);
        for (uint256 i = 0; i < count; ++i) {
            _points[root].push(points[i]);
            _leaves[root].push(leaves[i]);
        }
    }

    function _point(bytes32 root, uint256 index) internal view returns (G1Point memory) {
        return _points[root][index];
    }

    function _path(bytes32 root, uint256 index) internal view returns (bytes32[10] memory path) {
        (path,) = Tree.pathOf(_leaves[root], index);
    }

    // -- attestations

    function _attestation(address owner, bytes32 subject, bytes32 root, uint64 epoch)
        internal
        pure
        returns (Attestation memory)
    {
        return Attestation({
            owner: owner,
            subject: subject,
            profileId: PROFILE,
            srsDigest: SRS,
            datasetRoot: root,
            shardCount: uint32(SHARDS),
            recordCount: uint32(SHARDS * 8),
            epoch: epoch
        });
    }

    function _sign(uint256 key, Attestation memory attestation) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, registry.attestationDigest(attestation));
        return abi.encodePacked(r, s, v);
    }

    function _register(address owner, bytes32 subject, bytes32 root, uint64 epoch) internal {
        Attestation memory attestation = _attestation(owner, subject, root, epoch);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(owner);
        registry.register(attestation, signature);
    }

    // -- proofs (their committed points are real, the rest is filler)

    function _modelId(uint256 model) internal view returns (bytes32) {
        G1Point memory point = Curve.point(model);
        return keccak256(abi.encode(point.x, point.y));
    }

    function _fill(bytes memory head, uint256 length) internal pure returns (bytes memory proof) {
        proof = bytes.concat(head, new bytes(length - head.length));
        for (uint256 i = head.length; i < length; ++i) {
            proof[i] = bytes1(uint8(i * 7 + 1));
        }
    }

    function _delta(bytes32 root, uint256 index, uint256 nonce) internal pure returns (uint256[4] memory) {
        return Curve.scalars(uint256(keccak256(abi.encode(root, index, nonce))));
    }

    function _datasetProof(bytes32 root, uint256 index, address owner)
        internal
        returns (bytes memory proof, bytes memory link)
    {
        uint256[4] memory delta = _delta(root, index, 1);
        G1Point memory copy = Curve.reblind(_point(root, index), delta);
        uint256[] memory instances = new uint256[](1);
        instances[0] = registry.validityContext(owner, root, index, PROFILE);
        proof = _fill(abi.encode(copy.x, copy.y), DatasetLayout.PROOF_BYTES);
        link = Curve.link(instances[0], _point(root, index), copy, delta);
        datasetVerifier.accept(proof, instances);
    }

    function _validate(bytes32 root, uint256 index, address owner) internal {
        (bytes memory proof, bytes memory link) = _datasetProof(root, index, owner);
        registry.validateShard(root, index, _point(root, index), _path(root, index), proof, link);
    }

    /// @dev An honest claim for `index`, of the model `model`; the training verifier accepts its proof.
    function _claimAt(uint256 round, address owner, bytes32 subject, bytes32 root, uint256 index, uint256 model)
        internal
        returns (Claim memory request)
    {
        uint256[4] memory delta = _delta(root, index, 2);
        uint256[] memory instances = new uint256[](3);
        instances[0] = rounds.trainingContext(round, owner, subject, root, index);
        instances[1] = 2 ** uint256(NORM_LOG2);
        instances[2] = 2 ** uint256(LOSS_LOG2);
        request.round = round;
        request.root = root;
        request.commitment = _point(root, index);
        request.path = _path(root, index);
        request.normLog2 = NORM_LOG2;
        request.lossLog2 = LOSS_LOG2;
        request.proof = _trainingProof(model, Curve.reblind(request.commitment, delta), instances[0]);
        request.link = Curve.link(instances[0], request.commitment, Curve.reblind(request.commitment, delta), delta);
        trainingVerifier.accept(request.proof, instances);
    }

    function _trainingProof(uint256 model, G1Point memory copy, uint256 update) internal view returns (bytes memory) {
        G1Point memory modelPoint = Curve.point(model);
        G1Point memory updatePoint = Curve.point(update);
        return _fill(
            abi.encode(modelPoint.x, modelPoint.y, copy.x, copy.y, updatePoint.x, updatePoint.y),
            TrainingLayout.PROOF_BYTES
        );
    }

    /// @dev An honest claim for the shard that the round drew.
    function _claim(uint256 round, address owner, bytes32 subject, bytes32 root, uint256 model)
        internal
        returns (Claim memory)
    {
        return _claimAt(round, owner, subject, root, rounds.drawnIndex(round, root), model);
    }

    // -- rounds

    function _sealRound(uint256 number) internal {
        vm.roll(rounds.roundInfo(number).beaconBlock + 1);
        rounds.seal(number);
    }
}
