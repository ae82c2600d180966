//! Rigidity of a circuit with an honest witness, and the cells that may move.
//!
//! What the statement fixes is known: the model of the training and the round circuit, the registered data,
//! the sum of the updates. The update, the next model, padding and tails are the prover's.

use super::free::{self, Free};
use super::{honest_round, round_audit, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::StdRng;
use rand::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use zkpoc_circuits::audit::{Audit, Cell, Question, Rigidity};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::field::power_of_two;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::Profile;

/// Synthesises a circuit under given challenges.
type Make = Box<dyn Fn(&[Fr]) -> Audit + Sync>;
/// Cells with their coefficients.
type Sum = Vec<(Cell, Fr)>;

/// A circuit with an honest witness.
pub(crate) struct Subject {
    name: String,
    pub(crate) make: Make,
    known: BTreeSet<Cell>,
    confined: Vec<Sum>,
    free: Free,
}

fn cells(columns: impl IntoIterator<Item = usize>, rows: std::ops::Range<usize>) -> impl Iterator<Item = Cell> {
    columns.into_iter().flat_map(move |column| rows.clone().map(move |row| (column, row)))
}

/// The training circuit of a fixture: model, data and looked-up limbs are known.
pub(crate) fn training(f: Fixture) -> Subject {
    let (c, rows) = (f.plan.grid.columns, f.plan.grid.rows());
    let area = &f.plan.area;
    // Model and data; the link leaves the tail of the data free. Limbs are looked up.
    let mut known: BTreeSet<Cell> = cells(0..c, 0..rows).chain(cells([c], 0..rows - TAIL)).collect();
    let slots = f.plan.grid.column_places();
    let private = free::training_columns(&f.plan).aux;
    for lap in 0..f.plan.grid.laps {
        let origin = f.plan.grid.lap(lap);
        for aux in area.columns.clone() {
            let begin = origin + aux % slots * f.plan.grid.height();
            known.extend(cells([private + aux / slots], begin + area.rows.start..begin + area.rows.end));
        }
        // Where several outputs are the largest, any of them may be named.
        if let Some(softmax) = &f.plan.softmax {
            let column = private + softmax.hot.column / slots;
            let begin = origin + softmax.hot.column % slots * f.plan.grid.height();
            known.extend(f.plan.unit_rows(f.plan.grid.depth()).map(|base| (column, begin + softmax.hot.at(base))));
        }
    }
    Subject {
        name: format!(
            "training {:?}, {} laps{}",
            f.profile.layers,
            f.plan.grid.laps,
            if f.plan.softmax.is_some() { ", softmax" } else { "" }
        ),
        free: free::training(&f.plan),
        known,
        confined: Vec::new(),
        make: Box::new(move |challenges| {
            let claim = f.claim();
            let mut audit = Audit::new(&f.circuit_of(&claim), f.profile.k, &claim.instance, challenges).unwrap();
            (0..c).for_each(|column| audit.script(column, Fr::ONE));
            audit
        }),
    }
}

/// The dataset circuit with an honest witness: its records and looked-up limbs are known.
pub(crate) fn dataset(profile: &Profile, circuit: DatasetCircuit) -> Subject {
    let zones = circuit.plan().grid.data_zones();
    let k = profile.k;
    let data = zones.iter().enumerate().filter(|(_, zone)| zone.code() == 1).map(|(row, _)| (0, row));
    let known = data.chain(cells([1], circuit.plan().order_rows())).collect();
    Subject {
        name: format!("dataset {:?}", profile.layers),
        free: free::dataset(circuit.plan()),
        known,
        confined: Vec::new(),
        make: Box::new(move |challenges| Audit::new(&circuit, k, &[Fr::from(5)], challenges).unwrap()),
    }
}

/// The round circuit of a profile: the model, the sum's weights and looked-up limbs are known.
pub(crate) fn round(profile: &Profile) -> Subject {
    let circuit = honest_round(profile).unwrap();
    let plan = circuit.plan().clone();
    let grid = &plan.grid;
    let (c, rows, parts) = (grid.columns, grid.rows(), plan.private_cells());
    // The model, and of the sum the updates of weights and biases: copies and padding are the gates' to bind.
    let mut known: BTreeSet<Cell> = cells(0..c, 0..rows).collect();
    known.extend(plan.parameter_rows().into_iter().flat_map(|row| (c..2 * c).map(move |column| (column, row))));
    let mut confined = Vec::new();
    for column in 0..c {
        let first = 3 * c + 2 + column * parts;
        // The high part is not looked up.
        let looked_up = (first..first + parts).filter(|at| *at != first + 1);
        known.extend(cells(looked_up, plan.area()));
        if plan.top_bits() > 1 {
            let scale = power_of_two(plan.limb_bits).invert().unwrap();
            let low = first + parts - 1;
            confined.extend(plan.area().map(|row| vec![((2 * c + column, row), scale), ((low, row), -scale)]));
        }
    }
    Subject {
        name: format!("round {:?}", profile.layers),
        free: free::round(&plan),
        known,
        confined,
        make: Box::new(move |challenges| round_audit(&circuit, &[Fr::from(9), Fr::ONE], challenges)),
    }
}

/// What can move, with the constraints of one label left out (none if it is empty).
pub(crate) fn measure(subject: &Subject, without: &str) -> Rigidity {
    let mut rng = StdRng::seed_from_u64(7);
    let question = Question {
        known: subject.known.clone(),
        confined: subject.confined.clone(),
        allowed: subject.free.all(),
        without: [without].into_iter().filter(|label| !label.is_empty()).collect(),
    };
    let make = |challenges: &[Fr]| Ok((subject.make)(challenges));
    Rigidity::measure(&make, &mut || Fr::random(&mut rng), &question).expect("synthesis")
}

fn union(parts: &BTreeMap<free::Reason, BTreeSet<Cell>>) -> BTreeSet<Cell> {
    parts.values().flatten().copied().collect()
}

/// Exactly the named free cells can move.
pub(crate) fn check(subject: &Subject) -> Rigidity {
    let found = measure(subject, "");
    println!(
        "{}: {} unknowns, {} open after the constraints without a challenge; {} draws, {} equations; kernel {}; \
         second phase {} unknowns a draw, kernel {}",
        subject.name,
        found.unknowns,
        found.open,
        found.draws,
        found.equations,
        found.free.len(),
        found.second_unknowns,
        found.second_free.len()
    );
    for (phase, reasons) in [("first", &subject.free.first), ("second", &subject.free.second)] {
        for (reason, cells) in reasons {
            println!("    {phase} phase, {} cells: {reason}", cells.len());
        }
    }
    let beyond: Vec<Cell> = found.free.symmetric_difference(&union(&subject.free.first)).copied().collect();
    assert!(beyond.is_empty(), "{}: free and not named, or named and not free: {beyond:?}", subject.name);
    let beyond: Vec<Cell> = found.second_free.symmetric_difference(&union(&subject.free.second)).copied().collect();
    assert!(beyond.is_empty(), "{}: second phase, free and not named, or the reverse: {beyond:?}", subject.name);
    let read = (subject.make)(&[Fr::from(2), Fr::from(3), Fr::from(5), Fr::from(7)]).reads();
    for cells in [&subject.free.first, &subject.free.second].into_iter().filter_map(|free| free.get(free::UNUSED)) {
        let read: Vec<&Cell> = cells.intersection(&read).collect();
        assert!(read.is_empty(), "{}: called unused, but read: {read:?}", subject.name);
    }
    assert_eq!(found.entangled, BTreeSet::new(), "{}: a free cell carries something", subject.name);
    assert!(found.draws >= found.open + 8 && found.equations > found.open, "{}: too few draws", subject.name);
    found
}
