//! Proofs of the engine against Halo2's prover and verifier, and its gates against Halo2's expressions.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::plonk::{
    create_proof, Advice, Column, ConstraintSystem, Expression, FirstPhase, Fixed, SecondPhase, ThirdPhase,
};
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::ProverSHPLONK;
use halo2_proofs::poly::Rotation;
use halo2_proofs::transcript::TranscriptWriterBuffer;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_core::OsRng;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{step, Model, Shard, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};
use zkpoc_circuits::training::{Phase1, TrainingCircuit};
use zkpoc_contracts::transcript::{KeccakWrite, POINT_BYTES};

use super::memory::Strategy;
use super::program::Program;
use super::quotient::{pieces, Kept, Source};
use super::*;
use crate::arith::rows::{row_factor, run_all};
use crate::keys::{ProfileCircuit, ProverKey};
use crate::prove::Buckets;
use crate::scripted::{ScriptedRng, Tail};
use crate::srs::Srs;
use crate::verify::{verify, verify_round, VerifyError};

/// The value of a gate in a row, by the definition of Halo2's expressions.
fn directly(gate: &Expression<Fr>, shape: &Shape, columns: &[Vec<Fr>], challenges: &[Fr], row: usize) -> Fr {
    let n = columns[0].len() as i64;
    let cell = |column: usize, rotation: Rotation| {
        columns[column][(row as i64 + i64::from(rotation.0)).rem_euclid(n) as usize]
    };
    gate.evaluate(
        &|value| value,
        &|_| panic!("no selectors"),
        &|query| cell(shape.advice + query.column_index(), query.rotation()),
        &|query| cell(query.column_index(), query.rotation()),
        &|query| cell(shape.advice + shape.fixed + query.column_index(), query.rotation()),
        &|challenge| challenges[challenge.index()],
        &|value: Fr| -value,
        &|a, b| a + b,
        &|a, b| a * b,
        &|value, factor| value * factor,
    )
}

/// Compares a program with its gates on random columns, in every `stride`-th row.
fn compare(gates: &[Expression<Fr>], shape: &Shape, stride: usize) {
    let random = |count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(OsRng)).collect() };
    let n = shape.rows();
    let columns: Vec<Vec<Fr>> = (0..shape.columns()).map(|_| random(n)).collect();
    let (challenges, y) = (random(shape.challenges), Fr::random(OsRng));
    let program = Program::of_gates(gates, shape).expect("a program");
    let scaled: Vec<Vec<Fr>> =
        columns.iter().map(|column| column.iter().map(|cell| cell * row_factor()).collect()).collect();
    let (scalars, slices) = (program.scalars(&challenges, y), scaled.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut found = vec![Fr::ZERO; n];
    run_all(program.steps(), &scalars, &slices, &mut found);
    for row in (0..n).step_by(stride) {
        let values = gates.iter().map(|gate| directly(gate, shape, &columns, &challenges, row));
        assert_eq!(found[row], values.fold(Fr::ZERO, |sum, value| sum * y + value), "row {row}");
    }
}

struct Grower {
    rng: StdRng,
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    leaves: Vec<Expression<Fr>>,
}

impl Grower {
    /// A random expression of at most a degree; leaves repeat, so sums are shared.
    fn grow(&mut self, degree: usize, depth: usize) -> Expression<Fr> {
        let choice = if depth == 0 { 0 } else { self.rng.gen_range(0..7) };
        match choice {
            0 | 1 if degree > 0 => self.leaves[self.rng.gen_range(0..self.leaves.len())].clone(),
            2 if degree > 1 => {
                let left = self.rng.gen_range(1..degree);
                self.grow(left, depth - 1) * self.grow(degree - left, depth - 1)
            }
            3 | 4 => self.grow(degree, depth - 1) + self.grow(degree, depth - 1),
            5 => self.grow(degree, depth - 1) - self.grow(degree, depth - 1),
            6 => self.grow(degree, depth - 1) * Fr::from(self.rng.gen_range(0..4u64)),
            _ => Expression::Constant(Fr::from(self.rng.gen_range(0..3u64))),
        }
    }
}

