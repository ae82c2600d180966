//! Second-phase attacks on the round circuit: forged sums, folds, and their starts.

use super::*;

/// The same for an honest first phase under a forged second one.
#[track_caller]
fn rejects_forged(expected: &[&str], tamper: Tamper) {
    let (round, _) = toy();
    rejects_circuit(expected, round.circuit.with_witness(round.witness()).with_tamper(tamper));
}

/// Folds may start anywhere, as only differences of them are used: a wrong power in a difference would leave a cell to choose.
#[test]
fn accepts_any_start_of_a_fold() {
    let (round, _) = toy();
    let plan = round.plan();
    let (weights, copies, rows) = (plan.forward(2), plan.transposed(2), plan.grid.rows_per_block);
    let block = (rows * plan.grid.columns) as u64;
    let bend = |column: &mut [Fr], rows: std::ops::Range<usize>, step: usize, base: Fr| {
        let mut value = Fr::from(77);
        for row in std::iter::once(rows.start - 1).chain(rows.skip(step - 1).step_by(step)) {
            column[row] += value;
            value *= base;
        }
    };
    let (w, c) = (weights.clone(), copies.clone());
    let tampers: [Tamper; 3] = [
        Arc::new(move |second, _, tau| bend(&mut second.folds[0], w.clone(), 1, tau)),
        Arc::new(move |second, _, tau| bend(&mut second.folds[0], c.clone(), 1, tau.pow([block]))),
        Arc::new(move |second, _, tau| bend(&mut second.folds[1], copies.clone(), rows, tau)),
    ];
    for tamper in tampers {
        let circuit = round.circuit.with_witness(round.witness()).with_tamper(tamper);
        assert_eq!(round.audit(&circuit, &round.instance()).failing_names(), names(&[]));
        assert!(accepts(circuit, &round.instance(), 1));
    }
}

/// Attacks `table`.
#[test]
pub(crate) fn rejects_forged_multiplicities_and_sums() {
    let (round, _) = toy();
    let mut witness = round.witness();
    witness.counts[round.plan().table() + 3] += Fr::ONE;
    rejects(&["lookup.total"], witness);
    let area = round.plan().area();
    // A sum that does not begin at zero makes good for anything.
    let start = area.start;
    rejects_forged(
        &["lookup.start", "lookup.total"],
        Arc::new(move |second, _, _| {
            if let Some(last) = second.sums.last_mut() {
                last[start - 1] = Fr::ONE;
            }
            for column in &mut second.sums {
                column[area.clone()].iter_mut().for_each(|sum| *sum += Fr::ONE);
            }
        }),
    );
    rejects_forged(&["lookup"], Arc::new(move |second, _, _| second.sums[1][start + 5] += Fr::ONE));
    rejects_forged(&["table"], Arc::new(|second, _, _| second.table[40] += Fr::ONE));
    rejects_forged(
        &["lookup.total", "table.start"],
        Arc::new(|second, _, _| second.table[..129].iter_mut().for_each(|sum| *sum += Fr::ONE)),
    );
    // Dropping what is looked up on the last row.
    let end = round.plan().area().end;
    rejects_forged(
        &["lookup", "lookup.total"],
        Arc::new(move |second, _, _| {
            let before = second.sums.last().map_or(Fr::ZERO, |last| last[end - 2]);
            for column in &mut second.sums {
                column[end - 1] = before;
            }
        }),
    );
}

/// One count too many, made good by the start of one of the two sums.
/// Attacks `lookup.start` and `table.start`.
#[test]
pub(crate) fn rejects_sums_that_do_not_start_at_zero() {
    let (round, _) = toy();
    let (area, table) = (round.plan().area(), round.plan().table());
    let mut witness = round.witness();
    witness.counts[table + 7] += Fr::ONE;
    let circuit = round.circuit.with_witness(witness);
    let more = |alpha: Fr| (alpha - Fr::from(7)).invert().expect("a random challenge");
    rejects_circuit(
        &["lookup.start"],
        circuit.clone().with_tamper(Arc::new(move |second, alpha, _| {
            if let Some(last) = second.sums.last_mut() {
                last[area.start - 1] += more(alpha);
            }
            for column in &mut second.sums {
                column[area.clone()].iter_mut().for_each(|sum| *sum += more(alpha));
            }
        })),
    );
    rejects_circuit(
        &["table.start"],
        circuit.with_tamper(Arc::new(move |second, alpha, _| {
            second.table[table - 1..table + 128].iter_mut().for_each(|sum| *sum += more(alpha));
        })),
    );
}

