//! A proof in a file, checked by somebody who has the file, the profile and the reference string, and no chain:
//! `cargo run --release -p zkpoc-prover --example verify_offline [FILE]`. Without a file, one is made first.

use zkpoc_prover::statement::{prove, StatementFile, TrainingStatement, TrainingWitness, VerifyingContext};
use zkpoc_prover::{
    commit_shard, model_commitment, random_blinding, Fr, Grid, Model, Profile, ProverKey, ProvingContext, Shard, Srs,
    TrainingCircuit, VerifierKey, B256,
};

/// What the other side does: a proof about its own records, as a file.
fn make(profile: &Profile, srs: &Srs) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (grid, key) = (Grid::new(profile)?, ProverKey::<TrainingCircuit>::generate(profile, srs)?);
    let proving = ProvingContext::new(srs, &key)?;
    let shard = Shard { features: (0..18).map(|i| (i * 7 + 3) % 16).collect(), labels: vec![2, 1, 0] };
    let (model, blinding) = (Model::random(profile, [1; 32]), random_blinding());
    let witness = TrainingWitness::new(profile, &model, &shard, blinding)?;
    let statement = TrainingStatement {
        profile_id: B256::new(profile.id()),
        model: model_commitment(srs, &grid, &model)?,
        registered: commit_shard(srs, &grid, &shard, &blinding)?,
        context: Fr::from(2026),
        bounds: witness.bounds(&proving),
    };
    let proof = prove(&statement, witness, &proving)?.public();
    Ok(StatementFile::new(srs, statement, proof).to_json().into_bytes())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profile = Profile::builtin("toy").ok_or("no such profile")?;
    let srs = Srs::bundled_ceremony(profile.k)?;
    let bytes = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => make(&profile, &srs)?,
    };
    let file = StatementFile::<TrainingStatement>::from_json(&bytes)?;
    let key = VerifierKey::generate::<TrainingCircuit>(&profile, &srs)?;
    let points = file.verify(&VerifyingContext::new(&srs, &key)?)?;

    // What the proof cannot say and the reader must know: whose shard, which model, which context.
    let known = model_commitment(&srs, &Grid::new(&profile)?, &Model::random(&profile, [1; 32]))?;
    println!("the proof holds; its model is {}", if points.model == known { "the public one" } else { "another" });
    Ok(())
}
