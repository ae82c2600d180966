use std::sync::OnceLock;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand_core::OsRng;
use zkpoc_circuits::reference::Update;

use super::*;
use crate::blinding::random_blinding;
use crate::keys::ProverKey;
use crate::prove::commit_shard;

struct Setup {
    profile: Profile,
    srs: Srs,
    grid: Grid,
    model: Model,
    shard: Shard,
    blinding: Blinding,
    training: ProverKey<TrainingCircuit>,
    dataset: ProverKey<DatasetCircuit>,
    round: ProverKey<RoundCircuit>,
}

fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let profile = Profile::builtin("toy").expect("a profile");
        let srs = Srs::bundled_ceremony(8).expect("the ceremony");
        Setup {
            grid: Grid::new(&profile).expect("a grid"),
            model: Model::random(&profile, [3; 32]),
            shard: Shard { features: (0..18).map(|i| (i * 5 + 2) % 16).collect(), labels: vec![1, 0, 2] },
            blinding: random_blinding(),
            training: ProverKey::generate(&profile, &srs).expect("a key"),
            dataset: ProverKey::generate(&profile, &srs).expect("a key"),
            round: ProverKey::generate(&profile, &srs).expect("a key"),
            profile,
            srs,
        }
    })
}

impl Setup {
    fn witness(&self) -> TrainingWitness<'_> {
        TrainingWitness::new(&self.profile, &self.model, &self.shard, self.blinding).expect("a step")
    }

    fn statement(&self) -> TrainingStatement {
        let proving = ProvingContext::new(&self.srs, &self.training).expect("a context");
        TrainingStatement {
            profile_id: B256::new(self.profile.id()),
            model: model_commitment(&self.srs, &self.grid, &self.model).expect("points"),
            registered: commit_shard(&self.srs, &self.grid, &self.shard, &self.blinding).expect("a point"),
            context: Fr::from(11),
            bounds: self.witness().bounds(&proving),
        }
    }

    fn dataset_statement(&self) -> DatasetStatement {
        let TrainingStatement { profile_id, registered, context, .. } = self.statement();
        DatasetStatement { profile_id, registered, context }
    }

    fn sum(&self) -> UpdateOpening {
        UpdateOpening::of_first_model(&self.profile, &self.grid, &self.model)
    }

    fn verifying<'a>(&'a self, key: &'a VerifierKey) -> VerifyingContext<'a> {
        VerifyingContext::new(&self.srs, key).expect("a context")
    }
}

/// Another point of the curve.
fn other(point: &G1Affine) -> G1Affine {
    (*point + *point).to_affine()
}

#[test]
fn rejects_a_training_proof_under_any_other_statement() {
    let setup = setup();
    let statement = setup.statement();
    let proving = ProvingContext::new(&setup.srs, &setup.training).expect("a context");
    let made = prove(&statement, setup.witness(), &proving).expect("a proof");
    let (proof, context) = (made.public(), setup.verifying(setup.training.verifier()));
    let points = verify(&statement, &proof, &context).expect("a valid proof");
    assert_eq!(points.update, made.opening.commit(&setup.srs, &setup.grid).expect("points"));

    let refused = |change: &dyn Fn(&mut TrainingStatement)| {
        let mut changed = statement.clone();
        change(&mut changed);
        verify(&changed, &proof, &context).expect_err("another statement")
    };
    assert!(matches!(refused(&|s| s.profile_id = B256::repeat_byte(1)), VerifyError::Other { what: "profile id", .. }));
    assert_eq!(refused(&|s| s.model[0] = other(&s.model[0])), VerifyError::Model { index: 0 });
    assert!(matches!(refused(&|s| s.model.truncate(0)), VerifyError::ModelPoints { found: 0, .. }));
    assert!(matches!(refused(&|s| s.registered = other(&s.registered)), VerifyError::Link(_)));
    assert!(matches!(refused(&|s| s.registered = points.data), VerifyError::Link(_)));
    assert_eq!(refused(&|s| s.context += Fr::ONE), VerifyError::Invalid);
    assert_eq!(refused(&|s| s.bounds.norm_log2 -= 1), VerifyError::Invalid);
    assert_eq!(refused(&|s| s.bounds.loss_log2 += 1), VerifyError::Invalid);
    // 2^254 is a small number modulo r: no exponent may come near it.
    let near = VerifyError::Bound { index: NORM_BOUND, most: 126, exponent: 254 };
    assert_eq!(refused(&|s| s.bounds.norm_log2 = 254), near);

    let unlinked = Proof { link: None, ..proof.clone() };
    assert_eq!(verify(&statement, &unlinked, &context).err(), Some(VerifyError::Unlinked));
    let elsewhere = TrainingStatement { context: Fr::from(12), ..statement.clone() };
    let again = prove(&elsewhere, setup.witness(), &proving).expect("a proof").public();
    let swapped = Proof { link: again.link, ..proof.clone() };
    assert!(matches!(verify(&statement, &swapped, &context).err(), Some(VerifyError::Link(_))));

    // A key of another circuit.
    let context = setup.verifying(setup.dataset.verifier());
    assert!(matches!(verify(&statement, &proof, &context), Err(VerifyError::Other { what: "circuit", .. })));
}

