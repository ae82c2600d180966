//! What every circuit of every profile must satisfy, whatever its witness.

use crate::support;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use std::collections::BTreeSet;
use support::{free, honest_dataset, honest_round, round_audit, shape, stacked, structure, with_laps, with_softmax};
use support::{Claim, Fixture};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::training::{Plan, TrainingCircuit};

/// Fixtures of all built-in profiles and of small shapes of depth 1, 2, 3 and 4.
fn small_shapes() -> Vec<Fixture> {
    let shapes: [(&[usize], usize, usize, u32); 7] = [
        (&[3, 2], 6, 1, 4),
        (&[1, 1], 8, 1, 4),
        (&[5, 4], 7, 2, 5),
        (&[5, 7, 3], 9, 1, 6),
        (&[4, 3, 2, 3], 5, 1, 4),
        (&[4, 12, 6, 2], 3, 2, 7),
        (&[2, 3, 2, 4, 2], 1, 1, 6),
    ];
    let make = |(seed, (layers, batch, columns, limb_bits)): (usize, &(&[usize], usize, usize, u32))| {
        Fixture::random(shape(layers, *batch, *columns, *limb_bits).expect("a layout"), seed as u64)
    };
    let flat: Vec<Fixture> = shapes.iter().enumerate().map(make).collect();
    let tall = |f: &Fixture| Fixture::random(stacked(f.profile.clone(), 1), 3);
    let stacked: Vec<Fixture> = flat.iter().map(tall).collect();
    let laps = flat.iter().zip([2, 4, 2, 4, 2, 2, 4]).map(|(f, steps)| {
        let one = if steps == 4 {
            with_softmax(Profile { k: f.profile.k + 1, ..f.profile.clone() })
        } else {
            f.profile.clone()
        };
        Fixture::random(with_laps(one, steps), 5)
    });
    let laps: Vec<Fixture> = laps.collect();
    flat.into_iter().chain(stacked).chain(laps).collect()
}

fn check(f: &Fixture) {
    structure::training(f, &f.audit(&f.claim(), 1), &format!("{} {:?}", f.profile.name, f.profile.layers));
}

fn check_dataset(profile: &Profile) {
    let Ok(circuit) = honest_dataset(profile, 1) else {
        assert_eq!(profile.name, "shape", "a built-in profile has a layout");
        return;
    };
    let audit = Audit::new(&circuit, profile.k, &[Fr::from(9)], &[Fr::from(77_777), Fr::from(88_888)]).unwrap();
    structure::dataset(&circuit, &audit, &format!("{} {:?}", profile.name, profile.layers));
}

fn check_round(profile: &Profile) {
    let circuit = match honest_round(profile) {
        Ok(circuit) => circuit,
        Err(error) => {
            assert_eq!(profile.name, "shape", "a built-in profile has a layout: {error}");
            return;
        }
    };
    let audit = round_audit(&circuit, &[Fr::from(9), Fr::from(1)], &[Fr::from(77_777), Fr::from(88_888)]);
    structure::round(&circuit, &audit, &format!("{} {:?}", profile.name, profile.layers));
}

/// `mnist-local` has the columns and blocks of `mnist-local-phone`, in more laps: its 2^20 rows take more memory than a small machine has.
#[test]
fn audit_built_in_profiles() {
    let small = |name: &&str| Profile::builtin(name).is_some_and(|profile| profile.k <= 18);
    for name in Profile::builtin_names().into_iter().filter(small) {
        check(&Fixture::builtin(name));
        check_dataset(&Profile::builtin(name).unwrap());
        check_round(&Profile::builtin(name).unwrap());
    }
}

#[test]
fn audit_small_shapes() {
    for f in small_shapes() {
        check(&f);
        check_dataset(&f.profile);
        check_round(&f.profile);
    }
}

/// A place's tail right after the table: its code is one more than the last value's.
#[test]
fn audit_a_table_that_ends_where_the_tail_of_a_place_begins() {
    let fits = |inputs: &usize| {
        let toy = Profile::builtin("toy").unwrap();
        let profile = Profile { layers: vec![*inputs, 4], stack_bits: 1, ..toy };
        let plan = Plan::new(&profile).ok()?;
        let end = plan.table_row + (1 << profile.limb_bits);
        (end == plan.grid.height() - TAIL).then_some(profile)
    };
    let profile = (1..40).find_map(|inputs| fits(&inputs)).expect("a table of whole blocks, as many as are left");
    check(&Fixture::random(profile, 1));
}

