//! The training circuit accepts honest steps and rejects, constraint by constraint, cheating first
//! phases. Each attack keeps all other books straight, so the named constraint is the only one in
//! its way; the real verifier must reject it too.

#[path = "training/bounds.rs"]
mod bounds;
#[path = "training/chains.rs"]
mod chains;
#[path = "training/deletion.rs"]
mod deletion;
pub(crate) mod laps;
#[path = "training/softmax.rs"]
pub(crate) mod softmax;
use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use support::cheat::{base, count, large_quotient, limbs, put_limbs, put_parts, recount, settle};
use support::proving::Keys;
use support::{integer, names, quiet, rejects, shape, stacked, toy_keys, Claim, Fixture};
use zkpoc_circuits::field::signed;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, Shard};
use zkpoc_circuits::training::plan::Requantise;
use zkpoc_circuits::training::{Phase1, WitnessError};

fn rejects_first(expected: &[&str], edit: impl Fn(&Fixture, &mut Phase1)) {
    let fixture = quiet();
    let mut first = fixture.first.clone();
    edit(fixture, &mut first);
    rejects(fixture, toy_keys(), &Claim::of(first), expected);
}

fn accepts(fixture: &Fixture, keys: &Keys) {
    let claim = fixture.claim();
    let audit = fixture.audit(&claim, 3);
    assert_eq!(audit.failing_names(), names(&[]));
    assert!(keys.accepts(fixture, &claim));
}

// ---------------------------------------------------------------------------------------- honest

#[test]
fn accepts_honest_steps() {
    accepts(quiet(), toy_keys());
    for seed in 0..3 {
        accepts(&Fixture::random(Profile::builtin("toy").unwrap(), seed), toy_keys());
    }
}

#[test]
fn accepts_extreme_weights_and_saturated_units() {
    let profile = Profile::builtin("toy").unwrap();
    for (weight, feature, label) in [(127, 15, 0), (-127, 15, 2), (127, 0, 1), (-127, 0, 0)] {
        let mut model = Model::zero(&profile);
        for (l, layer) in model.layers.iter_mut().enumerate() {
            for (i, w) in layer.weights.iter_mut().enumerate() {
                *w = if (i + l) % 3 == 0 { -weight } else { weight };
            }
            layer.bias.fill(weight);
        }
        let shard = Shard { features: vec![feature; 18], labels: vec![label; 3] };
        accepts(&Fixture::new(profile.clone(), model, shard), toy_keys());
    }
}

#[test]
fn accepts_an_update_of_zeros() {
    // Targets reached exactly: a bias of one target on the label's class, nothing else.
    let profile = Profile::builtin("toy").unwrap();
    let mut model = Model::zero(&profile);
    model.layers[1].bias[1] = 16;
    let shard = Shard { features: (0..18).map(|i| i % 16).collect(), labels: vec![1; 3] };
    let fixture = Fixture::new(profile, model, shard);
    assert_eq!((fixture.trace.norm, fixture.trace.loss), (0, 0));
    accepts(&fixture, toy_keys());
}

#[test]
fn refuses_buckets_that_do_not_hold() {
    let f = quiet();
    let log2 = |v: u128| 128 - v.leading_zeros();
    let new = |norm, loss| Phase1::new(&f.plan, &f.model, &f.shard, &f.run, norm, loss).map(|_| ());
    let (norm, loss) = (log2(f.trace.norm), log2(f.trace.loss));
    assert_eq!(new(norm, loss), Ok(()));
    assert_eq!(new(norm - 1, loss), Err(WitnessError::Norm { log2: norm - 1 }));
    assert_eq!(new(norm, loss - 1), Err(WitnessError::Loss { log2: loss - 1 }));
    // What is private is not in the message: it ends up in logs.
    for error in [new(norm - 1, loss), new(norm, loss - 1)].map(|refused| refused.unwrap_err().to_string()) {
        let exact = [f.trace.norm, f.trace.loss].map(|value| value.to_string());
        assert!(exact.iter().all(|value| !error.contains(value)), "{error}");
    }
    let most = f.plan.bucket_bits().0.min(126);
    assert_eq!(new(most + 1, loss), Err(WitnessError::Bucket { log2: most + 1, most }));
    assert_eq!(new(most, loss), Ok(()));
}

// --------------------------------------------------------------------------------- committed zones

