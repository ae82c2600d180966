// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Attestation, IDataRegistry} from "../../contracts/interfaces/IDataRegistry.sol";
import {Circuit, IVerifierRouter} from "../../contracts/interfaces/IVerifierRouter.sol";
import {ModelId, ProfileId, Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {LinkVerifier} from "../../contracts/libraries/LinkVerifier.sol";
import {AdapterConfig} from "../../contracts/vana/FileProofs.sol";
import {VanaProofPool} from "../../contracts/vana/VanaProofPool.sol";
import {FileClaim, IFileProofs} from "../../contracts/vana/interfaces/IFileProofs.sol";
import {IVanaPool} from "../../contracts/vana/interfaces/IVanaPool.sol";
import {VanaProof} from "../../contracts/vana/interfaces/IVanaDataRegistry.sol";
import {LocalVanaRegistry} from "../../contracts/vana/local/LocalVanaRegistry.sol";
import {StandInVerifier} from "../utils/StandInVerifier.sol";
import {VanaFixture} from "../utils/VanaFixture.sol";

/// @notice What a pool that pays on proofs pays for, and what it does not.
contract VanaProofPoolTest is VanaFixture {
    uint256 internal file;

    function setUp() public override {
        super.setUp();
        file = _file(ALICE, "ipfs://alice/0");
    }

    function _refused(FileClaim memory request, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        pool.proveFile(request);
    }

    // -- an honest file

    function test_PaysAProvenFileOnce() public {
        // Anyone may send both.
        vm.prank(CAROL);
        pool.proveFile(_alices(pool, file, 0));
        VanaProof memory proof = vana.fileProofs(file, 1);
        vm.assertEq(proof.data.score, 1 ether);
        vm.assertEq(proof.data.dlpId, DLP_ID);
        vm.assertEq(bytes(proof.data.metadata).length, 24);
        vm.assertEq(keccak256(bytes(proof.data.instruction)), keccak256(bytes(INSTRUCTION)));
        vm.prank(CAROL);
        pool.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
        vm.assertEq(pool.totalContributorsRewardAmount(), FUNDS - FACTOR);
        vm.assertEq(pool.files(file).rewardAmount, FACTOR);
        vm.assertEq(pool.filesListCount(), 1);
        vm.assertEq(pool.contributors(1).contributorAddress, ALICE);
        vm.assertEq(pool.contributorFiles(ALICE, 0).fileId, file);

        vm.expectPartialRevert(IVanaPool.FileAlreadyAdded.selector);
        pool.requestReward(file, 1);
        _refused(_alices(pool, file, 1), IFileProofs.ZkPocVanaProven.selector);
    }

    function test_EveryShardIsAContribution() public {
        for (uint256 i = 0; i < SHARDS; ++i) {
            uint256 id = _file(ALICE, string(abi.encodePacked("ipfs://alice/more/", bytes1(uint8(48 + i)))));
            pool.proveFile(_alices(pool, id, i));
            pool.requestReward(id, 1);
        }
        vm.assertEq(token.balanceOf(ALICE), SHARDS * FACTOR);
        vm.assertEq(pool.contributorsCount(), 1);
        vm.assertEq(pool.contributorInfo(ALICE).filesListCount, SHARDS);
    }

    function test_AFactorOfZeroDoesNotLeaveAFileOpen() public {
        pool.updateFileRewardFactor(0);
        pool.proveFile(_alices(pool, file, 0));
        pool.requestReward(file, 1);
        pool.updateFileRewardFactor(FACTOR);
        vm.expectPartialRevert(IVanaPool.FileAlreadyAdded.selector);
        pool.requestReward(file, 1);
    }

    function test_ANewInstructionLeavesProvenFilesTheirReward() public {
        pool.proveFile(_alices(pool, file, 0));
        pool.updateProofInstruction("another");
        pool.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }

    function test_ValidatesInTheSameCall() public {
        Root other = _commit(3, SHARDS);
        _register(CAROL, CAROLS, other, 1);
        uint256 id = _file(CAROL, "ipfs://carol");
        FileClaim memory request = _request(pool, id, CAROL, CAROLS, other, 2, LOSS_LOG2);
        _refused(request, IFileProofs.ZkPocVanaNotValidated.selector);
        (request.datasetProof, request.datasetLink) = _datasetProof(other, 2, CAROL);
        pool.proveFile(request);
        vm.assertTrue(registry.isValidated(PROFILE, request.commitment));
    }

    // -- the score

    function test_TheScoreFallsByAQuarterForEachFactorSixteen() public {
        uint256[6] memory expected = [uint256(4), 4, 4, 3, 2, 1];
        for (uint256 i = 0; i < 6; ++i) {
            uint8 loss = uint8(MAX_LOSS_LOG2 - 20 + 4 * i);
            vm.assertEq(pool.scoreOf(NORM_LOG2, loss), expected[i] * 0.25 ether);
        }
        vm.expectRevert(
            abi.encodeWithSelector(IFileProofs.ZkPocVanaLossBound.selector, MAX_LOSS_LOG2, MAX_LOSS_LOG2 + 1)
        );
        pool.scoreOf(NORM_LOG2, MAX_LOSS_LOG2 + 1);
        vm.expectRevert(abi.encodeWithSelector(IFileProofs.ZkPocVanaNormBound.selector, NORM_LOG2, NORM_LOG2 + 1));
        pool.scoreOf(NORM_LOG2 + 1, MAX_LOSS_LOG2);
    }

    function testFuzz_AScoreIsInRangeAndPaidInProportion(uint8 loss) public {
        vm.assume(loss <= MAX_LOSS_LOG2);
        uint256 score = pool.scoreOf(NORM_LOG2, loss);
        vm.assertTrue(score >= 2 ** 56 && score <= 1 ether);
        pool.proveFile(_request(pool, file, ALICE, SUBJECT, root, 1, loss));
        pool.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), _reward(score));
    }

    function test_RevertWhen_TheBoundsAreNotTheProven() public {
        FileClaim memory request = _request(pool, file, ALICE, SUBJECT, root, 0, MAX_LOSS_LOG2);
        request.lossLog2 = LOSS_LOG2;
        _refused(request, StandInVerifier.StandInRejects.selector);
        request.lossLog2 = MAX_LOSS_LOG2;
        request.normLog2 = NORM_LOG2 - 1;
        _refused(request, StandInVerifier.StandInRejects.selector);
        request.normLog2 = NORM_LOG2 + 1;
        _refused(request, IFileProofs.ZkPocVanaNormBound.selector);
    }

    // -- ownership

    function test_RevertWhen_TheFileIsSomeoneElses() public {
        // Bob squats the url that Alice wanted. He has no proof for it, and hers is for another owner.
        uint256 squatted = _file(BOB, "ipfs://alice/1");
        vm.expectPartialRevert(LocalVanaRegistry.FileUrlAlreadyUsed.selector);
        _file(ALICE, "ipfs://alice/1");
        _refused(_alices(pool, squatted, 1), IFileProofs.ZkPocVanaNotOwner.selector);
        // She takes another url.
        uint256 other = _file(ALICE, "ipfs://alice/1?salt=1");
        pool.proveFile(_alices(pool, other, 1));
    }

    function test_RevertWhen_AProofIsMovedToAnotherFileOfTheOwner() public {
        FileClaim memory request = _alices(pool, file, 0);
        // Bob adds a file for Alice, and sends her proof for it.
        request.fileId = _file(ALICE, "ipfs://bob/nonsense");
        _refused(request, LinkVerifier.ZkPocLinkInvalid.selector);
    }

    function test_RevertWhen_SomeoneElsesDatasetIsClaimed() public {
        uint256 bobs = _file(BOB, "ipfs://bob");
        _refused(_request(pool, bobs, BOB, SUBJECT, root, 0, LOSS_LOG2), IFileProofs.ZkPocVanaNotOwner.selector);
    }

    function test_RevertWhen_ThereIsNoFile() public {
        _refused(_alices(pool, 999, 0), IFileProofs.ZkPocVanaNoFile.selector);
        _refused(_alices(pool, 0, 0), IFileProofs.ZkPocVanaNoFile.selector);
    }

    // -- uniqueness

    function test_RevertWhen_AShardIsProvenForASecondFile() public {
        pool.proveFile(_alices(pool, file, 0));
        uint256 second = _file(ALICE, "ipfs://alice/again");
        _refused(_alices(pool, second, 0), IFileProofs.ZkPocVanaUsed.selector);
    }

    function test_RevertWhen_TheSourceComesBackInOtherShards() public {
        pool.proveFile(_alices(pool, file, 0));
        Root again = _commit(9, SHARDS);
        _register(ALICE, SUBJECT, again, 2);
        _validate(again, 0, ALICE);
        uint256 second = _file(ALICE, "ipfs://alice/again");
        _refused(_request(pool, second, ALICE, SUBJECT, again, 0, LOSS_LOG2), IFileProofs.ZkPocVanaOtherRoot.selector);
        // The first dataset still counts.
        pool.proveFile(_alices(pool, second, 1));
    }

    // -- authenticity

    function test_RevertWhen_TheAttestorWasRevoked() public {
        FileClaim memory request = _alices(pool, file, 0);
        registry.revokeRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
        _refused(request, IDataRegistry.ZkPocRegistryNotAttestor.selector);
    }

    function test_RevertWhen_NobodyAttestedTheDataset() public {
        Root own = _commit(5, SHARDS);
        _refused(
            _request(pool, file, ALICE, SUBJECT, own, 0, LOSS_LOG2), IDataRegistry.ZkPocRegistryUnknownRoot.selector
        );
    }

    function test_RevertWhen_TheDatasetIsOfAnotherProfile() public {
        Root own = _commit(6, SHARDS);
        Attestation memory attestation = _attestation(ALICE, Subject.wrap(keccak256("another source")), own, 1);
        attestation.profileId = ProfileId.wrap(keccak256("another profile"));
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(ALICE);
        registry.register(attestation, signature);
        _refused(
            _request(pool, file, ALICE, attestation.subject, own, 0, LOSS_LOG2), IFileProofs.ZkPocVanaProfile.selector
        );
    }

    function test_RevertWhen_TheShardIsNotThere() public {
        FileClaim memory request = _alices(pool, file, 0);
        request.index = SHARDS;
        _refused(request, IFileProofs.ZkPocVanaIndex.selector);
        request.index = 1;
        _refused(request, IFileProofs.ZkPocVanaNotInRoot.selector);
        request = _alices(pool, file, 0);
        request.commitment = _point(root, 1);
        _refused(request, IFileProofs.ZkPocVanaNotInRoot.selector);
    }

    // -- replay

    function test_RevertWhen_AProofComesFromAnotherPool() public {
        VanaProofPool twin = _newPool();
        FileClaim memory request = _alices(twin, file, 0);
        _refused(request, LinkVerifier.ZkPocLinkInvalid.selector);
        twin.proveFile(request);
        // And its entry in Vana's registry pays at the twin only.
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(file, 1);
        twin.requestReward(file, 1);
    }

    function test_RevertWhen_AProofComesFromAnotherChain() public {
        FileClaim memory request = _alices(pool, file, 0);
        vm.chainId(4242);
        _refused(request, LinkVerifier.ZkPocLinkInvalid.selector);
        vm.chainId(31337);
        pool.proveFile(request);
    }

    function test_RevertWhen_AProofIsOfARound() public {
        // A round's claim of the same shard, in a round of the file's number.
        _openGenesis(rounds, MODEL);
        uint256 context = rounds.trainingContext(file, ALICE, SUBJECT, root, 0, 0);
        vm.assertNotEq(context, pool.fileContext(file, ALICE, SUBJECT, root, 0));
        FileClaim memory request = _alices(pool, file, 0);
        uint256[] memory instances = new uint256[](3);
        (instances[0], instances[1], instances[2]) = (context, 2 ** uint256(NORM_LOG2), 2 ** uint256(LOSS_LOG2));
        _prove(request, instances);
        _refused(request, LinkVerifier.ZkPocLinkInvalid.selector);
    }

    // -- the registry's proofs

    function test_RevertWhen_SomeoneElseAddedTheProof() public {
        pool.proveFile(_alices(pool, file, 0));
        VanaProof memory forged = vana.fileProofs(file, 1);
        forged.data.score = 0.5 ether;
        vm.prank(BOB);
        vana.addProof(file, forged);
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(file, 2);
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(file, 3);
        // A faithful copy says the same.
        vana.addProof(file, vana.fileProofs(file, 1));
        pool.requestReward(file, 3);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }

    function test_RevertWhen_AFileWasNeverProven() public {
        // The proof of one file, added to another.
        pool.proveFile(_alices(pool, file, 0));
        uint256 other = _file(BOB, "ipfs://bob");
        vana.addProof(other, vana.fileProofs(file, 1));
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(other, 1);
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(999, 0);
    }

    // -- the proof

    function test_RevertWhen_TheProofIsAboutAnotherModelOrCut() public {
        FileClaim memory request = _alices(pool, file, 0);
        bytes memory proof = request.proof;
        request.proof = _trainingProof(4, _point(root, 0), 1);
        _refused(request, IFileProofs.ZkPocVanaModel.selector);
        request.proof = new bytes(proof.length - 1);
        _refused(request, IFileProofs.ZkPocVanaProofLength.selector);
        proof[proof.length - 1] ^= 0x01;
        request.proof = proof;
        _refused(request, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_TheProfileIsStoppedOrFrozen() public {
        FileClaim memory request = _alices(pool, file, 0);
        router.freeze(PROFILE, Circuit.Training);
        _refused(request, IVerifierRouter.ZkPocRouterFrozen.selector);
    }

    // -- the model

    function test_TheModelIsProvenAndSetOnce() public {
        AdapterConfig memory config = _config();
        VanaProofPool made = new VanaProofPool(config, token, "", "", INSTRUCTION, FACTOR);
        FileClaim memory request = _alices(made, file, 0);
        vm.expectPartialRevert(IFileProofs.ZkPocVanaNoModel.selector);
        made.proveFile(request);
        // A proof for another adapter, of another start, of another length.
        bytes memory proof = _modelProof(pool, MODEL);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        made.setModel(SEED, proof);
        proof = _modelProof(made, MODEL);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        made.setModel(keccak256("another seed"), proof);
        vm.expectPartialRevert(IFileProofs.ZkPocVanaProofLength.selector);
        made.setModel(SEED, new bytes(proof.length + 1));
        vm.expectPartialRevert(IFileProofs.ZkPocVanaModel.selector);
        made.setModel(SEED, new bytes(proof.length));
        vm.prank(ALICE);
        vm.expectPartialRevert(bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)")));
        made.setModel(SEED, proof);
        made.setModel(SEED, proof);
        vm.assertEq(ModelId.unwrap(made.modelId()), ModelId.unwrap(_modelId(MODEL)));
        vm.expectPartialRevert(IFileProofs.ZkPocVanaModelSet.selector);
        made.setModel(SEED, proof);
        made.proveFile(request);
    }

    // -- the operator

    function test_OnlyTheAdminConfigures() public {
        bytes4 refusal = bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)"));
        bytes[6] memory calls = [
            abi.encodeCall(pool.updateFileRewardFactor, (1)),
            abi.encodeCall(pool.updateProofInstruction, ("")),
            abi.encodeCall(pool.updatePublicKey, ("")),
            abi.encodeCall(pool.updateDlpId, (1)),
            abi.encodeCall(pool.pause, ()),
            abi.encodeCall(pool.unpause, ())
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(ALICE);
            (bool good, bytes memory answer) = address(pool).call(calls[i]);
            vm.assertFalse(good);
            vm.assertEq(bytes32(bytes4(answer)), bytes32(refusal));
        }
    }

    function test_APausedPoolKeepsWhatItOwes() public {
        pool.proveFile(_alices(pool, file, 0));
        pool.pause();
        vm.expectPartialRevert(Pausable.EnforcedPause.selector);
        pool.requestReward(file, 1);
        uint256 second = _file(ALICE, "ipfs://alice/1");
        _refused(_alices(pool, second, 1), Pausable.EnforcedPause.selector);
        pool.unpause();
        pool.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }

    function test_AnEmptyPoolPaysNothing() public {
        pool.updateFileRewardFactor(FUNDS + 1);
        pool.proveFile(_alices(pool, file, 0));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        pool.requestReward(file, 1);
        pool.updateFileRewardFactor(FUNDS);
        pool.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FUNDS);
    }

    function test_RevertWhen_AnArgumentIsMissing() public {
        AdapterConfig memory config = _config();
        config.profileId = ProfileId.wrap(0);
        vm.expectPartialRevert(IFileProofs.ZkPocVanaZeroArgument.selector);
        new VanaProofPool(config, token, "", "", "", 1);
        config = _config();
        config.maxLossLog2 = 254;
        vm.expectPartialRevert(IFileProofs.ZkPocVanaBound.selector);
        new VanaProofPool(config, token, "", "", "", 1);
    }
}
