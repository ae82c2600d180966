//! Proofs of the engine against Halo2's prover and verifier.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::plonk::create_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::ProverSHPLONK;
use halo2_proofs::transcript::TranscriptWriterBuffer;
use rand_core::OsRng;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model, Shard, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};
use zkpoc_circuits::training::{Phase1, TrainingCircuit};
use zkpoc_engine::encoding::POINT_BYTES;
use zkpoc_engine::transcript::KeccakWrite;
use zkpoc_engine::{prove, EngineError, Statement, Strategy};

use crate::blinding::{ScriptedRng, Tail};
use crate::keys::ProverKey;
use crate::prove::Buckets;
use crate::srs::Srs;
use crate::verify::{verify_alone, verify_round_alone, VerifyError};

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
        let trace = run(&self.profile, &self.model, &self.shard).expect("a step");
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
        verify_alone(key.verifier(), &setup.srs, proof, &inputs).expect("a valid proof");
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
        verify_alone(dataset.verifier(), &setup.srs, proof, &[Fr::from(4)]).expect("a valid proof");
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
    verify_round_alone(round.verifier(), &setup.srs, &proof, &inputs).expect("a valid proof");
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
        assert_eq!(verify_alone(key.verifier(), &setup.srs, &proof, &inputs).err(), Some(VerifyError::Invalid));
    };
    forge(&|forged| forged.d[0][row] += Fr::ONE);
    forge(&|forged| forged.w[0][row] += Fr::ONE);
    let unit = key.circuit().plan().unit_rows(1).start;
    forge(&|forged| forged.aux[0][unit] += Fr::from_raw([0, 1, 0, 0]));
    let proof = setup.prove(&key, key.circuit().with_witness(witness.clone()), &inputs, &tails);
    let other = [inputs[0], inputs[1].double(), inputs[2]];
    verify_alone(key.verifier(), &setup.srs, &proof, &inputs).expect("a valid proof");
    assert_eq!(verify_alone(key.verifier(), &setup.srs, &proof, &other).err(), Some(VerifyError::Invalid));
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
