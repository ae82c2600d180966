//! Every error says what a caller can do about it.

use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::training::Phase1;
use zkpoc_circuits::{run, ErrorKind, Model, Profile, RoundCircuit, RoundWitness, Shard, TrainingCircuit, Update};

fn toy() -> Profile {
    Profile::builtin("toy").unwrap()
}

fn shard() -> Shard {
    Shard { features: (0..18).map(|i| i % 16).collect(), labels: vec![0, 1, 2] }
}

#[test]
fn rejects_a_profile_with_the_kind_of_what_is_wrong() {
    let field = Profile { batch: 0, ..toy() };
    assert_eq!(field.validate().unwrap_err().kind(), ErrorKind::Profile);
    assert_eq!(Profile::from_toml("name = 1").unwrap_err().kind(), ErrorKind::Profile);
    let rows = Profile { k: 6, ..toy() };
    assert_eq!(rows.validate(), Ok(()));
    assert_eq!(TrainingCircuit::new(&rows).unwrap_err().kind(), ErrorKind::Layout);
}

#[test]
fn rejects_a_step_with_the_kind_of_what_is_wrong() {
    let (profile, model) = (toy(), Model::random(&toy(), [1; 32]));
    let kind = |profile: &Profile, model: &Model, shard: &Shard| run(profile, model, shard).unwrap_err().kind();
    assert_eq!(kind(&Profile { batch: 0, ..toy() }, &model, &shard()), ErrorKind::Profile);
    assert_eq!(kind(&profile, &model, &Shard { features: Vec::new(), ..shard() }), ErrorKind::Input);
    assert_eq!(kind(&profile, &model, &Shard { labels: vec![0, 1, 3], ..shard() }), ErrorKind::Input);
    assert_eq!(kind(&profile, &Model { layers: Vec::new() }, &shard()), ErrorKind::Input);
    let trace = run(&profile, &model, &shard()).unwrap();
    let circuit = TrainingCircuit::new(&profile).unwrap();
    for (norm, loss) in [(0, 20), (30, 0), (127, 20)] {
        let error = Phase1::new(circuit.plan(), &model, &shard(), &trace, norm, loss).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bound);
    }
}

#[test]
fn rejects_a_round_with_the_kind_of_what_is_wrong() {
    let (circuit, model, sum) = (RoundCircuit::new(&toy()).unwrap(), Model::zero(&toy()), Update::zero(&toy()));
    let tails = [vec![Fr::zero(); TAIL]];
    let kind = |sum: &Update, claims, tails: &[Vec<Fr>]| {
        RoundWitness::new(circuit.plan(), &model, sum, claims, tails).unwrap_err().kind()
    };
    assert_eq!(kind(&sum, 0, &tails), ErrorKind::Input);
    assert_eq!(kind(&sum, 1, &[]), ErrorKind::Input);
    assert_eq!(kind(&Update { layers: Vec::new() }, 1, &tails), ErrorKind::Input);
    assert!(RoundWitness::new(circuit.plan(), &model, &sum, 1, &tails).is_ok());
}
