//! Random shapes: what the circuit proves is the reference's step, and what does not fit is refused.

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::cheat::recount;
use support::draw;
use support::proving::Keys;
use support::{shape, stacked, Claim, Fixture};
use zkpoc_circuits::grid::LayoutError;
use zkpoc_circuits::profile::{Bounds, Profile, ProfileError};
use zkpoc_circuits::training::{Plan, TrainingCircuit};

/// Profiles of depth 1 to 3 with any widths, bits and shifts that are valid, at the smallest k that fits
/// or up to two larger.
fn profiles() -> impl Strategy<Value = Profile> {
    let widths = prop::collection::vec(1usize..=12, 2..=4);
    let numbers = (1usize..=9, 1usize..=2, 4u32..=8, 0u32..=2, 0u32..=1);
    let bits = (1u32..=8, 2u32..=10, 1u32..=10, 3u32..=10);
    let shifts = (1u32..=9, 1u32..=9, 1u32..=9, 1i64..=40);
    (widths, numbers, bits, shifts).prop_filter_map(
        "no layout",
        |(layers, (batch, columns, limb_bits, more, stack), bits, shifts)| {
            let layers: Vec<usize> =
                layers.iter().enumerate().map(|(i, w)| if i > 0 { w.next_multiple_of(columns) } else { *w }).collect();
            let mut profile = shape(&layers, batch, columns, limb_bits)?;
            (profile.feature_bits, profile.weight_bits, profile.activation_bits, profile.signal_bits) = bits;
            (profile.activation_shift, profile.residual_shift, profile.backprop_shift, profile.bias_unit) = shifts;
            (profile.weight_frac_bits, profile.stack_bits) = (1, stack);
            profile.target = 3 << profile.residual_shift;
            profile.validate().ok()?;
            let least = (6..=13).find(|k| TrainingCircuit::new(&Profile { k: *k, ..profile.clone() }).is_ok())?;
            profile.k = least + more;
            Some(profile)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prop_the_circuit_accepts_the_step_of_the_reference_and_no_other(profile in profiles(), seed in 0u64..1000, cell in 0usize..10_000) {
        let f = Fixture::random(profile, seed);
        let audit = f.audit(&f.claim(), seed);
        prop_assert_eq!(audit.failing(), BTreeSet::new());
        prop_assert!(audit.bad_reads(&["public.zone"]).is_empty());
        prop_assert_eq!(audit.collisions(), vec![]);

        let mut cells = Vec::new();
        for l in 1..=f.plan.grid.depth() {
            for k in 0..f.plan.grid.layers[l] {
                cells.push(f.plan.grid.bias_weight(l, k));
                cells.extend((0..f.plan.grid.layers[l - 1]).map(|j| f.plan.grid.weight(l, j, k)));
            }
        }
        let (column, row) = cells[cell % cells.len()];
        let mut first = f.first.clone();
        first.d[column][row] += Fr::ONE;
        recount(&f.plan, &mut first);
        let failing = f.audit(&Claim::of(first), seed).failing_names();
        // The bucket may notice as well, when the cell was one of few.
        prop_assert!(failing.contains("gradient") && failing.iter().all(|name| name == "gradient" || name.starts_with("bucket")), "{:?}", failing);
    }
}

#[test]
fn accepts_real_proofs_of_shapes_of_every_depth() {
    let shapes: [(&[usize], usize, usize, u32); 4] =
        [(&[5, 4], 7, 2, 5), (&[3, 5, 2], 2, 1, 4), (&[3, 4, 6, 2], 5, 2, 4), (&[2, 3, 2, 3, 2], 1, 1, 6)];
    let mut seen = 0;
    for (layers, batch, columns, limb_bits) in shapes {
        let f = Fixture::random(shape(layers, batch, columns, limb_bits).unwrap(), 8);
        step_and_no_other(&f);
        // The same with columns below each other, once and twice.
        for bits in 1..=2 {
            let tall = stacked(f.profile.clone(), bits);
            if TrainingCircuit::new(&tall).is_ok() {
                step_and_no_other(&Fixture::random(tall, 8));
                seen += 1;
            }
        }
    }
    assert!(seen > 4, "only {seen} stacked layouts");
}

/// The step has a proof, and an update cell that is off has none.
fn step_and_no_other(f: &Fixture) {
    let keys = Keys::new(f);
    assert!(keys.accepts(f, &f.claim()), "{:?}", f.profile);
    let mut first = f.first.clone();
    let (column, row) = f.plan.grid.weight(1, 0, 0);
    first.d[column][row] -= Fr::ONE;
    recount(&f.plan, &mut first);
    support::rejects(f, &keys, &Claim::of(first), &["gradient"]);
}

#[test]
fn rejects_cells_swapped_between_two_update_columns() {
    // The swap keeps the norm.
    let f = Fixture::builtin("digits-tiny");
    let keys = Keys::new(&f);
    assert!(keys.accepts(&f, &f.claim()));
    let mut rows = f.plan.grid.row(f.plan.grid.input(2, 0))..f.plan.grid.row(f.plan.grid.gap(2));
    let row = rows.find(|row| f.first.d[0][*row] != f.first.d[1][*row]).unwrap();
    let mut first = f.first.clone();
    let cell = first.d[0][row];
    first.d[0][row] = first.d[1][row];
    first.d[1][row] = cell;
    recount(&f.plan, &mut first);
    support::rejects(&f, &keys, &Claim::of(first), &["gradient"]);
}

#[test]
fn golden_every_rotation_of_random_shapes_is_its_own_cell() {
    let mut seen = 0;
    for seed in 0usize..400 {
        let pick = |n: usize, of: usize| 1 + (seed * 7919 + n * 104_729) / 13 % of;
        let columns = pick(0, 2);
        let layers: Vec<usize> = (0..1 + pick(1, 3)).map(|i| pick(2 + i, 12).next_multiple_of(columns)).collect();
        for k in 7..=11 {
            let Some(mut profile) = shape(&layers, pick(9, 24), columns, 3 + pick(8, 4) as u32) else { continue };
            profile.k = k.max(profile.k);
            let Ok(plan) = Plan::new(&profile) else { continue };
            let mut cs = ConstraintSystem::<Fr>::default();
            TrainingCircuit::configure_with_params(&mut cs, Some(Arc::new(plan)));
            let mut cells = BTreeSet::new();
            for (column, rotation) in cs.advice_queries() {
                let at = rotation.0.rem_euclid(1 << profile.k);
                assert!(
                    cells.insert((column.index(), at)),
                    "{profile:?}: rotation {} of column {}",
                    rotation.0,
                    column.index()
                );
            }
            assert!(!cells.is_empty(), "{profile:?}: no gate reads anything");
            seen += 1;
        }
    }
    assert!(seen > 1000, "only {seen} layouts");
}

// ---------------------------------------------------------------------------------------- refusals

fn refused(edit: impl Fn(&mut Profile)) -> LayoutError {
    let mut profile = Profile::builtin("toy").unwrap();
    edit(&mut profile);
    TrainingCircuit::new(&profile).expect_err("no layout")
}

#[test]
fn refuses_profiles_that_do_not_fit_with_the_reason() {
    assert!(matches!(
        refused(|p| p.k = 6),
        LayoutError::TooManyRows { rows_per_block: 4, k: 6, have: 8, suggested: 7, .. }
    ));
    assert!(matches!(refused(|p| p.k = 4), LayoutError::TooManyRows { k: 4, have: 0, .. }));
    assert!(matches!(refused(|p| p.batch = 100), LayoutError::TooManyRows { rows_per_block: 100, .. }));
    assert!(matches!(refused(|p| p.weight_columns = 2), LayoutError::Width { layer: 2, width: 3, columns: 2 }));
    let buckets = refused(|p| (p.layers, p.batch, p.signal_bits) = (vec![1, 1], 1, 16));
    assert!(matches!(buckets, LayoutError::BucketRows { have: 4, .. }), "{buckets:?}");
    assert!(matches!(refused(|p| p.limb_bits = 10), LayoutError::Table { limb_bits: 10, need: 256, .. }));
}

#[test]
fn heads_of_buckets_stay_below_the_field() {
    // The widest numbers a profile may have: 17 full limbs of 15 bits, 255 bits together.
    let profile = Profile {
        layers: vec![1, 1, 1],
        batch: 1,
        feature_bits: 16,
        weight_bits: 32,
        activation_bits: 30,
        activation_shift: 1,
        signal_bits: 30,
        residual_shift: 48,
        backprop_shift: 1,
        bias_unit: 1 << 28,
        target: 1 << 48,
        max_claims: 1,
        limb_bits: 15,
        k: 16,
        ..Profile::builtin("toy").unwrap()
    };
    profile.validate().unwrap();
    let plan = Plan::new(&profile).unwrap();
    let full = |limbs: &zkpoc_circuits::training::plan::Limbs| limbs.lanes.len() - usize::from(limbs.missing > 0);
    let all: usize =
        plan.relu.iter().chain([&plan.signal]).flat_map(|p| [&p.quotient, &p.remainder, &p.excess]).map(full).sum();
    assert_eq!(all * 15, 255);
    let Bounds { norm, loss, .. } = profile.bounds();
    let (norm_bits, loss_bits) = plan.bucket_bits();
    assert!(norm >> norm_bits.min(127) == 0 && loss >> loss_bits.min(127) == 0);
    assert!(norm_bits <= 247 && loss_bits <= 247, "{norm_bits} {loss_bits}");
}

/// What `gates::units` says of the largest value of a unit: an excess of 62 bits and a remainder of 48, in limbs of 15 bits.
#[test]
fn values_of_units_stay_below_the_field() {
    let profile = Profile {
        layers: vec![1, 1, 3],
        batch: 1,
        weight_bits: 30,
        signal_bits: 32,
        residual_shift: 48,
        backprop_shift: 1,
        target: 1 << 48,
        max_claims: 1,
        limb_bits: 15,
        k: 16,
        ..Profile::builtin("toy").unwrap()
    };
    profile.validate().unwrap();
    let bits = |part: &zkpoc_circuits::training::plan::Requantise| part.excess.bits + part.shift + 2;
    let plan = Plan::new(&profile).unwrap();
    assert_eq!(bits(&plan.signal), 137);
    assert!(bits(plan.relu.as_ref().unwrap()) <= 137);
}

#[test]
fn refuses_weight_columns_that_fill_a_committed_column_in_part() {
    let refused = |columns: usize, stack_bits: u32| {
        let toy = Profile::builtin("toy").unwrap();
        let profile = Profile { layers: vec![6, columns, columns], weight_columns: columns, stack_bits, k: 12, ..toy };
        let layout = zkpoc_circuits::grid::Grid::new(&profile).err();
        let places = 1 << stack_bits;
        let sound = columns <= places || columns.is_multiple_of(places);
        let full = columns / places;
        assert_eq!(layout, (!sound).then_some(LayoutError::Places { columns, stack_bits, places, full }));
        let field = profile.validate().err();
        assert_eq!(field, (!sound).then_some(ProfileError::Places { columns, stack_bits, places }));
        for error in layout.map(|e| e.to_string()).into_iter().chain(field.map(|e| e.to_string())) {
            assert!(
                error.contains("weight_columns")
                    && error.contains(&format!(
                        "multiple of {}",
                        if error.starts_with("profile") { "it".into() } else { places.to_string() }
                    )),
                "{error}"
            );
        }
        !sound
    };
    let all = (0..=2).flat_map(|bits| (1..=16).map(move |columns| (columns, bits)));
    let refused: Vec<(usize, u32)> = all.filter(|(columns, bits)| refused(*columns, *bits)).collect();
    // The odd numbers from 3 on in two places; in four those from 5 on that four does not divide.
    assert_eq!(refused.len(), 7 + 9);
}

/// A column that holds four update columns is read in 16 rows, more than half of what the tail has room for; one that holds three
/// and has a place without one in 13, for which 28 random rows are just enough.
#[test]
fn refuses_update_columns_that_proofs_open_too_often() {
    let mut seen = BTreeSet::new();
    let shapes = (0..=2).flat_map(|bits| (1..=8).map(move |columns| (bits, columns)));
    for ((stack_bits, columns), hidden) in shapes.flat_map(|shape| [(shape, true), (shape, false)]) {
        let toy = Profile::builtin("toy").unwrap();
        let layers = if hidden { vec![6, columns, columns] } else { vec![30, 2 * columns] };
        let limb_bits = if hidden { 4 } else { 7 };
        let profile = Profile { layers, weight_columns: columns, stack_bits, limb_bits, k: 12, batch: 6, ..toy };
        if profile.validate().is_err() {
            continue;
        }
        let places = columns.min(1 << stack_bits);
        let openings = 4 * places + (1 << stack_bits) - places;
        let need = 2 * openings + 2;
        match TrainingCircuit::new(&profile) {
            Ok(circuit) => assert!(need <= circuit.blinding_rows(), "{columns} columns, {stack_bits} stacked"),
            Err(LayoutError::Blinding { column: "an update column", openings: counted, need: asked, have }) => {
                assert_eq!((counted, asked), (openings, need), "{columns} columns, {stack_bits} stacked");
                assert!(have < need);
                seen.insert(places);
            }
            // Another column is read in so many rows that the tail has no room for their blinding.
            Err(LayoutError::Tail { .. }) => {}
            Err(error) => panic!("{columns} columns, {stack_bits} stacked: {error}"),
        }
    }
    assert!(seen.contains(&4) && !seen.contains(&1), "{seen:?}");
}

/// A dataset's error says what does not fit: the order of records, not a table.
#[test]
fn refuses_more_records_than_can_be_put_in_order_and_says_so() {
    let dataset = |edit: &dyn Fn(&mut Profile)| {
        let mut profile = Profile::builtin("toy").unwrap();
        edit(&mut profile);
        zkpoc_circuits::dataset::DatasetCircuit::new(&profile).expect_err("no layout")
    };
    let order = dataset(&|p| (p.layers, p.batch, p.k) = (vec![1, 1], 40, 9));
    assert!(matches!(order, LayoutError::Order { records: 40, .. }), "{order:?}");
    assert!(order.to_string().contains("smaller batch") && !order.to_string().contains("limb"), "{order}");
    let table = dataset(&|p| p.feature_bits = 12);
    assert!(matches!(table, LayoutError::Features { feature_bits: 12, .. }), "{table:?}");
    assert!(table.to_string().contains("feature_bits") && !table.to_string().contains("limb"), "{table}");
}

/// Two rotations that are one row cannot be opened. Small circuits meet them; they are refused, and no others.
#[test]
fn refuses_rotations_that_meet() {
    let (mut met, mut apart) = (0, 0);
    // Among these seeds is a shape of 2^7 rows whose rotations of -48 and 80 meet.
    let drawn = (1680..1690).flat_map(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        (0..12).map(move |_| {
            let profile = draw::fields(&mut rng);
            // As `draw::shape` goes on.
            let _ = (rng.gen_ratio(1, 4), rng.gen_ratio(1, 4));
            profile
        })
    });
    for profile in drawn.flat_map(|profile| (6..=9).map(move |k| Profile { k, ..profile.clone() })) {
        let k = profile.k;
        if profile.validate().is_err() {
            continue;
        }
        let Ok(plan) = Plan::new(&profile) else { continue };
        let mut cs = ConstraintSystem::<Fr>::default();
        TrainingCircuit::configure_with_params(&mut cs, Some(std::sync::Arc::new(plan)));
        assert!(!cs.advice_queries().is_empty(), "the gates are there");
        let at = |rotation: i32| rotation.rem_euclid(1 << k);
        let cells: BTreeSet<_> = cs.advice_queries().iter().map(|(column, r)| (column.index(), at(r.0))).collect();
        let meet = cells.len() < cs.advice_queries().len();
        match TrainingCircuit::new(&profile) {
            Err(LayoutError::Rotations { rotations: (a, b), k: of }) => {
                assert!(meet && a != b && at(a) == at(b) && of == k, "{profile:?}: {a} and {b}");
                met += 1;
            }
            Err(LayoutError::Tail { .. }) => {}
            other => {
                assert!(!meet, "{profile:?}: {:?}", other.err());
                apart += 1;
            }
        }
    }
    assert!(met > 0 && apart > 0, "{met} meet, {apart} do not");
}
