//! Proofs of both circuits: made, verified, linked, and refused when anything about them changes.

use std::sync::OnceLock;

use alloy::primitives::{uint, U256};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model, Shard};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::{TrainingCircuit, WitnessError};
use zkpoc_client::chain::words::{inputs_from_words, scalar_to_word};
use zkpoc_client::contracts_gen::{generate_sources, ContractsError, ProfileKeys};
use zkpoc_client::data::csv::digits_sample;
use zkpoc_contracts::generator::PlacesError;
use zkpoc_engine::encoding::PointError;
use zkpoc_engine::transcript::TranscriptError;
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::keys::{KeyCache, KeySource, ProverKey, VerifierKey};
use zkpoc_prover::link::LinkError;
use zkpoc_prover::prove::*;
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::*;

const Q: U256 = uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);
const R: U256 = uint!(21888242871839275222246405745257275088548364400416034343698204186575808495617_U256);

struct Setup {
    profile: Profile,
    srs: Srs,
    training: ProverKey<TrainingCircuit>,
    dataset: ProverKey<DatasetCircuit>,
    model: Model,
    shards: Vec<Shard>,
}

impl Setup {
    fn new(profile: &str, srs: Srs, shards: Vec<Shard>) -> Self {
        let profile = Profile::builtin(profile).expect("profile");
        Self {
            training: ProverKey::generate(&profile, &srs).expect("training key"),
            dataset: ProverKey::generate(&profile, &srs).expect("dataset key"),
            model: Model::random(&profile, [7; 32]),
            profile,
            srs,
            shards,
        }
    }

    fn grid(&self) -> &Grid {
        &self.training.circuit().plan().grid
    }

    fn register(&self, shard: &Shard) -> Registered {
        let blinding = random_blinding();
        let commitment = commit_shard(&self.srs, self.grid(), shard, &blinding).expect("commitment");
        Registered { commitment, blinding }
    }

    fn train(&self, shard: usize, context: u64) -> (Registered, TrainingProof) {
        let registered = self.register(&self.shards[shard]);
        let proof = self.request(&self.shards[shard], &registered, None, context).expect("proof");
        (registered, proof)
    }

    fn request(
        &self,
        shard: &Shard,
        registered: &Registered,
        buckets: Option<Buckets>,
        context: u64,
    ) -> Result<TrainingProof, ProveError> {
        let proving = ProvingContext::new(&self.srs, &self.training).expect("context");
        let context = Fr::from(context);
        let request = TrainingRequest { model: &self.model, shard, registered, buckets, context };
        prove_training(&proving, &request, &mut |_| {})
    }

    fn validate(&self, shard: &Shard, registered: &Registered) -> Result<DatasetProof, ProveError> {
        let proving = ProvingContext::new(&self.srs, &self.dataset).expect("context");
        prove_dataset(&proving, shard, registered, Fr::from(5), &mut |_| {})
    }
}

/// The small profile on the real ceremony's string.
fn toy() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let shard =
            |first: u16| Shard { features: (0..18).map(|i| (i * 7 + first) % 16).collect(), labels: vec![0, 2, 1] };
        Setup::new("toy", Srs::bundled_ceremony(8).expect("ceremony"), vec![shard(1), shard(4)])
    })
}

fn digits() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let profile = Profile::builtin("digits-tiny").expect("profile");
        let shards = digits_sample().expect("digits").shards(&profile, 4).expect("shards");
        Setup::new("digits-tiny", Srs::dev_insecure(profile.k).expect("SRS"), shards)
    })
}

/// One toy proof that the attacks below start from.
fn toy_proof() -> &'static (Registered, TrainingProof) {
    static PROOF: OnceLock<(Registered, TrainingProof)> = OnceLock::new();
    PROOF.get_or_init(|| toy().train(0, 99))
}

fn check(setup: &Setup, proof: &[u8], instances: &[Fr]) -> Result<ProofPoints, VerifyError> {
    verify_alone(setup.training.verifier(), &setup.srs, proof, instances)
}

