use super::*;
use crate::commit::commit_column;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::halo2curves::group::GroupEncoding;
use halo2_proofs::plonk::{
    create_proof, keygen_pk, keygen_vk_custom, verify_proof, Advice, Challenge, Circuit, Column, ConstraintSystem,
    Error, FirstPhase, Fixed, SecondPhase,
};
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::poly::Rotation;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255, TranscriptReadBuffer, TranscriptWriterBuffer};

const K: u32 = 5;
const ROWS: usize = 7;

/// Three committed columns with `c = a * b`, and a second-phase column `p = challenge * c`.
#[derive(Clone)]
struct Product;

#[derive(Clone)]
struct Config {
    committed: [Column<Advice>; 3],
    later: Column<Advice>,
    enable: Column<Fixed>,
    challenge: Challenge,
}

fn value(column: usize, row: usize) -> Fr {
    let (a, b) = (row as u64 + 2, 3 * row as u64 + 1);
    Fr::from([a, b, a * b][column])
}

impl Circuit<Fr> for Product {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = ();

    fn without_witnesses(&self) -> Self {
        Self
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> Config {
        let committed = [(); 3].map(|_| meta.advice_column_in(FirstPhase));
        let challenge = meta.challenge_usable_after(FirstPhase);
        let later = meta.advice_column_in(SecondPhase);
        let enable = meta.fixed_column();
        meta.create_gate("product", |meta| {
            let [a, b, c] = committed.map(|column| meta.query_advice(column, Rotation::cur()));
            let p = meta.query_advice(later, Rotation::cur());
            let on = meta.query_fixed(enable, Rotation::cur());
            let r = meta.query_challenge(challenge);
            vec![on.clone() * (a * b - c.clone()), on * (r * c - p)]
        });
        Config { committed, later, enable, challenge }
    }

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || "product",
            |mut region| {
                for row in 0..ROWS {
                    region.assign_fixed(config.enable, row, Fr::ONE);
                    for (index, column) in config.committed.iter().enumerate() {
                        region.assign_advice(*column, row, Value::known(value(index, row)));
                    }
                }
                region.next_phase();
                let challenge = region.get_challenge(config.challenge);
                for row in 0..ROWS {
                    region.assign_advice(config.later, row, challenge.map(|r| r * value(2, row)));
                }
                Ok(())
            },
        )
    }
}

fn proof_point(proof: &[u8], index: usize) -> G1Affine {
    let mut repr = <G1Affine as GroupEncoding>::Repr::default();
    repr.as_mut().copy_from_slice(&proof[32 * index..32 * (index + 1)]);
    G1Affine::from_bytes(&repr).expect("point of an honest proof")
}

#[test]
fn a_real_proof_commits_to_the_scripted_blinding_rows() {
    let params = ParamsKZG::<Bn256>::setup(K, OsRng);
    let vk = keygen_vk_custom(&params, &Product, false).expect("verifying key");
    let pk = keygen_pk(&params, vk, &Product).expect("proving key");
    let blinding_rows = pk.get_vk().cs().blinding_factors() + 1;
    assert!(blinding_rows > LINK_ROWS, "the zero rows must be exercised too");

    let tails = [Tail::Public, Tail::Hiding(random_blinding()), Tail::Hiding(random_blinding())];
    let script: Vec<Fr> = tails.iter().flat_map(|tail| tail.cells(blinding_rows).expect("cells")).collect();
    let rng = ScriptedRng::new(&script);
    let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(vec![]);
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
        &params,
        &pk,
        &[Product],
        &[&[]],
        rng,
        &mut transcript,
    )
    .expect("proof");
    let proof = transcript.finalize();

    let n = 1 << K;
    for (index, tail) in tails.iter().enumerate() {
        let mut column: Vec<Fr> = (0..n).map(|row| if row < ROWS { value(index, row) } else { Fr::ZERO }).collect();
        let cells = tail.cells(blinding_rows).expect("tail");
        column[n - blinding_rows..].copy_from_slice(&cells);
        let expected = commit_column(&params, &column).expect("column");
        assert_eq!(proof_point(&proof, index), expected, "column {index}");
        column[n - 1] += Fr::ONE;
        assert_ne!(proof_point(&proof, index), commit_column(&params, &column).expect("column"));
    }

    let mut transcript = Blake2bRead::<_, _, Challenge255<_>>::init(&proof[..]);
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params.verifier_params(),
        pk.get_vk(),
        SingleStrategy::new(&params),
        &[&[]],
        &mut transcript,
    )
    .expect("the proof verifies");
}

#[test]
fn elements_come_in_order_and_randomness_after_them() {
    let script: Vec<Fr> = [Fr::ZERO, Fr::ONE, -Fr::ONE].into_iter().chain(random_blinding()).collect();
    let mut rng = ScriptedRng::new(&script);
    for element in &script {
        assert_eq!(Fr::random(&mut rng), *element);
    }
    assert_eq!(rng.left(), 0);
    let (a, b) = (Fr::random(&mut rng), Fr::random(&mut rng));
    assert_ne!(a, b, "randomness follows the script");
    assert!(!script.contains(&a) && !script.contains(&b));
}

#[test]
fn debug_shows_no_cell() {
    assert_eq!(format!("{:?}", Tail::Hiding(random_blinding())), "Hiding(..)");
    assert_eq!(format!("{:?}", ScriptedRng::new(&[Fr::from(2)])), "ScriptedRng(8 of 8 draws left)");
}

#[test]
fn rejects_a_circuit_with_too_few_blinding_rows() {
    assert_eq!(Tail::Hiding(random_blinding()).cells(3).err(), Some(ScriptError { actual: 3 }));
}
