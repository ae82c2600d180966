// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Link} from "../libraries/LinkVerifier.sol";
import {StopReason} from "./IEmergencyStop.sol";
import {ProfileId} from "./Ids.sol";

/// @notice The circuits of a profile.
enum Circuit {
    Dataset,
    Training,
    Round
}

/// @title Which verifier stands for which circuit of which profile
/// @notice A route can be added and frozen. It is never replaced: results remembered under it keep their meaning.
interface IVerifierRouter {
    /// @notice A verifier was added.
    event RouteAdded(ProfileId indexed profileId, Circuit indexed circuit, address verifier, bytes32 codeHash);
    /// @notice A verifier is no longer to be used, for good.
    event RouteFrozen(ProfileId indexed profileId, Circuit indexed circuit, address verifier);

    /// @notice There is a verifier for this circuit already.
    error ZkPocRouterRouteTaken(ProfileId profileId, Circuit circuit, address existing);
    /// @notice There is no verifier for this circuit.
    error ZkPocRouterNoRoute(ProfileId profileId, Circuit circuit);
    /// @notice The verifier of this circuit was frozen.
    error ZkPocRouterFrozen(ProfileId profileId, Circuit circuit);
    /// @notice The profile was stopped, for good: its proofs mean nothing.
    error ZkPocRouterStopped(ProfileId profileId, StopReason reason);
    /// @notice A verifier must be a contract.
    error ZkPocRouterNoCode(address verifier);

    /// @notice No accumulator, not one link for each, or accumulators of different lengths.
    error ZkPocRouterBatch(uint256 expected, uint256 got);
    /// @notice The call was given too little gas for its proofs.
    error ZkPocRouterBatchGas();

    /// @notice Adds the verifier of a circuit that has none.
    /// @param profileId The profile.
    /// @param circuit The circuit.
    /// @param verifier A deployed verifier.
    function add(ProfileId profileId, Circuit circuit, address verifier) external;

    /// @notice Takes a verifier out of use. There is no way back.
    /// @param profileId The profile.
    /// @param circuit The circuit.
    function freeze(ProfileId profileId, Circuit circuit) external;

    /// @notice The verifier in use; reverts when there is none, it is frozen, or the profile is stopped.
    /// @param profileId The profile.
    /// @param circuit The circuit.
    function verifierOf(ProfileId profileId, Circuit circuit) external view returns (address);

    /// @notice Reverts unless every circuit of the profile has a verifier in use.
    /// @param profileId The profile.
    function requireLive(ProfileId profileId) external view;

    /// @notice What is known of a route, without reverting.
    /// @param profileId The profile.
    /// @param circuit The circuit.
    /// @return verifier The verifier, zero when there is none.
    /// @return frozen Whether it was frozen.
    function route(ProfileId profileId, Circuit circuit) external view returns (address verifier, bool frozen);

    /// @notice Which of several proofs and links hold. All are checked at once first; proofs that fail are then checked by
    /// halves, links one by one.
    /// @param profileId The profile.
    /// @param circuit The circuit.
    /// @param accumulators What the circuit's verifier in use gave for each proof.
    /// @param links The equation of each link.
    /// @return good Bit i stands for proof and link i.
    function hold(ProfileId profileId, Circuit circuit, uint256[][] calldata accumulators, Link[] calldata links)
        external
        view
        returns (uint256 good);
}