/// A random constraint system of small size.
fn random_system(seed: u64) -> ConstraintSystem<Fr> {
    let mut cs = ConstraintSystem::default();
    let mut grower = Grower {
        rng: StdRng::seed_from_u64(seed),
        advice: vec![cs.advice_column(), cs.advice_column(), cs.advice_column_in(SecondPhase)],
        fixed: vec![cs.fixed_column(), cs.fixed_column()],
        leaves: Vec::new(),
    };
    let instance = cs.instance_column();
    let challenges = [cs.challenge_usable_after(FirstPhase), cs.challenge_usable_after(FirstPhase)];
    cs.create_gate("random", |cells| {
        for (column, rotation) in grower.advice.iter().zip([0, -3, 5]) {
            grower.leaves.push(cells.query_advice(*column, Rotation::cur()));
            grower.leaves.push(cells.query_advice(*column, Rotation(rotation + 1)));
        }
        grower.leaves.extend(grower.fixed.iter().map(|column| cells.query_fixed(*column, Rotation::cur())));
        grower.leaves.push(cells.query_instance(instance, Rotation(1)));
        let challenge = challenges.map(|challenge| cells.query_challenge(challenge));
        let scaled = grower.leaves[0].clone() * challenge[0].clone() + grower.leaves[3].clone() * Fr::from(9);
        grower.leaves.extend([scaled.clone(), scaled + challenge[1].clone()]);
        let count = grower.rng.gen_range(1..6);
        (0..count).map(|_| grower.grow(3, 5)).collect::<Vec<_>>()
    });
    cs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn prop_a_program_is_its_gates(seed in any::<u64>()) {
        let cs = random_system(seed);
        let shape = Shape::of(&cs, 4).expect("a shape");
        compare(cs.gates()[0].polynomials(), &shape, 1);
    }
}

fn gates_of<C: ProfileCircuit>(profile: &Profile) -> (Vec<Expression<Fr>>, Shape) {
    let circuit = C::of_profile(profile).expect("a circuit");
    let mut cs = ConstraintSystem::default();
    let _config = C::configure_with_params(&mut cs, circuit.params());
    let gates = cs.gates().iter().flat_map(|gate| gate.polynomials()).cloned().collect();
    (gates, Shape::of(&cs, profile.k).expect("a shape"))
}

#[test]
fn the_circuits_programs_are_their_gates() {
    for name in ["toy", "digits-tiny"] {
        let profile = Profile::builtin(name).expect("a profile");
        for (gates, shape) in [
            gates_of::<TrainingCircuit>(&profile),
            gates_of::<DatasetCircuit>(&profile),
            gates_of::<RoundCircuit>(&profile),
        ] {
            compare(&gates, &shape, 1 << (profile.k - 6));
            let counts = Program::of_gates(&gates, &shape).expect("a program").counts();
            assert_eq!(counts.gates, gates.len());
            assert!(counts.products + counts.scalings < 6 * gates.len(), "{counts:?}");
        }
    }
}

