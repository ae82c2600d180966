//! Profiles whose last weight column is not filled: of two committed columns the last has a place without weights, where the
//! first one has some.
//!
//! One fixed column serves all committed columns, so the rows of that place are either bound in both columns or in neither.
//! Both leave a hole, so such profiles have no layout. What stands here are the attacks, with real proofs, should one ever get a layout again.

use super::*;

/// `columns` weight columns in committed ones of `2^stack_bits` places.
fn profile(columns: usize, stack_bits: u32) -> Profile {
    let toy = Profile::builtin("toy").expect("a profile");
    let layers = if columns == 3 { vec![6, 6, 3] } else { vec![6, columns, columns] };
    Profile { name: "places".into(), layers, weight_columns: columns, stack_bits, k: 8 + stack_bits, ..toy }
}

const PART_FILLED: [(usize, u32); 2] = [(3, 1), (5, 2)];

/// Proves the witness that `forge` makes of an honest round, and asks the verifier.
fn forged(profile: &Profile, forge: impl Fn(&Round, &mut RoundWitness)) -> Result<bool, LayoutError> {
    RoundCircuit::new(profile)?;
    let round = Round::new(profile, 3, 3);
    let mut witness = round.witness();
    round.plan().parameter_rows().into_iter().for_each(|row| witness.claims[row] = Fr::from(round.claims));
    forge(&round, &mut witness);
    witness.count(round.plan());
    let (rows, columns) = (round.circuit.blinding_rows(), round.plan().grid.columns);
    let script = [1, 7, 1].iter().flat_map(|value| vec![*value; rows * columns]).collect();
    let keys = CircuitKeys::new(profile.k, &round.circuit);
    let proof = keys.prove(round.circuit.with_witness(witness), &round.instance(), Script::new(script));
    Ok(keys.verify(&proof, &round.instance()))
}

/// A weight of 10^9 where weights have 8 bits and, as another, any field element: the parts follow, looked up or not, and the
/// number of claims on these rows is zero.
fn weights_of_any_size(round: &Round, witness: &mut RoundWitness) {
    let plan = round.plan();
    let below =
        (0..plan.grid.layers[1]).map(|k| plan.grid.weight(1, 2, k)).filter(|(_, row)| *row > plan.grid.height());
    for ((column, row), value) in below.zip([Fr::from(1_000_000_000), Fr::random(OsRng)]) {
        witness.claims[row] = Fr::ZERO;
        witness.next[column][row] = value;
        for (column, parts) in witness.parts.iter_mut().enumerate() {
            let min = signed(signed_min(plan.profile.weight_bits).into());
            let remainder = witness.s[column][row] * Fr::from(plan.profile.learning_rate.numerator);
            (parts[LOW][row], parts[HIGH][row]) = (remainder, Fr::ZERO);
            (parts[UNDER][row], parts[OVER][row]) = (Fr::ZERO, -Fr::ONE);
            parts[OVER + 1..].iter_mut().for_each(|excess| excess[row] = Fr::ZERO);
            parts[OVER + 1 + plan.excess][row] = witness.next[column][row] - min;
        }
    }
}

/// A value in the place that holds no weight column, where the other column has copies of weights.
fn cell_without_a_weight(round: &Round, witness: &mut RoundWitness) {
    let grid = &round.plan().grid;
    let (column, first) = grid.weight_column(grid.width);
    witness.next[column][first + grid.row(grid.transposed(2, 0))] = Fr::from(77);
}

/// No such profile has a layout; with one, the forged proof would have to be rejected.
fn rejects_part_filled(forge: impl Fn(&Round, &mut RoundWitness)) {
    let verified = PART_FILLED.map(|(columns, stack_bits)| forged(&profile(columns, stack_bits), &forge));
    assert!(verified.iter().all(|result| matches!(result, Err(LayoutError::Places { .. }))), "verified: {verified:?}");
}

#[test]
fn rejects_weights_of_any_size_in_columns_that_are_not_all_filled() {
    rejects_part_filled(weights_of_any_size);
}

#[test]
fn rejects_a_model_with_a_value_where_no_weight_is() {
    rejects_part_filled(cell_without_a_weight);
}
