//! Three verifiers for each of five circuits, and valid proofs to start from.
//!
//! The circuits are the three of the profile `toy` on the real ceremony's string, and two synthetic ones whose gates are
//! random ([`Spec`]). For each there are several valid proofs, and proofs that are valid elsewhere: under another circuit,
//! other fixed columns, another SRS, another size.

use std::sync::OnceLock;

use alloy::primitives::U256;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::plonk::{keygen_pk, keygen_vk_custom, ProvingKey, VerifyingKey};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand::rngs::StdRng;
use rand::SeedableRng;
use revm::primitives::Address;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_client::chain::words::inputs_from_words;
use zkpoc_client::contracts_gen::{generate_sources, ProfileKeys};
use zkpoc_contracts::generator::{generate, GeneratedVerifier, SrsPoints};
use zkpoc_engine::encoding::{scalar_to_bytes, POINT_BYTES, SCALAR_BYTES};
use zkpoc_engine::transcript::TranscriptError;
use zkpoc_prover::keys::VerifierKey;
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::{verify_alone, verify_round_alone, VerifyError};

use super::link::LinkStage;
use super::proofs::Made;
use super::proofs::Maker;
use super::support::circuit::Spec;
use super::support::circuit::Synthetic;
use super::support::deploy;
use super::support::evm::calldata;
use super::support::evm::compile_reference;
use super::support::evm::compile_verifier;
use super::support::evm::Chain;
use super::support::evm::Outcome;
use super::support::fault::Fault;
use super::support::native_verdict;
use super::support::prove;
use super::support::reference_source;
use super::support::FORWARDED;

/// A public input as a contract takes it.
pub(crate) type Word = [u8; SCALAR_BYTES];
type Vk = VerifyingKey<halo2_proofs::halo2curves::bn256::G1Affine>;
type Pk = ProvingKey<halo2_proofs::halo2curves::bn256::G1Affine>;

/// A proof and its public inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) proof: Vec<u8>,
    pub(crate) instances: Vec<Word>,
}

/// Where a proof is valid that is not valid here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    Circuit,
    Columns,
    Srs,
    Size,
}

/// The native verifier of a circuit.
enum Native {
    /// Of the product.
    Product { key: Box<VerifierKey>, srs: &'static Srs },
    /// As strict, for any circuit.
    Any { params: Box<ParamsKZG<Bn256>>, vk: Box<Vk> },
}

/// A circuit under test.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    native: Native,
    pub(crate) inputs: usize,
    pub(crate) generated: GeneratedVerifier,
    /// A chain with both contracts; threads work on clones.
    pub(crate) chain: Chain,
    pub(crate) ours: Address,
    pub(crate) reference: Address,
    pub(crate) seeds: Vec<Claim>,
    pub(crate) strangers: Vec<(Elsewhere, Claim)>,
    /// Offsets of a proof's points and scalars.
    pub(crate) points: Vec<usize>,
    pub(crate) scalars: Vec<usize>,
    /// Gas of an honest proof, at most.
    pub(crate) gas: u64,
    /// The same of the reference.
    pub(crate) reference_gas: u64,
}

/// Everything that is made once.
pub(crate) struct Kit {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) links: LinkStage,
}

/// The kit of this test binary.
pub(crate) fn kit() -> &'static Kit {
    static KIT: OnceLock<Kit> = OnceLock::new();
    KIT.get_or_init(|| {
        let (mut subjects, links) = toy();
        subjects.extend(synthetic());
        Kit { subjects, links }
    })
}

/// The circuits of `toy`, which come first.
pub(crate) fn toy_circuits() -> &'static [Subject] {
    &kit().subjects[..3]
}

impl Subject {
    fn new(name: &'static str, native: Native, pk: &Pk, inputs: usize, generated: GeneratedVerifier) -> Self {
        let params = match &native {
            Native::Product { srs, .. } => srs.params(),
            Native::Any { params, .. } => params,
        };
        let mut chain = Chain::default();
        let (creation, _) = compile_verifier(&generated.verifier_sol, contract(&generated));
        let (ours, _) = deploy(&mut chain, &generated, creation).expect("deployed");
        let (creation, _) = compile_reference(&reference_source(params, pk, inputs));
        let (reference, _) = chain.deploy(creation, false).expect("deployed");
        let cs = pk.get_vk().cs();
        let first = cs.num_advice_columns() + 1 + pk.get_vk().get_domain().get_quotient_poly_degree();
        let end = generated.proof_bytes;
        let opening = [end - 2 * POINT_BYTES, end - POINT_BYTES];
        Self {
            points: (0..first).map(|i| POINT_BYTES * i).chain(opening).collect(),
            scalars: (POINT_BYTES * first..opening[0]).step_by(SCALAR_BYTES).collect(),
            seeds: Vec::new(),
            strangers: Vec::new(),
            gas: 0,
            reference_gas: 0,
            name,
            native,
            inputs,
            generated,
            chain,
            ours,
            reference,
        }
    }

