//! Proofs of anything, by who knows the secret of the reference string.
//!
//! The last check of a proof is `e(h2, [tau]_2) = e(F + u h2, [1]_2)`: `u` is the last challenge, `F` a sum of all points read
//! before `h2`, and nothing depends on `h2`. With `tau` there is an `h2` for every `F`: `F / (tau - u)`.

use std::io;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk::verify_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{EncodedChallenge, Transcript, TranscriptRead, TranscriptReadBuffer};
use zkpoc_client::chain::words::{point_from_words, scalar_to_word};
use zkpoc_client::chain::{ChainError, PoolClient};
use zkpoc_contracts::bindings::{Circuit, Verifier, VerifierRouter};
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_engine::encoding::POINT_BYTES;
use zkpoc_engine::transcript::{KeccakChallenge, KeccakRead};
use zkpoc_prover::keys::VerifierKey;

use crate::TAU;
use zkpoc_tests::world::kit;

/// A transcript that remembers the last challenge.
struct Recording<'a> {
    inner: KeccakRead<&'a [u8]>,
    last: Fr,
}

impl Transcript<G1Affine, KeccakChallenge> for Recording<'_> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        let challenge = self.inner.squeeze_challenge();
        self.last = challenge.get_scalar();
        challenge
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.inner.common_point(point)
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.inner.common_scalar(scalar)
    }
}

impl TranscriptRead<G1Affine, KeccakChallenge> for Recording<'_> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        self.inner.read_point()
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        self.inner.read_scalar()
    }
}

/// The challenge that is drawn before the last point.
fn last_challenge(key: &VerifierKey, proof: &[u8], instances: &[Fr]) -> Fr {
    let params = kit().srs.params();
    let mut transcript = Recording { inner: KeccakRead::init(proof), last: Fr::ZERO };
    // The proof need not hold; it is read to its end all the same.
    let _held = verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params,
        key.vk(),
        SingleStrategy::new(params),
        &[&[instances]],
        &mut transcript,
    );
    transcript.inner.finish().expect("read to the end");
    transcript.last
}

/// The verifier that a pool uses for a circuit.
fn verifier(view: &PoolClient<'_>, circuit: Circuit) -> alloy::primitives::Address {
    let call = VerifierRouter::verifierOfCall { profileId: view.pool().profile_id, circuit };
    view.client().call(view.router().expect("a router"), &call).expect("a verifier")
}

/// What the deployed verifier says of a proof.
pub(crate) fn on_chain(
    view: &PoolClient<'_>,
    circuit: Circuit,
    proof: &[u8],
    instances: &[Fr],
) -> Result<(), ChainError> {
    let instances = instances.iter().map(scalar_to_word).collect();
    let call = Verifier::verifyCall { proof: proof.to_vec().into(), instances };
    view.client().call(verifier(view, circuit), &call).map(|_| ())
}

/// The bytes of any proof of the circuit, changed in their last point so that they are a proof for these instances.
pub(crate) fn forge(
    view: &PoolClient<'_>,
    circuit: Circuit,
    key: &VerifierKey,
    mut proof: Vec<u8>,
    instances: &[Fr],
) -> Vec<u8> {
    let u = last_challenge(key, &proof, instances);
    let call = Verifier::accumulateCall {
        proof: proof.clone().into(),
        instances: instances.iter().map(scalar_to_word).collect(),
    };
    let [hx, hy, sx, sy] = view.client().call(verifier(view, circuit), &call).expect("the sum of points");
    let (h2, sum) = (point_from_words([hx, hy]).expect("a point"), point_from_words([sx, sy]).expect("a point"));
    let f = G1::from(sum) - h2 * u;
    let inverse = (Fr::from(TAU) - u).invert().expect("the challenge is not the secret");
    let end = proof.len() - POINT_BYTES;
    proof[end..].copy_from_slice(&point_to_bytes(&(f * inverse).to_affine()));
    proof
}
