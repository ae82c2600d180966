//! Every byte counts: one random bit of each byte that a verdict should depend on is flipped, and both verifiers refuse.
//!
//! The bytes are those of the key's digest, of the public inputs, the proof, the link and the link's context, for the three
//! circuits of the product. What refuses is said exactly:
//!
//! | byte of | native and contract say |
//! |---|---|
//! | a point | the point, at its offset |
//! | a scalar | the scalar, at its offset, where it leaves the field; otherwise the equation fails |
//! | a public input | the input, by its index, where it leaves the field; otherwise the equation fails |
//! | the digest | the equation fails; a key contract with it is refused at deployment |
//! | a link's point | the point |
//! | a link's answer | the answer, where it leaves the field; otherwise the equation fails |
//! | a link's context | natively as a public input; the contract's equation fails |
//!
//! A refusal while reading calls no precompile, so none can burn what the caller forwards; a failing equation costs what an
//! honest proof costs.

use std::collections::BTreeMap;

use alloy::primitives::keccak256;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::verify_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Transcript, TranscriptRead, TranscriptReadBuffer};
use rayon::prelude::*;
use revm::primitives::Address;
use zkpoc_engine::encoding::scalar_from_hash;
use zkpoc_engine::encoding::{scalar_from_bytes, scalar_to_bytes, POINT_BYTES};
use zkpoc_engine::transcript::{KeccakChallenge, KeccakRead};

use super::campaign::Plan;
use super::campaign::Verdict;
use super::fuzz::most_gas;
use super::kit::contract;
use super::kit::kit;
use super::kit::toy_circuits;
use super::kit::Claim;
use super::kit::Subject;
use super::link::link_verdict;
use super::link::Linked;
use super::link::ANSWERS;
use super::link::LINK;
use super::link::LINKED_BYTES;
use super::support::deploy;
use super::support::evm::calldata;
use super::support::evm::compile_verifier;
use super::support::evm::Chain;
use super::support::fault::Fault;
use super::support::FORWARDED;

/// Refusals by the name of the fault.
type Counts = BTreeMap<&'static str, usize>;

fn count(verdicts: impl IntoIterator<Item = Verdict>) -> Counts {
    let mut counts = Counts::new();
    for verdict in verdicts {
        *counts.entry(verdict.map_or_else(Fault::name, |()| "accepted")).or_default() += 1;
    }
    counts
}

/// Asks both verifiers about a claim with byte `at` flipped; they must agree, and the contract must not waste gas.
fn ask(subject: &Subject, chain: &mut Chain, claim: &Claim, what: &str) -> Verdict {
    let data = calldata("verify", &claim.proof, &claim.instances);
    let (outcome, precompiles) = chain.call_counting(subject.ours, data.clone(), FORWARDED);
    let verdict = outcome.verdict();
    assert_eq!(subject.native(claim), verdict, "{what}");
    let bound = most_gas(subject, &data, &verdict);
    assert!(outcome.gas <= bound, "{what}: {} gas, bound {bound}", outcome.gas);
    if verdict.is_err_and(Fault::is_early) {
        assert_eq!(precompiles, 0, "{what}");
    } else {
        assert!(precompiles > 0, "{what}: calls of precompiles are counted");
    }
    verdict
}

/// Flips one bit of every byte of proof and public inputs of one circuit.
fn flip_every_byte(subject: &Subject, plan: &Plan) {
    let seed = &subject.seeds[0];
    let verdicts: Vec<Verdict> = (0..seed.proof.len())
        .into_par_iter()
        .map_init(
            || subject.chain.clone(),
            |chain, at| {
                let bit = plan.random(at as u64).below(8);
                let mut claim = seed.clone();
                claim.proof[at] ^= 1 << bit;
                let what = format!("{}, bit {bit} of byte {at}, {plan:?}", subject.name);
                let verdict = ask(subject, chain, &claim, &what);
                let point = subject.points.iter().find(|start| (**start..**start + POINT_BYTES).contains(&at));
                let scalar = *subject.scalars.iter().rev().find(|start| **start <= at).unwrap_or(&0);
                let expected = match point {
                    Some(start) => verdict == Err(Fault::Point(*start)),
                    None => matches!(verdict, Err(Fault::Equation)) || verdict == Err(Fault::Scalar(scalar)),
                };
                assert!(expected, "{what}: {verdict:?}");
                verdict
            },
        )
        .collect();
    println!("{}: {} bytes of the proof: {:?}", subject.name, seed.proof.len(), count(verdicts));
    let mut chain = subject.chain.clone();
    let mut verdicts = Vec::new();
    for at in 0..32 * seed.instances.len() {
        let bit = plan.random(at as u64).below(8);
        let mut claim = seed.clone();
        claim.instances[at / 32][at % 32] ^= 1 << bit;
        let what = format!("{}, bit {bit} of byte {at} of the public inputs, {plan:?}", subject.name);
        let verdict = ask(subject, &mut chain, &claim, &what);
        let expected = matches!(verdict, Err(Fault::Equation)) || verdict == Err(Fault::Instance(at / 32));
        assert!(expected, "{what}: {verdict:?}");
        verdicts.push(verdict);
    }
    println!("{}: {} bytes of the public inputs: {:?}", subject.name, verdicts.len(), count(verdicts));
}