#[test]
fn accepts_a_training_proof_with_its_points_opening_and_link() {
    for setup in [toy(), digits()] {
        let (registered, made) = setup.train(0, 77);
        let model = model_commitment(&setup.srs, setup.grid(), &setup.model).expect("model");
        let key = setup.training.verifier();
        let points = verify_training(key, &setup.srs, &made.proof, &made.instances, &model).expect("verify");
        assert_eq!(points, made.points);
        assert_eq!(points.update, made.opening.commit(&setup.srs, setup.grid()).expect("opening"));
        assert_eq!(made.opening.update, run(&setup.profile, &setup.model, &setup.shards[0]).expect("step").update);
        let proving = ProvingContext::new(&setup.srs, &setup.training).expect("context");
        verify_data_link(proving.bases(), &made.instances, &registered.commitment, &points, &made.link).expect("link");
        assert_eq!(made.proof.len(), key.proof_bytes());
        assert!(made.opening.tails.iter().flatten().all(|cell| *cell != Fr::ZERO));
    }
}

#[test]
fn accepts_a_validity_proof_with_its_link() {
    for setup in [toy(), digits()] {
        let registered = setup.register(&setup.shards[1]);
        let made = setup.validate(&setup.shards[1], &registered).expect("proof");
        let points = verify_alone(setup.dataset.verifier(), &setup.srs, &made.proof, &made.instances).expect("verify");
        assert!(points.model.is_empty() && points.update.is_empty());
        let proving = ProvingContext::new(&setup.srs, &setup.dataset).expect("context");
        verify_data_link(proving.bases(), &made.instances, &registered.commitment, &points, &made.link).expect("link");
    }
}

#[test]
fn no_two_proofs_share_a_data_point_and_none_is_registered() {
    let setup = toy();
    let registered = setup.register(&setup.shards[0]);
    let mut seen: Vec<G1Affine> = vec![registered.commitment];
    for context in 0..2 {
        let proof = setup.request(&setup.shards[0], &registered, None, context).expect("proof");
        assert!(!seen.contains(&proof.points.data));
        seen.push(proof.points.data);
    }
    let validity = setup.validate(&setup.shards[0], &registered).expect("proof");
    assert!(!seen.contains(&validity.points.data));
}

#[test]
fn rejects_a_link_to_another_commitment_or_context() {
    let setup = toy();
    let (registered, made) = toy_proof();
    let proving = ProvingContext::new(&setup.srs, &setup.training).expect("context");
    let other = setup.register(&setup.shards[1]).commitment;
    let link = |instances: &[Fr], commitment: &G1Affine| {
        verify_data_link(proving.bases(), instances, commitment, &made.points, &made.link)
    };
    assert_eq!(link(&made.instances, &registered.commitment), Ok(()));
    assert_eq!(link(&made.instances, &other), Err(LinkError::Invalid.into()));
    assert_eq!(link(&made.instances, &made.points.data), Err(LinkError::SameCommitment.into()));
    let elsewhere = [Fr::from(100), made.instances[1], made.instances[2]];
    assert_eq!(link(&elsewhere, &registered.commitment), Err(LinkError::Invalid.into()));
}

#[test]
fn rejects_every_changed_public_input() {
    let (_, made) = toy_proof();
    for index in 0..made.instances.len() {
        let mut instances = made.instances.clone();
        instances[index] += Fr::ONE;
        assert_eq!(check(toy(), &made.proof, &instances), Err(VerifyError::Invalid));
    }
    let mut longer = made.instances.clone();
    longer.push(Fr::ZERO);
    for instances in [&longer[..], &longer[..2], &[]] {
        let expected = VerifyError::Inputs { circuit: CircuitKind::Training, expected: 3, found: instances.len() };
        assert_eq!(check(toy(), &made.proof, instances), Err(expected));
    }
}

#[test]
fn rejects_public_inputs_not_below_the_order() {
    let (_, made) = toy_proof();
    let mut words: Vec<U256> = made.instances.iter().map(scalar_to_word).collect();
    assert_eq!(inputs_from_words(CircuitKind::Training, &words).as_ref(), Ok(&made.instances));
    words[1] += R;
    assert_eq!(inputs_from_words(CircuitKind::Training, &words), Err(VerifyError::Input { index: 1 }));
}

#[test]
fn rejects_a_flipped_bit_in_every_word_of_a_proof() {
    let (_, made) = toy_proof();
    for word in 0..made.proof.len() / 32 {
        for byte in [0, 31] {
            let mut proof = made.proof.clone();
            proof[word * 32 + byte] ^= 1;
            assert!(check(toy(), &proof, &made.instances).is_err(), "word {word}, byte {byte}");
        }
    }
}

