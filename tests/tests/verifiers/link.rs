//! The campaign on links: native verification against `LinkVerifier.sol`, behind a contract of its own.
//!
//! A link is fuzzed with everything it speaks about, laid out as context, registered commitment, copy, then the link itself.
//! The contract does not check that the context is below r, since contexts are digests that contracts reduce themselves; a
//! context from r on is another context there, and no field element natively. Both refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{keccak256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use revm::primitives::Address;
use zkpoc_client::contracts_gen::Generated;
use zkpoc_contracts::bindings::digests::GROUP_ORDER as R;
use zkpoc_contracts::compile::{compile_sources, CONTRACT_RUNS, CONTRACT_SOURCES};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_from_hash, scalar_to_bytes};
use zkpoc_prover::link::{link_bases, verify_link, LinkBases, LinkError, LinkProof, LINK_PROOF_BYTES};
use zkpoc_prover::srs::Srs;

use super::campaign::Judged;
use super::campaign::Plan;
use super::campaign::Trial;
use super::campaign::Verdict;
use super::classes::Answer;
use super::classes::Expect;
use super::kit::kit;
use super::mutate::above;
use super::mutate::alias;
use super::mutate::negated;
use super::mutate::put;
use super::mutate::word;
use super::mutate::Q;
use super::support::circuit::Random;
use super::support::evm::Chain;
use super::support::evm::Outcome;
use super::support::fault::Fault;
use super::support::FORWARDED;

/// Offsets in a [`Linked`].
const CONTEXT: usize = 0;
const REGISTERED: usize = 32;
const COPY: usize = 96;
/// Of the link, and of its nonce point.
pub(crate) const LINK: usize = 160;
pub(crate) const ANSWERS: usize = 224;
const POINTS: [usize; 3] = [REGISTERED, COPY, LINK];
/// Length of an unaltered one.
pub(crate) const LINKED_BYTES: usize = LINK + LINK_PROOF_BYTES;

/// Context, registered commitment, copy and link, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linked(pub(crate) Vec<u8>);

/// Both verifiers of links, and valid links.
pub(crate) struct LinkStage {
    pub(crate) chain: Chain,
    harness: Address,
    bases: LinkBases,
    pub(crate) seeds: Arc<[Linked]>,
    /// Gas of an honest link, at most.
    pub(crate) gas: u64,
}

impl LinkStage {
    /// Takes valid links, each accepted by both.
    pub(crate) fn new(srs: &Srs, generated: &Generated, seeds: Vec<Linked>) -> Self {
        let path = "contracts/LinkHarness.sol";
        let roots = BTreeMap::from([(path.to_owned(), include_str!("LinkHarness.sol").to_owned())]);
        let embedded = CONTRACT_SOURCES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let mut library: BTreeMap<_, _> = embedded.collect();
        library.extend(generated.overrides());
        let artifacts = compile_sources(&roots, &library, CONTRACT_RUNS).expect("compiled");
        let mut chain = Chain::default();
        let code = artifacts.get("LinkHarness").expect("the harness").bytecode.clone();
        let (harness, _) = chain.deploy(code, true).expect("deployed");
        let bases = link_bases(srs).expect("bases");
        let mut stage = Self { chain: chain.clone(), harness, bases, seeds: seeds.into(), gas: 0 };
        for seed in stage.seeds.clone().iter() {
            assert_eq!(seed.0.len(), LINKED_BYTES);
            assert_eq!(stage.native(seed), Ok(()));
            let outcome = stage.call(&mut chain, seed);
            assert!(outcome.success, "{outcome:?}");
            stage.gas = stage.gas.max(outcome.gas);
        }
        stage
    }

    /// The native verifier's answer.
    pub(crate) fn native(&self, linked: &Linked) -> Verdict {
        let point = |at: usize| point_from_bytes(&linked.0[at..at + 64]).map_err(|_| Fault::Point(0));
        let fault = |error| match error {
            LinkError::Length { .. } => Fault::Length,
            LinkError::Point { .. } => Fault::Point(0),
            LinkError::Answer { .. } => Fault::Scalar(0),
            LinkError::SameCommitment => Fault::Same,
            LinkError::Invalid => Fault::Equation,
            LinkError::NotLinked => Fault::Other,
        };
        let proof = LinkProof::from_bytes(&linked.0[LINK..]).map_err(fault)?;
        let context = word(&linked.0, CONTEXT).to_be_bytes();
        let context = scalar_from_bytes(&context).map_err(|_| Fault::Instance(0))?;
        verify_link(&self.bases, &context, &point(REGISTERED)?, &point(COPY)?, &proof).map_err(fault)
    }

