//! Proofs of synthetic circuits, and three verifiers for them: the strict native one, the generated
//! contract, and the contract that `snark-verifier` generates.

#![allow(dead_code, unreachable_pub)] // each test binary uses its part

pub mod circuit;
pub mod evm;
pub mod fault;

use std::rc::Rc;
use std::time::Instant;

use halo2_proofs::{
    halo2curves::bn256::{Bn256, Fq, Fr, G1Affine},
    plonk::{self, create_proof, keygen_pk, keygen_vk_custom, verify_proof, Circuit, ProvingKey, VerifyingKey},
    poly::{
        commitment::ParamsProver,
        kzg::{
            commitment::{KZGCommitmentScheme, ParamsKZG},
            multiopen::{ProverSHPLONK, VerifierSHPLONK},
            strategy::SingleStrategy,
        },
    },
    transcript::{TranscriptReadBuffer, TranscriptWriterBuffer},
};
use rand_core::{OsRng, RngCore};
use revm::primitives::Address;
use snark_verifier::{
    loader::evm::EvmLoader,
    pcs::kzg::{Bdfg21, KzgAs},
    system::halo2::{compile, transcript::evm::EvmTranscript, Config},
    verifier::{plonk::PlonkVerifier, SnarkVerifier},
};
use zkpoc_contracts::generator::{generate, GeneratedVerifier, SrsPoints};
use zkpoc_engine::encoding::{point_from_bytes, scalar_from_bytes, scalar_to_bytes, POINT_BYTES};
use zkpoc_engine::proof_format::proof_len;
use zkpoc_engine::transcript::{KeccakRead, KeccakWrite, TranscriptError};

use circuit::{Spec, Synthetic};
use evm::{calldata, compile_reference, compile_verifier, Chain, Outcome};
use fault::Fault;

/// Gas that callers forward in these tests.
pub const FORWARDED: u64 = 12_000_000;

/// A circuit with keys, contracts and one honest proof.
pub struct Case {
    pub spec: Spec,
    pub params: ParamsKZG<Bn256>,
    pub pk: ProvingKey<G1Affine>,
    pub generated: GeneratedVerifier,
    pub proof: Vec<u8>,
    pub instances: Vec<[u8; 32]>,
    pub chain: Chain,
    pub verifier: Address,
    pub reference: Address,
    pub verifier_bytes: usize,
    pub reference_bytes: usize,
}

/// Keys of a circuit on a fresh SRS.
pub fn keys(circuit: &Synthetic) -> (ParamsKZG<Bn256>, ProvingKey<G1Affine>) {
    let params = ParamsKZG::<Bn256>::setup(circuit.spec.k, OsRng);
    let vk = keygen_vk_custom(&params, circuit, false).expect("a key");
    let pk = keygen_pk(&params, vk, circuit).expect("a key");
    (params, pk)
}

/// A proof over our transcript.
pub fn prove(params: &ParamsKZG<Bn256>, pk: &ProvingKey<G1Affine>, circuit: &Synthetic) -> Vec<u8> {
    prove_any(params, pk, circuit.clone(), &circuit.instances, OsRng)
}

/// The same of any circuit.
pub fn prove_any<C: Circuit<Fr>>(
    params: &ParamsKZG<Bn256>,
    pk: &ProvingKey<G1Affine>,
    circuit: C,
    instances: &[Fr],
    rng: impl RngCore + Send + Sync,
) -> Vec<u8> {
    let mut transcript = KeccakWrite::init(Vec::new());
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
        params,
        pk,
        &[circuit],
        &[&[instances]],
        rng,
        &mut transcript,
    )
    .expect("a proof");
    transcript.finalize()
}

/// `snark-verifier`'s contract for the key, as Solidity.
pub fn reference_source(params: &ParamsKZG<Bn256>, pk: &ProvingKey<G1Affine>, instances: usize) -> String {
    type Plonk = PlonkVerifier<KzgAs<Bn256, Bdfg21>>;
    let config = Config::kzg().with_num_instance(vec![instances]);
    let protocol = compile(params, pk.get_vk(), config);
    let svk = (params.get_g()[0], params.g2(), params.s_g2()).into();
    let loader = EvmLoader::new::<Fq, Fr>();
    let protocol = protocol.loaded(&loader);
    let mut transcript = EvmTranscript::<_, Rc<EvmLoader>, _, _>::new(&loader);
    let instances = transcript.load_instances(vec![instances]);
    let proof = Plonk::read_proof(&svk, &protocol, &instances, &mut transcript).expect("read");
    Plonk::verify(&svk, &protocol, &instances, &proof).expect("verify");
    loader.solidity_code()
}

