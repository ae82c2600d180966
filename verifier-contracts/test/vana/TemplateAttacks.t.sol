// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {FileClaim} from "../../contracts/vana/interfaces/IFileProofs.sol";
import {IVanaDataRegistry, VanaProof} from "../../contracts/vana/interfaces/IVanaDataRegistry.sol";
import {IVanaPool} from "../../contracts/vana/interfaces/IVanaPool.sol";
import {LocalVanaPool} from "../../contracts/vana/local/LocalVanaPool.sol";
import {LocalVanaRegistry} from "../../contracts/vana/local/LocalVanaRegistry.sol";
import {VanaFixture} from "../utils/VanaFixture.sol";

/// @notice A pool of attestors with keys.
contract KeyedTeePool {
    mapping(address account => bool attestor) public isTee;

    function add(address account) external {
        isTee[account] = true;
    }
}

/// @notice What a pool accepts that trusts the signature of an honest attestor, and the proof pool's answer to the same.
contract TemplateAttacksTest is VanaFixture {
    uint256 internal constant TEE_KEY = 0x7EE;
    KeyedTeePool internal tees;
    LocalVanaPool internal keyed;

    function setUp() public override {
        super.setUp();
        tees = new KeyedTeePool();
        tees.add(vm.addr(TEE_KEY));
        keyed = _newTemplate(DLP_ID);
        keyed.updateTeePool(address(tees));
    }

    /// @dev An honest attestor's proof for a url.
    function _signed(string memory url, uint256 score, uint256 dlpId, string memory metadata)
        private
        pure
        returns (VanaProof memory proof)
    {
        proof.data.score = score;
        proof.data.dlpId = dlpId;
        proof.data.metadata = metadata;
        proof.data.proofUrl = "ipfs://the-attestor-s-report-of-the-whole-proof-of-contribution-of-this-file";
        proof.data.instruction = INSTRUCTION;
        bytes32 message = keccak256(
            abi.encodePacked(url, score, dlpId, metadata, proof.data.proofUrl, proof.data.instruction)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(TEE_KEY, MessageHashUtils.toEthSignedMessageHash(message));
        proof.signature = abi.encodePacked(r, s, v);
    }

    function test_TheTemplatePaysForAProofOfAnotherPool() public {
        // The number that was signed is another pool's; nobody compares it.
        uint256 file = _file(ALICE, "ipfs://a");
        vana.addProof(file, _signed("ipfs://a", 1 ether, DLP_ID + 1, ""));
        keyed.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
        // The proof pool: see test_RevertWhen_AProofComesFromAnotherPool.
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(file, 1);
    }

    function test_TwoTemplatesPayForOneProof() public {
        LocalVanaPool sibling = _newTemplate(DLP_ID + 1);
        sibling.updateTeePool(address(tees));
        uint256 file = _file(ALICE, "ipfs://a");
        vana.addProof(file, _signed("ipfs://a", 1 ether, DLP_ID, ""));
        keyed.requestReward(file, 1);
        sibling.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), 2 * FACTOR);
    }

    function test_TheTemplatePaysForAProofOfAnotherChain() public {
        VanaProof memory proof = _signed("ipfs://a", 1 ether, DLP_ID, "");
        vm.chainId(4242);
        uint256 file = _file(ALICE, "ipfs://a");
        vana.addProof(file, proof);
        keyed.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
    }

    function test_TheTemplatePaysWhoeverSquatsTheUrl() public {
        // Bob sees the url and adds it first, as his own; the attestor's word holds no owner.
        uint256 squatted = _file(BOB, "ipfs://a");
        vm.expectPartialRevert(LocalVanaRegistry.FileUrlAlreadyUsed.selector);
        _file(ALICE, "ipfs://a");
        vana.addProof(squatted, _signed("ipfs://a", 1 ether, DLP_ID, ""));
        keyed.requestReward(squatted, 1);
        vm.assertEq(token.balanceOf(BOB), FACTOR);
        // The proof pool: see test_RevertWhen_TheFileIsSomeoneElses.
    }

    function test_TheTemplatePaysTwiceForBytesCutElsewhere() public {
        // One proof of a low score. A second file's url goes on with the first one's score, so that the pool's number is read as
        // a score: a hash that an operator took for a number, or any number that was chosen well, is worth up to 1e18.
        uint256 number = 1 ether;
        uint256 file = _file(BOB, "ipfs://a");
        VanaProof memory proof = _signed("ipfs://a", 0.01 ether, number, "thirty-two bytes of the metadata");
        vana.addProof(file, proof);
        keyed.requestReward(file, 1);
        VanaProof memory moved;
        moved.signature = proof.signature;
        moved.data.score = number;
        moved.data.dlpId = uint256(bytes32("thirty-two bytes of the metadata"));
        moved.data.proofUrl = proof.data.proofUrl;
        moved.data.instruction = INSTRUCTION;
        uint256 second = _file(BOB, string(abi.encodePacked("ipfs://a", proof.data.score)));
        vana.addProof(second, moved);
        keyed.requestReward(second, 1);
        vm.assertEq(token.balanceOf(BOB), _reward(0.01 ether) + FACTOR);
        // The keyless attestor: see test_RevertWhen_TheMessageIsCutElsewhere.
    }

    function test_AnyoneAddsProofs() public {
        uint256 file = _file(ALICE, "ipfs://a");
        VanaProof memory proof;
        proof.data.score = 1 ether;
        vm.prank(BOB);
        vana.addProof(file, proof);
        vm.assertEq(vana.fileProofs(file, 1).data.score, 1 ether);
        // Without a signature no pool pays for it.
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        keyed.requestReward(file, 1);
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        pool.requestReward(file, 1);
    }

    function test_TheTemplatePaysForTheSameDataUnderTwoUrls() public {
        // The same records at two urls: two files, two proofs, two rewards.
        uint256 first = _file(ALICE, "ipfs://a");
        uint256 second = _file(ALICE, "ipfs://a#");
        vana.addProof(first, _signed("ipfs://a", 1 ether, DLP_ID, ""));
        vana.addProof(second, _signed("ipfs://a#", 1 ether, DLP_ID, ""));
        keyed.requestReward(first, 1);
        keyed.requestReward(second, 1);
        vm.assertEq(token.balanceOf(ALICE), 2 * FACTOR);
        // The proof pool: see test_RevertWhen_AShardIsProvenForASecondFile.
        FileClaim memory request = _alices(pool, first, 0);
        pool.proveFile(request);
    }

    function test_TheTemplatePaysAgainAfterAFactorOfZero() public {
        LocalVanaPool free = new LocalVanaPool(IVanaDataRegistry(address(vana)), token, INSTRUCTION, DLP_ID, 0);
        free.updateTeePool(address(tees));
        uint256 file = _file(ALICE, "ipfs://a");
        vana.addProof(file, _signed("ipfs://a", 1 ether, DLP_ID, ""));
        // Paid nothing, and open still. The proof pool: see test_AFactorOfZeroDoesNotLeaveAFileOpen.
        free.requestReward(file, 1);
        free.requestReward(file, 1);
        vm.assertEq(free.files(file).rewardAmount, 0);
    }

    function test_TheTemplateRefusesAnHonestFileAfterANewInstruction() public {
        LocalVanaPool changed =
            new LocalVanaPool(IVanaDataRegistry(address(vana)), token, "a new instruction", DLP_ID, FACTOR);
        changed.updateTeePool(address(tees));
        uint256 file = _file(ALICE, "ipfs://a");
        vana.addProof(file, _signed("ipfs://a", 1 ether, DLP_ID, ""));
        // The proof pool: see test_ANewInstructionLeavesProvenFilesTheirReward.
        vm.expectPartialRevert(IVanaPool.InvalidProof.selector);
        changed.requestReward(file, 1);
    }
}