/// In each looked-up column a value off the table that nothing but the lookup stands against, summed as another.
/// Attacks `lookup`.
#[test]
pub(crate) fn rejects_values_off_the_table_that_are_summed_as_others() {
    let (round, _) = toy();
    let plan = round.plan();
    let profile = &plan.profile;
    let (max, min) = (signed_max(profile.weight_bits) as i32, signed_min(profile.weight_bits) as i32);
    assert_eq!((plan.lookups(), plan.excess, plan.limb_bits), (5, 1, 7));
    let weight_at = |at: usize| cell(1, at / 4, at % 4);
    // Weights at the ends, where one distance is bound to nothing, and one with its top bit set.
    let mut model = round.model.clone();
    model.layers[0].weights[..3].copy_from_slice(&[max, min, 0]);
    let mut sum = round.sum.clone();
    sum.layers[0].weights[..3].fill(0);
    let round = Round { circuit: round.circuit.clone(), model, sum, claims: round.claims };
    let limb = Fr::from(128);
    let unlimb = limb.invert().expect("a power of two");
    let [low, high, under, over, excess, weight] = [0, 1, 2, 3, 4, 5];
    /// The column's place among the lookups, the row, and what is added to the parts there.
    type Case = (usize, usize, Vec<(usize, Fr)>);
    let cases: [Case; 5] = [
        (0, weight_at(2), vec![(low, limb), (high, -Fr::ONE), (under, -Fr::ONE), (over, Fr::ONE)]),
        (1, weight_at(0), vec![(under, Fr::from(1 << 20))]),
        (2, weight_at(1), vec![(over, Fr::from(1 << 20))]),
        (3, weight_at(2), vec![(excess, -unlimb), (under, Fr::ONE), (over, Fr::ONE)]),
        (4, weight_at(2), vec![(weight, limb)]),
    ];
    for (column, row, changes) in cases {
        let mut witness = round.witness();
        let part = if column == 0 { low } else { column + 1 };
        let honest = witness.parts[0][part][row];
        for (part, by) in changes {
            witness.parts[0][part][row] += by;
        }
        let forged = witness.parts[0][part][row];
        // The counts are those of a witness with the honest value.
        witness.parts[0][part][row] = honest;
        witness.count(round.plan());
        witness.parts[0][part][row] = forged;
        let area = round.plan().area();
        let tamper: Tamper = Arc::new(move |second, alpha, _| {
            let pole = |value: Fr| (alpha - value).invert().expect("a random challenge");
            let more = pole(honest) - pole(forged);
            for (i, sums) in second.sums.iter_mut().enumerate() {
                let from = if i < column { row + 1 } else { row };
                sums[from..area.end].iter_mut().for_each(|sum| *sum += more);
            }
        });
        rejects_circuit(&["lookup"], round.circuit.with_witness(witness).with_tamper(tamper));
    }
}

/// Attacks `fold`, `fold.transposed` and `turn`.
#[test]
pub(crate) fn rejects_forged_folds() {
    let (round, _) = toy();
    let plan = round.plan();
    let (weights, copies) = (plan.forward(2), plan.transposed(2));
    let rows = plan.grid.rows_per_block;
    let at = weights.start + 2;
    rejects_forged(&["fold"], Arc::new(move |second, _, _| second.folds[0][at] += Fr::ONE));
    let at = copies.start + 1;
    rejects_forged(&["fold.transposed"], Arc::new(move |second, _, _| second.folds[0][at] += Fr::ONE));
    let at = copies.start + 2 * rows - 1;
    rejects_forged(&["turn"], Arc::new(move |second, _, _| second.folds[1][at] += Fr::ONE));
    // A false copy, and folds that make good for it: each chain is bound to its cells.
    let mut witness = round.witness();
    let wrong = plan.grid.transposed_weight(2, 1, 1).1;
    witness.next[0][wrong] += Fr::ONE;
    let circuit = round.circuit.with_witness(witness);
    let honest = round.circuit.with_witness(round.witness());
    assert!(accepts(honest, &round.instance(), 1));
    let last = copies.end - 1;
    let tampered = circuit.with_tamper(Arc::new(move |second, _, tau| {
        let exponent = (rows * rows - 2 * rows + 1) as u64;
        second.folds[1][last] -= tau.pow([exponent]);
    }));
    let failing = round.audit(&tampered, &round.instance()).failing_names();
    assert!(failing.contains("turn"), "{failing:?}");
    assert!(!accepts(tampered, &round.instance(), 1));
}
