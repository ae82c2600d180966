//! The product's own circuits: contracts of every profile fit EIP-170, and on `toy` a real training
//! proof passes for less gas than the contract of `snark-verifier` takes.

use crate::support::evm::{calldata, compile_reference, compile_verifier, Chain};
use crate::support::{deploy, native, prove_any, reference_source, FORWARDED};
use halo2_proofs::{
    halo2curves::bn256::{Bn256, Fr},
    plonk::{keygen_pk, keygen_vk_custom, Circuit},
    poly::kzg::commitment::ParamsKZG,
};
use rand_core::{OsRng, RngCore};
use zkpoc_circuits::{
    dataset::DatasetCircuit,
    profile::Profile,
    reference::{run, Model, Shard},
    training::{Phase1, TrainingCircuit},
};
use zkpoc_contracts::compile::MAX_CODE_BYTES;
use zkpoc_contracts::generator::{generate, GeneratedVerifier, SrsPoints};
use zkpoc_engine::encoding::scalar_to_bytes;
use zkpoc_engine::proof_format::proof_len;

/// Blinding values of one, this many words of them, then those of the system.
struct OnesFirst(usize);

impl RngCore for OnesFirst {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        if self.0 == 0 {
            return OsRng.next_u64();
        }
        // A scalar takes eight words, lowest first.
        self.0 -= 1;
        u64::from(self.0 % 8 == 7)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

fn fits<C: Circuit<Fr>>(params: &ParamsKZG<Bn256>, circuit: &C, instances: usize, what: &str) -> GeneratedVerifier {
    let vk = keygen_vk_custom(params, circuit, false).expect("a key");
    let srs = SrsPoints::from(params);
    let generated = generate(&vk, &srs, instances, "Test", &[]).expect("a verifier");
    let (_, runtime) = compile_verifier(&generated.verifier_sol, "TestVerifier");
    let cs = vk.cs();
    println!(
        "{what}: {} advice columns, {} advice queries, {} gates; proof {} bytes, verifier {} bytes, key {} bytes",
        cs.num_advice_columns(),
        cs.advice_queries().len(),
        cs.gates().iter().map(|g| g.polynomials().len()).sum::<usize>(),
        proof_len(&vk),
        runtime.len(),
        generated.key_bytes.len(),
    );
    assert!(runtime.len() <= MAX_CODE_BYTES);
    assert!(generated.key_bytes.len() <= MAX_CODE_BYTES);
    generated
}

/// The contracts of `mnist-local` are those of `mnist-local-phone` but for constants.
#[test]
fn contracts_of_every_profile_fit() {
    for profile in Profile::builtin_names().into_iter().filter_map(Profile::builtin).filter(|profile| profile.k <= 18) {
        let name = &profile.name;
        let params = ParamsKZG::<Bn256>::setup(profile.k, OsRng);
        let training = TrainingCircuit::new(&profile).expect("it fits");
        fits(&params, &training, 3, &format!("{name} training"));
        let dataset = DatasetCircuit::new(&profile).expect("it fits");
        fits(&params, &dataset, 1, &format!("{name} dataset"));
    }
}

#[test]
fn accepts_a_training_proof_for_less_gas_than_the_reference() {
    let profile = Profile::builtin("toy").expect("a profile");
    let circuit = TrainingCircuit::new(&profile).expect("it fits");
    let mut model = Model::zero(&profile);
    for layer in &mut model.layers {
        layer.bias.fill(90);
    }
    let shard = Shard { features: (0..18).map(|i| i % 16).collect(), labels: vec![0, 1, 2] };
    let trace = run(&profile, &model, &shard).expect("a valid step");
    let log2 = |v: u128| 129 - v.leading_zeros();
    let (norm, loss) = (log2(trace.norm), log2(trace.loss));
    let first = Phase1::new(circuit.plan(), &model, &shard, &trace, norm, loss).expect("a witness");
    let instances = [Fr::from(99), first.norm_bound, first.loss_bound];
    let params = ParamsKZG::<Bn256>::setup(profile.k, OsRng);
    let generated = fits(&params, &circuit, 3, "toy training");
    let vk = keygen_vk_custom(&params, &circuit, false).expect("a key");
    let pk = keygen_pk(&params, vk, &circuit).expect("a key");
    // The model's columns are public: their blinding rows hold ones.
    let ones = circuit.plan().grid.columns * circuit.blinding_rows();
    let rng = OnesFirst(ones * 8);
    let proof = prove_any(&params, &pk, circuit.with_witness(first), &instances, rng);
    let words = instances.map(|i| scalar_to_bytes(&i));
    assert!(native(&params, pk.get_vk(), 3, &proof, &words), "native");
    let mut chain = Chain::default();
    let (creation, _) = compile_verifier(&generated.verifier_sol, "TestVerifier");
    let (verifier, _) = deploy(&mut chain, &generated, creation).expect("deployed");
    let ours = chain.call(verifier, calldata("verify", &proof, &words), FORWARDED);
    assert!(ours.success, "{ours:?}");
    let (creation, runtime) = compile_reference(&reference_source(&params, &pk, 3));
    let (reference, _) = chain.deploy(creation, false).expect("deployed");
    let theirs = chain.call(reference, [words.concat(), proof].concat(), FORWARDED);
    assert!(theirs.success, "{theirs:?}");
    println!("toy training: gas {}, reference {} and {} bytes", ours.gas, theirs.gas, runtime.len());
    assert!(ours.gas < theirs.gas);
}