#[test]
fn rejects_proofs_of_another_length() {
    let (_, made) = toy_proof();
    let mut longer = made.proof.clone();
    longer.push(0);
    let expected = made.proof.len();
    for proof in [&longer[..], &longer[..expected - 1], &longer[..expected - 32], &longer[..64], &[]] {
        let error = VerifyError::Length { circuit: CircuitKind::Training, expected, found: proof.len() };
        assert_eq!(check(toy(), proof, &made.instances), Err(error));
    }
}

/// Adds to the 32-byte word at `offset`.
fn add(proof: &[u8], offset: usize, value: U256) -> Vec<u8> {
    let mut proof = proof.to_vec();
    let word = U256::from_be_slice(&proof[offset..offset + 32]) + value;
    proof[offset..offset + 32].copy_from_slice(&word.to_be_bytes::<32>());
    proof
}

#[test]
fn rejects_aliases_of_coordinates_and_scalars_and_the_identity() {
    let (_, made) = toy_proof();
    let points = toy().training.verifier().vk().cs().num_advice_columns();
    let scalars = 64 * (points + 1 + 2);
    let committed = |coordinate| VerifyError::Point { offset: 0, source: PointError::NotCanonical { coordinate } };
    assert_eq!(check(toy(), &add(&made.proof, 0, Q), &made.instances), Err(committed('x')));
    assert_eq!(check(toy(), &add(&made.proof, 32, Q), &made.instances), Err(committed('y')));
    // A point that is not among the committed ones, the first evaluation, the last point.
    for (offset, value, error) in [
        (64 * (points - 1), Q, TranscriptError::PointInvalid { offset: 64 * (points - 1) }),
        (scalars, R, TranscriptError::ScalarNotCanonical { offset: scalars }),
        (made.proof.len() - 64, Q, TranscriptError::PointInvalid { offset: made.proof.len() - 64 }),
    ] {
        assert_eq!(check(toy(), &add(&made.proof, offset, value), &made.instances), Err(error.into()));
        let mut identity = made.proof.clone();
        if offset != scalars {
            identity[offset..offset + 64].fill(0);
            assert_eq!(check(toy(), &identity, &made.instances), Err(error.into()));
        }
    }
}

#[test]
fn rejects_a_proof_about_another_model() {
    let setup = toy();
    let (_, made) = toy_proof();
    let other = Model::random(&setup.profile, [8; 32]);
    let other = model_commitment(&setup.srs, setup.grid(), &other).expect("model");
    let key = setup.training.verifier();
    let verdict = verify_training(key, &setup.srs, &made.proof, &made.instances, &other);
    assert_eq!(verdict, Err(VerifyError::Model { index: 0 }));
    let none = verify_training(key, &setup.srs, &made.proof, &made.instances, &[]);
    assert_eq!(none, Err(VerifyError::ModelPoints { expected: 1, found: 0 }));
}

#[test]
fn rejects_a_proof_under_another_circuit_or_reference_string() {
    let setup = toy();
    let (_, made) = toy_proof();
    let of_dataset = verify_alone(setup.dataset.verifier(), &setup.srs, &made.proof, &made.instances[..1]);
    assert!(matches!(of_dataset, Err(VerifyError::Length { circuit: CircuitKind::Dataset, .. })));
    let srs = Srs::dev_insecure(8).expect("SRS");
    let key = ProverKey::<TrainingCircuit>::generate(&setup.profile, &srs).expect("key");
    assert_ne!(key.verifier().digest(), setup.training.verifier().digest());
    assert_eq!(verify_alone(key.verifier(), &srs, &made.proof, &made.instances), Err(VerifyError::Invalid));
    let small = Srs::dev_insecure(7).expect("SRS");
    let size = VerifyError::Size { expected: 8, found: 7 };
    assert_eq!(verify_alone(key.verifier(), &small, &made.proof, &made.instances), Err(size));
}