/// The circuit leaves the model's tail to the contract, which compares commitments.
#[test]
fn a_model_with_other_blinding_than_ones_has_another_commitment() {
    let f = quiet();
    let claim = f.claim();
    let rows = f.circuit.blinding_rows();
    let prove = |blinding: Vec<u64>| {
        let proof = toy_keys().prove(f, &claim, blinding);
        assert!(toy_keys().verify(&proof, &claim.instance));
        proof[..32].to_vec()
    };
    let honest = prove(vec![1; rows]);
    assert_eq!(prove(vec![1; rows]), honest);
    for row in [0, rows - 1] {
        let mut blinding = vec![1; rows];
        blinding[row] = 2;
        assert_ne!(prove(blinding), honest);
    }
}

/// Attacks `update.start`, `update.gap` and `update.end`.
#[test]
fn rejects_an_update_with_values_in_its_padding() {
    let row = |f: &Fixture, block: usize| f.plan.grid.row(block);
    rejects_first(&["update.start"], |f, first| first.d[0][row(f, f.plan.grid.gap(0))] = Fr::from(5));
    rejects_first(&["update.gap"], |f, first| first.d[0][row(f, f.plan.grid.gap(1))] = Fr::from(5));
    rejects_first(&["update.end"], |f, first| first.d[0][f.plan.table_row] = Fr::from(5));
    rejects_first(&["update.end"], |f, first| first.d[0][f.plan.grid.rows() - 33] = Fr::from(5));
}

/// One update column in a committed one of two places: a tail between them, and a place that no update takes.
/// Attacks `update.rest` and `update.idle`.
#[test]
fn rejects_an_update_with_values_where_a_stacked_column_has_none() {
    let f = Fixture::random(stacked(shape(&[3, 4, 2], 3, 1, 4).unwrap(), 1), 1);
    let keys = Keys::new(&f);
    let (height, row) = (f.plan.grid.height(), f.plan.grid.row(f.plan.grid.input(1, 0)));
    for (cell, name) in [(height - 1, "update.rest"), (height + row, "update.idle")] {
        let mut first = f.first.clone();
        first.d[0][cell] = Fr::from(5);
        rejects(&f, &keys, &Claim::of(first), &[name]);
    }
}

#[test]
fn rejects_update_cells_beside_transposed_weights() {
    let edit = |f: &Fixture, first: &mut Phase1| {
        let row = f.plan.unit_rows(2).start;
        put_cancelling(first, [row, row + 1]);
    };
    rejects_first(&["lookup.total"], edit);
}

#[test]
fn rejects_update_cells_of_a_section_that_stand_for_no_weight() {
    let edit = |f: &Fixture, first: &mut Phase1| {
        // Layer 2 has three units, a block four rows.
        let padding = |input: usize| f.plan.grid.weight(2, input, 2).1 + 1;
        put_cancelling(first, [padding(0), padding(1)]);
    };
    rejects_first(&["gradient"], edit);
}

/// Two cells whose squares cancel, so that the dot products do not notice.
fn put_cancelling(first: &mut Phase1, rows: [usize; 2]) {
    let i = (1..50).map(Fr::from).map(|g| g.pow(quarter_order())).find(|i| i.square() == -Fr::ONE).unwrap();
    first.d[0][rows[0]] = Fr::from(9);
    first.d[0][rows[1]] = Fr::from(9) * i;
}

/// `(r - 1) / 4` as limbs.
fn quarter_order() -> [u64; 4] {
    let mut bytes = (-Fr::ONE).to_bytes();
    for _ in 0..2 {
        for at in 0..32 {
            let next = bytes.get(at + 1).copied().unwrap_or(0);
            bytes[at] = bytes[at] >> 1 | next << 7;
        }
    }
    std::array::from_fn(|i| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap()))
}

// ------------------------------------------------------------------------------------------ update

/// Attacks `gradient`.
#[test]
fn rejects_an_update_cell_off_by_one() {
    for (l, j, k) in [(1, 0, 0), (1, 5, 3), (2, 3, 2)] {
        for delta in [Fr::ONE, -Fr::ONE] {
            rejects_first(&["gradient"], |f, first| {
                let (column, row) = f.plan.grid.weight(l, j, k);
                first.d[column][row] += delta;
                recount(&f.plan, first);
            });
        }
    }
}

