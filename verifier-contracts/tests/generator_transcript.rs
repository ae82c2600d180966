//! The transcript against `snark-verifier`'s, and what the generator refuses.

use crate::support::circuit::{Random, Spec, Synthetic};
use crate::support::{keys, prove};
use halo2_proofs::{
    circuit::{Layouter, SimpleFloorPlanner, Value},
    halo2curves::{
        bn256::{Bn256, Fr, G1Affine},
        ff::Field,
        group::{prime::PrimeCurveAffine, Curve},
    },
    plonk::{
        create_proof, keygen_pk, keygen_vk_custom, verify_proof, Advice, Circuit, Column, ConstraintSystem, Error,
        Fixed, Instance, TableColumn,
    },
    poly::{
        kzg::{
            commitment::{KZGCommitmentScheme, ParamsKZG},
            multiopen::{ProverSHPLONK, VerifierSHPLONK},
            strategy::SingleStrategy,
        },
        Rotation,
    },
    transcript::{
        EncodedChallenge, Transcript, TranscriptRead, TranscriptReadBuffer, TranscriptWrite, TranscriptWriterBuffer,
    },
};
use rand_core::OsRng;
use snark_verifier::{loader::native::NativeLoader, system::halo2::transcript::evm::EvmTranscript};
use zkpoc_contracts::generator::{generate, GeneratorError, SrsPoints};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes};
use zkpoc_engine::proof_format::{advice_offset, proof_len};
use zkpoc_engine::transcript::{KeccakRead, KeccakWrite, TranscriptError};

type Reference<S> = EvmTranscript<G1Affine, NativeLoader, S, Vec<u8>>;

fn point(n: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(n)).to_affine()
}

#[test]
fn bytes_and_challenges_equal_the_reference() {
    let mut random = Random(3);
    for round in 0..50 {
        let mut ours = KeccakWrite::init(Vec::new());
        let mut theirs = <Reference<_> as TranscriptWriterBuffer<_, _, _>>::init(Vec::new());
        let mut elements = Vec::new();
        for _ in 0..30 {
            let n = random.next() >> 8;
            let kind = if round == 0 { 4 } else { random.below(5) };
            elements.push((kind, n));
            match kind {
                0 => {
                    ours.write_point(point(n)).unwrap();
                    theirs.write_point(point(n)).unwrap();
                }
                1 => {
                    ours.write_scalar(Fr::from(n)).unwrap();
                    TranscriptWrite::write_scalar(&mut theirs, Fr::from(n)).unwrap();
                }
                2 => {
                    ours.common_point(point(n)).unwrap();
                    Transcript::common_point(&mut theirs, point(n)).unwrap();
                }
                3 => {
                    ours.common_scalar(-Fr::from(n)).unwrap();
                    Transcript::common_scalar(&mut theirs, -Fr::from(n)).unwrap();
                }
                _ => {
                    let theirs = Transcript::<G1Affine, _>::squeeze_challenge(&mut theirs);
                    assert_eq!(ours.squeeze_challenge().get_scalar(), theirs.get_scalar());
                }
            }
        }
        let last = ours.squeeze_challenge().get_scalar();
        let bytes = ours.finalize();
        assert_eq!(bytes, TranscriptWriterBuffer::<_, G1Affine, _>::finalize(theirs));
        let mut read = KeccakRead::init(bytes.as_slice());
        for (kind, n) in elements {
            match kind {
                0 => assert_eq!(read.read_point().unwrap(), point(n)),
                1 => assert_eq!(read.read_scalar().unwrap(), Fr::from(n)),
                2 => read.common_point(point(n)).unwrap(),
                3 => read.common_scalar(-Fr::from(n)).unwrap(),
                _ => drop(read.squeeze_challenge()),
            }
        }
        assert_eq!(read.squeeze_challenge().get_scalar(), last);
        read.finish().unwrap();
    }
}