impl Case {
    /// Proves once and deploys both contracts.
    pub fn new(spec: Spec) -> Self {
        let circuit = Synthetic::new(spec.clone(), 7);
        let (params, pk) = keys(&circuit);
        let proof = prove(&params, &pk, &circuit);
        let vk = pk.get_vk();
        let srs = SrsPoints::from(&params);
        let generated = generate(vk, &srs, spec.instances, spec.name, &[]).expect("a verifier");
        let mut chain = Chain::default();
        let started = Instant::now();
        let name = format!("{}Verifier", spec.name);
        let (creation, runtime) = compile_verifier(&generated.verifier_sol, &name);
        let compiled = started.elapsed();
        let verifier = deploy(&mut chain, &generated, creation).expect("deployed").0;
        let source = reference_source(&params, &pk, spec.instances);
        let (reference_code, reference_runtime) = compile_reference(&source);
        let (reference, _) = chain.deploy(reference_code, false).expect("deployed");
        println!("{}: compiled in {compiled:.1?}", spec.name);
        Case {
            instances: circuit.instances.iter().map(scalar_to_bytes).collect(),
            verifier_bytes: runtime.len(),
            reference_bytes: reference_runtime.len(),
            spec,
            params,
            pk,
            generated,
            proof,
            chain,
            verifier,
            reference,
        }
    }

    /// The generated contract's answer.
    pub fn ours(&mut self, proof: &[u8], instances: &[[u8; 32]]) -> Outcome {
        let data = calldata("verify", proof, instances);
        self.chain.call(self.verifier, data, FORWARDED)
    }

    /// The reference contract's answer.
    pub fn theirs(&mut self, proof: &[u8], instances: &[[u8; 32]]) -> Outcome {
        let data = [instances.concat(), proof.to_vec()].concat();
        self.chain.call(self.reference, data, FORWARDED)
    }

    /// The strict native verifier's answer.
    pub fn native(&self, proof: &[u8], instances: &[[u8; 32]]) -> bool {
        native(&self.params, self.pk.get_vk(), self.spec.instances, proof, instances)
    }
}

/// Whether [`native_verdict`] is acceptance.
pub fn native(
    params: &ParamsKZG<Bn256>,
    vk: &VerifyingKey<G1Affine>,
    count: usize,
    proof: &[u8],
    instances: &[[u8; 32]],
) -> bool {
    native_verdict(params, vk, count, proof, instances).is_ok()
}

/// Verifies as strictly as the generated contract does.
pub fn native_verdict(
    params: &ParamsKZG<Bn256>,
    vk: &VerifyingKey<G1Affine>,
    count: usize,
    proof: &[u8],
    instances: &[[u8; 32]],
) -> Result<(), Fault> {
    if proof.len() != proof_len(vk) {
        return Err(Fault::Length);
    }
    if instances.len() != count {
        return Err(Fault::Count);
    }
    let decode = |(i, word): (usize, &[u8; 32])| scalar_from_bytes(word).map_err(|_| Fault::Instance(i));
    let instances = instances.iter().enumerate().map(decode).collect::<Result<Vec<Fr>, _>>()?;
    let mut transcript = KeccakRead::init(proof);
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params,
        vk,
        SingleStrategy::new(params),
        &[&[&instances]],
        &mut transcript,
    )
    .map_err(|error| fault(error, proof))?;
    transcript.finish().map_err(|_| Fault::Length)
}

/// What Halo2's verifier found wrong.
fn fault(error: plonk::Error, proof: &[u8]) -> Fault {
    let plonk::Error::Transcript(error) = error else {
        // It does not say why it could not read the two points of the opening.
        let is_point =
            |at: &usize| proof.get(*at..*at + POINT_BYTES).is_some_and(|bytes| point_from_bytes(bytes).is_ok());
        let opening = [proof.len() - 2 * POINT_BYTES, proof.len() - POINT_BYTES];
        return opening.into_iter().find(|at| !is_point(at)).map_or(Fault::Equation, Fault::Point);
    };
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(TranscriptError::PointInvalid { offset }) => Fault::Point(*offset),
        Some(TranscriptError::ScalarNotCanonical { offset }) => Fault::Scalar(*offset),
        _ => Fault::Other,
    }
}

/// Deploys key and evaluator under the size limit.
pub fn deploy(
    chain: &mut Chain,
    generated: &GeneratedVerifier,
    creation: Vec<u8>,
) -> Result<(Address, Outcome), Outcome> {
    let (key, _) = chain.deploy(generated.key_creation_code.clone(), true)?;
    let argument = [[0u8; 12].as_slice(), key.as_slice()].concat();
    chain.deploy([creation, argument].concat(), true)
}