#[test]
fn other_constraint_systems_are_refused() {
    type Change = fn(&mut ConstraintSystem<Fr>);
    let changes: [(&str, Change); 8] = [
        ("equality", |cs| {
            let column = cs.advice_column();
            cs.enable_equality(column);
        }),
        ("lookup", |cs| {
            let (a, b) = (cs.advice_column(), cs.fixed_column());
            cs.lookup_any("lookup", |cells| {
                vec![(cells.query_advice(a, Rotation::cur()), cells.query_fixed(b, Rotation::cur()))]
            });
        }),
        ("selectors", |cs| {
            cs.selector();
        }),
        ("instance", |cs| {
            cs.instance_column();
        }),
        ("degrees", |cs| {
            let column = cs.fixed_column();
            cs.create_gate("quartic", |cells| {
                let cell = cells.query_fixed(column, Rotation::cur());
                vec![cell.clone() * cell.clone() * cell.clone() * cell]
            });
        }),
        ("phases", |cs| {
            cs.advice_column_in(ThirdPhase);
        }),
        ("after a column of a later phase", |cs| {
            cs.advice_column();
        }),
        ("challenge", |cs| {
            cs.challenge_usable_after(SecondPhase);
        }),
    ];
    for (words, change) in changes {
        let mut cs = random_system(1);
        assert!(Shape::of(&cs, 4).is_ok());
        change(&mut cs);
        let refusal = Shape::of(&cs, 4).expect_err(words).to_string();
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    let mut cs = random_system(1);
    cs.fixed_column();
    assert_eq!(Shape::of(&cs, 4), Err(ShapeError::Unqueried { kind: "fixed", column: 2 }));
    assert!(matches!(Shape::of(&random_system(1), 2), Err(ShapeError::Rotation { rotation: 6, .. })));
}

/// A profile with a model, a shard and the keys of all circuits.
struct Setup {
    profile: Profile,
    srs: Srs,
    model: Model,
    shard: Shard,
}

impl Setup {
    fn toy() -> Self {
        let profile = Profile::builtin("toy").expect("a profile");
        let shard = Shard { features: (0..18).map(|i| (i * 5 + 2) % 16).collect(), labels: vec![1, 0, 2] };
        let srs = Srs::bundled_ceremony(8).expect("the ceremony");
        Self { model: Model::random(&profile, [3; 32]), profile, srs, shard }
    }

    fn key<C: ProfileCircuit>(&self) -> ProverKey<C> {
        ProverKey::generate(&self.profile, &self.srs).expect("a key")
    }

    fn training(&self, key: &ProverKey<TrainingCircuit>) -> (Phase1, [Fr; 3]) {
        let plan = key.circuit().plan();
        let trace = step(&self.profile, &self.model, &self.shard).expect("a step");
        let Buckets { norm_log2, loss_log2 } = Buckets::covering(plan, &trace);
        let witness = Phase1::new(plan, &self.model, &self.shard, &trace, norm_log2, loss_log2).expect("a witness");
        let inputs = [Fr::from(9), witness.norm_bound, witness.loss_bound];
        (witness, inputs)
    }

    /// The blinding rows of the model's columns.
    fn public_tails<C: ProfileCircuit>(&self, key: &ProverKey<C>) -> Vec<Vec<Fr>> {
        vec![Tail::Public.cells(key.blinding_rows()).expect("cells"); self.profile.weight_columns]
    }

    fn prove<C: ProfileCircuit>(&self, key: &ProverKey<C>, circuit: C, inputs: &[Fr], tails: &[Vec<Fr>]) -> Vec<u8> {
        self.prove_by(Strategy::Fast, key, circuit, inputs, tails)
    }

    fn prove_by<C: ProfileCircuit>(
        &self,
        strategy: Strategy,
        key: &ProverKey<C>,
        circuit: C,
        inputs: &[Fr],
        tails: &[Vec<Fr>],
    ) -> Vec<u8> {
        let mut transcript = KeccakWrite::init(Vec::new());
        let statement = Statement { instances: inputs, tails };
        prove(key.engine(), &self.srs, key.verifier().vk(), circuit, statement, strategy, &mut transcript)
            .expect("a proof");
        transcript.finalize()
    }
}

#[test]
fn commitments_to_the_first_phase_are_those_of_halo2() {
    let setup = Setup::toy();
    let key = setup.key::<TrainingCircuit>();
    let (witness, inputs) = setup.training(&key);
    let shape = key.engine().shape();
    let mut tails = setup.public_tails(&key);
    tails.extend((tails.len()..shape.first).map(|_| (0..shape.blinding_rows).map(|_| Fr::random(OsRng)).collect()));
    let circuit = key.circuit().with_witness(witness);
    let ours = setup.prove(&key, circuit.clone(), &inputs, &tails);

    let script: Vec<Fr> = tails.concat();
    let mut transcript = KeccakWrite::init(Vec::new());
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
        setup.srs.params(),
        &key.halo2(&setup.srs).expect("a key"),
        &[circuit],
        &[&[&inputs]],
        ScriptedRng::new(&script),
        &mut transcript,
    )
    .expect("a proof");
    let theirs = transcript.finalize();
    assert_eq!(ours.len(), theirs.len());
    let first = shape.first * POINT_BYTES;
    assert_eq!(ours[..first], theirs[..first]);
    for proof in [&ours, &theirs] {
        verify(key.verifier(), &setup.srs, proof, &inputs).expect("a valid proof");
    }
}

/// The quotient of random gates over random columns of every kind, a whole coset at a time and in parts.
#[test]
fn a_quotient_in_parts_is_that_of_whole_cosets() {
    for (seed, k) in [(1, 6), (2, 7), (3, 9)] {
        let (cs, domain) = (random_system(seed), Domain::new(k));
        let shape = Shape::of(&cs, k).expect("a shape");
        let program = Program::compile(&cs, &shape).expect("a program");
        let random = |count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(OsRng)).collect() };
        let advice: Vec<Vec<Fr>> = (0..shape.advice).map(|_| random(domain.size())).collect();
        let fixed: Vec<Vec<u32>> = (0..shape.fixed as u32)
            .map(|c| (0..shape.usable() as u32).map(|row| row * (c + 3) % 5).collect())
            .collect();
        let (instances, scalars) = (random(3), program.scalars(&random(shape.challenges), Fr::random(OsRng)));
        let kept = Kept::new(&domain, &fixed);
        let advice: Vec<Source<'_>> = advice.iter().map(|column| Source::Coefficients(column)).collect();
        let whole: Vec<Source<'_>> =
            advice.iter().copied().chain(kept.sources()).chain([Source::Values(&instances)]).collect();
        let integers = fixed.iter().map(|column| Source::Integers(column));
        let thrifty: Vec<Source<'_>> =
            advice.iter().copied().chain(integers).chain([Source::Values(&instances)]).collect();
        let expected = pieces(&domain, 1, &program, &scalars, &whole);
        for parts in [1, 2, 4, 8] {
            assert!(pieces(&domain, parts, &program, &scalars, &thrifty) == expected, "2^{k} rows, {parts} parts");
        }
    }
}

