//! What every circuit of every profile must satisfy, whatever its witness.

mod support;

use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::BTreeSet;
use support::{census, free, honest_dataset, honest_round, round_audit, shape, stacked, Claim, Fixture};
use zkpoc_circuits::audit::{Audit, Cell};
use zkpoc_circuits::grid::{Zone, TAIL};
use zkpoc_circuits::profile::Profile;

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
    flat.into_iter().chain(stacked).collect()
}

/// What holds for every circuit: nothing twice, nothing unassigned, nothing out of reach.
fn check_structure(name: &str, audit: &Audit, census: &census::Census, starts: &BTreeSet<Cell>) {
    let recorder = &audit.recorder;
    assert_eq!(audit.failing(), BTreeSet::new(), "{name}");
    assert_eq!((recorder.advice_twice.len(), recorder.fixed_twice.len()), (0, 0), "{name}: cells assigned twice");
    assert_eq!((recorder.out_of_phase.len(), recorder.outside.len()), (0, 0), "{name}: cells out of place");
    assert_eq!((recorder.selectors.len(), recorder.copies.len()), (0, 0), "{name}");
    // Only the zone of a public column is meant for blinding rows, which a script fills.
    let bad = audit.bad_reads(&["public.zone"]);
    assert!(bad.is_empty(), "{name}: {} bad reads, first {:?}", bad.len(), bad[0]);
    assert_eq!(audit.collisions(), vec![], "{name}");
    assert_eq!(audit.cs.degree(), 3, "{name}");
    assert!(audit.blinding_rows() <= TAIL, "{name}: {} blinding rows", audit.blinding_rows());
    assert!(audit.cs.permutation().get_columns().is_empty() && audit.cs.lookups().is_empty(), "{name}");
    census::compare(name, audit, census);
    check_lookups(name, audit, census);
    // Challenges bind what was committed before them.
    assert_eq!(audit.undetermined(starts), BTreeSet::new(), "{name}: second-phase cells that nothing computes");
    // A column gives away its evaluations at its rotations, one at the opening's challenge and its commitment.
    for column in 0..audit.cs.num_advice_columns() {
        let openings = audit.rotations(column).len();
        assert!(openings + 2 <= audit.blinding_rows(), "{name}: column {column} is opened at {openings} points");
    }
}

/// One table a circuit, so that no sum needs a tag, and LogUp sums without a gap: a gap would start them again.
fn check_lookups(name: &str, audit: &Audit, census: &census::Census) {
    let contiguous = |rows: &BTreeSet<usize>| rows.iter().zip(rows.iter().skip(1)).all(|(a, b)| a + 1 == *b);
    let rows = |name: &str| census.get(name).cloned().unwrap_or_default();
    let sums = [rows("lookup"), rows("range.feature").union(&rows("range.table")).copied().collect(), rows("table")];
    assert!(sums.iter().all(contiguous), "{name}: a gap in a LogUp sum");
    // The values of the table: one fixed column holds them plus one, and nothing elsewhere. What follows them under the
    // same gate is not counted; it is the value 0, or in a tail the one after the last.
    let table: Vec<usize> = rows("table").union(&rows("range.table")).copied().collect();
    let holds = |cells: &&Vec<Option<Fr>>| {
        let codes: Vec<Fr> = table.iter().flat_map(|row| cells[*row]).collect();
        let size = codes.iter().zip(1u64..).take_while(|(code, value)| **code == Fr::from(*value)).count();
        let after = [Fr::from(1), Fr::from(size as u64 + 1)];
        size.is_power_of_two()
            && codes[size..].iter().all(|code| after.contains(code))
            && codes.len() == table.len()
            && cells.iter().flatten().filter(|cell| **cell != Fr::from(0)).count() == table.len()
    };
    assert_eq!(audit.recorder.fixed.iter().filter(holds).count(), 1, "{name}: tables");
}

