//! Real keys, proofs and verification.

use super::{Claim, Fixture};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::{create_proof, keygen_pk, keygen_vk_custom, verify_proof, Circuit, ProvingKey};
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255, TranscriptReadBuffer, TranscriptWriterBuffer};
use rand::rngs::OsRng;
use rand::RngCore;

/// Blinding values of the model columns, then real randomness: scalar `i` is `values[i]`, one for all
/// blinding rows of all model columns when there is a single value.
pub(crate) struct Script {
    values: Vec<u64>,
    words: usize,
    next: usize,
}

impl Script {
    /// These blinding values, then real randomness.
    pub(crate) fn new(values: Vec<u64>) -> Self {
        Script { words: 8 * values.len(), values, next: 0 }
    }
}

impl RngCore for Script {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        if self.next >= self.words {
            return OsRng.next_u64();
        }
        let at = self.next;
        self.next += 1;
        // A scalar is drawn as 512 bits, lowest word first.
        if at.is_multiple_of(8) {
            self.values[at / 8]
        } else {
            0
        }
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

/// Keys of a circuit.
pub(crate) struct CircuitKeys {
    params: ParamsKZG<Bn256>,
    pk: ProvingKey<G1Affine>,
}

impl CircuitKeys {
    pub(crate) fn new<C: Circuit<Fr>>(k: u32, circuit: &C) -> Self {
        let params = ParamsKZG::<Bn256>::setup(k, OsRng);
        let vk = keygen_vk_custom(&params, circuit, false).expect("a verifying key");
        let pk = keygen_pk(&params, vk, circuit).expect("a proving key");
        CircuitKeys { params, pk }
    }

    /// A proof, of a true statement or not.
    pub(crate) fn prove<C: Circuit<Fr>>(
        &self,
        circuit: C,
        instance: &[Fr],
        rng: impl RngCore + Send + Sync,
    ) -> Vec<u8> {
        let mut transcript = Blake2bWrite::<_, G1Affine, Challenge255<_>>::init(Vec::new());
        create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
            &self.params,
            &self.pk,
            &[circuit],
            &[&[instance]],
            rng,
            &mut transcript,
        )
        .expect("a proof");
        transcript.finalize()
    }

    pub(crate) fn verify(&self, proof: &[u8], instance: &[Fr]) -> bool {
        let mut transcript = Blake2bRead::<_, G1Affine, Challenge255<_>>::init(proof);
        verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
            self.params.verifier_params(),
            self.pk.get_vk(),
            SingleStrategy::new(&self.params),
            &[&[instance]],
            &mut transcript,
        )
        .is_ok()
    }
}

/// Keys of a fixture's training circuit.
pub(crate) struct Keys(CircuitKeys);

impl Keys {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        Keys(CircuitKeys::new(fixture.profile.k, &fixture.circuit))
    }

    /// Proves a claim with ones as the model's blinding, and says whether the verifier accepts it.
    pub(crate) fn accepts(&self, fixture: &Fixture, claim: &Claim) -> bool {
        let ones = fixture.plan.grid.columns * fixture.circuit.blinding_rows();
        self.verify(&self.prove(fixture, claim, vec![1; ones]), &claim.instance)
    }

    /// A proof with the given blinding of the model columns.
    pub(crate) fn prove(&self, fixture: &Fixture, claim: &Claim, blinding: Vec<u64>) -> Vec<u8> {
        self.0.prove(fixture.circuit_of(claim), &claim.instance, Script::new(blinding))
    }

    pub(crate) fn verify(&self, proof: &[u8], instance: &[Fr]) -> bool {
        self.0.verify(proof, instance)
    }
}