#[test]
fn proofs_of_all_circuits_verify_and_no_two_are_alike() {
    let setup = Setup::toy();
    let dataset = setup.key::<DatasetCircuit>();
    let witness = DatasetWitness::new(dataset.circuit().plan(), &setup.shard);
    let circuit = dataset.circuit().with_witness(witness);
    let proofs = [Strategy::Fast, Strategy::Thrifty]
        .map(|strategy| setup.prove_by(strategy, &dataset, circuit.clone(), &[Fr::from(4)], &[]));
    for proof in &proofs {
        verify(dataset.verifier(), &setup.srs, proof, &[Fr::from(4)]).expect("a valid proof");
    }
    assert!(proofs[0].chunks(64).zip(proofs[1].chunks(64)).all(|(a, b)| a != b));

    let round = setup.key::<RoundCircuit>();
    let plan = round.circuit().plan();
    let sum = Update::to_reach(&setup.profile, &setup.model);
    let zero = Model::zero(&setup.profile);
    let tails = vec![vec![Fr::ZERO; zkpoc_circuits::grid::TAIL]; plan.grid.columns];
    let witness = RoundWitness::new(plan, &zero, &sum, 1, &tails).expect("a witness");
    let inputs = [Fr::from(4), Fr::ONE];
    let public = setup.public_tails(&round);
    let sum = vec![vec![Fr::ZERO; round.blinding_rows()]; plan.grid.columns];
    let tails = [public.clone(), sum, public].concat();
    let proof = setup.prove(&round, round.circuit().with_witness(witness), &inputs, &tails);
    verify_round(round.verifier(), &setup.srs, &proof, &inputs).expect("a valid proof");
}

#[test]
fn a_false_witness_gives_a_proof_that_does_not_verify() {
    let setup = Setup::toy();
    let key = setup.key::<TrainingCircuit>();
    let (witness, inputs) = setup.training(&key);
    let row = key.circuit().plan().grid.row(1);
    let tails = setup.public_tails(&key);
    let forge = |change: &dyn Fn(&mut Phase1)| {
        let mut forged = witness.clone();
        change(&mut forged);
        let proof = setup.prove(&key, key.circuit().with_witness(forged), &inputs, &tails);
        assert_eq!(verify(key.verifier(), &setup.srs, &proof, &inputs).err(), Some(VerifyError::Invalid));
    };
    forge(&|forged| forged.d[0][row] += Fr::ONE);
    forge(&|forged| forged.w[0][row] += Fr::ONE);
    let unit = key.circuit().plan().unit_rows(1).start;
    forge(&|forged| forged.aux[0][unit] += Fr::from_raw([0, 1, 0, 0]));
    let proof = setup.prove(&key, key.circuit().with_witness(witness.clone()), &inputs, &tails);
    let other = [inputs[0], inputs[1].double(), inputs[2]];
    verify(key.verifier(), &setup.srs, &proof, &inputs).expect("a valid proof");
    assert_eq!(verify(key.verifier(), &setup.srs, &proof, &other).err(), Some(VerifyError::Invalid));
}

#[test]
fn a_missing_witness_and_wrong_tails_are_refused() {
    let setup = Setup::toy();
    let key = setup.key::<TrainingCircuit>();
    let (witness, inputs) = setup.training(&key);
    let refuse = |circuit: TrainingCircuit, tails: &[Vec<Fr>]| {
        let mut transcript = KeccakWrite::init(Vec::new());
        let statement = Statement { instances: &inputs, tails };
        prove(key.engine(), &setup.srs, key.verifier().vk(), circuit, statement, Strategy::Fast, &mut transcript)
            .expect_err("refused")
    };
    let full = key.circuit().with_witness(witness);
    assert!(matches!(refuse(key.circuit().clone(), &[]), EngineError::NoWitness));
    let wrong = EngineError::Columns { what: "rows of a tail", expected: key.blinding_rows(), found: 1 };
    assert_eq!(refuse(full.clone(), &[vec![Fr::ONE]]).to_string(), wrong.to_string());
    let shape = key.engine().shape();
    let many = vec![vec![Fr::ONE; shape.blinding_rows]; shape.advice + 1];
    let wrong = EngineError::Columns { what: "tails", expected: shape.advice, found: shape.advice + 1 };
    assert_eq!(refuse(full, &many).to_string(), wrong.to_string());
}
