// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IVanaDataRegistry, VanaProof} from "../interfaces/IVanaDataRegistry.sol";
import {IVanaPool, IVanaTeePool, VanaPoolFile} from "../interfaces/IVanaPool.sol";

/// @title A pool that judges as Vana's template does, for chains without one
/// @notice For tests and the demo: the checks of the template's `requestReward`, in its order, and what they leave out. It trusts
/// whom its `teePool` names, by a signature that holds neither chain, pool, file nor owner.
contract LocalVanaPool {
    using SafeERC20 for IERC20;

    /// @notice Who configures the pool.
    address public immutable admin;
    /// @notice Vana's registry.
    IVanaDataRegistry public immutable dataRegistry;
    /// @notice What contributors are paid in.
    IERC20 public immutable token;

    /// @notice Whom the pool trusts.
    IVanaTeePool public teePool;
    /// @notice What a proof of this pool names as its instruction.
    string public proofInstruction;
    /// @notice The pool's number.
    uint256 public dlpId;
    /// @notice What a score of 1e18 earns.
    uint256 public fileRewardFactor;
    /// @notice What is left to pay.
    uint256 public totalContributorsRewardAmount;

    mapping(uint256 fileId => VanaPoolFile file) private _files;

    /// @notice Not the admin.
    error NotAdmin(address got);

    /// @param registry Vana's registry.
    /// @param token_ What contributors are paid in.
    /// @param instruction What a proof of this pool names as its instruction.
    /// @param number The pool's number.
    /// @param factor What a score of 1e18 earns.
    constructor(IVanaDataRegistry registry, IERC20 token_, string memory instruction, uint256 number, uint256 factor) {
        admin = msg.sender;
        dataRegistry = registry;
        token = token_;
        proofInstruction = instruction;
        dlpId = number;
        fileRewardFactor = factor;
    }

    /// @notice Names another pool of attestors.
    function updateTeePool(address newTeePool) external {
        if (msg.sender != admin) revert NotAdmin(msg.sender);
        teePool = IVanaTeePool(newTeePool);
    }

    /// @notice Takes tokens of the sender to pay contributors with.
    function addRewardsForContributors(uint256 amount) external {
        totalContributorsRewardAmount += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Pays a file's owner for a proof that a trusted attestor signed.
    function requestReward(uint256 fileId, uint256 proofIndex) external {
        VanaProof memory proof = dataRegistry.fileProofs(fileId, proofIndex);
        if (keccak256(bytes(proof.data.instruction)) != keccak256(bytes(proofInstruction))) {
            revert IVanaPool.InvalidProof();
        }
        if (_files[fileId].rewardAmount != 0) revert IVanaPool.FileAlreadyAdded();
        if (proof.data.score > 1e18 || proof.data.score == 0) revert IVanaPool.InvalidScore();
        if (!teePool.isTee(_signer(fileId, proof))) revert IVanaPool.InvalidAttestator();
        address owner = dataRegistry.files(fileId).ownerAddress;
        uint256 amount = fileRewardFactor * proof.data.score / 1e18;
        _files[fileId] = VanaPoolFile(fileId, block.timestamp, proofIndex, amount);
        totalContributorsRewardAmount -= amount;
        token.safeTransfer(owner, amount);
        emit IVanaPool.RewardRequested(owner, fileId, proofIndex, amount);
    }

    /// @notice What the pool knows of a file.
    function files(uint256 fileId) external view returns (VanaPoolFile memory) {
        return _files[fileId];
    }

    function _signer(uint256 fileId, VanaProof memory proof) private view returns (address) {
        bytes32 message = keccak256(
            abi.encodePacked(
                dataRegistry.files(fileId).url,
                proof.data.score,
                proof.data.dlpId,
                proof.data.metadata,
                proof.data.proofUrl,
                proof.data.instruction
            )
        );
        return ECDSA.recover(MessageHashUtils.toEthSignedMessageHash(message), proof.signature);
    }
}
