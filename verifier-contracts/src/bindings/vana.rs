//! Alloy bindings of the contracts for Vana's pools, and of the stand-ins for Vana's own.
//!
//! Written as those in [`super`] are, with the same test.

#![allow(missing_docs, missing_debug_implementations, unreachable_pub)] // generated items
#![allow(clippy::too_many_arguments)] // the arguments of constructors and events

use alloy::sol;

sol! {
    #![sol(all_derives)]

    struct G1Point {
        uint256 x;
        uint256 y;
    }

    struct VanaFile {
        uint256 id;
        address ownerAddress;
        string url;
    }

    struct AdapterConfig {
        address admin;
        address datasets;
        address router;
        address files;
        bytes32 profileId;
        uint8 maxNormLog2;
        uint8 maxLossLog2;
    }

    struct VanaPoolFile {
        uint256 fileId;
        uint256 timestamp;
        uint256 proofIndex;
        uint256 rewardAmount;
    }

    struct VanaContributor {
        address contributorAddress;
        uint256 filesListCount;
    }

    struct FileClaim {
        uint256 fileId;
        bytes32 root;
        uint256 index;
        G1Point commitment;
        bytes32[10] path;
        uint8 normLog2;
        uint8 lossLog2;
        bytes proof;
        bytes link;
        bytes datasetProof;
        bytes datasetLink;
    }

    struct VanaProofData {
        uint256 score;
        uint256 dlpId;
        string metadata;
        string proofUrl;
        string instruction;
    }

    struct Permission {
        address account;
        string key;
    }

    struct VanaProof {
        bytes signature;
        VanaProofData data;
    }

    struct FileResponse {
        uint256 id;
        address ownerAddress;
        string url;
        uint256 schemaId;
        uint256 addedAtBlock;
    }

    #[sol(rpc)]
    contract VanaProofPool {
        constructor(AdapterConfig memory config, address token_, string memory name_, string memory publicKey_, string memory proofInstruction_, uint256 fileRewardFactor_);

        function DATASETS() external view returns (address);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function FILES() external view returns (address);
        function MAX_BOUND_LOG2() external view returns (uint8);
        function MAX_LOSS_LOG2() external view returns (uint8);
        function MAX_NORM_LOG2() external view returns (uint8);
        function PROFILE_ID() external view returns (bytes32);
        function ROUTER() external view returns (address);
        function addRewardsForContributors(uint256 contributorsRewardAmount) external;
        function contributorFiles(address contributorAddress, uint256 index) external view returns (VanaPoolFile memory);
        function contributorInfo(address contributorAddress) external view returns (VanaContributor memory);
        function contributors(uint256 index) external view returns (VanaContributor memory);
        function contributorsCount() external view returns (uint256);
        function dataRegistry() external view returns (address);
        function dlpId() external view returns (uint256);
        function fileContext(uint256 fileId, address owner, bytes32 subject, bytes32 root, uint256 index) external view returns (uint256);
        function fileOf(bytes32 nullifier) external view returns (uint256 fileId);
        function fileRewardFactor() external view returns (uint256);
        function files(uint256 fileId) external view returns (VanaPoolFile memory file);
        function filesListAt(uint256 index) external view returns (uint256);
        function filesListCount() external view returns (uint256);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function modelContext(bytes32 seed) external view returns (uint256);
        function modelId() external view returns (bytes32);
        function name() external view returns (string memory);
        function pause() external;
        function paused() external view returns (bool);
        function proofInstruction() external view returns (string memory);
        function proveFile(FileClaim memory request) external;
        function publicKey() external view returns (string memory);
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function requestReward(uint256 fileId, uint256 proofIndex) external;
        function revokeRole(bytes32 role, address account) external;
        function rootOf(bytes32 subject) external view returns (bytes32 root);
        function scoreOf(uint8 normLog2, uint8 lossLog2) external view returns (uint256 score);
        function setModel(bytes32 seed, bytes memory proof) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function teePool() external pure returns (address);
        function token() external view returns (address);
        function totalContributorsRewardAmount() external view returns (uint256);
        function unpause() external;
        function updateDlpId(uint256 newDlpId) external;
        function updateFileRewardFactor(uint256 newFileRewardFactor) external;
        function updateProofInstruction(string memory newProofInstruction) external;
        function updatePublicKey(string memory newPublicKey) external;
        function version() external pure returns (uint256);

        event DlpIdUpdated(uint256 newDlpId);
        event FileProven(uint256 indexed fileId, address indexed owner, bytes32 indexed nullifier, bytes32 root, uint256 index, uint8 normLog2, uint8 lossLog2, uint256 score);
        event FileRewardFactorUpdated(uint256 newFileRewardFactor);
        event ModelSet(bytes32 indexed modelId, bytes32 seed);
        event Paused(address account);
        event ProofInstructionUpdated(string newProofInstruction);
        event PublicKeyUpdated(string newPublicKey);
        event RewardRequested(address indexed contributorAddress, uint256 indexed fileId, uint256 indexed proofIndex, uint256 rewardAmount);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event Unpaused(address account);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error EnforcedPause();
        error ExpectedPause();
        error FileAlreadyAdded();
        error InvalidAttestator();
        error InvalidProof();
        error InvalidScore();
        error ReentrancyGuardReentrantCall();
        error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
        error SafeERC20FailedOperation(address token);
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocLinkInvalid(uint256 expectedX, uint256 gotX);
        error ZkPocLinkLength(uint256 expected, uint256 got);
        error ZkPocLinkSameCommitment(uint256 x, uint256 y);
        error ZkPocLinkScalar(uint256 below, uint256 got);
        error ZkPocVanaBound(uint256 max, uint256 got);
        error ZkPocVanaIndex(uint256 count, uint256 got);
        error ZkPocVanaLossBound(uint8 allowed, uint8 got);
        error ZkPocVanaModel(bytes32 expected, bytes32 got);
        error ZkPocVanaModelSet(bytes32 modelId);
        error ZkPocVanaNoFile(uint256 fileId);
        error ZkPocVanaNoModel();
        error ZkPocVanaNormBound(uint8 allowed, uint8 got);
        error ZkPocVanaNotInRoot(bytes32 expected, bytes32 got);
        error ZkPocVanaNotOwner(address expected, address got);
        error ZkPocVanaNotValidated(bytes32 root, uint256 index);
        error ZkPocVanaOtherRoot(bytes32 expected, bytes32 got);
        error ZkPocVanaProfile(bytes32 expected, bytes32 got);
        error ZkPocVanaProofLength(uint256 expected, uint256 got);
        error ZkPocVanaProven(uint256 fileId);
        error ZkPocVanaUsed(bytes32 nullifier, uint256 fileId);
        error ZkPocVanaZeroArgument();
    }

    #[sol(rpc)]
    contract KeylessAttestor {
        constructor(AdapterConfig memory config, address pool, uint256 dlpId);

        function DATASETS() external view returns (address);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function DLP_ID() external view returns (uint256);
        function FILES() external view returns (address);
        function MAX_BOUND_LOG2() external view returns (uint8);
        function MAX_LOSS_LOG2() external view returns (uint8);
        function MAX_NORM_LOG2() external view returns (uint8);
        function NONCE_TAG() external view returns (bytes32);
        function POOL() external view returns (address);
        function PROFILE_ID() external view returns (bytes32);
        function ROUTER() external view returns (address);
        function fileContext(uint256 fileId, address owner, bytes32 subject, bytes32 root, uint256 index) external view returns (uint256);
        function fileOf(bytes32 nullifier) external view returns (uint256 fileId);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function instructionOf(address account) external view returns (bytes32 instructionHash);
        function isTee(address teeAddress) external view returns (bool);
        function messageDigest(string memory url, VanaProofData memory data) external pure returns (bytes32);
        function modelContext(bytes32 seed) external view returns (uint256);
        function modelId() external view returns (bytes32);
        function proveFile(FileClaim memory request) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function revokeRole(bytes32 role, address account) external;
        function rootOf(bytes32 subject) external view returns (bytes32 root);
        function scoreOf(uint8 normLog2, uint8 lossLog2) external view returns (uint256 score);
        function setModel(bytes32 seed, bytes memory proof) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);

        event AttestorRegistered(uint256 indexed fileId, address indexed attestor, bytes32 digest);
        event FileProven(uint256 indexed fileId, address indexed owner, bytes32 indexed nullifier, bytes32 root, uint256 index, uint8 normLog2, uint8 lossLog2, uint256 score);
        event ModelSet(bytes32 indexed modelId, bytes32 seed);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocLinkInvalid(uint256 expectedX, uint256 gotX);
        error ZkPocLinkLength(uint256 expected, uint256 got);
        error ZkPocLinkSameCommitment(uint256 x, uint256 y);
        error ZkPocLinkScalar(uint256 below, uint256 got);
        error ZkPocVanaBound(uint256 max, uint256 got);
        error ZkPocVanaDlpId(uint256 expected, uint256 got);
        error ZkPocVanaIndex(uint256 count, uint256 got);
        error ZkPocVanaLossBound(uint8 allowed, uint8 got);
        error ZkPocVanaModel(bytes32 expected, bytes32 got);
        error ZkPocVanaModelSet(bytes32 modelId);
        error ZkPocVanaNoFile(uint256 fileId);
        error ZkPocVanaNoModel();
        error ZkPocVanaNoPoint();
        error ZkPocVanaNormBound(uint8 allowed, uint8 got);
        error ZkPocVanaNotInRoot(bytes32 expected, bytes32 got);
        error ZkPocVanaNotOwner(address expected, address got);
        error ZkPocVanaNotValidated(bytes32 root, uint256 index);
        error ZkPocVanaOtherRoot(bytes32 expected, bytes32 got);
        error ZkPocVanaProfile(bytes32 expected, bytes32 got);
        error ZkPocVanaProofLength(uint256 expected, uint256 got);
        error ZkPocVanaProven(uint256 fileId);
        error ZkPocVanaRegistry(address expected, address got);
        error ZkPocVanaTeePool(address expected, address got);
        error ZkPocVanaUrl(uint256 place);
        error ZkPocVanaUsed(bytes32 nullifier, uint256 fileId);
        error ZkPocVanaZeroArgument();
    }

    #[sol(rpc)]
    contract LocalVanaRegistry {
        function addFile(string memory url) external returns (uint256);
        function addFileWithPermissions(string memory url, address ownerAddress, Permission[] memory) external returns (uint256);
        function addProof(uint256 fileId, VanaProof memory proof) external;
        function fileIdByUrl(string memory url) external view returns (uint256);
        function fileProofs(uint256 fileId, uint256 index) external view returns (VanaProof memory proof);
        function files(uint256 fileId) external view returns (FileResponse memory);
        function filesCount() external view returns (uint256);
        function version() external pure returns (uint256);

        event FileAdded(uint256 indexed fileId, address indexed ownerAddress, string url);
        event ProofAdded(uint256 indexed fileId, address indexed ownerAddress, uint256 proofIndex, uint256 indexed dlpId, uint256 score, string proofUrl);

        error FileUrlAlreadyUsed();
    }

    #[sol(rpc)]
    contract LocalVanaPool {
        constructor(address registry, address token_, string memory instruction, uint256 number, uint256 factor);

        function addRewardsForContributors(uint256 amount) external;
        function admin() external view returns (address);
        function dataRegistry() external view returns (address);
        function dlpId() external view returns (uint256);
        function files(uint256 fileId) external view returns (VanaPoolFile memory);
        function fileRewardFactor() external view returns (uint256);
        function proofInstruction() external view returns (string memory);
        function requestReward(uint256 fileId, uint256 proofIndex) external;
        function teePool() external view returns (address);
        function token() external view returns (address);
        function totalContributorsRewardAmount() external view returns (uint256);
        function updateTeePool(address newTeePool) external;

        event RewardRequested(address indexed contributorAddress, uint256 indexed fileId, uint256 indexed proofIndex, uint256 rewardAmount);

        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
        error FileAlreadyAdded();
        error InvalidAttestator();
        error InvalidProof();
        error InvalidScore();
        error NotAdmin(address got);
        error SafeERC20FailedOperation(address token);
    }

    /// What of Vana's registry is read here; it has more.
    interface IVanaDataRegistry {
        function files(uint256 fileId) external view returns (VanaFile memory);
        function fileIdByUrl(string memory url) external view returns (uint256);
        function fileProofs(uint256 fileId, uint256 index) external view returns (VanaProof memory);
        function addFile(string memory url) external returns (uint256);
    }
}