#[test]
fn accepts_each_others_proofs() {
    let circuit = Synthetic::new(Spec::middle(), 11);
    let (params, pk) = keys(&circuit);
    let ours = prove(&params, &pk, &circuit);
    let mut transcript = <Reference<_> as TranscriptReadBuffer<_, _, _>>::init(ours.as_slice());
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        &params,
        pk.get_vk(),
        SingleStrategy::new(&params),
        &[&[&circuit.instances]],
        &mut transcript,
    )
    .expect("the reference transcript takes our proof");
    let mut transcript = <Reference<_> as TranscriptWriterBuffer<_, _, _>>::init(Vec::new());
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
        &params,
        &pk,
        std::slice::from_ref(&circuit),
        &[&[&circuit.instances]],
        OsRng,
        &mut transcript,
    )
    .expect("a proof");
    let theirs = TranscriptWriterBuffer::<_, G1Affine, _>::finalize(transcript);
    let mut transcript = KeccakRead::init(theirs.as_slice());
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        &params,
        pk.get_vk(),
        SingleStrategy::new(&params),
        &[&[&circuit.instances]],
        &mut transcript,
    )
    .expect("our transcript takes the reference's proof");
    transcript.finish().expect("nothing left");
}

fn read_error(bytes: &[u8], point: bool) -> Option<TranscriptError> {
    let mut read = KeccakRead::init(bytes);
    let error = if point { read.read_point().err()? } else { read.read_scalar().err()? };
    error.get_ref()?.downcast_ref::<TranscriptError>().copied()
}

