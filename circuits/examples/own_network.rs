//! A network of one's own: a profile made in code, checked, laid out, trained, and a step of it checked against every gate.
//!
//! `cargo run --release -p zkpoc-circuits --example own_network`
//!
//! The task is made up: 12 numbers, of which the first, second or last third is the largest.

use halo2_proofs::dev::MockProver;
use std::error::Error;
use zkpoc_circuits::profile::{Activation, FeatureKind, LabelKind, Loss, Mode};
use zkpoc_circuits::reference::{evaluate, mean_loss};
use zkpoc_circuits::training::{regions, Phase1};
use zkpoc_circuits::{
    run, soundness, DatasetCircuit, ErrorKind, Fr, LearningRate, Model, Profile, RoundCircuit, Shard, TrainingCircuit,
};

/// 12 features, 8 hidden units, 3 classes; 6 records a step.
fn profile() -> Profile {
    Profile {
        name: "own-network".into(),
        layers: vec![12, 8, 3],
        batch: 6,
        data: "synthetic".into(),
        activation: Activation::Relu,
        loss: Loss::SquaredError,
        output_table: None,
        // One step a claim, what the circuits prove.
        local_steps: 1,
        mode: Mode::Local,
        fine_shift: 0,
        local_rate: 1,
        momentum: 0,
        feature_kind: FeatureKind::Unsigned,
        label_kind: LabelKind::Class,
        // A feature of 15 means 1.0, a weight w means w / 2^5.
        feature_bits: 4,
        standardise: None,
        weight_bits: 9,
        weight_frac_bits: 5,
        activation_bits: 8,
        activation_shift: 5,
        signal_bits: 9,
        residual_shift: 3,
        backprop_shift: 5,
        bias_unit: 15,
        // 1.0 at the output: 15 * 2^5.
        target: 480,
        learning_rate: LearningRate { numerator: 1, shift: 8 },
        max_claims: 4,
        limb_bits: 5,
        weight_columns: 1,
        stack_bits: 0,
        k: 9,
    }
}

/// Record `i` of an endless list: its features and its class.
fn record(i: u64) -> ([u16; 12], u16) {
    // A multiplicative hash: good enough to look random.
    let noise = |j: u64| ((i * 12 + j + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as u16;
    let class = (i % 3) as u16;
    let feature = |j: u64| noise(j) + if j / 4 == u64::from(class) { 8 } else { 0 };
    (std::array::from_fn(|j| feature(j as u64)), class)
}

fn shard(profile: &Profile, number: u64) -> Shard {
    let first = number * profile.batch as u64;
    let records: Vec<_> = (first..first + profile.batch as u64).map(record).collect();
    Shard {
        features: records.iter().flat_map(|(features, _)| *features).collect(),
        labels: records.iter().map(|(_, class)| *class).collect(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Every field has limits, and every sum that they allow must stay far below the field's order. A wrong one says so.
    let too_small = Profile { k: 6, ..profile() };
    let refused = TrainingCircuit::new(&too_small).err().ok_or("64 rows cannot hold this network")?;
    assert_eq!(refused.kind(), ErrorKind::Layout);
    println!("with k = 6: {refused}");
    let profile = profile();
    profile.validate()?;

    // The layout: all three circuits share one grid.
    let training = TrainingCircuit::new(&profile)?;
    DatasetCircuit::new(&profile)?;
    RoundCircuit::new(&profile)?;
    let plan = training.plan();
    let grid = &plan.grid;
    let (used, columns) = regions::advice(plan);
    println!(
        "layout: {} rows, {} blocks of {} rows in use of {}, {columns} columns, {} blinding rows",
        grid.rows(),
        grid.end(),
        grid.rows_per_block,
        grid.blocks(),
        training.blinding_rows(),
    );
    let (column, row) = grid.weight(2, 3, 1);
    println!("weight 1 of hidden unit 3 in layer 2: column {column}, row {row}; {} regions in all", used.len());
    println!("a false step passes with probability 2^-{:.0}", soundness::total_bits(&soundness::training(&training)));

    // Training, in the integers that the circuits prove.
    let mut model = Model::random(&profile, [1; 32]);
    for number in 0..200 {
        let trace = run(&profile, &model, &shard(&profile, number))?;
        if number % 50 == 0 {
            println!("step {number}: loss {:.3}", mean_loss(&profile, trace.loss));
        }
        model = model.apply(&profile, &trace.update);
    }
    let (features, labels): (Vec<_>, Vec<_>) = (6000..6300).map(record).unzip();
    let (accuracy, loss) = evaluate(&profile, &model, features.as_flattened(), &labels)?;
    println!("after 200 steps, on {} unseen records: accuracy {accuracy:.2}, loss {loss:.3}", labels.len());

    // One step as a witness: the smallest powers of two that bound norm and loss, and every gate on every row.
    let shard = shard(&profile, 200);
    let trace = run(&profile, &model, &shard)?;
    let log2 = |value: u128| 128 - value.leading_zeros();
    let (norm_log2, loss_log2) = (log2(trace.norm), log2(trace.loss));
    let witness = Phase1::new(plan, &model, &shard, &trace, norm_log2, loss_log2)?;
    let public = vec![Fr::from(1), witness.norm_bound, witness.loss_bound];
    let mock = MockProver::run(profile.k, &training.with_witness(witness), vec![public])?;
    mock.verify().map_err(|failures| format!("{} constraints fail", failures.len()))?;
    println!("a step with norm below 2^{norm_log2} and loss below 2^{loss_log2} satisfies every gate");
    Ok(())
}
