//! The integer trainer against a second, naive statement of the same rules.

#[path = "reference/federated.rs"]
mod federated;
#[path = "reference/learning.rs"]
mod learning;
#[path = "reference/models.rs"]
mod models;
#[path = "reference/numpy.rs"]
mod numpy;
#[path = "reference/random.rs"]
mod random;
#[path = "reference/runs.rs"]
mod runs;

use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{step, Layer, Model, ReferenceError, Shard, StepTrace};

fn builtin(name: &str) -> Profile {
    Profile::builtin(name).expect(name)
}

/// 2-2-2, one record, toy's widths, 4-bit activations, learning rate 1/16.
fn tiny() -> Profile {
    let mut p = builtin("toy");
    p.layers = vec![2, 2, 2];
    p.batch = 1;
    p.activation_bits = 4;
    p.learning_rate.shift = 4;
    p
}

fn layer(inputs: usize, outputs: usize, weights: &[i32], bias: &[i32]) -> Layer {
    Layer { inputs, outputs, weights: weights.to_vec(), bias: bias.to_vec() }
}

fn tiny_model() -> Model {
    Model { layers: vec![layer(2, 2, &[16, -16, 8, 4], &[1, -2]), layer(2, 2, &[10, -7, 5, 20], &[0, 3])] }
}

fn tiny_step() -> StepTrace {
    let shard = Shard { features: vec![3, 15], labels: vec![1] };
    step(&tiny(), &tiny_model(), &shard).expect("valid")
}

#[test]
fn a_step_worked_out_by_hand() {
    let t = tiny_step();
    assert_eq!(t.pre, [vec![183, -18], vec![110, -32]]);
    assert_eq!(t.activations, [vec![11, 0]]);
    assert_eq!(t.mask, [vec![true, false]]);
    assert_eq!(t.backprop, [vec![189, -305]]);
    assert_eq!(t.signals, [vec![12, 0], vec![7, -17]]);
    assert_eq!(t.update.layers[0].weights, [36, 0, 180, 0]);
    assert_eq!(t.update.layers[0].bias, [180, 0]);
    assert_eq!(t.update.layers[1].weights, [77, -187, 0, 0]);
    assert_eq!(t.update.layers[1].bias, [105, -255]);
    assert_eq!((t.loss, t.norm), (338, 183_044));

    let next = tiny_model().apply(&tiny(), &t.update);
    assert_eq!(next.layers[0], layer(2, 2, &[14, -16, -3, 4], &[-10, -2]));
    assert_eq!(next.layers[1], layer(2, 2, &[5, 5, 5, 20], &[-7, 19]));
}

/// One hidden unit whose pre-activation is `z`: one feature 1, weight `z mod 15`, bias `z / 15`.
fn hidden(z: i32) -> StepTrace {
    let mut p = tiny();
    p.layers = vec![1, 1, 1];
    let first = layer(1, 1, &[z.rem_euclid(15)], &[z.div_euclid(15)]);
    let model = Model { layers: vec![first, layer(1, 1, &[1], &[0])] };
    let t = step(&p, &model, &Shard { features: vec![1], labels: vec![0] }).expect("valid");
    assert_eq!(t.pre[0], [i64::from(z)]);
    t
}

#[test]
fn the_mask_and_the_activation_turn_at_their_boundaries() {
    // t = floor((z + 8) / 16): -1 up to z = -9, 0 from -8, 1 from 8, 15 from 232, 16 from 248.
    for (z, activation, mask) in [
        (-9, 0, false),
        (-8, 0, true),
        (7, 0, true),
        (8, 1, true),
        (231, 14, true),
        (232, 15, true),
        (247, 15, true),
        (248, 15, true),
        (1900, 15, true),
        (-1900, 0, false),
    ] {
        let t = hidden(z);
        assert_eq!((t.activations[0][0], t.mask[0][0]), (activation, mask), "z = {z}");
    }
}

