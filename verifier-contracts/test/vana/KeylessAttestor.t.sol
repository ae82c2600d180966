// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {LinkVerifier} from "../../contracts/libraries/LinkVerifier.sol";
import {KeylessAttestor} from "../../contracts/vana/KeylessAttestor.sol";
import {FileClaim, IFileProofs} from "../../contracts/vana/interfaces/IFileProofs.sol";
import {IVanaDataRegistry, VanaProof} from "../../contracts/vana/interfaces/IVanaDataRegistry.sol";
import {IVanaPool, IVanaTemplate} from "../../contracts/vana/interfaces/IVanaPool.sol";
import {LocalVanaPool} from "../../contracts/vana/local/LocalVanaPool.sol";
import {LocalVanaRegistry} from "../../contracts/vana/local/LocalVanaRegistry.sol";
import {VanaFixture} from "../utils/VanaFixture.sol";

/// @notice An unmodified pool pays on proofs, and an account that vouches without a key vouches for nothing else.
contract KeylessAttestorTest is VanaFixture {
    string internal constant URL = "ipfs://alice/0";
    uint256 internal file;

    function setUp() public override {
        super.setUp();
        file = _file(ALICE, URL);
    }

    function _signer(string memory url, VanaProof memory proof) private view returns (address) {
        return ECDSA.recover(attestor.messageDigest(url, proof.data), proof.signature);
    }

    function _proven() private returns (VanaProof memory) {
        attestor.proveFile(_alices(attestor, file, 0));
        return vana.fileProofs(file, 1);
    }

    // -- an honest file

    function test_AnUnmodifiedPoolPays() public {
        VanaProof memory proof = _proven();
        vm.assertTrue(attestor.isTee(_signer(URL, proof)));
        vm.assertEq(proof.data.dlpId, DLP_ID);
        vm.prank(CAROL);
        template.requestReward(file, 1);
        vm.assertEq(token.balanceOf(ALICE), FACTOR);
        vm.expectPartialRevert(IVanaPool.FileAlreadyAdded.selector);
        template.requestReward(file, 1);
    }

    function test_ItPaysForEveryQuarter() public {
        for (uint8 i = 0; i < 4; ++i) {
            uint256 id = _file(ALICE, string(abi.encodePacked("ipfs://alice/q/", bytes1(48 + i))));
            uint256 before = token.balanceOf(ALICE);
            attestor.proveFile(_request(attestor, id, ALICE, SUBJECT, root, i, MAX_LOSS_LOG2 - 4 * i));
            template.requestReward(id, 1);
            vm.assertEq(token.balanceOf(ALICE) - before, FACTOR * (i + 1) / 4);
        }
    }

    // -- nothing else

    function testFuzz_TheAccountVouchesForNoOtherMessage(uint8 field, uint256 value) public {
        VanaProof memory proof = _proven();
        bytes memory before = abi.encode(proof.data);
        uint256 which = field % 5;
        if (which == 0) proof.data.score = value;
        else if (which == 1) proof.data.dlpId = value;
        else if (which == 2) proof.data.metadata = string(abi.encodePacked(value));
        else if (which == 3) proof.data.proofUrl = string(abi.encodePacked(value));
        else proof.data.instruction = string(abi.encodePacked(value));
        vm.assume(keccak256(abi.encode(proof.data)) != keccak256(before));
        vm.assertFalse(attestor.isTee(_signer(URL, proof)));
        // The same, through the pool.
        vana.addProof(file, proof);
        try template.requestReward(file, 2) {
            vm.assertTrue(false);
        } catch {}
    }

    function test_RevertWhen_TheSignatureIsUsedForAnotherFile() public {
        VanaProof memory proof = _proven();
        uint256 other = _file(BOB, "ipfs://bob");
        vana.addProof(other, proof);
        vm.expectPartialRevert(IVanaPool.InvalidAttestator.selector);
        template.requestReward(other, 1);
    }

    function test_TheSignatureIsNeitherHighNorOfAKnownNonce() public {
        VanaProof memory proof = _proven();
        (bytes32 r, bytes32 s, bytes1 v) = _parts(proof.signature);
        vm.assertEq(s, bytes32(uint256(1)));
        vm.assertEq(uint8(v), 27);
        // r is a digest over adapter, file, message and the block before: one of the first few candidates.
        bytes32 digest = attestor.messageDigest(URL, proof.data);
        bytes32 seed = keccak256(
            abi.encode(attestor.NONCE_TAG(), address(attestor), file, digest, blockhash(block.number - 1))
        );
        bool found = false;
        for (uint256 i = 0; i < 128 && !found; ++i) {
            found = r == keccak256(abi.encode(seed, i));
        }
        vm.assertTrue(found);
        // Its mirror image is refused by the pool, as everyone's is.
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        proof.signature = abi.encodePacked(r, order - 1, uint8(28));
        vana.addProof(file, proof);
        vm.expectPartialRevert(ECDSA.ECDSAInvalidSignatureS.selector);
        template.requestReward(file, 2);
    }

    function test_AnotherBlockGivesAnotherAccount() public {
        uint256 state = vm.snapshotState();
        VanaProof memory proof = _proven();
        vm.revertToState(state);
        vm.roll(block.number + 1);
        VanaProof memory later = _proven();
        vm.assertEq(attestor.messageDigest(URL, later.data), attestor.messageDigest(URL, proof.data));
        vm.assertNotEq(keccak256(later.signature), keccak256(proof.signature));
    }

    function _parts(bytes memory signature) private pure returns (bytes32 r, bytes32 s, bytes1 v) {
        assembly {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        v = signature[64];
    }

    // -- the same bytes, cut elsewhere

    /// @dev Adds a file whose url is the proven one's with `longer` of the bytes behind it (or without its last ones), and proofs
    /// that cut the rest of the message in every way; the pool must pay for none.
    function _cut(int256 longer, VanaProof memory proof) private {
        bytes memory message = abi.encodePacked(
            URL, proof.data.score, proof.data.dlpId, proof.data.metadata, proof.data.proofUrl, proof.data.instruction
        );
        uint256 start = uint256(int256(bytes(URL).length) + longer);
        if (start + 64 + bytes(INSTRUCTION).length > message.length) return;
        VanaProof memory moved;
        moved.signature = proof.signature;
        moved.data.score = uint256(bytes32(_slice(message, start, start + 32)));
        moved.data.dlpId = uint256(bytes32(_slice(message, start + 32, start + 64)));
        moved.data.metadata = string(_slice(message, start + 64, message.length - bytes(INSTRUCTION).length));
        moved.data.instruction = INSTRUCTION;
        string memory url = string(_slice(message, 0, start));
        // The bytes are the same: the signature holds.
        vm.assertTrue(attestor.isTee(_signer(url, moved)));
        uint256 id = _file(BOB, url);
        vana.addProof(id, moved);
        vm.expectPartialRevert(IVanaPool.InvalidScore.selector);
        template.requestReward(id, 1);
    }

    function _slice(bytes memory whole, uint256 from, uint256 to) private pure returns (bytes memory out) {
        out = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            out[i - from] = whole[i];
        }
    }

    function test_RevertWhen_TheMessageIsCutElsewhere() public {
        VanaProof memory proof = _proven();
        uint256 state = vm.snapshotState();
        for (int256 longer = -int256(bytes(URL).length); longer <= 100; ++longer) {
            if (longer == 0) continue;
            _cut(longer, proof);
            vm.revertToState(state);
        }
    }

    function test_RevertWhen_TheInstructionBecomesAnEndOfAnEarlierOne() public {
        // With a shorter instruction, the bytes before it are metadata of another file: room for a cut at the pool's number.
        VanaProof memory proof = _proven();
        address signer = _signer(URL, proof);
        vm.assertTrue(attestor.isTee(signer));
        bytes memory instruction = bytes(INSTRUCTION);
        string memory shorter = string(_slice(instruction, instruction.length - 4, instruction.length));
        vm.mockCall(address(template), abi.encodeCall(template.proofInstruction, ()), abi.encode(shorter));
        vm.assertFalse(attestor.isTee(signer));
        vm.mockCall(address(template), abi.encodeCall(template.proofInstruction, ()), abi.encode(INSTRUCTION));
        vm.assertTrue(attestor.isTee(signer));
    }

    function test_RevertWhen_AUrlIsNotPrintable() public {
        bytes[4] memory tails =
            [abi.encodePacked(uint256(1)), bytes("with space"), bytes(hex"7f"), bytes(hex"c3a9")];
        for (uint256 i = 0; i < tails.length; ++i) {
            bytes memory tail = i == 1 ? bytes(" ") : tails[i];
            uint256 id = _file(ALICE, string(bytes.concat("ipfs://", bytes1(uint8(97 + i)), tail)));
            FileClaim memory request = _alices(attestor, id, 1);
            vm.expectPartialRevert(KeylessAttestor.ZkPocVanaUrl.selector);
            attestor.proveFile(request);
        }
    }

    // -- one pool

    function test_RevertWhen_ThePoolAsksSomeoneElse() public {
        FileClaim memory request = _alices(attestor, file, 0);
        template.updateTeePool(BOB);
        vm.expectPartialRevert(KeylessAttestor.ZkPocVanaTeePool.selector);
        attestor.proveFile(request);
    }

    function test_RevertWhen_ThePoolHasAnotherNumberOrRegistry() public {
        KeylessAttestor other = _newAttestor(template, DLP_ID + 1);
        template.updateTeePool(address(other));
        FileClaim memory request = _alices(other, file, 0);
        vm.expectRevert(abi.encodeWithSelector(KeylessAttestor.ZkPocVanaDlpId.selector, DLP_ID + 1, DLP_ID));
        other.proveFile(request);

        LocalVanaRegistry elsewhere = new LocalVanaRegistry();
        LocalVanaPool foreign =
            new LocalVanaPool(IVanaDataRegistry(address(elsewhere)), token, INSTRUCTION, DLP_ID, FACTOR);
        other = _newAttestor(foreign, DLP_ID);
        foreign.updateTeePool(address(other));
        request = _alices(other, file, 0);
        vm.expectPartialRevert(KeylessAttestor.ZkPocVanaRegistry.selector);
        other.proveFile(request);
    }

    function test_ASiblingPoolDoesNotPay() public {
        LocalVanaPool sibling = _newTemplate(DLP_ID + 1);
        sibling.updateTeePool(address(_newAttestor(sibling, DLP_ID + 1)));
        _proven();
        vm.expectPartialRevert(IVanaPool.InvalidAttestator.selector);
        sibling.requestReward(file, 1);
        template.requestReward(file, 1);
    }

    function test_RevertWhen_AProofComesFromAnotherChainOrAttestor() public {
        FileClaim memory request = _alices(attestor, file, 0);
        vm.chainId(4242);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        attestor.proveFile(request);
        vm.chainId(31337);
        request = _alices(pool, file, 0);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        attestor.proveFile(request);
    }

    function test_RevertWhen_NothingIsProven() public {
        _proven();
        FileClaim memory request = _alices(attestor, file, 1);
        vm.expectPartialRevert(IFileProofs.ZkPocVanaProven.selector);
        attestor.proveFile(request);
        vm.assertFalse(attestor.isTee(address(0)));
        vm.assertFalse(attestor.isTee(ALICE));
        vm.assertFalse(attestor.isTee(address(attestor)));
    }

    function test_RevertWhen_AnArgumentIsMissing() public {
        vm.expectPartialRevert(IFileProofs.ZkPocVanaZeroArgument.selector);
        new KeylessAttestor(_config(), IVanaTemplate(address(0)), DLP_ID);
        vm.expectPartialRevert(IFileProofs.ZkPocVanaZeroArgument.selector);
        new KeylessAttestor(_config(), IVanaTemplate(address(template)), 0);
    }

    /// @dev A template without a number, as older ones are.
    function test_AnOlderPoolPaysToo() public {
        OlderPool older = new OlderPool(address(vana), INSTRUCTION);
        KeylessAttestor made = new KeylessAttestor(_config(), IVanaTemplate(address(older)), DLP_ID);
        older.updateTeePool(address(made));
        _setModel(made, MODEL);
        made.proveFile(_alices(made, file, 0));
        vm.assertEq(vana.fileProofs(file, 1).data.dlpId, DLP_ID);
    }
}

/// @notice What an attestor asks of a pool that does not know its number.
contract OlderPool {
    address public dataRegistry;
    string public proofInstruction;
    address public teePool;

    constructor(address registry, string memory instruction) {
        dataRegistry = registry;
        proofInstruction = instruction;
    }

    function updateTeePool(address newTeePool) external {
        teePool = newTeePool;
    }
}