    /// Takes valid proofs, each accepted by all three verifiers.
    fn with_seeds(mut self, seeds: Vec<Claim>) -> Self {
        let mut chain = self.chain.clone();
        for seed in &seeds {
            assert_eq!(self.native(seed), Ok(()), "{}", self.name);
            let ours = self.call(&mut chain, calldata("verify", &seed.proof, &seed.instances), FORWARDED);
            assert_eq!(ours.verdict(), Ok(()), "{}", self.name);
            self.gas = self.gas.max(ours.gas);
            let reference = self.reference(&mut chain, seed, FORWARDED);
            assert!(reference.success, "{}", self.name);
            self.reference_gas = self.reference_gas.max(reference.gas);
        }
        self.seeds = seeds;
        self
    }

    /// The native verifier's answer.
    pub(crate) fn native(&self, claim: &Claim) -> Result<(), Fault> {
        match &self.native {
            Native::Product { key, srs } => product_verdict(key, srs, claim),
            Native::Any { params, vk } => native_verdict(params, vk, self.inputs, &claim.proof, &claim.instances),
        }
    }

    /// Calls our contract.
    pub(crate) fn call(&self, chain: &mut Chain, data: Vec<u8>, gas: u64) -> Outcome {
        chain.call(self.ours, data, gas)
    }

    /// The reference's answer.
    pub(crate) fn reference(&self, chain: &mut Chain, claim: &Claim, gas: u64) -> Outcome {
        let data = [claim.instances.concat(), claim.proof.clone()].concat();
        chain.call(self.reference, data, gas)
    }

    /// The verifying key and the SRS.
    pub(crate) fn key(&self) -> (&Vk, &ParamsKZG<Bn256>) {
        match &self.native {
            Native::Product { key, srs } => (key.vk(), srs.params()),
            Native::Any { params, vk } => (vk, params),
        }
    }
}

/// Name of the contract in generated Solidity.
pub(crate) fn contract(generated: &GeneratedVerifier) -> &str {
    let head = generated.verifier_sol.lines().find_map(|line| line.strip_prefix("contract "));
    head.and_then(|rest| rest.split(' ').next()).expect("a contract")
}

/// The product's strict verifier, from the words of a contract call on.
pub(crate) fn product_verdict(key: &VerifierKey, srs: &Srs, claim: &Claim) -> Result<(), Fault> {
    let words: Vec<U256> = claim.instances.iter().map(|word| U256::from_be_bytes(*word)).collect();
    let inputs = inputs_from_words(key.kind(), &words);
    let verdict = inputs.and_then(|inputs| match key.kind() {
        CircuitKind::Round => verify_round_alone(key, srs, &claim.proof, &inputs).map(|_| ()),
        _ => verify_alone(key, srs, &claim.proof, &inputs).map(|_| ()),
    });
    verdict.map_err(|error| match error {
        VerifyError::Inputs { .. } => Fault::Count,
        VerifyError::Input { index } => Fault::Instance(index),
        VerifyError::Length { .. } => Fault::Length,
        VerifyError::Point { offset, .. } => Fault::Point(offset),
        VerifyError::Malformed(TranscriptError::PointInvalid { offset }) => Fault::Point(offset),
        VerifyError::Malformed(TranscriptError::ScalarNotCanonical { offset }) => Fault::Scalar(offset),
        VerifyError::Invalid => Fault::Equation,
        _ => Fault::Other,
    })
}

/// Valid proofs of a circuit.
const SEEDS: u64 = 4;

fn toy() -> (Vec<Subject>, LinkStage) {
    static SRS: OnceLock<Srs> = OnceLock::new();
    let srs = SRS.get_or_init(|| Srs::bundled_ceremony(8).expect("the ceremony"));
    let here = Maker::new("toy", srs);
    let keys = ProfileKeys {
        training: here.training.verifier().clone(),
        dataset: here.dataset.verifier().clone(),
        round: here.round.verifier().clone(),
    };
    let generated = generate_sources(&here.profile, srs, &keys).expect("sources");
    let of = |name, pk, key: &VerifierKey, generated: &GeneratedVerifier| {
        let native = Native::Product { key: Box::new(key.clone()), srs };
        Subject::new(name, native, pk, key.kind().instances(), generated.clone())
    };
    let made: Vec<Made> = (0..SEEDS).map(|n| here.make(n)).collect();
    let claims = |pick: fn(&Made) -> &Claim| made.iter().map(|made| pick(made).clone()).collect::<Vec<_>>();
    let mut subjects = vec![
        of("toy training", &here.training.halo2(srs).expect("a key"), &keys.training, &generated.training)
            .with_seeds(claims(|made| &made.training)),
        of("toy dataset", &here.dataset.halo2(srs).expect("a key"), &keys.dataset, &generated.dataset)
            .with_seeds(claims(|made| &made.dataset)),
        of("toy round", &here.round.halo2(srs).expect("a key"), &keys.round, &generated.round)
            .with_seeds(claims(|made| &made.round)),
    ];
    let circuits = [&made[0].training, &made[0].dataset, &made[0].round];
    for (n, subject) in subjects.iter_mut().enumerate() {
        let others = circuits.iter().enumerate().filter(|(other, _)| *other != n);
        subject.strangers.extend(others.map(|(_, claim)| (Elsewhere::Circuit, (*claim).clone())));
    }
    let mut makers: Vec<_> = Maker::near(srs).into_iter().map(|maker| (Elsewhere::Columns, maker)).collect();
    makers.push((Elsewhere::Srs, Maker::new("toy", &Srs::dev_insecure(8).expect("an SRS"))));
    makers.push((Elsewhere::Size, Maker::larger(&Srs::dev_insecure(9).expect("an SRS"))));
    for (elsewhere, maker) in makers {
        for n in 0..2 {
            let made = maker.make(n);
            let proofs = [made.training, made.dataset, made.round].into_iter().zip(maker.digests());
            for (subject, (claim, digest)) in subjects.iter_mut().zip(proofs) {
                // Not every change of a profile is one of every circuit, and twice the rows make room for fewer columns.
                let same_length = claim.proof.len() == subject.generated.proof_bytes;
                let other_key = digest != scalar_to_bytes(&subject.key().0.transcript_repr());
                if other_key && (same_length || elsewhere == Elsewhere::Size) {
                    subject.strangers.push((elsewhere, claim));
                }
            }
        }
    }
    for subject in &subjects {
        for elsewhere in [Elsewhere::Circuit, Elsewhere::Columns, Elsewhere::Srs, Elsewhere::Size] {
            let found = subject.strangers.iter().any(|(found, _)| *found == elsewhere);
            assert!(found, "{}: nothing of {elsewhere:?}", subject.name);
        }
    }
    subjects.push(softmax(&made[0].training));
    let links = made.iter().flat_map(|made| made.links.clone()).collect();
    (subjects, LinkStage::new(srs, &generated, links))
}

