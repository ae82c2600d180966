//! The integer trainer learns real digits (UCI sample in `tests/data/digits`).

use zkpoc_circuits::reference::{evaluate, mean_loss, predict, step, train_epochs, Model, Shard};

use super::builtin;

const DIGITS: &str = include_str!("../../../tests/data/digits/digits.csv");
/// Records used for training; the rest are held out.
const TRAIN: usize = 384;

/// Pixels, 0 to 16, and labels of the sample.
pub(super) fn digits_csv() -> (Vec<u8>, Vec<u16>) {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in DIGITS.lines() {
        let record: Vec<u8> = line.split(',').map(|v| v.parse().expect("a number")).collect();
        assert_eq!(record.len(), 65);
        labels.push(record[0].into());
        pixels.extend(&record[1..]);
    }
    assert_eq!(labels.len(), 512);
    (pixels, labels)
}

/// Features (pixels times 15) and labels of the sample.
fn digits() -> (Vec<u16>, Vec<u16>) {
    let (pixels, labels) = digits_csv();
    (pixels.into_iter().map(|v| u16::from(v) * 15).collect(), labels)
}

fn shards(features: &[u16], labels: &[u16]) -> Vec<Shard> {
    let shard = |(x, y): (&[u16], &[u16])| Shard { features: x.to_vec(), labels: y.to_vec() };
    features.chunks_exact(8 * 64).zip(labels.chunks_exact(8)).map(shard).collect()
}

#[test]
fn the_sample_is_valid_for_its_profile() {
    let p = builtin("digits-tiny");
    let (x, y) = digits();
    let shards = shards(&x, &y);
    assert_eq!(shards.len(), 64);
    for shard in &shards {
        assert_eq!(shard.check(&p), Ok(()));
    }
}

#[test]
fn digits_are_learnt_and_held_out_digits_are_recognised() {
    let p = builtin("digits-tiny");
    let (x, y) = digits();
    let train = shards(&x[..TRAIN * 64], &y[..TRAIN]);
    let (held_x, held_y) = (&x[TRAIN * 64..], &y[TRAIN..]);
    let start = Model::random(&p, [7; 32]);

    let mut losses = Vec::new();
    let model = train_epochs(&p, &start, &train, 20, |r, _| losses.push((r.steps, r.mean_loss))).expect("valid");
    assert_eq!(losses.len(), 20);
    assert_eq!(losses[19].0, 20 * 48);
    assert!(losses[19].1 < losses[0].1 / 3.0, "{losses:?}");

    let (accuracy, loss) = evaluate(&p, &model, held_x, held_y).expect("valid");
    let (before, _) = evaluate(&p, &start, held_x, held_y).expect("valid");
    assert!(before < 0.3 && accuracy > 0.75 && loss < 0.5, "{before} -> {accuracy}, loss {loss}");
}

#[test]
fn a_step_reports_the_loss_that_evaluation_measures() {
    let p = builtin("digits-tiny");
    let (x, y) = digits();
    let shard = &shards(&x, &y)[0];
    let model = Model::random(&p, [1; 32]);
    let trace = step(&p, &model, shard).expect("valid");
    let (accuracy, loss) = evaluate(&p, &model, &shard.features, &shard.labels).expect("valid");
    assert!((mean_loss(&p, trace.loss) - loss).abs() < 1e-12);
    let classes = predict(&p, &model, &shard.features).expect("valid");
    let hits = classes.iter().zip(&shard.labels).filter(|(a, b)| a == b).count();
    assert!((accuracy - hits as f64 / 8.0).abs() < 1e-12);
}

#[test]
fn a_zero_model_has_a_loss_of_one_and_answers_the_first_class() {
    let p = builtin("digits-tiny");
    let (x, y) = digits();
    let (accuracy, loss) = evaluate(&p, &Model::zero(&p), &x, &y).expect("valid");
    assert!((loss - 1.0).abs() < 1e-9, "{loss}");
    let zeros = y.iter().filter(|y| **y == 0).count() as f64 / 512.0;
    assert!((accuracy - zeros).abs() < 1e-12);
}
