// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {BatchCheck} from "./BatchCheck.sol";
import {EmergencyStop} from "./EmergencyStop.sol";
import {IEmergencyStop, StopReason} from "./interfaces/IEmergencyStop.sol";
import {Circuit, IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ProfileId} from "./interfaces/Ids.sol";

/// @title Which verifier stands for which circuit of which profile
/// @notice The admin adds routes, the freezer takes them out of use; nobody replaces one. Anyone who shows that a profile's proofs
/// mean nothing stops all its routes.
contract VerifierRouter is AccessControl, EmergencyStop, BatchCheck {
    /// @notice Who may freeze a route.
    bytes32 public constant FREEZER_ROLE = keccak256("FREEZER_ROLE");

    /// @dev One slot. The reason of a stop is in the routes of all circuits, those without a verifier too, so that a use reads
    /// nothing else.
    struct Route {
        address verifier;
        bool frozen;
        StopReason stopped;
    }

    mapping(ProfileId profileId => mapping(Circuit circuit => Route route)) private _routes;

    /// @param admin Holds the admin and the freezer role.
    constructor(address admin) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(FREEZER_ROLE, admin);
    }

    /// @inheritdoc IVerifierRouter
    function add(ProfileId profileId, Circuit circuit, address verifier) external onlyRole(DEFAULT_ADMIN_ROLE) {
        address existing = _routes[profileId][circuit].verifier;
        if (existing != address(0)) revert ZkPocRouterRouteTaken(profileId, circuit, existing);
        if (verifier.code.length == 0) revert ZkPocRouterNoCode(verifier);
        _routes[profileId][circuit].verifier = verifier;
        emit RouteAdded(profileId, circuit, verifier, verifier.codehash);
    }

    /// @inheritdoc IVerifierRouter
    function freeze(ProfileId profileId, Circuit circuit) external onlyRole(FREEZER_ROLE) {
        address verifier = verifierOf(profileId, circuit);
        _routes[profileId][circuit].frozen = true;
        emit RouteFrozen(profileId, circuit, verifier);
    }

    /// @inheritdoc IVerifierRouter
    function verifierOf(ProfileId profileId, Circuit circuit)
        public
        view
        override(EmergencyStop, BatchCheck)
        returns (address)
    {
        Route memory found = _routes[profileId][circuit];
        if (found.verifier == address(0)) revert ZkPocRouterNoRoute(profileId, circuit);
        if (found.stopped != StopReason.None) revert ZkPocRouterStopped(profileId, found.stopped);
        if (found.frozen) revert ZkPocRouterFrozen(profileId, circuit);
        return found.verifier;
    }

    /// @inheritdoc IEmergencyStop
    function stopReason(ProfileId profileId) public view override returns (StopReason) {
        return _routes[profileId][Circuit.Dataset].stopped;
    }

    function _markStopped(ProfileId profileId, StopReason reason) internal override {
        _routes[profileId][Circuit.Dataset].stopped = reason;
        _routes[profileId][Circuit.Training].stopped = reason;
        _routes[profileId][Circuit.Round].stopped = reason;
    }

    /// @inheritdoc IVerifierRouter
    function requireLive(ProfileId profileId) external view {
        verifierOf(profileId, Circuit.Dataset);
        verifierOf(profileId, Circuit.Training);
        verifierOf(profileId, Circuit.Round);
    }

    /// @inheritdoc IVerifierRouter
    function route(ProfileId profileId, Circuit circuit) external view returns (address verifier, bool frozen) {
        Route memory found = _routes[profileId][circuit];
        return (found.verifier, found.frozen);
    }
}
