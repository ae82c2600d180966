//! One training step on private records, proven and verified: `cargo run --release -p zkpoc-prover --example prove_step`.

use zkpoc_prover::statement::{prove, verify, TrainingStatement, TrainingWitness, VerifyingContext};
use zkpoc_prover::{commit_shard, model_commitment, random_blinding, ProverKey, ProvingContext, Srs, TrainingCircuit};
use zkpoc_prover::{Fr, Grid, Model, Profile, Shard, B256};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profile = Profile::builtin("toy").ok_or("no such profile")?;
    let (srs, grid) = (Srs::bundled_ceremony(profile.k)?, Grid::new(&profile)?);
    let key = ProverKey::<TrainingCircuit>::generate(&profile, &srs)?;
    let proving = ProvingContext::new(&srs, &key)?;

    // Private: three records of six features below 16, their classes, and the blinding of their commitment.
    let shard = Shard { features: (0..18).map(|i| (i * 5 + 2) % 16).collect(), labels: vec![1, 0, 2] };
    let (model, blinding) = (Model::random(&profile, [7; 32]), random_blinding());
    let witness = TrainingWitness::new(&profile, &model, &shard, blinding)?;
    let statement = TrainingStatement {
        profile_id: B256::new(profile.id()),
        model: model_commitment(&srs, &grid, &model)?,
        registered: commit_shard(&srs, &grid, &shard, &blinding)?,
        context: Fr::from(2026), // where the proof is valid
        bounds: witness.bounds(&proving),
    };
    let proof = prove(&statement, witness, &proving)?.public();
    verify(&statement, &proof, &VerifyingContext::new(&srs, key.verifier())?)?;
    println!("{} bytes prove: norm < 2^{}", proof.bytes.len(), statement.bounds.norm_log2);
    Ok(())
}