#[test]
fn every_byte_of_a_training_proof_and_its_inputs_counts() {
    flip_every_byte(&toy_circuits()[0], &Plan::from_environment(0));
}

#[test]
fn every_byte_of_a_dataset_proof_and_its_inputs_counts() {
    flip_every_byte(&toy_circuits()[1], &Plan::from_environment(0));
}

#[test]
fn every_byte_of_a_round_proof_and_its_inputs_counts() {
    flip_every_byte(&toy_circuits()[2], &Plan::from_environment(0));
}

/// A transcript whose first scalar, the key's digest, is another.
struct OtherDigest<'a> {
    inner: KeccakRead<&'a [u8]>,
    digest: Option<Fr>,
}

impl Transcript<G1Affine, KeccakChallenge> for OtherDigest<'_> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        self.inner.squeeze_challenge()
    }

    fn common_point(&mut self, point: G1Affine) -> std::io::Result<()> {
        self.inner.common_point(point)
    }

    fn common_scalar(&mut self, scalar: Fr) -> std::io::Result<()> {
        self.inner.common_scalar(self.digest.take().unwrap_or(scalar))
    }
}

impl TranscriptRead<G1Affine, KeccakChallenge> for OtherDigest<'_> {
    fn read_point(&mut self) -> std::io::Result<G1Affine> {
        self.inner.read_point()
    }

    fn read_scalar(&mut self) -> std::io::Result<Fr> {
        self.inner.read_scalar()
    }
}

/// Native verification under another digest.
fn holds_under(subject: &Subject, claim: &Claim, digest: Fr) -> bool {
    let (vk, params) = subject.key();
    let inputs: Vec<Fr> = claim.instances.iter().map(|word| scalar_from_bytes(word).expect("canonical")).collect();
    let mut transcript = OtherDigest { inner: KeccakRead::init(&claim.proof), digest: Some(digest) };
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params,
        vk,
        SingleStrategy::new(params),
        &[&[&inputs]],
        &mut transcript,
    )
    .is_ok()
}

/// Address of the key contract of a verifier.
fn key_address(subject: &Subject, chain: &mut Chain) -> Address {
    let outcome = chain.call(subject.ours, keccak256("KEY()")[..4].to_vec(), FORWARDED);
    assert!(outcome.success, "{outcome:?}");
    Address::from_slice(&outcome.output[12..])
}

/// Where the digest lies in a key contract: behind the STOP.
const DIGEST: std::ops::Range<usize> = 1..33;

#[test]
fn every_byte_of_the_digest_of_a_key_counts() {
    let plan = Plan::from_environment(0);
    for subject in toy_circuits() {
        let (mut chain, claim) = (subject.chain.clone(), &subject.seeds[0]);
        let digest = subject.key().0.transcript_repr();
        assert!(holds_under(subject, claim, digest), "the transcript is the real one");
        let key = key_address(subject, &mut chain);
        assert_eq!(subject.generated.key_bytes[DIGEST], scalar_to_bytes(&digest));
        let data = calldata("verify", &claim.proof, &claim.instances);
        for at in DIGEST {
            let mut altered = subject.generated.key_bytes.clone();
            altered[at] ^= 1 << plan.random(at as u64).below(8);
            let what = format!("{}, byte {at} of the key, {plan:?}", subject.name);
            let word: [u8; 32] = altered[DIGEST].try_into().expect("a word");
            assert!(!holds_under(subject, claim, scalar_from_hash(&word)), "{what}");
            chain.set_code(key, altered);
            let outcome = chain.call(subject.ours, data.clone(), FORWARDED);
            assert_eq!(outcome.verdict(), Err(Fault::Equation), "{what}");
            assert!(outcome.gas <= most_gas(subject, &data, &outcome.verdict()), "{what}");
        }
        chain.set_code(key, subject.generated.key_bytes.clone());
        assert!(chain.call(subject.ours, data, FORWARDED).success, "the real key accepts again");
    }
}