#[test]
fn rejects_swapped_update_cells_and_a_doubled_or_zero_update() {
    rejects_first(&["gradient"], |f, first| {
        let (a, b) = (f.plan.grid.weight(1, 0, 0).1, f.plan.grid.bias_weight(1, 2).1);
        assert_ne!(first.d[0][a], first.d[0][b]);
        first.d[0].swap(a, b);
        recount(&f.plan, first);
    });
    for scale in [Fr::ZERO, Fr::from(2), -Fr::ONE] {
        rejects_first(&["gradient"], |f, first| {
            first.d[0].iter_mut().for_each(|d| *d *= scale);
            first.norm_bound *= Fr::from(4);
            recount(&f.plan, first);
        });
    }
}

#[test]
fn rejects_the_update_of_another_model_or_other_labels() {
    let f = quiet();
    let mut model = f.model.clone();
    model.layers[0].weights[0] += 1;
    let other = Fixture::new(f.profile.clone(), model, f.shard.clone());
    rejects_first(&["forward"], |_, first| *first = Phase1 { w: first.w.clone(), ..other.first.clone() });
    let mut shard = f.shard.clone();
    shard.labels[1] = 1;
    let other = Fixture::new(f.profile.clone(), f.model.clone(), shard);
    rejects_first(&["forward"], |_, first| *first = Phase1 { x: first.x.clone(), ..other.first.clone() });
    let mut shard = f.shard.clone();
    shard.features[3] ^= 1;
    let other = Fixture::new(f.profile.clone(), f.model.clone(), shard);
    rejects_first(&["forward", "gradient"], |_, first| *first = Phase1 { x: first.x.clone(), ..other.first.clone() });
}

// ------------------------------------------------------------------------------------------- units

/// Rewrites one unit as (quotient, excess, sign), its cell as `cell`, and settles the rest.
fn rewrite(
    f: &Fixture,
    first: &mut Phase1,
    part: &Requantise,
    at: usize,
    parts: (u128, u128, i128),
    cell: Option<i128>,
) {
    put_parts(&f.plan, first, part, at, parts.0, parts.1, parts.2);
    if let Some(cell) = cell {
        first.aux[0][at] = signed(cell);
    }
    settle(&f.plan, first);
}

/// Attacks `hidden.activation`.
#[test]
fn rejects_a_wrong_activation() {
    rejects_first(&["hidden.activation"], |f, first| {
        first.aux[0][base(&f.plan, 1, 1, 0)] += Fr::ONE;
        settle(&f.plan, first);
    });
}

/// Attacks `signal.sign` and `activation.sign`.
#[test]
fn rejects_a_sign_that_is_no_bit() {
    let f = quiet();
    let relu = f.plan.relu.as_ref().unwrap();
    // t = -19 as 0 + 0 - 19 (2*0 + 1): the mask would be 1 - 19.
    rejects_first(&["activation.sign"], |f, first| rewrite(f, first, relu, base(&f.plan, 1, 1, 1), (0, 0, 19), None));
    // t' = -134 + 128.
    rejects_first(&["signal.sign"], |f, first| {
        rewrite(f, first, &f.plan.signal, base(&f.plan, 2, 2, 0), (0, 0, 6), None)
    });
}

/// Attacks `activation.floor` and `activation.ceiling`.
#[test]
fn rejects_a_masked_unit_that_is_active() {
    let f = quiet();
    let relu = f.plan.relu.as_ref().unwrap();
    let at = base(&f.plan, 1, 1, 0);
    let t = integer(&limbs(&f.plan, &f.first, &relu.quotient, at)).unwrap();
    assert_eq!(t, 38);
    rejects_first(&["activation.floor"], |f, first| rewrite(f, first, relu, at, (39, 0, 1), Some(39)));
    rejects_first(&["activation.ceiling"], |f, first| rewrite(f, first, relu, at, (30, 8, 0), Some(30)));
    rejects_first(&["activation.ceiling"], |f, first| rewrite(f, first, relu, at, (0, 38, 0), Some(0)));
}

#[test]
fn rejects_an_inactive_unit_that_is_not_masked() {
    // t = -19 with sign 0 needs a negative excess, which no limbs hold.
    let f = quiet();
    let relu = f.plan.relu.as_ref().unwrap();
    rejects_first(&["activation.ceiling", "lookup.total"], |f, first| {
        let at = base(&f.plan, 1, 1, 1);
        put_parts(&f.plan, first, relu, at, 0, 0, 0);
        let lane = relu.excess.lanes[0];
        first.aux[lane.column][lane.at(at)] = -Fr::from(19);
        settle(&f.plan, first);
    });
}

