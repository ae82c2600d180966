// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {FileClaim, IFileProofs} from "../../contracts/vana/interfaces/IFileProofs.sol";
import {VanaProof} from "../../contracts/vana/interfaces/IVanaDataRegistry.sol";
import {VanaFixture} from "../utils/VanaFixture.sol";

/// @notice Whatever two members, and whoever adds proofs and files for them, do in whatever order: both pools pay for what was proven,
/// once for each file and each shard.
contract VanaInvariantTest is VanaFixture {
    /// @notice Which functions of which contract are called.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    // Per adapter (0 the proof pool, 1 the keyless attestor): proven files by shard and paid files.
    mapping(uint256 adapter => mapping(bytes32 shard => uint256 fileId)) private _fileOfShard;
    mapping(uint256 adapter => mapping(uint256 fileId => uint256 score)) private _scoreOf;
    mapping(uint256 adapter => mapping(uint256 fileId => bool paid)) private _isPaid;
    mapping(address owner => uint256 amount) private _owed;
    uint256[2] private _paidBy;
    uint256 private _urls;
    uint256 private _refused;
    uint256 private _proofs;

    /// @notice This contract plays everyone.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    /// @notice The actions, and nothing else.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](5);
        actions[0] = this.actAddFile.selector;
        actions[1] = this.actProve.selector;
        actions[2] = this.actRequest.selector;
        actions[3] = this.actCopyProof.selector;
        actions[4] = this.actMisuse.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(this), actions);
    }

    function _adapter(uint256 which) private view returns (IFileProofs) {
        return which == 0 ? IFileProofs(pool) : IFileProofs(attestor);
    }

    function _someFile(uint256 seed) private view returns (uint256) {
        return 1 + seed % (vana.filesCount() + 1);
    }

    function _member(bool bob) private view returns (address owner, Subject subject, Root dataset) {
        return bob ? (BOB, BOBS, bobsRoot) : (ALICE, SUBJECT, root);
    }

    /// @notice Someone adds a file for a member.
    function actAddFile(bool bob) external {
        _file(bob ? BOB : ALICE, string(abi.encodePacked("ipfs://", _digits(_urls++))));
    }

    function _digits(uint256 value) private pure returns (bytes memory text) {
        text = new bytes(8);
        for (uint256 i = 8; i > 0; --i) {
            text[i - 1] = bytes1(uint8(48 + value % 10));
            value /= 10;
        }
    }

    /// @notice A member proves some file to be some shard, at either adapter.
    function actProve(uint256 seed, bool bob, bool keyless) external {
        uint256 which = keyless ? 1 : 0;
        (address owner, Subject subject, Root dataset) = _member(bob);
        (uint256 fileId, uint256 index) = (_someFile(seed >> 8), seed % SHARDS);
        uint8 loss = uint8(LOSS_LOG2 + 4 * (seed >> 128) % 20);
        FileClaim memory request = _request(_adapter(which), fileId, owner, subject, dataset, index, loss);
        bytes32 shard = keccak256(abi.encode(dataset, index));
        bool free = _fileOfShard[which][shard] == 0 && _scoreOf[which][fileId] == 0;
        bool good = free && vana.files(fileId).ownerAddress == owner && loss <= MAX_LOSS_LOG2;
        try _adapter(which).proveFile(request) {
            vm.assertTrue(good);
            _fileOfShard[which][shard] = fileId;
            _scoreOf[which][fileId] = _adapter(which).scoreOf(NORM_LOG2, loss);
            ++_proofs;
        } catch {
            vm.assertFalse(good);
            ++_refused;
        }
    }

    /// @notice Someone asks for the reward of some proof of some file.
    function actRequest(uint256 seed, bool keyless) external {
        uint256 which = keyless ? 1 : 0;
        (uint256 fileId, uint256 proofIndex) = (_someFile(seed >> 8), 1 + seed % 4);
        address owner = vana.files(fileId).ownerAddress;
        uint256 before = token.balanceOf(owner);
        (bool paid,) = which == 0
            ? address(pool).call(abi.encodeCall(pool.requestReward, (fileId, proofIndex)))
            : address(template).call(abi.encodeCall(template.requestReward, (fileId, proofIndex)));
        if (!paid) {
            ++_refused;
            return;
        }
        vm.assertFalse(_isPaid[which][fileId]);
        _isPaid[which][fileId] = true;
        uint256 amount = _reward(_scoreOf[which][fileId]);
        vm.assertTrue(amount != 0);
        vm.assertEq(token.balanceOf(owner) - before, amount);
        _owed[owner] += amount;
        _paidBy[which] += amount;
    }

    /// @notice Someone copies a proof of one file to another, or changes its score.
    function actCopyProof(uint256 seed, bool change) external {
        VanaProof memory proof = vana.fileProofs(_someFile(seed), 1 + (seed >> 64) % 3);
        if (change) proof.data.score = 1 ether;
        vana.addProof(_someFile(seed >> 128), proof);
    }

    /// @notice A proof for one adapter, file or member is sent for another.
    function actMisuse(uint256 seed, bool bob, bool keyless) external {
        (address owner, Subject subject, Root dataset) = _member(bob);
        uint256 fileId = _someFile(seed >> 8);
        FileClaim memory request =
            _request(_adapter(keyless ? 0 : 1), fileId, owner, subject, dataset, seed % SHARDS, LOSS_LOG2);
        if (seed & 256 != 0) {
            request = _request(_adapter(keyless ? 1 : 0), fileId + 1, owner, subject, dataset, seed % SHARDS, LOSS_LOG2);
            request.fileId = fileId;
        }
        try _adapter(keyless ? 1 : 0).proveFile(request) {
            vm.assertTrue(false);
        } catch {
            ++_refused;
        }
    }

    /// @notice What was paid is what was owed, and what is left is the rest.
    function invariant_WhatIsPaidWasProvenOnce() public view {
        vm.assertEq(token.balanceOf(ALICE), _owed[ALICE]);
        vm.assertEq(token.balanceOf(BOB), _owed[BOB]);
        vm.assertEq(pool.totalContributorsRewardAmount(), FUNDS - _paidBy[0]);
        vm.assertEq(template.totalContributorsRewardAmount(), FUNDS - _paidBy[1]);
        vm.assertEq(token.balanceOf(address(pool)), FUNDS - _paidBy[0]);
        vm.assertEq(token.balanceOf(address(template)), FUNDS - _paidBy[1]);
        // Two members with five shards each.
        vm.assertTrue(_paidBy[0] <= 2 * SHARDS * FACTOR && _paidBy[1] <= 2 * SHARDS * FACTOR);
    }

    /// @notice The actions reach payments at both pools: the invariants are about something.
    function test_ActionsReachBothPools() public {
        for (uint256 i = 0; i < 300; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("vana", i)));
            uint256 action = seed % 8;
            bool bob = seed & 0x10000 != 0;
            bool keyless = seed & 0x20000 != 0;
            if (action == 0 && vana.filesCount() < 24) this.actAddFile(bob);
            else if (action < 4) this.actProve(seed >> 24, bob, keyless);
            else if (action < 6) this.actRequest(seed >> 24, keyless);
            else if (action == 6) this.actCopyProof(seed >> 24, bob);
            else this.actMisuse(seed >> 24, bob, keyless);
        }
        vm.assertTrue(_proofs >= 8);
        vm.assertTrue(_paidBy[0] > 0 && _paidBy[1] > 0);
        vm.assertTrue(_refused > 50);
        invariant_WhatIsPaidWasProvenOnce();
    }
}
