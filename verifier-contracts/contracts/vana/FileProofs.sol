// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {RoundLayout} from "../generated/RoundLayout.sol";
import {TrainingLayout} from "../generated/TrainingLayout.sol";
import {ZeroModel} from "../generated/ZeroModel.sol";
import {Dataset, IDataRegistry} from "../interfaces/IDataRegistry.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {ModelId, ProfileId, Root, Subject} from "../interfaces/Ids.sol";
import {Contexts} from "../libraries/Contexts.sol";
import {LinkVerifier} from "../libraries/LinkVerifier.sol";
import {ProofPoints} from "../libraries/ProofPoints.sol";
import {ShardTree} from "../libraries/ShardTree.sol";
import {FileClaim, IFileProofs} from "./interfaces/IFileProofs.sol";
import {IVanaDataRegistry, VanaFile, VanaProofData} from "./interfaces/IVanaDataRegistry.sol";

/// @notice What an adapter is made of.
/// @param admin Holds the admin role, and sets the model.
/// @param datasets Datasets and validated shards.
/// @param router Where verifiers are found.
/// @param files Vana's registry.
/// @param profileId The profile.
/// @param maxNormLog2 Widest accepted bound on the update's squared norm, as a power of two.
/// @param maxLossLog2 Widest accepted bound on the loss, as a power of two.
struct AdapterConfig {
    address admin;
    IDataRegistry datasets;
    IVerifierRouter router;
    IVanaDataRegistry files;
    ProfileId profileId;
    uint8 maxNormLog2;
    uint8 maxLossLog2;
}