/// Attacks `signal.floor`, `signal.ceiling` and `output.residual`.
#[test]
fn rejects_a_residual_that_is_not_the_rounded_clamp() {
    let f = quiet();
    let at = base(&f.plan, 2, 2, 1);
    assert_eq!(integer(&limbs(&f.plan, &f.first, &f.plan.signal.quotient, at)), Some(9));
    rejects_first(&["signal.floor"], |f, first| rewrite(f, first, &f.plan.signal, at, (10, 0, 1), Some(-118)));
    rejects_first(&["signal.ceiling"], |f, first| rewrite(f, first, &f.plan.signal, at, (7, 2, 0), Some(-121)));
    for delta in [1, -1] {
        rejects_first(&["output.residual"], |f, first| {
            first.aux[0][at] += signed(delta);
            settle(&f.plan, first);
        });
    }
}

/// Attacks `output.phantom`.
#[test]
fn rejects_a_residual_of_a_record_that_does_not_exist() {
    rejects_first(&["output.phantom"], |f, first| {
        first.aux[0][base(&f.plan, 2, 2, 3)] = Fr::from(5);
        settle(&f.plan, first);
    });
}

/// Attacks `forward` and `backward`.
#[test]
fn rejects_a_rounded_value_that_is_not_the_product() {
    let f = quiet();
    let relu = f.plan.relu.as_ref().unwrap();
    for (expected, l, part) in [("forward", 1, relu), ("backward", 1, &f.plan.signal), ("forward", 2, &f.plan.signal)] {
        rejects_first(&[expected], |f, first| {
            let at = base(&f.plan, l, 0, 0);
            let value = integer(&limbs(&f.plan, first, &part.remainder, at)).unwrap();
            put_limbs(&f.plan, first, &part.remainder, at, value ^ 1);
            count(&f.plan, first);
        });
    }
}

// ----------------------------------------------------------------------------------------- lookups

/// Attacks `lookup.total`.
#[test]
fn rejects_limbs_off_the_table_and_forged_multiplicities() {
    let off = |f: &Fixture, first: &mut Phase1| {
        // The same integer with a limb of 2^4 and the next one less by one.
        let quotient = &f.plan.signal.quotient;
        let at = large_quotient(&f.plan, first);
        let (low, high) = (quotient.lanes[0], quotient.lanes[1]);
        first.aux[low.column][low.at(at)] += Fr::from(16);
        first.aux[high.column][high.at(at)] -= Fr::ONE;
        count(&f.plan, first);
    };
    rejects_first(&["lookup.total"], off);
    let value = |f: &Fixture, first: &mut Phase1| {
        first.aux[0][f.plan.table_row] += Fr::ONE;
        first.aux[0][f.plan.table_row + 1] -= Fr::ONE;
    };
    rejects_first(&["lookup.total"], value);
    rejects_first(&["lookup.total"], |f, first| first.aux[0][f.plan.table_row + 15] += Fr::ONE);
}

/// Attacks `signal.scaled` and `activation.scaled`.
#[test]
fn rejects_a_top_limb_beyond_the_missing_bits() {
    // 6-bit limbs leave 4 bits of the top limb of 8-bit integers unused.
    let profile = shape(&[3, 2, 2], 3, 1, 6).unwrap();
    let f = Fixture::random(profile, 2);
    let keys = Keys::new(&f);
    let relu = f.plan.relu.as_ref().unwrap();
    for (name, part, l) in
        [("signal.scaled", &f.plan.signal, 2), ("signal.scaled", &f.plan.signal, 1), ("activation.scaled", relu, 1)]
    {
        let quotient = &part.quotient;
        assert_eq!(quotient.missing, 4);
        let (top, scaled) = (quotient.lanes[1], quotient.scaled.unwrap());
        let at = base(&f.plan, l, 1, 1);
        // The scaled limb must be the limb, scaled.
        let mut first = f.first.clone();
        let cell = &mut first.aux[scaled.column][scaled.at(at)];
        *cell = if *cell == Fr::ZERO { Fr::ONE } else { *cell - Fr::ONE };
        count(&f.plan, &mut first);
        rejects(&f, &keys, &Claim::of(first), &[name]);
        // A limb of more bits leaves the table when it is scaled.
        let mut first = f.first.clone();
        first.aux[top.column][top.at(at)] += Fr::from(4);
        first.aux[scaled.column][scaled.at(at)] += Fr::from(64);
        count(&f.plan, &mut first);
        assert!(f.audit(&Claim::of(first.clone()), 1).failing_names().contains("lookup.total"));
        assert!(!keys.accepts(&f, &Claim::of(first)));
    }
}