#[test]
fn output_signals_saturate_at_both_ends() {
    let mut p = tiny();
    p.layers = vec![1, 2];
    let signal = |bias: i32, label| {
        let model = Model { layers: vec![layer(1, 2, &[0, 0], &[bias, bias])] };
        let shard = Shard { features: vec![0], labels: vec![label] };
        step(&p, &model, &shard).expect("valid").signals[0].clone()
    };
    // 15 * 127 = 1905 -> 119; 1905 - 240 = 1665 -> 104; -1905 -> -119; -2145 -> -134 -> -128.
    assert_eq!(signal(127, 0), [104, 119]);
    assert_eq!(signal(-127, 1), [-119, -128]);
    p.bias_unit = 17;
    // 17 * 127 = 2159 -> 135 -> 127.
    let model = Model { layers: vec![layer(1, 2, &[0, 0], &[127, 127])] };
    let t = step(&p, &model, &Shard { features: vec![0], labels: vec![0] }).expect("valid");
    assert_eq!(t.signals[0], [120, 127]);
}

#[test]
fn hidden_signals_saturate_and_their_sums_do_not() {
    let mut p = tiny();
    p.layers = vec![1, 1, 2];
    let model = Model { layers: vec![layer(1, 1, &[0], &[0]), layer(1, 2, &[127, -127], &[127, -127])] };
    let t = step(&p, &model, &Shard { features: vec![1], labels: vec![1] }).expect("valid");
    assert_eq!(t.signals[1], [119, -128]);
    assert_eq!(t.backprop[0], [127 * (119 + 128)]);
    assert_eq!(t.signals[0], [127]);
}

#[test]
fn applying_an_update_clamps_to_the_range_of_weights() {
    let p = tiny();
    let mut model = tiny_model();
    model.layers[0].weights = vec![127, -127, 120, 0];
    let mut update = tiny_step().update;
    update.layers[0].weights = vec![-(1 << 61), 1 << 61, -112, -8];
    let next = model.apply(&p, &update);
    // -112/16 = -7 -> 127; -8/16 rounds to 0.
    assert_eq!(next.layers[0].weights, [127, -128, 127, 0]);
    assert_eq!(next.check(&p), Ok(()));
}

#[test]
fn rejects_shards_that_no_validity_proof_exists_for() {
    let p = builtin("toy");
    let good = Shard { features: (0..18).map(|x| x % 16).collect(), labels: vec![0, 1, 2] };
    assert_eq!(good.check(&p), Ok(()));

    let mut bad = good.clone();
    bad.features[13] = 16;
    let want = ReferenceError::Feature { record: 2, feature: 1, got: 16, max: 15 };
    assert_eq!(bad.check(&p), Err(want.clone()));
    assert_eq!(want.to_string(), "record 2, feature 1 is 16; expected 0 to 15");

    let mut bad = good.clone();
    bad.labels[1] = 3;
    assert_eq!(bad.check(&p), Err(ReferenceError::Label { record: 1, got: 3, max: 2 }));

    let mut bad = good.clone();
    bad.features.copy_within(0..6, 12);
    assert_eq!(bad.check(&p), Err(ReferenceError::Duplicate { first: 0, second: 2 }));
    assert_eq!(bad.check_ranges(&p), Ok(()));

    let mut bad = good.clone();
    bad.features.pop();
    let want = ReferenceError::Length { what: "features".into(), got: 17, expected: 18 };
    assert_eq!(bad.check(&p), Err(want));
    let mut bad = good;
    bad.labels.push(0);
    assert!(matches!(bad.check(&p), Err(ReferenceError::Length { got: 4, expected: 3, .. })));
}

#[test]
fn a_step_refuses_what_its_parts_refuse() {
    let p = builtin("toy");
    let shard = Shard { features: (0..18).map(|x| x % 16).collect(), labels: vec![0, 1, 2] };
    let model = Model::zero(&p);
    assert!(step(&p, &model, &shard).is_ok());

    let mut wrong = p.clone();
    wrong.activation_shift = 0;
    assert!(matches!(step(&wrong, &model, &shard), Err(ReferenceError::Profile(_))));
    let other = Model::zero(&tiny());
    assert!(matches!(step(&p, &other, &shard), Err(ReferenceError::Length { .. })));
    let empty = Shard { features: vec![], labels: vec![] };
    assert!(matches!(step(&p, &model, &empty), Err(ReferenceError::Length { got: 0, expected: 3, .. })));
}
