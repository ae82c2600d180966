// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {FlatRewardPolicy} from "../contracts/FlatRewardPolicy.sol";
import {Claim, Finalization, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {Attestation} from "../contracts/interfaces/IDataRegistry.sol";
import {Evidence} from "../contracts/interfaces/IEmergencyStop.sol";
import {ProfileId, Root, Subject} from "../contracts/interfaces/Ids.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {PairDispute, Post} from "../contracts/interfaces/ISecureAggregation.sol";
import {Circuit} from "../contracts/interfaces/IVerifierRouter.sol";
import {MaskLayout} from "../contracts/generated/MaskLayout.sol";
import {TrainingLayout} from "../contracts/generated/TrainingLayout.sol";
import {G1Point} from "../contracts/libraries/Bn254.sol";
import {MaskCommitments} from "../contracts/masked/MaskCommitments.sol";
import {FileClaim} from "../contracts/vana/interfaces/IFileProofs.sol";
import {Curve} from "./utils/Curve.sol";
import {MaskedMembers} from "./utils/MaskedMembers.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {VanaFixture} from "./utils/VanaFixture.sol";

/// @notice Gas of the main calls, for snapshots/gas.json: each as a transaction of its own, intrinsic gas included. Verifiers are
/// stand-ins that only look up whether a proof is known, so a real proof's verification comes on top.
/// forge-config: default.isolate = true
contract GasTest is PoolFixture, MaskedMembers {
    uint256 private constant MODEL = 3;
    uint256 private constant NEXT = 5;
    uint256 private constant MEMBERS = 4;

    address[MEMBERS] private _members;
    Root[MEMBERS] private _roots;

    /// @dev Four members with validated data; round 1 is open and sealed.
    function setUp() public override {
        super.setUp();
        (sums, facts) = (aggregation, masks);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _members[i] = _newAccount(i);
            keys[_members[i]] = signers[_members[i]];
            _roots[i] = _commit(700 + i, SHARDS);
            _register(_members[i], _subject(i), _roots[i], 1);
            for (uint256 j = 0; j < SHARDS; ++j) {
                _validate(_roots[i], j, _members[i]);
            }
        }
        _register(CAROL, CAROLS, _commit(uint256(keccak256("Carol")), SHARDS), 1);
        vm.roll(block.number + 1);
        _openGenesis(rounds, MODEL);
        _sealRound(1);
    }

    /// @dev A budget for eight claims.
    function _newRounds(IRewardPolicy) internal override returns (ContributionRounds) {
        return super._newRounds(new FlatRewardPolicy(5 ether, NORM_LOG2, 253));
    }

    function _subject(uint256 member) private pure returns (Subject) {
        return Subject.wrap(bytes32(700 + member));
    }

    function _requestOf(uint256 member, bytes32 key) private returns (Claim memory) {
        uint256 index = rounds.drawnIndex(1, _roots[member]);
        return _maskedClaimAt(1, _members[member], _subject(member), _roots[member], index, MODEL, key);
    }

    /// @dev All members claim; with keys they form one group.
    function _allClaim(bool masked) private {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _send(_members[i], _requestOf(i, masked ? _newKey(i) : bytes32(0)));
            claims[1].push(recorded[1][i]);
        }
        _toDeadline();
    }

    /// @dev The block after D1, with a group of all members.
    function _group() private {
        _allClaim(true);
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
    }

    function _toDeadlineOf(uint256 phase) private {
        uint256[5] memory d;
        (d[1], d[2], d[3], d[4]) = sums.deadlinesOf(1);
        vm.roll(d[phase]);
    }

    function _snap(string memory call) private {
        vm.snapshotGasLastCall("gas", call);
    }

    // -- datasets

    function test_Register() public {
        Attestation memory attestation = _attestation(BOB, Subject.wrap("Bob's source"), _commit(9, SHARDS), 1);
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(BOB);
        registry.register(attestation, signature);
        _snap("DataRegistry.register");
        vm.assertEq(registry.dataset(attestation.datasetRoot).owner, BOB);
    }

    function test_ValidateShard() public {
        Root root = registry.liveRoot(CAROLS);
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, CAROL);
        registry.validateShard(root, 0, _point(root, 0), _path(root, 0), proof, link);
        _snap("DataRegistry.validateShard");
        vm.assertTrue(registry.isValidated(PROFILE, _point(root, 0)));
    }

    // -- rounds

    function test_OpenGenesisAndSeal() public {
        ContributionRounds made = _newRounds(policy);
        bytes memory proof = _genesisProof(made, MODEL);
        made.openGenesis(PROFILE, SEED, proof);
        _snap("ContributionRounds.openGenesis");
        vm.roll(made.roundInfo(1).beaconBlock + 1);
        made.seal(1);
        _snap("ContributionRounds.seal");
        vm.assertNotEq(made.roundInfo(1).beacon, 0);
    }

    function test_Claim() public {
        Claim memory request = _requestOf(0, 0);
        vm.prank(_members[0]);
        rounds.claim(request);
        _snap("ContributionRounds.claim, plain, shard validated");
        request = _requestOf(1, _newKey(1));
        vm.prank(_members[1]);
        rounds.claim(request);
        _snap("ContributionRounds.claim, masked, shard validated");
        Root root = registry.liveRoot(CAROLS);
        uint256 index = rounds.drawnIndex(1, root);
        request = _claimAt(1, CAROL, CAROLS, root, index, MODEL);
        (request.datasetProof, request.datasetLink) = _datasetProof(root, index, CAROL);
        vm.prank(CAROL);
        rounds.claim(request);
        _snap("ContributionRounds.claim, plain, with the shard's proof");
        vm.assertEq(rounds.roundInfo(1).claims, 3);
    }

    function test_ClaimMany() public {
        Claim[] memory batch = new Claim[](MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            batch[i] = _requestOf(i, 0);
        }
        vm.assertEq(rounds.claimMany(batch), 15);
        _snap("ContributionRounds.claimMany, 4 claims");
    }

    function test_FinalizeAll() public {
        _allClaim(false);
        Finalization memory request = _finalization(1, 15, MODEL, NEXT);
        rounds.finalize(request);
        _snap("ContributionRounds.finalize, 4 of 4 claims, settles");
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Settled);
    }

    function test_FinalizeSomeAndSettle() public {
        _allClaim(false);
        Finalization memory request = _finalization(1, 7, MODEL, NEXT);
        rounds.finalize(request);
        _snap("ContributionRounds.finalize, 3 of 4 claims");
        vm.roll(block.number + WINDOW_BLOCKS);
        rounds.settle(1, recorded[1]);
        _snap("ContributionRounds.settle, 3 of 4 claims");
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Settled);
    }

    function test_VoidRound() public {
        _toDeadline();
        vm.roll(block.number + FINALIZE_BLOCKS);
        rounds.voidRound(1);
        _snap("ContributionRounds.voidRound");
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Void);
    }

    // -- verifiers

    function test_StopByCanary() public {
        Evidence memory evidence;
        evidence.proof = _fill("", TrainingLayout.PROOF_BYTES);
        evidence.instances = new uint256[](TrainingLayout.INSTANCES);
        trainingVerifier.accept(evidence.proof, evidence.instances);
        router.stopByCanary(PROFILE, Circuit.Training, evidence);
        _snap("VerifierRouter.stopByCanary");
    }

    function test_AddAndFreeze() public {
        router.add(ProfileId.wrap("another"), Circuit.Round, address(roundVerifier));
        _snap("VerifierRouter.add");
        router.freeze(PROFILE, Circuit.Round);
        _snap("VerifierRouter.freeze");
        (, bool frozen) = router.route(PROFILE, Circuit.Round);
        vm.assertTrue(frozen);
    }

    // -- groups

    function test_GroupOfAll() public {
        _allClaim(true);
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
        _snap("SecureAggregation.fixRoster, 4 claims");
        Post memory request = _post(1, 0, 0);
        vm.deal(_members[0], BOND);
        vm.prank(_members[0]);
        sums.postShare{value: BOND}(request);
        _snap("SecureAggregation.postShare, group of 4");
        _toDeadlineOf(4);
        sums.withdrawBond(1, 0, 0);
        _snap("SecureAggregation.withdrawBond");
        vm.assertEq(_members[0].balance, BOND);
    }

    function test_GroupWithOneMissing() public {
        _group();
        _postAll(1, 0, 8);
        _toDeadlineOf(2);
        bytes32[] memory seeds = _seeds(1, 0, 0);
        vm.prank(_members[0]);
        sums.revealSeeds(1, 0, 0, seeds);
        _snap("SecureAggregation.revealSeeds, 1 seed");
        _toDeadlineOf(3);
        sums.faultUnrevealed(1, 0, 1);
        _snap("SecureAggregation.faultUnrevealed");
        vm.assertEq(sums.groupInfo(1, 0).faulty, 2);
    }

    function test_MissingShare() public {
        _group();
        _postAll(1, 0, 0);
        _toDeadlineOf(3);
        bytes[] memory votes = _votes(1, 0, 6);
        sums.faultMissing(1, 0, 0, 6, votes);
        _snap("SecureAggregation.faultMissing, 2 votes");
        vm.assertEq(sums.groupInfo(1, 0).faulty, 1);
    }

    function test_DisputePair() public {
        _group();
        Post memory wrong = _post(1, 0, 0);
        // The first mask of the first member, which it shares with the second one, is another point.
        G1Point memory other = Curve.point(12345);
        for (uint256 i = 0; i < 32; ++i) {
            (wrong.masks[i], wrong.masks[32 + i]) = (bytes32(other.x)[i], bytes32(other.y)[i]);
        }
        _pay(wrong);
        _pay(_post(1, 0, 1));
        PairDispute memory request = _pairDispute(1, 0, 0, 1, false);
        request.firstMasks = wrong.masks;
        sums.disputePair(request);
        _snap("SecureAggregation.disputePair, group of 4");
        vm.assertEq(sums.groupInfo(1, 0).faulty, 1);
    }

    function test_SumUpAMask() public {
        MaskCommitments proven = new MaskCommitments();
        G1Point memory point = Curve.point(7);
        proven.begin("a seed", 0, point);
        _snap("MaskCommitments.begin");
        proven.advance("a seed", 0, point, MaskLayout.CELLS);
        _snap("MaskCommitments.advance, 50 cells");
        (uint256 cells,) = proven.progressOf("a seed", 0, point);
        vm.assertEq(cells, 50);
    }
}

/// @notice Gas of a file's proof and payment, as GasTest measures.
/// forge-config: default.isolate = true
contract VanaGasTest is VanaFixture {
    uint256 private _id;

    function setUp() public override {
        super.setUp();
        _id = _file(ALICE, "ipfs://alice/0");
    }

    function test_ProofPool() public {
        FileClaim memory request = _alices(pool, _id, 0);
        pool.proveFile(request);
        vm.snapshotGasLastCall("gas", "VanaProofPool.proveFile");
        pool.requestReward(_id, 1);
        vm.snapshotGasLastCall("gas", "VanaProofPool.requestReward");
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }

    function test_KeylessAttestor() public {
        FileClaim memory request = _alices(attestor, _id, 0);
        attestor.proveFile(request);
        vm.snapshotGasLastCall("gas", "KeylessAttestor.proveFile");
        template.requestReward(_id, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }
}
