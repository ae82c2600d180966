// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {AdapterConfig, FileProofs} from "./FileProofs.sol";
import {FileClaim, IFileProofs} from "./interfaces/IFileProofs.sol";
import {IVanaDataRegistry, VanaProof} from "./interfaces/IVanaDataRegistry.sol";
import {IVanaPool, VanaContributor, VanaPoolFile} from "./interfaces/IVanaPool.sol";

/// @title A data liquidity pool that pays on proofs
/// @notice The reward path of Vana's template with another judge: a file is paid once `proveFile` has checked it and added the proof to
/// Vana's registry. `requestReward` pays for that very proof: anyone may add others to the registry, which count for nothing
/// here. The pool pays out of tokens that it was given, once for each file and contribution.
contract VanaProofPool is FileProofs, Pausable, ReentrancyGuard, IVanaPool {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice What contributors are paid in.
    IERC20 public immutable token;

    /// @inheritdoc IVanaPool
    string public name;
    /// @inheritdoc IVanaPool
    string public publicKey;
    /// @inheritdoc IVanaPool
    string public proofInstruction;
    /// @notice The pool's number at Vana; zero until it has one.
    uint256 public dlpId;
    /// @inheritdoc IVanaPool
    uint256 public fileRewardFactor;
    /// @inheritdoc IVanaPool
    uint256 public totalContributorsRewardAmount;

    /// @dev A proven file: whom it pays, what it was scored, and the digest of its proof in Vana's registry.
    struct Entry {
        address owner;
        uint96 score;
        bytes32 proofHash;
    }

    /// @dev A paid file, in one slot.
    struct Payment {
        uint64 timestamp;
        uint64 proofIndex;
        uint128 amount;
    }

    mapping(uint256 fileId => Entry entry) private _entries;
    mapping(uint256 fileId => Payment payment) private _paid;
    uint256[] private _paidFiles;
    address[] private _contributors;
    mapping(address contributor => uint256[] fileIds) private _filesOf;

    /// @notice The pool's number was set.
    event DlpIdUpdated(uint256 newDlpId);

    /// @param config Of the adapter.
    /// @param token_ What contributors are paid in.
    /// @param name_ The pool's name.
    /// @param publicKey_ Key that contributors encrypt their files for.
    /// @param proofInstruction_ What proofs of this pool name as their instruction.
    /// @param fileRewardFactor_ What a score of 1e18 earns.
    constructor(
        AdapterConfig memory config,
        IERC20 token_,
        string memory name_,
        string memory publicKey_,
        string memory proofInstruction_,
        uint256 fileRewardFactor_
    ) FileProofs(config) {
        if (address(token_) == address(0)) revert ZkPocVanaZeroArgument();
        token = token_;
        name = name_;
        publicKey = publicKey_;
        proofInstruction = proofInstruction_;
        fileRewardFactor = fileRewardFactor_;
    }

    /// @inheritdoc IFileProofs
    function proveFile(FileClaim calldata request) external whenNotPaused nonReentrant {
        Proven memory proven = _prove(request);
        VanaProof memory proof = VanaProof({
            signature: abi.encodePacked(keccak256(request.proof)),
            data: _proofData(proven, dlpId, proofInstruction)
        });
        _entries[proven.fileId] =
            Entry({owner: proven.owner, score: uint96(proven.score), proofHash: keccak256(abi.encode(proof))});
        FILES.addProof(proven.fileId, proof);
    }

    /// @inheritdoc IVanaPool
    function requestReward(uint256 fileId, uint256 proofIndex) external whenNotPaused nonReentrant {
        Entry memory entry = _entries[fileId];
        // The file's owner at Vana cannot change, and is asked for in `proveFile` only.
        bytes32 given = keccak256(abi.encode(FILES.fileProofs(fileId, proofIndex)));
        if (entry.proofHash == 0 || given != entry.proofHash) revert InvalidProof();
        // The time, not the amount: a factor of zero must not leave the file open.
        if (_paid[fileId].timestamp != 0) revert FileAlreadyAdded();
        uint256 amount = fileRewardFactor * entry.score / 1 ether;
        totalContributorsRewardAmount -= amount;
        _paid[fileId] = Payment({
            timestamp: uint64(block.timestamp),
            proofIndex: proofIndex.toUint64(),
            amount: amount.toUint128()
        });
        _paidFiles.push(fileId);
        if (_filesOf[entry.owner].length == 0) _contributors.push(entry.owner);
        _filesOf[entry.owner].push(fileId);
        emit RewardRequested(entry.owner, fileId, proofIndex, amount);
        token.safeTransfer(entry.owner, amount);
    }

    /// @inheritdoc IVanaPool
    function addRewardsForContributors(uint256 contributorsRewardAmount) external nonReentrant {
        totalContributorsRewardAmount += contributorsRewardAmount;
        token.safeTransferFrom(msg.sender, address(this), contributorsRewardAmount);
    }

    /// @inheritdoc IVanaPool
    function pause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _pause();
    }

    /// @inheritdoc IVanaPool
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @inheritdoc IVanaPool
    function updateFileRewardFactor(uint256 newFileRewardFactor) external onlyRole(DEFAULT_ADMIN_ROLE) {
        fileRewardFactor = newFileRewardFactor;
        emit FileRewardFactorUpdated(newFileRewardFactor);
    }

    /// @inheritdoc IVanaPool
    /// @dev Files that were proven before keep their instruction, and their reward.
    function updateProofInstruction(string calldata newProofInstruction) external onlyRole(DEFAULT_ADMIN_ROLE) {
        proofInstruction = newProofInstruction;
        emit ProofInstructionUpdated(newProofInstruction);
    }

    /// @inheritdoc IVanaPool
    function updatePublicKey(string calldata newPublicKey) external onlyRole(DEFAULT_ADMIN_ROLE) {
        publicKey = newPublicKey;
        emit PublicKeyUpdated(newPublicKey);
    }

    /// @notice Sets the pool's number, once it is registered at Vana.
    function updateDlpId(uint256 newDlpId) external onlyRole(DEFAULT_ADMIN_ROLE) {
        dlpId = newDlpId;
        emit DlpIdUpdated(newDlpId);
    }

    /// @inheritdoc IVanaPool
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @notice Vana's registry, under the name that front ends ask for.
    function dataRegistry() external view returns (IVanaDataRegistry) {
        return FILES;
    }

    /// @notice No pool of attestors: proofs take their place.
    function teePool() external pure returns (address) {
        return address(0);
    }

    /// @inheritdoc IVanaPool
    function filesListCount() external view returns (uint256) {
        return _paidFiles.length;
    }

    /// @inheritdoc IVanaPool
    function filesListAt(uint256 index) external view returns (uint256) {
        return _paidFiles[index];
    }

    /// @inheritdoc IVanaPool
    function files(uint256 fileId) public view returns (VanaPoolFile memory) {
        Payment memory payment = _paid[fileId];
        return VanaPoolFile({
            fileId: fileId,
            timestamp: payment.timestamp,
            proofIndex: payment.proofIndex,
            rewardAmount: payment.amount
        });
    }

    /// @inheritdoc IVanaPool
    function contributorsCount() external view returns (uint256) {
        return _contributors.length;
    }

    /// @inheritdoc IVanaPool
    function contributors(uint256 index) external view returns (VanaContributor memory) {
        return contributorInfo(_contributors[index - 1]);
    }

    /// @inheritdoc IVanaPool
    function contributorInfo(address contributorAddress) public view returns (VanaContributor memory) {
        return VanaContributor(contributorAddress, _filesOf[contributorAddress].length);
    }

    /// @inheritdoc IVanaPool
    function contributorFiles(address contributorAddress, uint256 index) external view returns (VanaPoolFile memory) {
        return files(_filesOf[contributorAddress][index]);
    }
}
