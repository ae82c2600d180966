//! Alloy bindings of the contracts: calls, events, structs and custom errors.
//!
//! Written after the Solidity interfaces; a test compares every signature with the compiled ABI. Where a contract may be
//! deployed, its constructor is bound too. The meaning of each item is in the NatSpec of the contract.

#![allow(missing_docs, missing_debug_implementations, unreachable_pub)] // generated items
#![allow(clippy::too_many_arguments)] // the arguments of events and constructors

use alloy::sol;

sol! {
    #![sol(all_derives)]

    enum Circuit { Dataset, Training, Round }

    enum StopReason { None, Canary, Contradiction }

    enum RoundStatus { None, Open, Settled, Void }

    struct G1Point {
        uint256 x;
        uint256 y;
    }

    struct Attestation {
        address owner;
        bytes32 subject;
        bytes32 profileId;
        bytes32 srsDigest;
        bytes32 datasetRoot;
        uint32 shardCount;
        uint32 recordCount;
        uint64 epoch;
    }

    struct Dataset {
        address owner;
        uint48 registeredAt;
        uint48 supersededAt;
        bytes32 subject;
        bytes32 profileId;
        address attestor;
        uint64 epoch;
        uint32 shardCount;
    }

    struct Round {
        bytes32 modelId;
        bytes32 beacon;
        uint96 remaining;
        uint40 modelSetAt;
        uint40 openedAt;
        uint40 beaconBlock;
        uint32 claims;
        RoundStatus status;
    }

    struct Claim {
        uint256 round;
        bytes32 root;
        G1Point commitment;
        bytes32[10] path;
        uint8 normLog2;
        uint8 lossLog2;
        bytes32 maskKey;
        bytes proof;
        bytes link;
        bytes datasetProof;
        bytes datasetLink;
    }

    struct Link {
        uint256 differenceX;
        uint256 differenceY;
        uint256 nonceX;
        uint256 nonceY;
        uint256 challenge;
        uint256 z0;
        uint256 z1;
        uint256 z2;
        uint256 z3;
    }

    struct Noted {
        address claimant;
        bytes32 subject;
        uint256 number;
        uint256 index;
        bytes32 nullifier;
        uint256 reward;
        uint256 context;
        bytes32 modelId;
        bytes32 maskKey;
        bool validated;
    }

    struct Proposal {
        bytes32 modelId;
        uint256 included;
        uint40 settleFrom;
        uint32 count;
    }

    struct ClaimRecord {
        address claimant;
        uint96 reward;
        bytes32 nullifier;
        bytes32 maskKey;
        bytes update;
    }

    struct Finalization {
        uint256 round;
        uint256 included;
        ClaimRecord[] records;
        bytes proof;
        bytes[] acknowledgements;
    }

    struct Evidence {
        bytes proof;
        uint256[] instances;
    }

    struct Difference {
        uint256 column;
        uint256 row;
        uint256 value;
        G1Point opening;
    }

    struct RoundsConfig {
        address admin;
        address registry;
        address router;
        address token;
        address policy;
        uint96 roundBudget;
        uint40 claimBlocks;
        uint40 finalizeBlocks;
        uint40 windowBlocks;
        uint40 beaconDelay;
        address aggregation;
    }

    struct AggregationConfig {
        address masks;
        uint40 shareBlocks;
        uint40 revealBlocks;
        uint40 disputeBlocks;
        uint256 bond;
    }

    struct MissingShare {
        uint256 round;
        uint256 number;
        bytes32 shareId;
    }

    struct Acknowledgement {
        uint256 round;
        bytes32 modelId;
    }

    struct Seat {
        uint256 number;
        address claimant;
        bytes32 key;
        bytes32 nullifier;
        bytes32 updateId;
    }

    struct Post {
        uint256 round;
        uint256 group;
        uint256 place;
        bytes32[] roster;
        Seat seat;
        bytes update;
        bytes masks;
    }

    struct PairDispute {
        uint256 round;
        uint256 group;
        uint256 firstPlace;
        uint256 secondPlace;
        bytes32[] roster;
        Seat first;
        Seat second;
        bytes firstMasks;
        bytes secondMasks;
        bytes32 secret;
        bool secretIsFirsts;
        uint256 column;
        G1Point commitment;
    }

    struct SeedDispute {
        uint256 round;
        uint256 group;
        uint256 number;
        uint256 missing;
        bytes32[] seeds;
        bytes masks;
        uint256 column;
        G1Point commitment;
    }

    struct Group {
        uint256 members;
        bytes32 rosterHash;
        uint256 posted;
        uint256 revealed;
        uint256 faulty;
    }

    struct Posted {
        bytes32 shareId;
        bytes32 masksHash;
        bytes32 seedsHash;
        address claimant;
        bool withdrawn;
    }

    enum Fault { None, Pair, Seed, Unrevealed, Missing }

    #[sol(rpc)]
    interface Verifier {
        function verify(bytes calldata proof, uint256[] calldata instances) external view;
        function accumulate(bytes calldata proof, uint256[] calldata instances) external view returns (uint256[4] memory points);
        function defer(bytes calldata proof, uint256[] calldata instances) external view returns (uint256[] memory accumulator);
        function decide(uint256[] calldata accumulators) external view;
    }

    #[sol(rpc)]
    contract VerifierRouter {
        constructor(address admin);

        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function FREEZER_ROLE() external view returns (bytes32);
        function add(bytes32 profileId, Circuit circuit, address verifier) external;
        function freeze(bytes32 profileId, Circuit circuit) external;
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function hold(bytes32 profileId, Circuit circuit, uint256[][] memory accumulators, Link[] memory links) external view returns (uint256 good);
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function requireLive(bytes32 profileId) external view;
        function revokeRole(bytes32 role, address account) external;
        function route(bytes32 profileId, Circuit circuit) external view returns (address verifier, bool frozen);
        function stopByCanary(bytes32 profileId, Circuit circuit, Evidence memory evidence) external;
        function stopByContradiction(bytes32 profileId, Evidence memory one, Evidence memory other, Difference memory difference) external;
        function stopReason(bytes32 profileId) external view returns (StopReason);
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function verifierOf(bytes32 profileId, Circuit circuit) external view returns (address);

        event ProfileStopped(bytes32 indexed profileId, StopReason indexed reason, Circuit indexed circuit, address tripper);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event RouteAdded(bytes32 indexed profileId, Circuit indexed circuit, address verifier, bytes32 codeHash);
        event RouteFrozen(bytes32 indexed profileId, Circuit indexed circuit, address verifier);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocRouterBatch(uint256 expected, uint256 got);
        error ZkPocRouterBatchGas();
        error ZkPocRouterFrozen(bytes32 profileId, Circuit circuit);
        error ZkPocRouterNoCode(address verifier);
        error ZkPocRouterNoRoute(bytes32 profileId, Circuit circuit);
        error ZkPocRouterRouteTaken(bytes32 profileId, Circuit circuit, address existing);
        error ZkPocRouterStopped(bytes32 profileId, StopReason reason);
        error ZkPocStopClaims(uint256 max, uint256 got);
        error ZkPocStopColumn(uint256 columns, uint256 got);
        error ZkPocStopNotCanary(Circuit circuit);
        error ZkPocStopOpening();
        error ZkPocStopOtherStep();
        error ZkPocStopProofLength(uint256 expected, uint256 got);
        error ZkPocStopRow(uint256 got);
        error ZkPocStopValue(uint256 got);
    }

    #[sol(rpc)]
    contract ContributionToken {
        constructor(address admin);

        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function MINTER_ROLE() external view returns (bytes32);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function decimals() external view returns (uint8);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function mint(address to, uint256 amount) external;
        function name() external view returns (string memory);
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function revokeRole(bytes32 role, address account) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function symbol() external view returns (string memory);
        function totalSupply() external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);

        event Approval(address indexed owner, address indexed spender, uint256 value);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event Transfer(address indexed from, address indexed to, uint256 value);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InvalidApprover(address approver);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidSender(address sender);
        error ERC20InvalidSpender(address spender);
    }

    #[sol(rpc)]
    contract FlatRewardPolicy {
        constructor(uint256 reward_, uint8 maxNormLog2, uint8 maxLossLog2);

        function MAX_LOSS_LOG2() external view returns (uint8);
        function MAX_NORM_LOG2() external view returns (uint8);
        function REWARD() external view returns (uint256);
        function reward(uint256, address, uint8 normLog2, uint8 lossLog2) external view returns (uint256);

        error ZkPocPolicyLossBound(uint8 allowed, uint8 got);
        error ZkPocPolicyNormBound(uint8 allowed, uint8 got);
    }

    #[sol(rpc)]
    contract DataRegistry {
        constructor(address admin, address router, bytes32 srsDigest);

        function ATTESTATION_TYPEHASH() external view returns (bytes32);
        function ATTESTOR_ROLE() external view returns (bytes32);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function ROUTER() external view returns (address);
        function SRS_DIGEST() external view returns (bytes32);
        function attestationDigest(Attestation memory attestation) external view returns (bytes32);
        function attestedDataset(bytes32 root) external view returns (Dataset memory found);
        function attestedShard(bytes32 root, bytes32 profileId, G1Point memory commitment) external view returns (Dataset memory found, bool valid);
        function dataset(bytes32 root) external view returns (Dataset memory);
        function eip712Domain() external view returns (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] memory extensions);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function isValidated(bytes32 profileId, G1Point memory commitment) external view returns (bool);
        function liveRoot(bytes32 subject) external view returns (bytes32);
        function register(Attestation memory attestation, bytes memory signature) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function revokeRole(bytes32 role, address account) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function validateShard(bytes32 root, uint256 index, G1Point memory commitment, bytes32[10] memory path, bytes memory proof, bytes memory link) external;
        function validityContext(address owner, bytes32 root, uint256 index, bytes32 profileId) external view returns (uint256);

        event DatasetRegistered(bytes32 indexed root, address indexed owner, bytes32 indexed subject, address attestor, bytes32 profileId, uint32 shardCount, uint32 recordCount, uint64 epoch);
        event DatasetSuperseded(bytes32 indexed root, bytes32 indexed by);
        event EIP712DomainChanged();
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event ShardValidated(bytes32 indexed root, uint256 indexed index, bytes32 indexed validityKey, address verifier);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
        error InvalidShortString();
        error StringTooLong(string str);
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocLinkInvalid(uint256 expectedX, uint256 gotX);
        error ZkPocLinkLength(uint256 expected, uint256 got);
        error ZkPocLinkSameCommitment(uint256 x, uint256 y);
        error ZkPocLinkScalar(uint256 below, uint256 got);
        error ZkPocRegistryEpochNotNewer(uint64 current, uint64 got);
        error ZkPocRegistryIndexOutOfRange(uint256 count, uint256 got);
        error ZkPocRegistryNotAttestor(address got);
        error ZkPocRegistryNotInRoot(bytes32 expected, bytes32 got);
        error ZkPocRegistryNotOwner(address expected, address got);
        error ZkPocRegistryProofLength(uint256 expected, uint256 got);
        error ZkPocRegistryRecordCount(uint256 atLeast, uint256 got);
        error ZkPocRegistryRootTaken(bytes32 root);
        error ZkPocRegistryShardCount(uint256 capacity, uint256 got);
        error ZkPocRegistrySrsMismatch(bytes32 expected, bytes32 got);
        error ZkPocRegistrySubjectTaken(address expected, address got);
        error ZkPocRegistryUnknownRoot(bytes32 root);
        error ZkPocRegistryZeroArgument();
    }

    #[sol(rpc)]
    contract ContributionRounds {
        constructor(RoundsConfig memory config);

        function AGGREGATION() external view returns (address);
        function BEACON_DELAY() external view returns (uint40);
        function CLAIM_BLOCKS() external view returns (uint40);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function FINALIZE_BLOCKS() external view returns (uint40);
        function MAX_BATCH() external view returns (uint256);
        function MAX_BOUND_LOG2() external view returns (uint8);
        function MAX_PHASE_BLOCKS() external view returns (uint40);
        function OPERATOR_ROLE() external view returns (bytes32);
        function POLICY() external view returns (address);
        function REGISTRY() external view returns (address);
        function ROUND_BUDGET() external view returns (uint96);
        function ROUTER() external view returns (address);
        function TOKEN() external view returns (address);
        function WINDOW_BLOCKS() external view returns (uint40);
        function acknowledgementDigest(uint256 number, bytes32 modelId) external view returns (bytes32);
        function checkMember(Claim memory request) external returns (Noted memory noted, Link memory link, uint256[] memory accumulator);
        function claim(Claim memory request) external returns (uint256 number);
        function claimMany(Claim[] memory requests) external returns (uint256 accepted);
        function claimsHash(uint256 number) external view returns (bytes32 hash);
        function claimedIn(bytes32 nullifier) external view returns (uint256 round);
        function currentRound() external view returns (uint256);
        function drawnIndex(uint256 number, bytes32 root) external view returns (uint256);
        function eip712Domain() external view returns (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] memory extensions);
        function finalize(Finalization memory request) external;
        function genesisContext(bytes32 seed, bytes32 profileId_) external view returns (uint256);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function isSpent(bytes32 nullifier) external view returns (bool spent);
        function openGenesis(bytes32 profileId_, bytes32 seed, bytes memory proof) external;
        function profileId() external view returns (bytes32);
        function proposalOf(uint256 number) external view returns (Proposal memory);
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function revokeRole(bytes32 role, address account) external;
        function roundContext(uint256 number, bytes32 setHash) external view returns (uint256);
        function roundInfo(uint256 number) external view returns (Round memory);
        function seal(uint256 number) external;
        function settle(uint256 number, ClaimRecord[] memory records) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function trainingContext(uint256 number, address claimant, bytes32 subject, bytes32 root, uint256 index, bytes32 maskKey) external view returns (uint256);
        function voidRound(uint256 number) external;

        event BeaconMissed(uint256 indexed round, uint256 missedBlock, uint256 beaconBlock);
        event ClaimRefused(uint256 indexed round, address indexed sender, uint256 place, bytes reason);
        event ContributionPaid(uint256 indexed round, address indexed claimant, bytes32 nullifier, uint256 reward);
        event ContributionProven(uint256 indexed round, address indexed claimant, bytes32 indexed subject, uint256 number, bytes32 root, uint256 index, bytes update, bytes32 nullifier, uint8 normLog2, uint8 lossLog2, uint256 reward, bytes32 maskKey);
        event EIP712DomainChanged();
        event GenesisSet(bytes32 indexed modelId, bytes32 indexed profileId, bytes32 seed);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event RoundFinalized(uint256 indexed round, bytes32 indexed modelId, uint256 included, uint256 count, uint256 settleFrom);
        event RoundOpened(uint256 indexed round, bytes32 indexed modelId, uint256 modelSetAt, uint256 beaconBlock);
        event RoundSealed(uint256 indexed round, uint256 beaconBlock, bytes32 beacon);
        event RoundSettled(uint256 indexed round, bytes32 indexed modelId, uint256 paid);
        event RoundVoided(uint256 indexed round, uint256 claims);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
        error InvalidShortString();
        error StringTooLong(string str);
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocLinkInvalid(uint256 expectedX, uint256 gotX);
        error ZkPocLinkLength(uint256 expected, uint256 got);
        error ZkPocLinkSameCommitment(uint256 x, uint256 y);
        error ZkPocLinkScalar(uint256 below, uint256 got);
        error ZkPocRoundsAcknowledged(uint256 needed, uint256 got);
        error ZkPocRoundsAcknowledgement(uint256 position, address expected, address got);
        error ZkPocRoundsAlreadyClaimed(bytes32 nullifier);
        error ZkPocRoundsBatch(uint256 max, uint256 got);
        error ZkPocRoundsBatchGas();
        error ZkPocRoundsBound(uint256 max, uint256 got);
        error ZkPocRoundsBudget(uint256 remaining, uint256 got);
        error ZkPocRoundsFull(uint256 max);
        error ZkPocRoundsGenesisSet(bytes32 profileId);
        error ZkPocRoundsHasProposal(uint256 round);
        error ZkPocRoundsIncluded(uint256 claims, uint256 got);
        error ZkPocRoundsLength(uint256 moreThan, uint256 got);
        error ZkPocRoundsModel(bytes32 expected, bytes32 got);
        error ZkPocRoundsNoneAccepted(bytes last);
        error ZkPocRoundsNoProposal(uint256 round);
        error ZkPocRoundsNotMore(uint256 moreThan, uint256 got);
        error ZkPocRoundsNotInRoot(bytes32 expected, bytes32 got);
        error ZkPocRoundsNotOpen(uint256 round, RoundStatus got);
        error ZkPocRoundsNotOwner(address expected, address got);
        error ZkPocRoundsNotSealed(uint256 round);
        error ZkPocRoundsNotValidated(bytes32 root, uint256 index);
        error ZkPocRoundsNullifierUsed(bytes32 nullifier);
        error ZkPocRoundsPhase(uint256 max, uint256 got);
        error ZkPocRoundsProfile(bytes32 expected, bytes32 got);
        error ZkPocRoundsProof(uint256 context);
        error ZkPocRoundsProofLength(uint256 expected, uint256 got);
        error ZkPocRoundsRecord(bytes32 expected, bytes32 got);
        error ZkPocRoundsRecords(uint256 expected, uint256 got);
        error ZkPocRoundsRegisteredLate(uint256 before, uint256 got);
        error ZkPocRoundsSealed(uint256 round);
        error ZkPocRoundsSuperseded(uint256 notBefore, uint256 got);
        error ZkPocRoundsTooEarly(uint256 notBefore, uint256 got);
        error ZkPocRoundsTooLate(uint256 deadline, uint256 got);
        error ZkPocRoundsZeroArgument();
        error ZkPocRoundsZeroId();
    }

    #[sol(rpc)]
    contract SecureAggregation {
        constructor(AggregationConfig memory config);

        function BOND() external view returns (uint256);
        function DISPUTE_BLOCKS() external view returns (uint40);
        function MASKS() external view returns (address);
        function MAX_MEMBERS() external view returns (uint256);
        function MAX_PHASE_BLOCKS() external view returns (uint40);
        function MIN_MEMBERS() external view returns (uint256);
        function REVEAL_BLOCKS() external view returns (uint40);
        function SHARE_BLOCKS() external view returns (uint40);
        function bind(uint40 claimBlocks, uint40 finalizeBlocks) external;
        function claimBlocks() external view returns (uint40);
        function deadlinesOf(uint256 round) external view returns (uint256 d1, uint256 d2, uint256 d3, uint256 d4);
        function disputePair(PairDispute memory request) external;
        function disputeSeed(SeedDispute memory request) external;
        function eip712Domain() external view returns (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] memory extensions);
        function faultMissing(uint256 round, uint256 group, uint256 number, uint256 voters, bytes[] memory signatures) external;
        function faultUnrevealed(uint256 round, uint256 group, uint256 number) external;
        function fixRoster(uint256 round, ClaimRecord[] memory records) external;
        function groupCount(uint256 round) external view returns (uint256);
        function groupInfo(uint256 round, uint256 group) external view returns (Group memory);
        function isFixed(uint256 round) external view returns (bool fixed_);
        function isPosted(bytes32 nullifier) external view returns (bool);
        function missingDigest(uint256 round, uint256 number, bytes32 shareId) external view returns (bytes32);
        function postOf(uint256 round, uint256 number) external view returns (Posted memory);
        function postShare(Post memory request) external payable;
        function requireWhole(uint256 round, uint256 included, uint256 masked) external view returns (uint256 settleNotBefore);
        function revealSeeds(uint256 round, uint256 group, uint256 number, bytes32[] memory seeds) external;
        function rounds() external view returns (address);
        function withdrawBond(uint256 round, uint256 group, uint256 number) external;

        event BondLost(uint256 indexed round, uint256 indexed group, uint256 indexed number, Fault reason);
        event BondWithdrawn(uint256 indexed round, uint256 indexed group, uint256 indexed number, address claimant);
        event EIP712DomainChanged();
        event RosterFixed(uint256 indexed round, uint256 indexed group, uint256 members, bytes32 rosterHash);
        event RoundsBound(address indexed rounds, uint256 claimBlocks, uint256 finalizeBlocks);
        event SeedsRevealed(uint256 indexed round, uint256 indexed group, uint256 indexed number, uint256 missing, bytes32[] seeds);
        event SharePosted(uint256 indexed round, uint256 indexed group, uint256 indexed number, bytes32 shareId, bytes masks);

        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
        error InvalidShortString();
        error StringTooLong(string str);
        error ZkPocAggregationBond(uint256 expected, uint256 got);
        error ZkPocAggregationBound(address rounds);
        error ZkPocAggregationClaimant(address expected, address got);
        error ZkPocAggregationColumn(uint256 below, uint256 got);
        error ZkPocAggregationFaulty(uint256 number);
        error ZkPocAggregationFixed(uint256 round);
        error ZkPocAggregationGroup(uint256 below, uint256 got);
        error ZkPocAggregationIncluded(uint256 number);
        error ZkPocAggregationMasks(bytes32 expected, bytes32 got);
        error ZkPocAggregationMasksLength(uint256 expected, uint256 got);
        error ZkPocAggregationNoDraw(uint256 drawBlock, uint256 got);
        error ZkPocAggregationNoFault();
        error ZkPocAggregationNoneMissing(uint256 members);
        error ZkPocAggregationNotBound();
        error ZkPocAggregationNotMissing(uint256 missing, uint256 number);
        error ZkPocAggregationNotOpen(uint256 round, RoundStatus got);
        error ZkPocAggregationNotPosted(uint256 posted, uint256 number);
        error ZkPocAggregationNotProven(bytes32 seed, uint256 column);
        error ZkPocAggregationOutside(uint256 allowed, uint256 got);
        error ZkPocAggregationPartly(uint256 expected, uint256 got);
        error ZkPocAggregationPhase(uint256 max, uint256 got);
        error ZkPocAggregationPhases(uint256 moreThan, uint256 got);
        error ZkPocAggregationPlace(uint256 below, uint256 got);
        error ZkPocAggregationPosted(bytes32 nullifier);
        error ZkPocAggregationRecords(bytes32 expected, bytes32 got);
        error ZkPocAggregationRevealed(uint256 number);
        error ZkPocAggregationRoster(bytes32 expected, bytes32 got);
        error ZkPocAggregationSame(uint256 column);
        error ZkPocAggregationSeat(bytes32 expected, bytes32 got);
        error ZkPocAggregationSecret(bytes32 expected, bytes32 got);
        error ZkPocAggregationSeedCount(uint256 expected, uint256 got);
        error ZkPocAggregationSeeds(bytes32 expected, bytes32 got);
        error ZkPocAggregationSpoilt(uint256 group, uint256 faulty);
        error ZkPocAggregationTooEarly(uint256 notBefore, uint256 got);
        error ZkPocAggregationTooFew(uint256 needed, uint256 got);
        error ZkPocAggregationTooLate(uint256 deadline, uint256 got);
        error ZkPocAggregationTransfer(address claimant);
        error ZkPocAggregationUnrevealed(uint256 expected, uint256 got);
        error ZkPocAggregationUpdate(bytes32 expected, bytes32 got);
        error ZkPocAggregationVote(uint256 position, address expected, address got);
        error ZkPocAggregationVoters(uint256 allowed, uint256 got);
        error ZkPocAggregationVotes(uint256 needed, uint256 got);
        error ZkPocAggregationWithdrawn(uint256 number);
        error ZkPocAggregationZeroArgument();
        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
    }

    #[sol(rpc)]
    contract MaskCommitments {
        constructor();

        function advance(bytes32 seed, uint256 column, G1Point memory commitment, uint256 cells) external;
        function begin(bytes32 seed, uint256 column, G1Point memory commitment) external;
        function finish(bytes32 seed, uint256 column, G1Point memory commitment, G1Point memory opening) external;
        function isProven(bytes32 seed, uint256 column, G1Point memory commitment) external view returns (bool);
        function progressOf(bytes32 seed, uint256 column, G1Point memory commitment) external view returns (uint256 cells, uint256 z);

        event MaskProven(bytes32 indexed seed, uint256 indexed column, G1Point commitment);

        error ZkPocCurveCoordinate(uint256 below, uint256 got);
        error ZkPocCurvePoint(uint256 x, uint256 y);
        error ZkPocCurvePrecompile(address precompile);
        error ZkPocMaskColumn(uint256 columns, uint256 got);
        error ZkPocMaskComplete(uint256 cells);
        error ZkPocMaskIncomplete(uint256 expected, uint256 got);
        error ZkPocMaskLayout(uint256 expected, uint256 got);
        error ZkPocMaskNoCells();
        error ZkPocMaskNotBegun(bytes32 seed, uint256 column);
        error ZkPocMaskOpening(uint256 point, uint256 value);
        error ZkPocMaskPoint(uint256 got);
        error ZkPocMaskProven(bytes32 seed, uint256 column);
    }
}