fn check_dataset(profile: &Profile) {
    let Ok(circuit) = honest_dataset(profile, 1) else {
        assert_eq!(profile.name, "shape", "a built-in profile has a layout");
        return;
    };
    let audit = Audit::new(&circuit, profile.k, &[Fr::from(9)], &[Fr::from(77_777), Fr::from(88_888)]).unwrap();
    let name = format!("dataset {} {:?}", profile.name, profile.layers);
    check_structure(&name, &audit, &census::dataset(circuit.plan()), &BTreeSet::new());
    assert_eq!(audit.rotations(0), BTreeSet::from([0]), "{name}");
}

fn check_round(profile: &Profile) {
    let circuit = match honest_round(profile) {
        Ok(circuit) => circuit,
        Err(error) => {
            assert_eq!(profile.name, "shape", "a built-in profile has a layout: {error}");
            return;
        }
    };
    let columns = circuit.plan().grid.columns;
    let audit = round_audit(&circuit, &[Fr::from(9), Fr::from(1)], &[Fr::from(77_777), Fr::from(88_888)]);
    let name = format!("round {} {:?}", profile.name, profile.layers);
    check_structure(&name, &audit, &census::round(circuit.plan()), &free::round_starts(circuit.plan()));
    for column in columns..2 * columns {
        let copies = circuit.plan().stacked().into_iter().map(|first| first as i32);
        let rotations = if profile.depth() > 1 { copies.collect() } else { BTreeSet::from([0]) };
        assert_eq!(audit.rotations(column), rotations, "{name}: column {column}");
    }
    // What is folded is data or forced to zero.
    let zones = circuit.plan().grid.parameter_zones();
    for l in 2..=profile.depth() {
        let rows = circuit.plan().forward(l).chain(circuit.plan().transposed(l));
        assert!(rows.into_iter().all(|row| zones[row] != Zone::Tail), "{name}: the tail is folded");
    }
}

fn check(f: &Fixture) {
    let name = format!("{} {:?}", f.profile.name, f.profile.layers);
    let audit = f.audit(&f.claim(), 1);
    check_structure(&name, &audit, &census::training(&f.plan), &free::training_starts(&f.plan));

    // Committed hiding columns give away few evaluations a proof: the data one, beside LINK_ROWS random rows; the update
    // the rows of a group, beside the random blinding rows. So many stay independent even where the sum of two updates and of their
    // random rows is known.
    let grid = &f.plan.grid;
    let columns = grid.columns;
    assert_eq!(audit.rotations(columns), BTreeSet::from([0]), "{name}: data");
    for column in columns + 1..2 * columns + 1 {
        let places = (0..grid.width).map(|c| grid.weight_column(c)).filter(|(own, _)| columns + 1 + own == column);
        let rows = places.flat_map(|(_, first)| (first as i32 - 3..=first as i32).collect::<Vec<_>>());
        // A place without an update is only read to be zero.
        let idle = (grid.width..grid.width.next_multiple_of(1 << grid.stack_bits)).map(|c| grid.weight_column(c));
        let idle = idle.filter(|(own, _)| columns + 1 + own == column).map(|(_, first)| first as i32);
        assert_eq!(audit.rotations(column), rows.chain(idle).collect(), "{name}: column {column}");
        assert!(2 * audit.rotations(column).len() + 2 <= audit.blinding_rows(), "{name}: column {column}");
    }
}

#[test]
fn audit_built_in_profiles() {
    for name in Profile::builtin_names() {
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
                let committed = 2 * grid.columns + 1;
                let (cells, at) = if column < committed {
                    (cheat.w.iter_mut().chain([&mut cheat.x]).chain(&mut cheat.d).nth(column).unwrap(), row)
                } else {
                    let aux = ((column - committed) << grid.stack_bits) + row / grid.height();
                    // Below the last private column there is nothing to cheat with.
                    let Some(cells) = cheat.aux.get_mut(aux) else { continue };
                    (cells, row % grid.height())
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
