//! What a proof's bytes say about its columns: where the verifier evaluates them, and the values.
//!
//! The real verifier runs over a transcript that keeps every challenge, point and scalar. The last challenge before the
//! first scalar is the evaluation point; the first scalars are the evaluations of the advice columns, in the order of
//! the constraint system's queries.

use std::io;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::verify_proof;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{EncodedChallenge, Transcript, TranscriptRead, TranscriptReadBuffer};
use zkpoc_engine::transcript::{KeccakChallenge, KeccakRead};
use zkpoc_prover::keys::VerifierKey;
use zkpoc_prover::srs::Srs;

struct Spy<'a> {
    inner: KeccakRead<&'a [u8]>,
    last: Option<Fr>,
    x: Option<Fr>,
    points: Vec<G1Affine>,
    scalars: Vec<Fr>,
}

impl Transcript<G1Affine, KeccakChallenge> for Spy<'_> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        let challenge = self.inner.squeeze_challenge();
        self.last = Some(challenge.get_scalar());
        challenge
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.inner.common_point(point)
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.inner.common_scalar(scalar)
    }
}

impl TranscriptRead<G1Affine, KeccakChallenge> for Spy<'_> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        let point = self.inner.read_point()?;
        self.points.push(point);
        Ok(point)
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        self.x = self.x.or(self.last);
        let scalar = self.inner.read_scalar()?;
        self.scalars.push(scalar);
        Ok(scalar)
    }
}

/// A verified proof, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// Every point, in order.
    pub(crate) points: Vec<G1Affine>,
    /// Every scalar, in order.
    pub(crate) scalars: Vec<Fr>,
    /// For each query of an advice column: column, point, value.
    queries: Vec<(usize, Fr, Fr)>,
}

impl Opened {
    /// Takes a proof apart that verifies.
    pub(crate) fn read(key: &VerifierKey, srs: &Srs, proof: &[u8], inputs: &[Fr]) -> Self {
        let inner = KeccakRead::init(proof);
        let mut spy = Spy { inner, last: None, x: None, points: Vec::new(), scalars: Vec::new() };
        verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
            srs.params().verifier_params(),
            key.vk(),
            SingleStrategy::new(srs.params()),
            &[&[inputs]],
            &mut spy,
        )
        .expect("a proof that verifies");
        let x = spy.x.expect("a proof has evaluations");
        let domain = key.vk().get_domain();
        let queries = key.vk().cs().advice_queries().iter().zip(&spy.scalars);
        let queries =
            queries.map(|((column, rotation), value)| (column.index(), domain.rotate_omega(x, *rotation), *value));
        Self { queries: queries.collect(), points: spy.points, scalars: spy.scalars }
    }

    /// Where a column is opened, and to what.
    pub(crate) fn openings(&self, column: usize) -> Vec<(Fr, Fr)> {
        self.queries.iter().filter(|query| query.0 == column).map(|(_, x, y)| (*x, *y)).collect()
    }
}