    fn calldata(&self, linked: &Linked) -> Vec<u8> {
        let selector = keccak256("check(uint256,(uint256,uint256),(uint256,uint256),bytes)");
        let link = &linked.0[LINK..];
        let tail = [U256::from(LINK + 32), U256::from(link.len())].map(|word| word.to_be_bytes::<32>()).concat();
        let mut data = [&selector[..4], &linked.0[..LINK], &tail, link].concat();
        data.resize(data.len().next_multiple_of(32) + 4, 0);
        data
    }

    /// Calls the contract.
    pub(crate) fn call(&self, chain: &mut Chain, linked: &Linked) -> Outcome {
        chain.call(self.harness, self.calldata(linked), FORWARDED)
    }

    /// The same, with the number of calls of precompiles.
    pub(crate) fn call_counting(&self, chain: &mut Chain, linked: &Linked) -> (Outcome, usize) {
        chain.call_counting(self.harness, self.calldata(linked), FORWARDED)
    }
}

/// What the library said; it gives no positions.
pub(crate) fn link_verdict(outcome: &Outcome) -> Verdict {
    let known = [
        ("ZkPocLinkLength(uint256,uint256)", Fault::Length),
        ("ZkPocCurveCoordinate(uint256,uint256)", Fault::Point(0)),
        ("ZkPocCurvePoint(uint256,uint256)", Fault::Point(0)),
        ("ZkPocLinkScalar(uint256,uint256)", Fault::Scalar(0)),
        ("ZkPocLinkSameCommitment(uint256,uint256)", Fault::Same),
        ("ZkPocLinkInvalid(uint256,uint256)", Fault::Equation),
        ("ZkPocCurvePrecompile(address)", Fault::Precompile),
    ];
    if outcome.success {
        return Ok(());
    }
    let is = |signature: &str| outcome.output.starts_with(&keccak256(signature)[..4]);
    let found = known.iter().find(|(signature, _)| is(signature));
    Err(found.map_or(if outcome.halted { Fault::Halt } else { Fault::Other }, |(_, fault)| *fault))
}

/// Changes a link, or leaves it as it is where there is nothing to change.
type Change = fn(&LinkStage, &mut Vec<u8>, &mut Random);

struct LinkClass {
    name: &'static str,
    expect: Expect,
    change: Change,
}