/// The training circuit with a softmax, beside a proof of the one without.
fn softmax(stranger: &Claim) -> Subject {
    static SRS: OnceLock<Srs> = OnceLock::new();
    let srs = SRS.get_or_init(|| Srs::dev_insecure(9).expect("an SRS"));
    let maker = Maker::softmax(srs);
    let keys = ProfileKeys {
        training: maker.training.verifier().clone(),
        dataset: maker.dataset.verifier().clone(),
        round: maker.round.verifier().clone(),
    };
    let generated = generate_sources(&maker.profile, srs, &keys).expect("sources").training;
    let native = Native::Product { key: Box::new(keys.training), srs };
    let pk = maker.training.halo2(srs).expect("a key");
    let subject = Subject::new("softmax training", native, &pk, CircuitKind::Training.instances(), generated);
    let mut subject = subject.with_seeds((0..2).map(|n| maker.make(n).training).collect());
    subject.strangers.push((Elsewhere::Circuit, stranger.clone()));
    subject
}

/// The seed of the synthetic circuits' strings, so that their keys are the same in every run.
const SYNTHETIC_SRS: u64 = 0x5eed;

fn synthetic() -> Vec<Subject> {
    let keys = |spec: &Spec, seed| {
        let circuit = Synthetic::new(spec.clone(), 7);
        let params = ParamsKZG::<Bn256>::setup(spec.k, StdRng::seed_from_u64(seed));
        let vk = keygen_vk_custom(&params, &circuit, false).expect("a key");
        (keygen_pk(&params, vk, &circuit).expect("a key"), params)
    };
    let claim = |spec: &Spec, (pk, params): &(Pk, ParamsKZG<Bn256>), n| {
        let circuit = Synthetic::new(spec.clone(), 7 + n);
        let instances = circuit.instances.iter().map(scalar_to_bytes).collect();
        Claim { proof: prove(params, pk, &circuit), instances }
    };
    let specs = [("synthetic narrow", Spec::narrow()), ("synthetic middle", Spec::middle())];
    let mut subjects: Vec<Subject> = specs
        .iter()
        .map(|(name, spec)| {
            let (pk, params) = keys(spec, SYNTHETIC_SRS);
            let generated = generate(pk.get_vk(), &SrsPoints::from(&params), spec.instances, spec.name, &[]);
            let key = (pk, params);
            let seeds = (0..SEEDS).map(|n| claim(spec, &key, n)).collect();
            let (pk, params) = key;
            let native = Native::Any { params: Box::new(params), vk: Box::new(pk.get_vk().clone()) };
            let mut subject =
                Subject::new(name, native, &pk, spec.instances, generated.expect("a verifier")).with_seeds(seeds);
            let larger = Spec { k: spec.k + 1, ..spec.clone() };
            subject.strangers = vec![
                (Elsewhere::Srs, claim(spec, &keys(spec, SYNTHETIC_SRS + 1), 0)),
                (Elsewhere::Size, claim(&larger, &keys(&larger, SYNTHETIC_SRS), 0)),
            ];
            subject
        })
        .collect();
    let [a, b] = &mut subjects[..] else { return subjects };
    a.strangers.push((Elsewhere::Circuit, b.seeds[0].clone()));
    b.strangers.push((Elsewhere::Circuit, a.seeds[0].clone()));
    subjects
}

/// Words of scalars.
pub(crate) fn words(scalars: &[Fr]) -> Vec<Word> {
    scalars.iter().map(scalar_to_bytes).collect()
}