#[test]
fn rejects_a_witness_of_another_statement() {
    let setup = setup();
    let statement = setup.statement();
    let proving = ProvingContext::new(&setup.srs, &setup.training).expect("a context");
    let model = Model::random(&setup.profile, [4; 32]);
    let witness = TrainingWitness::new(&setup.profile, &model, &setup.shard, setup.blinding).expect("a step");
    assert!(matches!(prove(&statement, witness, &proving), Err(ProveError::Model)));
    let witness = TrainingWitness::new(&setup.profile, &setup.model, &setup.shard, random_blinding()).expect("a step");
    assert!(matches!(prove(&statement, witness, &proving), Err(ProveError::NotRegistered)));
    let foreign = TrainingStatement { profile_id: B256::ZERO, ..statement.clone() };
    assert!(matches!(prove(&foreign, setup.witness(), &proving), Err(ProveError::Profile { .. })));
    let tight = TrainingStatement { bounds: Buckets { norm_log2: 1, ..statement.bounds }, ..statement };
    assert!(matches!(prove(&tight, setup.witness(), &proving), Err(ProveError::Witness(_))));
}

#[test]
fn rejects_a_key_with_another_reference_string() {
    let key = setup().training.verifier();
    let other = Srs::dev_insecure(8).expect("a string");
    assert!(matches!(VerifyingContext::new(&other, key), Err(VerifyError::Other { what: "SRS digest", .. })));
    let smaller = Srs::bundled_ceremony(7).expect("the ceremony");
    assert!(matches!(VerifyingContext::new(&smaller, key), Err(VerifyError::Size { expected: 8, found: 7 })));
}

#[test]
fn rejects_a_dataset_proof_under_any_other_statement() {
    let setup = setup();
    let statement = setup.dataset_statement();
    let proving = ProvingContext::new(&setup.srs, &setup.dataset).expect("a context");
    let witness = DatasetWitness { shard: &setup.shard, blinding: Secret(setup.blinding) };
    assert!(!format!("{witness:?}").contains(&format!("{:?}", setup.blinding[0])));
    let proof = prove(&statement, witness, &proving).expect("a proof").public();
    let context = setup.verifying(setup.dataset.verifier());
    verify(&statement, &proof, &context).expect("a valid proof");
    let moved = DatasetStatement { context: Fr::from(12), ..statement.clone() };
    assert_eq!(verify(&moved, &proof, &context).err(), Some(VerifyError::Invalid));
    let foreign = DatasetStatement { registered: other(&statement.registered), ..statement.clone() };
    assert!(matches!(verify(&foreign, &proof, &context).err(), Some(VerifyError::Link(_))));
    let unlinked = Proof { link: None, ..proof };
    assert_eq!(verify(&statement, &unlinked, &context).err(), Some(VerifyError::Unlinked));
}

#[test]
fn rejects_a_round_proof_under_any_other_statement() {
    let setup = setup();
    let (zero, sum) = (Model::zero(&setup.profile), setup.sum());
    let of = |claims| RoundStatement::of(&setup.profile, &setup.srs, (&zero, &sum, claims), Fr::from(5));
    let statement = of(1).expect("a statement");
    assert_eq!(statement.next, setup.statement().model);
    let proving = ProvingContext::new(&setup.srs, &setup.round).expect("a context");
    let witness = RoundWitness { model: &zero, sum: &sum };
    let made = prove(&statement, witness, &proving).expect("a proof");
    assert_eq!(made.next, setup.model);
    let (proof, context) = (made.public(), setup.verifying(setup.round.verifier()));
    verify(&statement, &proof, &context).expect("a valid proof");

    let refused = |change: &dyn Fn(&mut RoundStatement)| {
        let mut changed = statement.clone();
        change(&mut changed);
        verify(&changed, &proof, &context).expect_err("another statement")
    };
    assert_eq!(refused(&|s| s.model = s.next.clone()), VerifyError::RoundPoints { which: "model" });
    assert_eq!(refused(&|s| s.sum[0] = other(&s.sum[0])), VerifyError::RoundPoints { which: "sum" });
    assert_eq!(refused(&|s| s.next.truncate(0)), VerifyError::RoundPoints { which: "next model" });
    assert_eq!(refused(&|s| s.claims = 2), VerifyError::Invalid);
    // No contract includes so many, and a proof of none exists: for any sum, with a next model at the ends of its range.
    let most = setup.profile.max_claims;
    for found in [0, most + 1, u64::MAX] {
        assert_eq!(refused(&|s| s.claims = found), VerifyError::Claims { most, found });
    }
    assert_eq!(refused(&|s| s.context = Fr::ZERO), VerifyError::Invalid);

    let other_sum = UpdateOpening { update: Update::zero(&setup.profile), tails: sum.tails.clone() };
    let witness = RoundWitness { model: &zero, sum: &other_sum };
    assert!(matches!(prove(&statement, witness, &proving), Err(ProveError::Model)));
}