const fn refused(name: &'static str, faults: &'static [&'static str], change: Change) -> LinkClass {
    let answer = Answer::Refuses(faults);
    let expect = Expect { native: Some(answer), ours: answer, reference: None, same: true };
    LinkClass { name, expect, change }
}

/// Contexts that are no field elements are another fault natively.
const fn of_context(name: &'static str, native: &'static [&'static str], change: Change) -> LinkClass {
    let (native, ours) = (Some(Answer::Refuses(native)), Answer::Refuses(&["equation"]));
    LinkClass { name, expect: Expect { native, ours, reference: None, same: false }, change }
}

/// The table of links.
const CLASSES: &[LinkClass] = &[
    of_context("context bit", &["instance", "equation"], |_, link, random| flip(link, CONTEXT, 32, random)),
    of_context("context + r", &["instance"], |_, link, random| {
        let value = alias(word(link, CONTEXT), R, random);
        put(link, CONTEXT, value);
    }),
    refused("context of another link", &["equation"], |stage, link, random| {
        transplant(stage, link, CONTEXT, 32, random)
    }),
    refused("point bit", &["point"], |_, link, random| {
        let at = POINTS[random.below(3)];
        flip(link, at, 64, random)
    }),
    refused("coordinate + q", &["point"], |_, link, random| {
        let at = POINTS[random.below(3)] + 32 * random.below(2);
        let value = alias(word(link, at), Q, random);
        put(link, at, value);
    }),
    refused("coordinate >= q", &["point"], |_, link, random| {
        let at = POINTS[random.below(3)] + 32 * random.below(2);
        let value = above(word(link, at), Q, random);
        put(link, at, value);
    }),
    refused("point identity", &["point"], |_, link, random| {
        let at = POINTS[random.below(3)];
        link[at..at + 64].fill(0);
    }),
    refused("point off the curve", &["point"], |_, link, random| {
        let at = POINTS[random.below(3)] + 32 * random.below(2);
        let value = random.word() % Q;
        put(link, at, value);
    }),
    refused("point negated", &["equation"], |_, link, random| {
        let at = POINTS[random.below(3)];
        let point = negated(&link[at..at + 64]).expect("a seed's point");
        link[at..at + 64].copy_from_slice(&point);
    }),
    refused("point random", &["equation"], |_, link, random| {
        let at = POINTS[random.below(3)];
        link[at..at + 64].copy_from_slice(&random.point());
    }),
    refused("point of another link", &["equation"], |stage, link, random| {
        let at = POINTS[random.below(3)];
        transplant(stage, link, at, 64, random)
    }),
    refused("commitments swapped", &["equation"], |_, link, _| {
        (0..64).for_each(|n| link.swap(REGISTERED + n, COPY + n));
    }),
    refused("one commitment twice", &["same"], |_, link, random| {
        let (from, to) = if random.below(2) == 0 { (REGISTERED, COPY) } else { (COPY, REGISTERED) };
        link.copy_within(from..from + 64, to);
    }),
    refused("nonce is a commitment", &["equation"], |_, link, random| {
        let from = [REGISTERED, COPY][random.below(2)];
        link.copy_within(from..from + 64, LINK);
    }),
    refused("answer bit", &["scalar", "equation"], |_, link, random| flip(link, ANSWERS, 128, random)),
    refused("answer + r", &["scalar"], |_, link, random| {
        let at = ANSWERS + 32 * random.below(4);
        let value = alias(word(link, at), R, random);
        put(link, at, value);
    }),
    refused("answer >= r", &["scalar"], |_, link, random| {
        let at = ANSWERS + 32 * random.below(4);
        let value = above(word(link, at), R, random);
        put(link, at, value);
    }),
    refused("answer replaced", &["equation"], |_, link, random| {
        let at = ANSWERS + 32 * random.below(4);
        let old = word(link, at);
        let value = [U256::ZERO, R - U256::from(1), (R - old) % R, random.word() % R][random.below(4)];
        put(link, at, value);
    }),
    refused("answers swapped", &["equation"], |_, link, random| {
        let (a, b) = (ANSWERS + 32 * random.below(4), ANSWERS + 32 * random.below(4));
        (0..32).for_each(|n| link.swap(a + n, b + n));
    }),
    refused("answer of another link", &["equation"], |stage, link, random| {
        let at = ANSWERS + 32 * random.below(4);
        transplant(stage, link, at, 32, random)
    }),
    refused("another link", &["equation"], |stage, link, random| {
        transplant(stage, link, LINK, LINK_PROOF_BYTES, random)
    }),
    refused("nonce and answer moved", &["equation"], |stage, link, random| {
        // Satisfies the equation for the old challenge.
        let n = random.below(4);
        shift_answer(link, n, Fr::from(7));
        shift_point(link, LINK, &stage.bases[n], Fr::from(7))
    }),
    refused("copy and answer moved", &["equation"], |stage, link, random| {
        // The same: C' is lowered by 7 B_n, and z_n raised by 7 e.
        let n = random.below(4);
        let e = challenge(link);
        shift_answer(link, n, Fr::from(7) * e);
        shift_point(link, COPY, &stage.bases[n], -Fr::from(7))
    }),
    refused("everything mirrored", &["equation"], |_, link, _| {
        // The same: -R, -z, and the commitments swapped.
        let point = negated(&link[LINK..LINK + 64]).expect("a seed's point");
        link[LINK..LINK + 64].copy_from_slice(&point);
        for at in (ANSWERS..ANSWERS + 128).step_by(32) {
            let answer = (R - word(link, at)) % R;
            put(link, at, answer);
        }
        (0..64).for_each(|n| link.swap(REGISTERED + n, COPY + n));
    }),
    refused("truncated", &["length"], |_, link, random| link.truncate(LINK + random.below(LINK_PROOF_BYTES))),
    refused("extended", &["length"], |_, link, random| {
        let more = 1 + random.below(100);
        link.extend((0..more).map(|_| random.next() as u8));
    }),
    refused("trailing zeros", &["length"], |_, link, random| {
        link.resize(link.len() + [1, 31, 32, 64][random.below(4)], 0);
    }),
    refused("word dropped", &["length"], |_, link, random| {
        let at = LINK + 32 * random.below(LINK_PROOF_BYTES / 32);
        drop(link.drain(at..at + 32));
    }),
    refused("word inserted", &["length"], |_, link, random| {
        let at = LINK + 32 * random.below(LINK_PROOF_BYTES / 32 + 1);
        drop(link.splice(at..at, random.word().to_be_bytes::<32>()));
    }),
];

fn flip(bytes: &mut [u8], at: usize, size: usize, random: &mut Random) {
    bytes[at + random.below(size)] ^= 1 << random.below(8);
}

fn transplant(stage: &LinkStage, link: &mut [u8], at: usize, size: usize, random: &mut Random) {
    let other = &stage.seeds[random.below(stage.seeds.len())].0;
    link[at..at + size].copy_from_slice(&other[at..at + size]);
}

/// The challenge of a link, as the contract computes it.
fn challenge(link: &[u8]) -> Fr {
    let tag = keccak256("zkpoc.link.v1");
    scalar_from_hash(&keccak256([tag.as_slice(), &link[..ANSWERS]].concat()))
}

fn shift_answer(link: &mut [u8], n: usize, by: Fr) {
    let at = ANSWERS + 32 * n;
    let old = scalar_from_bytes(&word(link, at).to_be_bytes()).expect("a seed's answer");
    link[at..at + 32].copy_from_slice(&scalar_to_bytes(&(old + by)));
}

fn shift_point(link: &mut [u8], at: usize, base: &G1Affine, by: Fr) {
    let old = point_from_bytes(&link[at..at + 64]).expect("a seed's point");
    let moved: G1 = *base * by + old;
    link[at..at + 64].copy_from_slice(&point_to_bytes(&moved.to_affine()));
}

/// Gas of a link beyond an honest one: the length of calldata, and other branches.
const SLACK: u64 = 8_000;
/// Mutations of a run of all tests.
const MUTATIONS: u64 = 1_450;

fn trial(stage: &LinkStage, chain: &mut Chain, index: u64, random: &mut Random) -> (usize, String, Trial) {
    let class = index as usize % CLASSES.len();
    let seed = &stage.seeds[random.below(stage.seeds.len())];
    let mut linked = seed.clone();
    (CLASSES[class].change)(stage, &mut linked.0, random);
    if linked == *seed {
        return (class, String::new(), Trial::Skipped);
    }
    let outcome = stage.call(chain, &linked);
    let ours = link_verdict(&outcome);
    let mut complaints = Vec::new();
    if outcome.gas > stage.gas + SLACK {
        complaints.push(format!("{} gas, an honest link takes {}", outcome.gas, stage.gas));
    }
    let judged = Judged {
        native: Some(stage.native(&linked)),
        ours,
        reference: None,
        complaints,
        input: vec![("context, registered, copy, link", linked.0)],
    };
    (class, String::new(), Trial::Judged(judged))
}

/// Names and expectations, in the order of the table.
pub(crate) fn expected() -> Vec<(&'static str, Expect)> {
    CLASSES.iter().map(|class| (class.name, class.expect)).collect()
}

#[test]
fn both_link_verifiers_give_the_verdicts_of_the_table() {
    let stage = &kit().links;
    let plan = Plan::from_environment(MUTATIONS);
    let chain = || stage.chain.clone();
    let report = plan.run("links", &expected(), chain, |chain, index, random| trial(stage, chain, index, random));
    report.check(&plan, &expected(), MUTATIONS);
}

/// The challenge of the alterations above is the real one: moved answers fail for the challenge alone.
#[test]
fn an_honest_link_satisfies_the_equation_for_the_challenge_computed_here() {
    let stage = &kit().links;
    for seed in stage.seeds.iter() {
        let point = |at: usize| point_from_bytes(&seed.0[at..at + 64]).expect("a point");
        let answer = |n: usize| scalar_from_bytes(&word(&seed.0, ANSWERS + 32 * n).to_be_bytes()).expect("a scalar");
        let left = (0..4).map(|n| stage.bases[n] * answer(n)).reduce(|a, b| a + b).expect("four terms");
        let difference: G1 = G1::from(point(REGISTERED)) - G1::from(point(COPY));
        assert_eq!(left, difference * challenge(&seed.0) + point(LINK));
    }
}
