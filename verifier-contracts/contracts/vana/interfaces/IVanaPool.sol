// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A file that a pool has paid for.
/// @param fileId Its number in Vana's registry.
/// @param timestamp When it was paid.
/// @param proofIndex For which of its proofs.
/// @param rewardAmount What was paid.
struct VanaPoolFile {
    uint256 fileId;
    uint256 timestamp;
    uint256 proofIndex;
    uint256 rewardAmount;
}

/// @notice A contributor of a pool.
/// @param contributorAddress Its account.
/// @param filesListCount How many files it was paid for.
struct VanaContributor {
    address contributorAddress;
    uint256 filesListCount;
}

/// @title The reward path of a data liquidity pool
/// @dev Signatures, events and errors as Vana publishes them, so that front ends work unchanged.
interface IVanaPool {
    /// @notice A file was paid for.
    event RewardRequested(
        address indexed contributorAddress, uint256 indexed fileId, uint256 indexed proofIndex, uint256 rewardAmount
    );
    /// @notice What a score of 1e18 earns has changed.
    event FileRewardFactorUpdated(uint256 newFileRewardFactor);
    /// @notice The instruction has changed.
    event ProofInstructionUpdated(string newProofInstruction);
    /// @notice The public key has changed.
    event PublicKeyUpdated(string newPublicKey);

    /// @notice The file was paid for already.
    error FileAlreadyAdded();
    /// @notice The score is zero or above 1e18.
    error InvalidScore();
    /// @notice Nobody the pool trusts vouches for the proof.
    error InvalidAttestator();
    /// @notice The proof is not one of this pool.
    error InvalidProof();

    /// @notice Pays a file's owner for a proof. Anyone may call it.
    /// @param fileId The file.
    /// @param proofIndex Which of its proofs, from one.
    function requestReward(uint256 fileId, uint256 proofIndex) external;

    /// @notice Takes tokens of the sender to pay contributors with.
    function addRewardsForContributors(uint256 contributorsRewardAmount) external;

    /// @notice Stops payments.
    function pause() external;

    /// @notice Resumes payments.
    function unpause() external;

    /// @notice Sets what a score of 1e18 earns.
    function updateFileRewardFactor(uint256 newFileRewardFactor) external;

    /// @notice Sets the instruction.
    function updateProofInstruction(string calldata newProofInstruction) external;

    /// @notice Sets the public key.
    function updatePublicKey(string calldata newPublicKey) external;

    /// @notice The pool's name.
    function name() external view returns (string memory);

    /// @notice Version of the pool's contract.
    function version() external pure returns (uint256);

    /// @notice Key that contributors encrypt their files for.
    function publicKey() external view returns (string memory);

    /// @notice What a proof of this pool names as its instruction.
    function proofInstruction() external view returns (string memory);

    /// @notice What is left to pay.
    function totalContributorsRewardAmount() external view returns (uint256);

    /// @notice What a score of 1e18 earns.
    function fileRewardFactor() external view returns (uint256);

    /// @notice Number of files that were paid for.
    function filesListCount() external view returns (uint256);

    /// @notice A file that was paid for, by its place.
    function filesListAt(uint256 index) external view returns (uint256);

    /// @notice What the pool knows of a file.
    function files(uint256 fileId) external view returns (VanaPoolFile memory);

    /// @notice Number of contributors.
    function contributorsCount() external view returns (uint256);

    /// @notice A contributor, by its place from one.
    function contributors(uint256 index) external view returns (VanaContributor memory);

    /// @notice A contributor, by its account.
    function contributorInfo(address contributorAddress) external view returns (VanaContributor memory);

    /// @notice A file of a contributor, by its place.
    function contributorFiles(address contributorAddress, uint256 index) external view returns (VanaPoolFile memory);
}

/// @title What a pool asks its pool of trusted attestors
interface IVanaTeePool {
    /// @notice Whether an account may vouch for proofs.
    function isTee(address teeAddress) external view returns (bool);
}

/// @title What a keyless attestor asks a pool of Vana's template
interface IVanaTemplate {
    /// @notice What a proof of this pool names as its instruction.
    function proofInstruction() external view returns (string memory);

    /// @notice Whom the pool asks for attestors.
    function teePool() external view returns (address);

    /// @notice Vana's registry.
    function dataRegistry() external view returns (address);

    /// @notice The pool's number; older versions of the template do not have it.
    function dlpId() external view returns (uint256);
}
