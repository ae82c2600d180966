// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../../contracts/ContributionRounds.sol";
import {ContributionToken} from "../../contracts/ContributionToken.sol";
import {DataRegistry} from "../../contracts/DataRegistry.sol";
import {FlatRewardPolicy} from "../../contracts/FlatRewardPolicy.sol";
import {VerifierRouter} from "../../contracts/VerifierRouter.sol";
import {DatasetLayout} from "../../contracts/generated/DatasetLayout.sol";
import {TrainingLayout} from "../../contracts/generated/TrainingLayout.sol";
import {RoundLayout} from "../../contracts/generated/RoundLayout.sol";
import {Claim, ClaimRecord, Finalization} from "../../contracts/interfaces/IContributionRounds.sol";
import {IContributionToken} from "../../contracts/interfaces/IContributionToken.sol";
import {Attestation} from "../../contracts/interfaces/IDataRegistry.sol";
import {IRewardPolicy} from "../../contracts/interfaces/IRewardPolicy.sol";
import {Circuit} from "../../contracts/interfaces/IVerifierRouter.sol";
import {ModelId, ProfileId, Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {SHARD_TREE_DEPTH} from "../../contracts/libraries/ShardTree.sol";
import {AggregationConfig} from "../../contracts/masked/Rosters.sol";
import {SecureAggregation} from "../../contracts/masked/SecureAggregation.sol";
import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {RoundsConfig} from "../../contracts/rounds/RoundStore.sol";
import {Curve} from "./Curve.sol";
import {StandInMasks} from "./StandInMasks.sol";
import {StandInVerifier} from "./StandInVerifier.sol";
import {Tree} from "./Tree.sol";
import {Test, Vm} from "./Vm.sol";

/// @title A deployed pool and an honest contributor's side of it
abstract contract PoolFixture is Test {
    ProfileId internal constant PROFILE = ProfileId.wrap(keccak256("profile"));
    bytes32 internal constant SRS = keccak256("srs");
    Subject internal constant SUBJECT = Subject.wrap(keccak256("subject"));
    uint256 internal constant ATTESTOR_KEY = 0xA77E5707;
    uint256 internal constant ALICE_KEY = 0xA11CE;
    uint256 internal constant BOB_KEY = 0xB0B;
    uint256 internal constant CAROL_KEY = 0xCA401;
    Subject internal constant CAROLS = Subject.wrap(keccak256("Carol's source"));
    bytes32 internal constant SEED = keccak256("seed");
    uint96 internal constant BUDGET = 45 ether;
    uint256 internal constant REWARD = 10 ether;
    uint8 internal constant NORM_LOG2 = 60;
    uint8 internal constant LOSS_LOG2 = 40;
    uint40 internal constant CLAIM_BLOCKS = 20;
    uint40 internal constant FINALIZE_BLOCKS = 30;
    uint40 internal constant WINDOW_BLOCKS = 10;
    uint40 internal constant BEACON_DELAY = 3;
    uint40 internal constant SHARE_BLOCKS = 6;
    uint40 internal constant REVEAL_BLOCKS = 6;
    uint40 internal constant DISPUTE_BLOCKS = 8;
    uint256 internal constant BOND = 1 ether;
    uint256 internal constant SHARDS = 5;

    VerifierRouter internal router;
    ContributionToken internal token;
    FlatRewardPolicy internal policy;
    DataRegistry internal registry;
    ContributionRounds internal rounds;
    StandInMasks internal masks;
    SecureAggregation internal aggregation;
    StandInVerifier internal datasetVerifier;
    StandInVerifier internal trainingVerifier;
    StandInVerifier internal roundVerifier;
    // Accounts that sign.
    address internal ALICE = vm.addr(ALICE_KEY);
    address internal BOB = vm.addr(BOB_KEY);
    address internal CAROL = vm.addr(CAROL_KEY);
    mapping(address account => uint256 key) internal keys;

    mapping(uint256 round => ClaimRecord[] records) internal recorded;
    mapping(uint256 round => bytes32[] hashes) internal hashes;
    mapping(Root root => G1Point[] points) private _points;
    mapping(Root root => bytes32[] leaves) private _leaves;

    function setUp() public virtual {
        vm.roll(100);
        router = new VerifierRouter(address(this));
        token = new ContributionToken(address(this));
        policy = new FlatRewardPolicy(REWARD, NORM_LOG2, 253);
        registry = new DataRegistry(address(this), router, SRS);
        masks = new StandInMasks();
        rounds = _newRounds(policy);
        aggregation = SecureAggregation(address(rounds.AGGREGATION()));
        datasetVerifier = new StandInVerifier(1);
        trainingVerifier = new StandInVerifier(2);
        roundVerifier = new StandInVerifier(3);
        (keys[ALICE], keys[BOB], keys[CAROL]) = (ALICE_KEY, BOB_KEY, CAROL_KEY);
        router.add(PROFILE, Circuit.Dataset, address(datasetVerifier));
        router.add(PROFILE, Circuit.Training, address(trainingVerifier));
        router.add(PROFILE, Circuit.Round, address(roundVerifier));
        token.grantRole(token.MINTER_ROLE(), address(rounds));
        registry.grantRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
    }

    function _newRounds(IRewardPolicy terms) internal virtual returns (ContributionRounds) {
        return new ContributionRounds(_roundsConfig(token, terms));
    }

    /// @dev Each rounds contract has an aggregation contract of its own: this deploys one.
    function _roundsConfig(IContributionToken paidIn, IRewardPolicy terms) internal returns (RoundsConfig memory) {
        return RoundsConfig({
            admin: address(this),
            registry: registry,
            router: router,
            token: paidIn,
            policy: terms,
            roundBudget: BUDGET,
            claimBlocks: CLAIM_BLOCKS,
            finalizeBlocks: FINALIZE_BLOCKS,
            windowBlocks: WINDOW_BLOCKS,
            beaconDelay: BEACON_DELAY,
            aggregation: _newAggregation()
        });
    }

    function _newAggregation() internal returns (SecureAggregation) {
        return new SecureAggregation(AggregationConfig(masks, SHARE_BLOCKS, REVEAL_BLOCKS, DISPUTE_BLOCKS, BOND));
    }

    // -- the contributor's files

    function _leaf(ProfileId profileId, uint256 index, G1Point memory point) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("zkpoc.leaf.v1"), profileId, index, point.x, point.y));
    }

    /// @dev A dataset of `count` shards that `salt` tells apart.
    function _commit(uint256 salt, uint256 count) internal returns (Root root) {
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

    function _point(Root root, uint256 index) internal view returns (G1Point memory) {
        return _points[root][index];
    }

    function _path(Root root, uint256 index) internal view returns (bytes32[SHARD_TREE_DEPTH] memory path) {
        (path,) = Tree.pathOf(_leaves[root], index);
    }

    // -- attestations

    function _attestation(address owner, Subject subject, Root root, uint64 epoch)
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

    function _register(address owner, Subject subject, Root root, uint64 epoch) internal {
        Attestation memory attestation = _attestation(owner, subject, root, epoch);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(owner);
        registry.register(attestation, signature);
    }

    // -- proofs (their committed points are real, the rest is filler)

    function _modelId(uint256 model) internal view returns (ModelId) {
        G1Point memory point = Curve.point(model);
        return ModelId.wrap(keccak256(abi.encode(point.x, point.y)));
    }

    function _fill(bytes memory head, uint256 length) internal pure returns (bytes memory proof) {
        proof = bytes.concat(head, new bytes(length - head.length));
        for (uint256 i = head.length; i < length; ++i) {
            proof[i] = bytes1(uint8(i * 7 + 1));
        }
    }

    function _delta(Root root, uint256 index, uint256 nonce) internal pure returns (uint256[4] memory) {
        return Curve.scalars(uint256(keccak256(abi.encode(root, index, nonce))));
    }

    function _datasetProof(Root root, uint256 index, address owner)
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

    function _validate(Root root, uint256 index, address owner) internal {
        (bytes memory proof, bytes memory link) = _datasetProof(root, index, owner);
        registry.validateShard(root, index, _point(root, index), _path(root, index), proof, link);
    }

    /// @dev An honest plain claim for `index`, of the model `model`; the training verifier accepts its proof.
    function _claimAt(uint256 round, address owner, Subject subject, Root root, uint256 index, uint256 model)
        internal
        returns (Claim memory)
    {
        return _maskedClaimAt(round, owner, subject, root, index, model, 0);
    }

    /// @dev The same with a mask key.
    function _maskedClaimAt(
        uint256 round,
        address owner,
        Subject subject,
        Root root,
        uint256 index,
        uint256 model,
        bytes32 maskKey
    ) internal returns (Claim memory request) {
        uint256[4] memory delta = _delta(root, index, 2);
        uint256[] memory instances = new uint256[](3);
        instances[0] = rounds.trainingContext(round, owner, subject, root, index, maskKey);
        instances[1] = 2 ** uint256(NORM_LOG2);
        instances[2] = 2 ** uint256(LOSS_LOG2);
        request.round = round;
        request.root = root;
        request.commitment = _point(root, index);
        request.path = _path(root, index);
        request.normLog2 = NORM_LOG2;
        request.lossLog2 = LOSS_LOG2;
        request.maskKey = maskKey;
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
    function _claim(uint256 round, address owner, Subject subject, Root root, uint256 model)
        internal
        returns (Claim memory)
    {
        return _claimAt(round, owner, subject, root, rounds.drawnIndex(round, root), model);
    }

    // -- rounds

    /// @dev A proof of the round circuit: model, sum, next model, filler.
    function _roundProof(G1Point memory from, G1Point memory sum, G1Point memory next)
        internal
        pure
        returns (bytes memory)
    {
        return _fill(abi.encode(from.x, from.y, sum.x, sum.y, next.x, next.y), RoundLayout.PROOF_BYTES);
    }

    /// @dev An accepted proof of a first model.
    function _genesisProof(ContributionRounds pool, uint256 model) internal returns (bytes memory proof) {
        proof = _roundProof(Curve.point(1), Curve.point(99), Curve.point(model));
        uint256[] memory instances = new uint256[](2);
        (instances[0], instances[1]) = (pool.genesisContext(SEED, PROFILE), 1);
        roundVerifier.accept(proof, instances);
    }

    function _openGenesis(ContributionRounds pool, uint256 model) internal {
        pool.openGenesis(PROFILE, SEED, _genesisProof(pool, model));
    }

    /// @dev Sends a claim and keeps its record, as its event tells it.
    function _send(address sender, Claim memory request) internal {
        vm.recordLogs();
        vm.prank(sender);
        rounds.claim(request);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (, ClaimRecord memory record) = _recordOf(logs[logs.length - 1]);
        _keep(request.round, record);
    }

    /// @dev Place and record of a claim, as its event tells it.
    function _recordOf(Vm.Log memory log) internal pure returns (uint256 number, ClaimRecord memory record) {
        uint256 reward;
        (number,,, record.update, record.nullifier,,, reward, record.maskKey) =
            abi.decode(log.data, (uint256, bytes32, uint256, bytes, bytes32, uint8, uint8, uint256, bytes32));
        record.claimant = address(uint160(uint256(log.topics[2])));
        record.reward = uint96(reward);
    }

    /// @dev Keeps a record and its hash; the contract's hash of all claims must confirm them.
    function _keep(uint256 number, ClaimRecord memory record) internal {
        _keepUnchecked(number, record);
        bytes32 all = bytes32(number);
        for (uint256 i = 0; i < hashes[number].length; ++i) {
            all = keccak256(abi.encode(all, hashes[number][i]));
        }
        vm.assertEq(rounds.claimsHash(number), all);
    }

    function _keepUnchecked(uint256 number, ClaimRecord memory record) internal {
        bytes32 tag = keccak256("zkpoc.claim.v2");
        bytes32 updateId = keccak256(record.update);
        bytes memory fields =
            abi.encode(tag, record.claimant, uint256(record.reward), record.nullifier, updateId, record.maskKey);
        hashes[number].push(keccak256(fields));
        recorded[number].push(record);
    }

    function _sumOf(uint256 number, uint256 included) internal view returns (G1Point memory sum, bytes32 setHash) {
        bytes memory set;
        for (uint256 i = 0; i < recorded[number].length; ++i) {
            if ((included >> i) & 1 == 0) continue;
            (uint256 x, uint256 y) = abi.decode(recorded[number][i].update, (uint256, uint256));
            Bn254.add(sum, x, y);
            set = bytes.concat(set, hashes[number][i]);
        }
        setHash = keccak256(set);
    }

    /// @dev An honest finalization of the included claims that leads from `model` to `next`, acknowledged by all claimants.
    function _finalization(uint256 number, uint256 included, uint256 model, uint256 next)
        internal
        returns (Finalization memory request)
    {
        (G1Point memory sum, bytes32 setHash) = _sumOf(number, included);
        uint256 count = 0;
        for (uint256 bits = included; bits != 0; bits &= bits - 1) {
            ++count;
        }
        bytes memory proof = _roundProof(Curve.point(model), sum, Curve.point(next));
        uint256[] memory instances = new uint256[](2);
        (instances[0], instances[1]) = (rounds.roundContext(number, setHash), count);
        roundVerifier.accept(proof, instances);
        request.round = number;
        request.included = included;
        request.records = recorded[number];
        request.proof = _without(proof, RoundLayout.SUM_OFFSET, 64);
        request.acknowledgements = new bytes[](request.records.length);
        for (uint256 i = 0; i < request.records.length; ++i) {
            request.acknowledgements[i] = _acknowledge(number, _modelId(next), request.records[i].claimant);
        }
    }

    function _without(bytes memory whole, uint256 offset, uint256 length) internal pure returns (bytes memory out) {
        out = new bytes(whole.length - length);
        for (uint256 i = 0; i < out.length; ++i) {
            out[i] = whole[i < offset ? i : i + length];
        }
    }

    function _acknowledge(uint256 number, ModelId modelId, address account) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[account], rounds.acknowledgementDigest(number, modelId));
        return abi.encodePacked(r, s, v);
    }

    /// @dev All claims of the current round.
    function _all() internal view returns (uint256) {
        return (uint256(1) << recorded[rounds.currentRound()].length) - 1;
    }

    function _toDeadline() internal {
        vm.roll(uint256(rounds.roundInfo(rounds.currentRound()).openedAt) + CLAIM_BLOCKS);
    }

    /// @dev The model that the current round is about.
    uint256 internal model_;

    /// @dev Ends the current round: with all its claims, or void when it has none and the model stays. A round without claims
    /// that is to get another model is given one by Carol.
    function _endRound(uint256 next) internal {
        uint256 number = rounds.currentRound();
        if (recorded[number].length == 0 && next != model_) {
            Root root = _carolsRoot();
            _send(CAROL, _claim(number, CAROL, CAROLS, root, model_));
        }
        _toDeadline();
        if (recorded[number].length == 0) {
            vm.roll(block.number + FINALIZE_BLOCKS);
            rounds.voidRound(number);
        } else {
            rounds.finalize(_finalization(number, _all(), model_, next));
            model_ = next;
        }
    }

    /// @dev Carol's dataset, all of it validated; registered before the first model.
    function _carolsRoot() internal view returns (Root) {
        return registry.liveRoot(CAROLS);
    }

    function _registerCarol() internal {
        Root root = _commit(uint256(keccak256("Carol")), SHARDS);
        _register(CAROL, CAROLS, root, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(root, i, CAROL);
        }
    }

    function _sealRound(uint256 number) internal {
        vm.roll(rounds.roundInfo(number).beaconBlock + 1);
        rounds.seal(number);
    }
}
