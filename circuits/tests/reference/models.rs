//! Models and updates: shapes, ranges, the public start.

use sha3::{Digest, Keccak256};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, ReferenceError, Update};

use super::builtin;

/// The start model's words, written a second time: the whole stream first.
fn words(seed: [u8; 32], count: usize) -> Vec<u64> {
    let block = |c: u64| Keccak256::digest([&b"zkpoc.model.v1"[..], &seed, &c.to_be_bytes()].concat());
    let bytes: Vec<u8> = (0..count.div_ceil(4) as u64).flat_map(block).collect();
    bytes.chunks(8).map(|w| w.iter().fold(0, |n, b| n << 8 | u64::from(*b))).take(count).collect()
}

#[test]
fn the_start_model_can_be_recomputed_from_its_seed() {
    for name in Profile::builtin_names() {
        let p = builtin(name);
        let model = Model::random(&p, [9; 32]);
        assert_eq!(model.check(&p), Ok(()), "{name}");
        let mut stream = words([9; 32], p.parameters()).into_iter();
        for (layer, n) in model.layers.iter().zip(p.layers.windows(2)) {
            let limit = (f64::from(1 << p.weight_frac_bits) / (n[0] as f64).sqrt()).floor() as i128;
            assert!(limit > 0);
            for weight in &layer.weights {
                let word = i128::from(stream.next().expect("enough words"));
                assert_eq!(i128::from(*weight), word % (2 * limit + 1) - limit);
            }
            assert!(layer.bias.iter().all(|b| *b == 0));
        }
    }
}

#[test]
fn golden_start_of_mnist_mlp() {
    let model = Model::random(&builtin("mnist-mlp"), [0; 32]);
    assert_eq!(model.layers[0].weights[..4], [-42, 61, -37, 129]);
    assert_ne!(model, Model::random(&builtin("mnist-mlp"), [1; 32]));
}

#[test]
fn a_start_never_leaves_the_range_of_narrow_weights() {
    let mut p = builtin("toy");
    p.layers = vec![1, 64, 2];
    p.weight_frac_bits = 7;
    p.weight_bits = 8;
    let model = Model::random(&p, [3; 32]);
    assert_eq!(model.check(&p), Ok(()));
    assert!(model.layers[0].weights.iter().any(|w| w.abs() > 100));
}

#[test]
fn rejects_weights_out_of_range() {
    let p = builtin("toy");
    let good = Model::zero(&p);
    for (value, ok) in [(127, true), (-128, true), (128, false), (-129, false), (i32::MIN, false)] {
        let mut model = good.clone();
        model.layers[1].weights[4] = value;
        let what = "layers.2.weight[1][1]".to_owned();
        let want =
            if ok { Ok(()) } else { Err(ReferenceError::Weight { what, got: value.into(), min: -128, max: 127 }) };
        assert_eq!(model.check(&p), want);
        let mut model = good.clone();
        model.layers[0].bias[3] = value;
        assert_eq!(model.check(&p).is_ok(), ok);
    }
}

#[test]
fn rejects_models_and_updates_of_another_shape() {
    let p = builtin("toy");
    let mut model = Model::zero(&p);
    model.layers[0].inputs = 7;
    let want = ReferenceError::Length { what: "inputs of layer 1".into(), got: 7, expected: 6 };
    assert_eq!(model.check(&p), Err(want));
    let mut model = Model::zero(&p);
    model.layers[1].weights.pop();
    let want = ReferenceError::Length { what: "layers.2.weight".into(), got: 11, expected: 12 };
    assert_eq!(model.check(&p), Err(want));
    let mut model = Model::zero(&p);
    model.layers.pop();
    assert!(matches!(model.check(&p), Err(ReferenceError::Length { got: 1, expected: 2, .. })));

    let mut update = Update::zero(&p);
    assert_eq!(update.check(&p), Ok(()));
    update.layers[0].bias.push(0);
    let want = ReferenceError::Length { what: "update layers.1.bias".into(), got: 5, expected: 4 };
    assert_eq!(update.check(&p), Err(want));
}