/// The data of a key beyond its digest, one random bit of each word: deployment refuses it, and a verifier that had it would
/// refuse the proof.
#[test]
fn every_word_of_a_key_counts() {
    let plan = Plan::from_environment(0);
    for subject in toy_circuits() {
        let (mut chain, claim) = (subject.chain.clone(), &subject.seeds[0]);
        let key = key_address(subject, &mut chain);
        let (creation, _) = compile_verifier(&subject.generated.verifier_sol, contract(&subject.generated));
        let data = calldata("verify", &claim.proof, &claim.instances);
        let mut verdicts = Vec::new();
        let used = subject.generated.key_bytes.len() - unused_tail(&subject.generated.key_bytes);
        for start in (1..used).step_by(32) {
            let mut random = plan.random(start as u64);
            let at = start + random.below(32.min(used - start));
            let mut altered = subject.generated.clone();
            let flip = 1 << random.below(8);
            altered.key_bytes[at] ^= flip;
            let code = altered.key_creation_code.len() - altered.key_bytes.len() + at;
            altered.key_creation_code[code] ^= flip;
            let what = format!("{}, byte {at} of the key, {plan:?}", subject.name);
            let refusal = deploy(&mut subject.chain.clone(), &altered, creation.clone()).expect_err(&what);
            assert!(refusal.output.starts_with(&keccak256("KeyMismatch(bytes32,bytes32)")[..4]), "{what}");
            chain.set_code(key, altered.key_bytes);
            let outcome = chain.call(subject.ours, data.clone(), FORWARDED);
            assert!(matches!(outcome.verdict(), Err(Fault::Equation | Fault::Precompile)), "{what}: {outcome:?}");
            verdicts.push(outcome.verdict());
        }
        println!("{}: {} words of the key: {:?}", subject.name, verdicts.len(), count(verdicts));
    }
}

/// Padding behind the last address of a key's table.
fn unused_tail(key: &[u8]) -> usize {
    key.iter().rev().take_while(|byte| **byte == 0).count()
}

#[test]
fn every_byte_of_a_link_and_its_context_counts() {
    let (stage, plan) = (&kit().links, Plan::from_environment(0));
    // The first two are of a training and a dataset proof.
    for (n, seed) in stage.seeds.iter().take(2).enumerate() {
        let mut chain = stage.chain.clone();
        let mut verdicts = Vec::new();
        for at in 0..LINKED_BYTES {
            let mut linked: Linked = seed.clone();
            let bit = plan.random(at as u64).below(8);
            linked.0[at] ^= 1 << bit;
            let what = format!("link {n}, bit {bit} of byte {at}, {plan:?}");
            let native = stage.native(&linked);
            let (outcome, precompiles) = stage.call_counting(&mut chain, &linked);
            let ours = link_verdict(&outcome);
            let in_point = (32..LINK + POINT_BYTES).contains(&at);
            match (at, native) {
                (0..32, Err(Fault::Instance(0))) => assert_eq!(ours, Err(Fault::Equation), "{what}"),
                _ => assert_eq!(native, ours, "{what}"),
            }
            let expected = match ours {
                Err(Fault::Point(0)) => in_point && precompiles == 0,
                Err(Fault::Scalar(0)) => at >= ANSWERS,
                Err(Fault::Equation) => !in_point && precompiles > 0,
                _ => false,
            };
            assert!(expected, "{what}: {ours:?}, {precompiles} calls of precompiles");
            // A byte of zero costs less than another; nothing else differs.
            assert!(outcome.gas <= stage.gas + 100, "{what}: {} gas, {} for an honest link", outcome.gas, stage.gas);
            verdicts.push(ours);
        }
        println!("link {n}: {} bytes of context, commitments and link: {:?}", verdicts.len(), count(verdicts));
    }
}

/// A registered commitment in the place of the copy is refused before any precompile, too.
#[test]
fn rejects_a_link_of_one_commitment_early() {
    let stage = &kit().links;
    let mut linked = stage.seeds[0].clone();
    linked.0.copy_within(32..96, 96);
    assert_eq!(stage.native(&linked), Err(Fault::Same));
    let (outcome, precompiles) = stage.call_counting(&mut stage.chain.clone(), &linked);
    assert_eq!((link_verdict(&outcome), precompiles), (Err(Fault::Same), 0));
}