#[test]
fn audit_finds_reads_of_unassigned_cells() {
    // Without a witness nothing is assigned, so every enabled constraint reads unassigned cells.
    let f = Fixture::builtin("toy");
    let audit =
        Audit::new(&f.circuit, f.profile.k, &[], &[Fr::from(2), Fr::from(3), Fr::from(5), Fr::from(7)]).unwrap();
    let names: BTreeSet<String> = audit.bad_reads(&[]).into_iter().map(|read| read.constraint).collect();
    let enabled = audit.enabled_rows().into_iter().filter(|(_, rows)| !rows.is_empty());
    let enabled = enabled.map(|(label, _)| label.split('#').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(names, enabled);
}

/// Changes one cell of the update or of a private column at a time, everything after it honest: exactly
/// the cells that carry nothing go unnoticed.
#[test]
fn audit_every_first_phase_cell_is_pinned_or_carries_nothing() {
    let shapes = [
        Fixture::random(shape(&[2, 3, 2], 3, 1, 4).unwrap(), 1),
        Fixture::random(shape(&[2, 4, 2, 2], 3, 2, 4).unwrap(), 2),
        Fixture::random(stacked(shape(&[2, 2, 2], 2, 2, 4).unwrap(), 1), 2),
        Fixture::random(with_laps(shape(&[2, 2, 2], 2, 2, 4).unwrap(), 2), 2),
    ];
    for f in &shapes {
        let grid = &f.plan.grid;
        let first = f.first.clone();
        let mut audit = f.audit(&f.claim(), 1);
        let columns = first.columns(grid).len();
        let data = grid.columns;
        let free = free::training(&f.plan).all();
        let usable = grid.rows() - f.circuit.blinding_rows();
        for column in data + 1..columns {
            for row in 0..usable {
                let mut cheat = first.clone();
                let tall = 2 * grid.columns + 1 + cheat.v.len();
                let own = grid.height() * grid.laps;
                let (cells, at) = if column < tall {
                    let committed = cheat.w.iter_mut().chain([&mut cheat.x]).chain(&mut cheat.d);
                    (committed.chain(&mut cheat.v).nth(column).unwrap(), row)
                } else {
                    let aux = (column - tall) * grid.column_places() + row / own;
                    // Below the last private column there is nothing to cheat with.
                    let Some(cells) = cheat.aux.get_mut(aux) else { continue };
                    (cells, row % own)
                };
                cells[at] += Fr::from(1 << 20);
                audit.again(&f.circuit_of(&Claim::of(cheat))).unwrap();
                let unnoticed = audit.failing().is_empty();
                assert_eq!(
                    unnoticed,
                    free.contains(&(column, row)),
                    "{:?}: column {column}, row {row}",
                    f.profile.layers
                );
            }
        }
    }
}

/// What `inspect` draws has as many columns as the circuit, and no region outside of them.
#[test]
fn the_regions_are_those_of_the_circuit() {
    use zkpoc_circuits::training::regions;
    for profile in
        Profile::builtin_names().into_iter().filter_map(Profile::builtin).chain([crate::training::laps::profile()])
    {
        let circuit = TrainingCircuit::new(&profile).expect("a layout");
        let mut cs = ConstraintSystem::default();
        TrainingCircuit::configure_with_params(&mut cs, circuit.params());
        let (plan, name) = (circuit.plan(), &profile.name);
        let (advice, fixed) = (regions::advice(plan), regions::fixed(plan));
        assert_eq!((advice.1, fixed.1), (cs.num_advice_columns(), cs.num_fixed_columns()), "{name}");
        for (regions, columns) in [&advice, &fixed] {
            for region in regions {
                let inside = region.rows.end <= plan.grid.rows() && !region.rows.is_empty();
                assert!(inside && region.column < *columns, "{name}: {region:?}");
            }
        }
        let used = |column| advice.0.iter().any(|r| r.column == column && r.gadget != regions::Gadget::Tail);
        assert!((0..advice.1).all(used), "{name}");
    }
}