#[test]
fn rejects_points_and_scalars_that_are_not_canonical() {
    let modulus = |m: &str| hex::decode(m.trim_start_matches("0x")).expect("hexadecimal");
    let r = modulus("0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001");
    let q = modulus("0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
    let scalar = Some(TranscriptError::ScalarNotCanonical { offset: 0 });
    let invalid = Some(TranscriptError::PointInvalid { offset: 0 });
    assert_eq!(read_error(&r, false), scalar);
    assert_eq!(read_error(&[0xff; 32], false), scalar);
    assert_eq!(scalar_from_bytes(&[0; 32]), Ok(Fr::ZERO));
    let good = point_to_bytes(&point(5));
    assert_eq!(point_from_bytes(&good), Ok(point(5)));
    assert_eq!(read_error(&[0; 64], true), invalid, "identity");
    let mut off_curve = good;
    off_curve[63] ^= 1;
    assert_eq!(read_error(&off_curve, true), invalid, "off the curve");
    // q stands for 0: (q, y) and (x, q) are no coordinates, whatever they reduce to.
    assert_eq!(read_error(&[q.as_slice(), &good[32..]].concat(), true), invalid, "x = q");
    assert_eq!(read_error(&[&good[..32], q.as_slice()].concat(), true), invalid, "y = q");
    let aliased = "0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd48";
    let one = [modulus(aliased), modulus(&format!("0x{:064x}", 2))].concat();
    assert_eq!(read_error(&one, true), invalid, "the generator with x + q");
    assert!(KeccakRead::init(&good[..63]).read_point().is_err(), "truncated");
    let mut read = KeccakRead::init(good.as_slice());
    read.read_scalar().expect("x is below r or not, here it is");
    assert!(read.finish().is_err(), "trailing");
    let mut write = KeccakWrite::init(Vec::new());
    assert!(write.write_point(G1Affine::identity()).is_err(), "identity written");
}

#[derive(Clone, Default)]
struct Arguments {
    equality: bool,
    lookup: bool,
    instances: usize,
}

#[derive(Clone)]
struct ArgumentsConfig {
    advice: Column<Advice>,
    fixed: Column<Fixed>,
    table: Option<TableColumn>,
    instance: Vec<Column<Instance>>,
}

impl Circuit<Fr> for Arguments {
    type Config = ArgumentsConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Arguments;

    fn params(&self) -> Arguments {
        self.clone()
    }

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> ArgumentsConfig {
        unreachable!("configured with params")
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, p: Arguments) -> ArgumentsConfig {
        let (advice, fixed) = (meta.advice_column(), meta.fixed_column());
        let instance = (0..p.instances).map(|_| meta.instance_column()).collect();
        meta.create_gate("cube", |meta| {
            let a = meta.query_advice(advice, Rotation::cur());
            let on = meta.query_fixed(fixed, Rotation::cur());
            vec![on * (a.clone() * a.clone() - a)]
        });
        if p.equality {
            meta.enable_equality(advice);
        }
        let table = p.lookup.then(|| {
            let table = meta.lookup_table_column();
            meta.lookup("bit", |meta| vec![(meta.query_advice(advice, Rotation::cur()), table)]);
            table
        });
        ArgumentsConfig { advice, fixed, table, instance }
    }

    fn synthesize(&self, config: ArgumentsConfig, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        let _ = &config.instance;
        if let Some(table) = config.table {
            layouter.assign_table(
                || "bits",
                |mut t| {
                    for i in 0..2u64 {
                        t.assign_cell(|| "bit", table, i as usize, || Value::known(Fr::from(i)))?;
                    }
                    Ok(())
                },
            )?;
        }
        layouter.assign_region(
            || "all",
            |mut region| {
                region.assign_advice(config.advice, 0, Value::known(Fr::ONE));
                region.assign_fixed(config.fixed, 0, Fr::ONE);
                Ok(())
            },
        )
    }
}

#[test]
fn rejects_circuits_it_cannot_verify() {
    let params = ParamsKZG::<Bn256>::setup(6, OsRng);
    let srs = SrsPoints::from(&params);
    let arguments = |equality, lookup, instances| Arguments { equality, lookup, instances };
    for circuit in [arguments(true, false, 0), arguments(false, true, 0), arguments(false, false, 2)] {
        let vk = keygen_vk_custom(&params, &circuit, false).expect("a key");
        let refused = generate(&vk, &srs, 0, "Test", &[]);
        assert!(matches!(refused, Err(GeneratorError::Unsupported { .. })), "{refused:?}");
    }
    let vk = keygen_vk_custom(&params, &arguments(false, false, 0), false).expect("a key");
    assert!(generate(&vk, &srs, 1, "Test", &[]).is_err(), "no instance column");
    assert!(generate(&vk, &srs, 0, "Test", &[("DATA_OFFSET", 64)]).is_ok());
    for name in ["", "1st", "a b", "x;", "é"] {
        let refused = generate(&vk, &srs, 0, name, &[]);
        assert!(matches!(refused, Err(GeneratorError::Name { .. })), "{name:?}");
        assert!(generate(&vk, &srs, 0, "Test", &[(name, 0)]).is_err(), "{name:?}");
    }
}

#[test]
fn rejects_a_declared_degree_above_the_real_one() {
    let spec = Spec { minimum_degree: Some(5), ..Spec::middle() };
    let (params, pk) = keys(&Synthetic::new(spec, 1));
    let refused = generate(pk.get_vk(), &SrsPoints::from(&params), 3, "Test", &[]);
    let expected = GeneratorError::Degree { declared: 5, real: 3 };
    assert_eq!(refused, Err(expected));
}

#[test]
fn rejects_rotations_that_coincide_on_the_domain() {
    let spec = Spec { rotations: vec![0, 1, 128], ..Spec::narrow() };
    let circuit = Synthetic::new(spec, 1);
    let params = ParamsKZG::<Bn256>::setup(circuit.spec.k, OsRng);
    let vk = keygen_vk_custom(&params, &circuit, false).expect("a key");
    let refused = generate(&vk, &SrsPoints::from(&params), 1, "Test", &[]);
    let collides = matches!(
        refused,
        Err(GeneratorError::QueryCollision { kind: "advice", first, second, rows: 128, .. })
            if first.min(second) == 0 && first.max(second) == 128
    );
    assert!(collides, "{refused:?}");
}

#[test]
fn proof_length_and_offsets_are_those_of_real_proofs() {
    for (equality, lookup) in [(false, false), (true, false), (false, true), (true, true)] {
        let circuit = Arguments { equality, lookup, instances: 0 };
        let params = ParamsKZG::<Bn256>::setup(6, OsRng);
        let vk = keygen_vk_custom(&params, &circuit, false).expect("a key");
        let pk = keygen_pk(&params, vk, &circuit).expect("a key");
        let mut transcript = KeccakWrite::init(Vec::new());
        create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
            &params,
            &pk,
            &[circuit],
            &[&[]],
            OsRng,
            &mut transcript,
        )
        .expect("a proof");
        assert_eq!(transcript.finalize().len(), proof_len(pk.get_vk()));
    }
    let (_, pk) = keys(&Synthetic::new(Spec::middle(), 1));
    let offsets: Vec<_> = (0..7).map(|c| advice_offset(pk.get_vk(), c)).collect();
    let points = [0, 64, 128, 192, 256, 320].map(Some);
    assert_eq!(offsets, [points.as_slice(), &[None]].concat());
}