/// @title Proofs of contribution for files of Vana's registry
/// @notice A file stands for one shard of a registered dataset. What a proof of contribution is asked for:
///
/// | dimension | shown by |
/// |---|---|
/// | authenticity | an attestor, not revoked, signed the dataset |
/// | ownership | the dataset's owner is the file's owner |
/// | quality | the bounds on update and loss that a training step on the shard is proven to keep |
/// | uniqueness | the nullifier: one file for each model, source and shard, and one dataset for each source |
///
/// The training proof's context holds chain, adapter, file, owner, source, dataset and shard. So a proof cannot be used elsewhere or by
/// anyone else, and it does not matter who sends it. If someone else registers a file under the url that an owner wanted, the owner
/// loses nothing: the url has no part in a proof, and any other url serves.
///
/// Without authenticity, ownership and uniqueness there is no proof at all. The score therefore measures quality alone, in quarters of
/// 1e18: one quarter for the widest accepted bound on the loss, and one more for each factor of 16 below it.
abstract contract FileProofs is AccessControl, IFileProofs {
    /// @notice Largest exponent of a bound: 2^253 is below the group's order, 2^254 is not.
    uint8 public constant MAX_BOUND_LOG2 = 253;
    /// @dev Bounds on the loss are proven in steps of 2^4: exact values would tell about the records.
    uint256 private constant STEP_LOG2 = 4;
    uint256 private constant QUARTER = 0.25 ether;

    /// @notice Datasets and validated shards.
    IDataRegistry public immutable DATASETS;
    /// @notice Where verifiers are found.
    IVerifierRouter public immutable ROUTER;
    /// @notice Vana's registry.
    IVanaDataRegistry public immutable FILES;
    /// @notice The profile.
    ProfileId public immutable PROFILE_ID;
    /// @notice Widest accepted bound on the update's squared norm, as a power of two.
    uint8 public immutable MAX_NORM_LOG2;
    /// @notice Widest accepted bound on the loss, as a power of two.
    uint8 public immutable MAX_LOSS_LOG2;

    /// @inheritdoc IFileProofs
    ModelId public modelId;
    /// @inheritdoc IFileProofs
    mapping(bytes32 nullifier => uint256 fileId) public fileOf;
    /// @notice The dataset of a source that counts here: the first that was used.
    mapping(Subject subject => Root root) public rootOf;

    mapping(uint256 fileId => bool proven) private _proven;

    /// @dev What a request comes to. In memory: the stack is short.
    struct Proven {
        uint256 fileId;
        address owner;
        string url;
        Subject subject;
        bytes32 nullifier;
        uint256 score;
        bool validated;
    }

    constructor(AdapterConfig memory config) {
        if (
            config.admin == address(0) || address(config.datasets) == address(0) || address(config.router) == address(0)
                || address(config.files) == address(0) || ProfileId.unwrap(config.profileId) == 0
        ) revert ZkPocVanaZeroArgument();
        if (config.maxNormLog2 > MAX_BOUND_LOG2) revert ZkPocVanaBound(MAX_BOUND_LOG2, config.maxNormLog2);
        if (config.maxLossLog2 > MAX_BOUND_LOG2) revert ZkPocVanaBound(MAX_BOUND_LOG2, config.maxLossLog2);
        _grantRole(DEFAULT_ADMIN_ROLE, config.admin);
        DATASETS = config.datasets;
        ROUTER = config.router;
        FILES = config.files;
        PROFILE_ID = config.profileId;
        MAX_NORM_LOG2 = config.maxNormLog2;
        MAX_LOSS_LOG2 = config.maxLossLog2;
    }

    /// @inheritdoc IFileProofs
    function setModel(bytes32 seed, bytes calldata proof) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (ModelId.unwrap(modelId) != 0) revert ZkPocVanaModelSet(modelId);
        if (proof.length != RoundLayout.PROOF_BYTES) {
            revert ZkPocVanaProofLength(RoundLayout.PROOF_BYTES, proof.length);
        }
        ModelId start = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS));
        if (ModelId.unwrap(start) != ZeroModel.ID) revert ZkPocVanaModel(ModelId.wrap(ZeroModel.ID), start);
        ModelId model = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.NEXT_OFFSET, RoundLayout.NEXT_POINTS));
        modelId = model;
        emit ModelSet(model, seed);
        uint256[] memory instances = new uint256[](2);
        (instances[0], instances[1]) = (modelContext(seed), 1);
        IVerifier(ROUTER.verifierOf(PROFILE_ID, Circuit.Round)).verify(proof, instances);
    }

    /// @inheritdoc IFileProofs
    function scoreOf(uint8 normLog2, uint8 lossLog2) public view returns (uint256 score) {
        if (normLog2 > MAX_NORM_LOG2) revert ZkPocVanaNormBound(MAX_NORM_LOG2, normLog2);
        if (lossLog2 > MAX_LOSS_LOG2) revert ZkPocVanaLossBound(MAX_LOSS_LOG2, lossLog2);
        uint256 steps = (MAX_LOSS_LOG2 - lossLog2) / STEP_LOG2;
        return QUARTER * (steps < 3 ? steps + 1 : 4);
    }

    /// @inheritdoc IFileProofs
    function fileContext(uint256 fileId, address owner, Subject subject, Root root, uint256 index)
        public
        view
        returns (uint256)
    {
        return Contexts.training(fileId, owner, subject, root, index, PROFILE_ID, 0);
    }

    /// @inheritdoc IFileProofs
    function modelContext(bytes32 seed) public view returns (uint256) {
        return Contexts.genesis(seed, PROFILE_ID);
    }

    /// @dev Checks a request, and notes its file, source and nullifier.
    function _prove(FileClaim calldata request) internal returns (Proven memory proven) {
        if (ModelId.unwrap(modelId) == 0) revert ZkPocVanaNoModel();
        proven = _check(request);
        _proven[proven.fileId] = true;
        fileOf[proven.nullifier] = proven.fileId;
        rootOf[proven.subject] = request.root;
        emit FileProven(
            proven.fileId,
            proven.owner,
            proven.nullifier,
            request.root,
            request.index,
            request.normLog2,
            request.lossLog2,
            proven.score
        );
        if (!proven.validated) {
            if (request.datasetProof.length == 0) revert ZkPocVanaNotValidated(request.root, request.index);
            DATASETS.validateShard(
                request.root, request.index, request.commitment, request.path, request.datasetProof, request.datasetLink
            );
        }
        _verify(request, fileContext(proven.fileId, proven.owner, proven.subject, request.root, request.index));
    }

    /// @dev Everything but the proofs.
    function _check(FileClaim calldata request) private view returns (Proven memory proven) {
        VanaFile memory file = FILES.files(request.fileId);
        if (file.ownerAddress == address(0)) revert ZkPocVanaNoFile(request.fileId);
        if (_proven[request.fileId]) revert ZkPocVanaProven(request.fileId);
        (Dataset memory data, bool validated) = DATASETS.attestedShard(request.root, PROFILE_ID, request.commitment);
        if (data.owner != file.ownerAddress) revert ZkPocVanaNotOwner(data.owner, file.ownerAddress);
        if (ProfileId.unwrap(data.profileId) != ProfileId.unwrap(PROFILE_ID)) {
            revert ZkPocVanaProfile(PROFILE_ID, data.profileId);
        }
        if (request.index >= data.shardCount) revert ZkPocVanaIndex(data.shardCount, request.index);
        bytes32 leaf = ShardTree.leafOf(PROFILE_ID, request.index, request.commitment);
        Root reached = ShardTree.rootOf(leaf, request.index, request.path);
        if (Root.unwrap(reached) != Root.unwrap(request.root)) revert ZkPocVanaNotInRoot(request.root, reached);
        // The same records cut into other shards would have other leaves: so one dataset of a source.
        Root before = rootOf[data.subject];
        if (Root.unwrap(before) != 0 && Root.unwrap(before) != Root.unwrap(request.root)) {
            revert ZkPocVanaOtherRoot(before, request.root);
        }
        bytes32 nullifier = Contexts.nullifier(modelId, data.subject, leaf);
        uint256 used = fileOf[nullifier];
        if (used != 0) revert ZkPocVanaUsed(nullifier, used);
        return Proven({
            fileId: request.fileId,
            owner: data.owner,
            url: file.url,
            subject: data.subject,
            nullifier: nullifier,
            score: scoreOf(request.normLog2, request.lossLog2),
            validated: validated
        });
    }

    /// @dev The proof is about the adapter's model and the shard, under this context.
    function _verify(FileClaim calldata request, uint256 context) private view {
        bytes calldata proof = request.proof;
        if (proof.length != TrainingLayout.PROOF_BYTES) {
            revert ZkPocVanaProofLength(TrainingLayout.PROOF_BYTES, proof.length);
        }
        ModelId model = ModelId.wrap(ProofPoints.idOf(proof, TrainingLayout.MODEL_OFFSET, TrainingLayout.MODEL_POINTS));
        if (ModelId.unwrap(model) != ModelId.unwrap(modelId)) revert ZkPocVanaModel(modelId, model);
        LinkVerifier.verify(
            context, request.commitment, ProofPoints.pointAt(proof, TrainingLayout.DATA_OFFSET), request.link
        );
        uint256[] memory instances = new uint256[](3);
        instances[0] = context;
        // Exponents of accepted bounds are at most MAX_BOUND_LOG2.
        instances[1] = uint256(1) << request.normLog2;
        instances[2] = uint256(1) << request.lossLog2;
        IVerifier(ROUTER.verifierOf(PROFILE_ID, Circuit.Training)).verify(proof, instances);
    }

    /// @dev What Vana's registry keeps of a proven file. The metadata are the first twelve bytes of the nullifier in hex.
    function _proofData(Proven memory proven, uint256 dlpId, string memory instruction)
        internal
        pure
        returns (VanaProofData memory)
    {
        return VanaProofData({
            score: proven.score,
            dlpId: dlpId,
            metadata: _hex(bytes12(proven.nullifier)),
            proofUrl: "",
            instruction: instruction
        });
    }

    function _hex(bytes12 value) private pure returns (string memory) {
        bytes16 digits = "0123456789abcdef";
        bytes memory text = new bytes(24);
        for (uint256 i = 0; i < 12; ++i) {
            text[2 * i] = digits[uint8(value[i]) >> 4];
            text[2 * i + 1] = digits[uint8(value[i]) & 15];
        }
        return string(text);
    }
}
