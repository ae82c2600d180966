//! What holds for every circuit of every shape with an honest witness: nothing twice, nothing unassigned, nothing out of reach,
//! every constraint on exactly its rows, second-phase cells that follow from the first phase, few openings.

use super::{census, free, Fixture};
use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::BTreeSet;
use zkpoc_circuits::audit::{Audit, Cell};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::{Zone, TAIL};
use zkpoc_circuits::round::RoundCircuit;

/// What holds for every circuit: nothing twice, nothing unassigned, nothing out of reach.
fn check_structure(
    name: &str,
    audit: &Audit,
    census: &census::Census,
    (bits, exponentials): (u32, usize),
    starts: &BTreeSet<Cell>,
) {
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
    check_lookups(name, audit, census, bits, exponentials);
    // Challenges bind what was committed before them.
    assert_eq!(audit.undetermined(starts), BTreeSet::new(), "{name}: second-phase cells that nothing computes");
    // A column gives away its evaluations at its rotations, one at the opening's challenge and its commitment.
    for column in 0..audit.cs.num_advice_columns() {
        let openings = audit.rotations(column).len();
        assert!(openings + 2 <= audit.blinding_rows(), "{name}: column {column} is opened at {openings} points");
    }
}

/// One table of `2^bits` values a circuit, after it the arguments of as many exponentials as are named, which a sum of their own
/// counts: so no sum needs a tag. LogUp sums without a gap: a gap would start them again.
fn check_lookups(name: &str, audit: &Audit, census: &census::Census, bits: u32, exponentials: usize) {
    let contiguous = |rows: &BTreeSet<usize>| rows.iter().zip(rows.iter().skip(1)).all(|(a, b)| a + 1 == *b);
    let rows = |name: &str| census.get(name).cloned().unwrap_or_default();
    let range = ["range.feature", "range.table", "range.limb"].into_iter().flat_map(rows).collect();
    // A carry leads from one stretch to the next.
    let stretches =
        |rows: &BTreeSet<usize>| 1 + rows.iter().zip(rows.iter().skip(1)).filter(|(a, b)| *a + 1 != **b).count();
    assert_eq!(stretches(&rows("lookup")), 1 + rows("lookup.carry").len(), "{name}: a gap in a LogUp sum");
    assert!([range, rows("table")].iter().all(contiguous), "{name}: a gap in a LogUp sum");
    // The values of the table: one fixed column holds them plus one, and nothing elsewhere. What follows them under the
    // same gate is not counted; it is the value 0, or in a tail the one after the last.
    let table: Vec<usize> = rows("table").union(&rows("range.table")).copied().collect();
    let holds = |cells: &&Vec<Option<Fr>>| {
        let codes: Vec<Fr> = table.iter().flat_map(|row| cells[*row]).collect();
        let size = 1usize << bits;
        let after = [Fr::from(1), Fr::from(size as u64 + 1)];
        let values = (1..=size as u64).chain(1..=exponentials as u64);
        codes.len() == table.len()
            && codes.len() >= size + exponentials
            && codes.iter().zip(values).all(|(code, value)| *code == Fr::from(value))
            && codes[size + exponentials..].iter().all(|code| after.contains(code))
            && cells.iter().flatten().filter(|cell| **cell != Fr::from(0)).count() == table.len()
    };
    assert_eq!(audit.recorder.fixed.iter().filter(holds).count(), 1, "{name}: tables");
}

/// The dataset circuit with an honest witness.
pub(crate) fn dataset(circuit: &DatasetCircuit, audit: &Audit, name: &str) {
    let name = format!("dataset {name}");
    let plan = circuit.plan();
    check_structure(&name, audit, &census::dataset(plan), (plan.feature_bits, 0), &BTreeSet::new());
    assert_eq!(audit.rotations(0), BTreeSet::from([0]), "{name}");
}

/// The round circuit with an honest witness.
pub(crate) fn round(circuit: &RoundCircuit, audit: &Audit, name: &str) {
    let name = format!("round {name}");
    let plan = circuit.plan();
    let (columns, profile) = (plan.grid.columns, &plan.profile);
    check_structure(&name, audit, &census::round(plan), (plan.limb_bits, 0), &free::round_starts(plan));
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

/// The training circuit with an honest witness.
pub(crate) fn training(f: &Fixture, audit: &Audit, name: &str) {
    let name = format!("training {name}");
    let tables = (f.profile.limb_bits, f.profile.softmax().map_or(0, |table| 1 << table.table_bits));
    check_structure(&name, audit, &census::training(&f.plan), tables, &free::training_starts(&f.plan));

    // Committed hiding columns give away few evaluations a proof: the data one, beside LINK_ROWS random rows; the update
    // the rows of a group, beside the random blinding rows. So many stay independent even where the sum of two updates and of their
    // random rows is known.
    let grid = &f.plan.grid;
    let columns = grid.columns;
    assert_eq!(audit.rotations(columns), BTreeSet::from([0]), "{name}: data");
    if grid.laps > 1 {
        // Packed into laps, an update is opened at the rows of a group whatever its places; a round opens each place once.
        for column in columns + 1..2 * columns + 1 {
            assert_eq!(audit.rotations(column), (-3..=0).collect(), "{name}: column {column}");
            assert!(4 + grid.width.min(grid.laps).max(4) + 2 <= audit.blinding_rows(), "{name}: column {column}");
        }
        return;
    }
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