#[test]
fn rejects_statements_that_are_false_before_any_proof_is_made() {
    let setup = toy();
    let registered = setup.register(&setup.shards[0]);
    let other = setup.request(&setup.shards[1], &registered, None, 1);
    assert!(matches!(other, Err(ProveError::NotRegistered)));
    let low = Buckets { norm_log2: 0, loss_log2: 40 };
    let low = setup.request(&setup.shards[0], &registered, Some(low), 1);
    assert!(matches!(low, Err(ProveError::Witness(WitnessError::Norm { log2: 0, .. }))));
    let mut doubled = setup.shards[0].clone();
    doubled.features.copy_within(0..6, 6);
    let registered = setup.register(&doubled);
    assert!(matches!(setup.validate(&doubled, &registered), Err(ProveError::Statement(_))));
}

#[test]
fn keys_of_a_network_without_hidden_layers_are_kept() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = KeyCache::new(folder.path());
    // Selectors of hidden layers are empty then: their commitment is the identity.
    let profile = Profile { name: "linear".into(), layers: vec![toy().profile.features(), 2], ..toy().profile.clone() };
    let srs = Srs::dev_insecure(profile.k).expect("a string");
    let (made, source) = cache.prover::<TrainingCircuit>(&profile, &srs).expect("key");
    assert_eq!(source, KeySource::Made);
    let (kept, source) = cache.prover::<TrainingCircuit>(&profile, &srs).expect("key");
    assert_eq!((source, kept.verifier().digest()), (KeySource::Kept, made.verifier().digest()));
}

#[test]
fn keys_are_kept_and_made_anew_when_their_file_is_damaged() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = KeyCache::new(folder.path());
    let setup = toy();
    let (made, source) = cache.prover::<TrainingCircuit>(&setup.profile, &setup.srs).expect("key");
    assert_eq!(source, KeySource::Made);
    let (kept, source) = cache.prover::<TrainingCircuit>(&setup.profile, &setup.srs).expect("key");
    assert_eq!((source, kept.verifier().digest()), (KeySource::Kept, made.verifier().digest()));
    let (_, source) = cache.verifier::<TrainingCircuit>(&setup.profile, &setup.srs).expect("key");
    assert_eq!(source, KeySource::Kept);

    let path = cache.path::<TrainingCircuit>(&setup.profile, &setup.srs).expect("path");
    let sound = std::fs::read(&path).expect("read");
    let last = sound.len() - 1;
    for position in [0, 20, 50, 60, 100, 128, 140, last] {
        let mut damaged = sound.clone();
        damaged[position] ^= 1;
        std::fs::write(&path, damaged).expect("write");
        let (key, source) = cache.verifier::<TrainingCircuit>(&setup.profile, &setup.srs).expect("key");
        assert!(matches!(source, KeySource::Remade(_)), "byte {position}: {source:?}");
        assert_eq!(key.digest(), made.verifier().digest());
        assert_eq!(std::fs::read(&path).expect("read"), sound);
    }
    for length in [0, 40, 128, last] {
        std::fs::write(&path, &sound[..length]).expect("write");
        let (_, source) = cache.verifier::<TrainingCircuit>(&setup.profile, &setup.srs).expect("key");
        assert!(matches!(source, KeySource::Remade(_)), "length {length}: {source:?}");
    }

    let (of_dataset, source) = cache.verifier::<DatasetCircuit>(&setup.profile, &setup.srs).expect("key");
    assert_eq!(source, KeySource::Made);
    assert_ne!(of_dataset.digest(), made.verifier().digest());
    let path = cache.path::<TrainingCircuit>(&setup.profile, &setup.srs).expect("path");
    let elsewhere = Srs::dev_insecure(8).expect("SRS");
    assert_ne!(path, cache.path::<TrainingCircuit>(&setup.profile, &elsewhere).expect("path"));
}

#[test]
fn rejects_contracts_for_more_claims_than_a_word_can_mark() {
    let setup = toy();
    let keys = ProfileKeys {
        training: setup.training.verifier().clone(),
        dataset: setup.dataset.verifier().clone(),
        round: VerifierKey::generate::<RoundCircuit>(&setup.profile, &setup.srs).expect("round key"),
    };
    let generated = |max_claims| {
        let profile = Profile { max_claims, ..setup.profile.clone() };
        generate_sources(&profile, &setup.srs, &keys)
    };
    assert!(generated(256).expect("sources").round.layout_sol.contains("MAX_CLAIMS = 256;"));
    let refusal = generated(257).expect_err("more than the bits of a word");
    assert!(matches!(refusal, ContractsError::Places(PlacesError::Claims { got: 257 })), "{refusal}");
}
