// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {AdapterConfig} from "../../contracts/vana/FileProofs.sol";
import {KeylessAttestor} from "../../contracts/vana/KeylessAttestor.sol";
import {VanaProofPool} from "../../contracts/vana/VanaProofPool.sol";
import {FileClaim, IFileProofs} from "../../contracts/vana/interfaces/IFileProofs.sol";
import {IVanaDataRegistry} from "../../contracts/vana/interfaces/IVanaDataRegistry.sol";
import {IVanaTemplate} from "../../contracts/vana/interfaces/IVanaPool.sol";
import {LocalVanaPool} from "../../contracts/vana/local/LocalVanaPool.sol";
import {LocalVanaRegistry} from "../../contracts/vana/local/LocalVanaRegistry.sol";
import {Curve} from "./Curve.sol";
import {PoolFixture} from "./PoolFixture.sol";

/// @title Vana's registry, a pool that pays on proofs, an unmodified pool with a keyless attestor, and Alice with a dataset
abstract contract VanaFixture is PoolFixture {
    uint256 internal constant MODEL = 3;
    uint256 internal constant DLP_ID = 7;
    uint8 internal constant MAX_LOSS_LOG2 = LOSS_LOG2 + 12;
    uint256 internal constant FACTOR = 20 ether;
    uint256 internal constant FUNDS = 1000 ether;
    string internal constant INSTRUCTION = "https://example.org/instruction";
    Subject internal constant BOBS = Subject.wrap(keccak256("Bob's source"));

    LocalVanaRegistry internal vana;
    VanaProofPool internal pool;
    LocalVanaPool internal template;
    KeylessAttestor internal attestor;
    Root internal root;
    Root internal bobsRoot;

    function setUp() public virtual override {
        super.setUp();
        vana = new LocalVanaRegistry();
        token.grantRole(token.MINTER_ROLE(), address(this));
        pool = _newPool();
        template = _newTemplate(DLP_ID);
        attestor = _newAttestor(template, DLP_ID);
        template.updateTeePool(address(attestor));
        root = _commit(1, SHARDS);
        _register(ALICE, SUBJECT, root, 1);
        bobsRoot = _commit(2, SHARDS);
        _register(BOB, BOBS, bobsRoot, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(root, i, ALICE);
            _validate(bobsRoot, i, BOB);
        }
    }

    function _config() internal view returns (AdapterConfig memory) {
        return AdapterConfig({
            admin: address(this),
            datasets: registry,
            router: router,
            files: IVanaDataRegistry(address(vana)),
            profileId: PROFILE,
            maxNormLog2: NORM_LOG2,
            maxLossLog2: MAX_LOSS_LOG2
        });
    }

    function _newPool() internal returns (VanaProofPool made) {
        made = new VanaProofPool(_config(), token, "a pool", "a key", INSTRUCTION, FACTOR);
        made.updateDlpId(DLP_ID);
        _setModel(made, MODEL);
        token.mint(address(this), FUNDS);
        token.approve(address(made), FUNDS);
        made.addRewardsForContributors(FUNDS);
    }

    function _newTemplate(uint256 number) internal returns (LocalVanaPool made) {
        made = new LocalVanaPool(IVanaDataRegistry(address(vana)), token, INSTRUCTION, number, FACTOR);
        token.mint(address(this), FUNDS);
        token.approve(address(made), FUNDS);
        made.addRewardsForContributors(FUNDS);
    }

    function _newAttestor(LocalVanaPool asked, uint256 number) internal returns (KeylessAttestor made) {
        made = new KeylessAttestor(_config(), IVanaTemplate(address(asked)), number);
        _setModel(made, MODEL);
    }

    function _modelProof(IFileProofs adapter, uint256 model) internal returns (bytes memory proof) {
        proof = _roundProof(Curve.point(1), Curve.point(99), Curve.point(model));
        uint256[] memory instances = new uint256[](2);
        (instances[0], instances[1]) = (adapter.modelContext(SEED), 1);
        roundVerifier.accept(proof, instances);
    }

    function _setModel(IFileProofs adapter, uint256 model) internal {
        adapter.setModel(SEED, _modelProof(adapter, model));
    }

    /// @dev A file of Vana's registry.
    function _file(address owner, string memory url) internal returns (uint256) {
        return vana.addFileWithPermissions(url, owner, new LocalVanaRegistry.Permission[](0));
    }

    /// @dev An honest request, with bounds of one's choice; the training verifier accepts its proof.
    function _request(
        IFileProofs adapter,
        uint256 fileId,
        address owner,
        Subject subject,
        Root dataset,
        uint256 index,
        uint8 lossLog2
    ) internal returns (FileClaim memory request) {
        uint256[] memory instances = new uint256[](3);
        instances[0] = adapter.fileContext(fileId, owner, subject, dataset, index);
        instances[1] = 2 ** uint256(NORM_LOG2);
        instances[2] = 2 ** uint256(lossLog2);
        request.fileId = fileId;
        request.root = dataset;
        request.index = index;
        request.commitment = _point(dataset, index);
        request.path = _path(dataset, index);
        request.normLog2 = NORM_LOG2;
        request.lossLog2 = lossLog2;
        _prove(request, instances);
    }

    /// @dev Puts in an accepted proof and its link.
    function _prove(FileClaim memory request, uint256[] memory instances) internal {
        uint256[4] memory delta = _delta(request.root, request.index, 2);
        request.proof = _trainingProof(MODEL, Curve.reblind(request.commitment, delta), instances[0]);
        request.link = Curve.link(instances[0], request.commitment, Curve.reblind(request.commitment, delta), delta);
        trainingVerifier.accept(request.proof, instances);
    }

    /// @dev Alice's honest request for a shard.
    function _alices(IFileProofs adapter, uint256 fileId, uint256 index) internal returns (FileClaim memory) {
        return _request(adapter, fileId, ALICE, SUBJECT, root, index, LOSS_LOG2);
    }

    /// @dev The reward of a score, in both pools.
    function _reward(uint256 score) internal pure returns (uint256) {
        return FACTOR * score / 1 ether;
    }
}