#[test]
fn files_of_statements_come_back_and_damage_is_refused() {
    let setup = setup();
    let statement = setup.dataset_statement();
    let proving = ProvingContext::new(&setup.srs, &setup.dataset).expect("a context");
    let witness = DatasetWitness { shard: &setup.shard, blinding: Secret(setup.blinding) };
    let proof = prove(&statement, witness, &proving).expect("a proof").public();
    let file = StatementFile::new(&setup.srs, statement, proof);
    let text = file.to_json();
    let read = |text: &str| StatementFile::<DatasetStatement>::from_json(text.as_bytes());
    assert_eq!(read(&text).expect("the file"), file);
    let context = setup.verifying(setup.dataset.verifier());
    file.verify(&context).expect("a valid proof");

    let changes = [
        ("zkpoc-statement", "zkpoc-proof", "`format`"),
        ("\"version\": 1", "\"version\": 2", "`version`"),
        ("\"dataset\"", "\"training\"", "`circuit`"),
        ("\"registered\": \"0x", "\"registered\": \"", "`registered`"),
        ("\"registered\": \"0x", "\"registered\": \"0xff", "`registered`"),
        ("\"context\": \"0x00", "\"context\": \"0xff", "`context`"),
        ("\"link\": \"0x", "\"link\": \"0xf", "`link`"),
        ("\"k\": 8", "\"k\": 8, \"l\": 8", "unknown field"),
        ("\"k\": 8", "\"k\": 8, \"k\": 8", "duplicate field"),
        ("\"k\": 8,", "", "missing field"),
    ];
    for (from, to, words) in changes {
        assert!(text.contains(from), "{from}");
        let error = read(&text.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
    let training = StatementFile::<TrainingStatement>::from_json(text.as_bytes());
    assert!(training.is_err_and(|error| error.to_string().contains("`circuit`")));
    let large = vec![b' '; STATEMENT_FILE_LIMIT + 1];
    assert!(matches!(StatementFile::<DatasetStatement>::from_json(&large), Err(StatementFileError::TooLarge { .. })));

    let mut other_size = file.clone();
    other_size.k = 9;
    assert!(matches!(other_size.verify(&context), Err(VerifyError::Other { what: "k", .. })));
    let mut other_string = file;
    other_string.srs_digest = B256::ZERO;
    assert!(matches!(other_string.verify(&context), Err(VerifyError::Other { what: "SRS digest", .. })));
}

#[test]
fn files_of_training_and_round_statements_come_back() {
    let setup = setup();
    let statement = setup.statement();
    let empty = Proof { bytes: vec![1, 2, 3], link: None };
    let file = StatementFile::new(&setup.srs, statement, empty.clone());
    let text = file.to_json();
    assert_eq!(StatementFile::from_json(text.as_bytes()).expect("the file"), file);
    let from = format!("\"norm_log2\": {}", file.statement.bounds.norm_log2);
    let near = text.replace(&from, "\"norm_log2\": 127");
    let error = StatementFile::<TrainingStatement>::from_json(near.as_bytes()).expect_err("a bound").to_string();
    assert!(error.contains("`norm_log2`") && error.contains("126"), "{error}");

    let sum = setup.sum();
    let claims = setup.profile.max_claims;
    let of = (&Model::zero(&setup.profile), &sum, claims);
    let statement = RoundStatement::of(&setup.profile, &setup.srs, of, Fr::random(OsRng)).expect("a statement");
    let file = StatementFile::new(&setup.srs, statement, empty);
    let text = file.to_json();
    assert_eq!(StatementFile::from_json(text.as_bytes()).expect("the file"), file);
    let padded = text.replace("\"claims\": \"", "\"claims\": \"0");
    let error = StatementFile::<RoundStatement>::from_json(padded.as_bytes()).expect_err("a number").to_string();
    assert!(error.contains("`claims`"), "{error}");
}
