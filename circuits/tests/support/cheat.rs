//! Bookkeeping of a cheating prover.

use super::integer;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::field::{power_of_two, signed};
use zkpoc_circuits::training::plan::{Limbs, Requantise, STATE_ROW};
use zkpoc_circuits::training::{Phase1, Plan};

/// A value of limbs at a base row.
pub(crate) fn limbs(plan: &Plan, first: &Phase1, limbs: &Limbs, base: usize) -> Fr {
    let scale = power_of_two(plan.profile.limb_bits);
    limbs.lanes.iter().rev().fold(Fr::ZERO, |sum, lane| sum * scale + first.aux[lane.column][lane.at(base)])
}

/// Writes an integer into limbs at a base row.
pub(crate) fn put_limbs(plan: &Plan, first: &mut Phase1, limbs: &Limbs, base: usize, value: u128) {
    let bits = plan.profile.limb_bits;
    for (i, lane) in limbs.lanes.iter().enumerate() {
        first.aux[lane.column][lane.at(base)] = Fr::from(((value >> (bits * i as u32)) & ((1 << bits) - 1)) as u64);
    }
    if let (Some(scaled), Some(top)) = (limbs.scaled, limbs.lanes.last()) {
        let top = first.aux[top.column][top.at(base)];
        first.aux[scaled.column][scaled.at(base)] = top * Fr::from(1 << limbs.missing);
    }
}

/// Writes quotient, excess and sign of a unit; the remainder stays.
pub(crate) fn put_parts(
    plan: &Plan,
    first: &mut Phase1,
    part: &Requantise,
    base: usize,
    quotient: u128,
    excess: u128,
    below: i128,
) {
    put_limbs(plan, first, &part.quotient, base, quotient);
    put_limbs(plan, first, &part.excess, base, excess);
    first.aux[part.below.column][part.below.at(base)] = signed(below);
}

/// A base row whose signal's quotient has a second limb.
pub(crate) fn large_quotient(plan: &Plan, first: &Phase1) -> usize {
    let mut rows = (1..=plan.grid.depth()).flat_map(|l| plan.unit_rows(l));
    let large = |at: &usize| integer(&limbs(plan, first, &plan.signal.quotient, *at)).is_some_and(|value| value >= 16);
    rows.find(large).expect("a quotient of two limbs")
}

/// Base row of unit `unit` of layer `l` for a sample.
pub(crate) fn base(plan: &Plan, l: usize, unit: usize, sample: usize) -> usize {
    plan.unit_rows(l).start + unit * plan.grid.rows_per_block + sample
}

/// The signal that the update sees.
pub(crate) fn signal(plan: &Plan, first: &Phase1, l: usize, base: usize) -> Fr {
    match &plan.relu {
        Some(relu) if l < plan.grid.depth() => {
            let offset = signed(-(1i128 << (plan.profile.signal_bits - 1)));
            let below = first.aux[relu.below.column][relu.below.at(base)];
            (Fr::ONE - below) * (limbs(plan, first, &plan.signal.quotient, base) + offset)
        }
        _ => first.aux[0][base],
    }
}

/// Recomputes the update from the units, then [`recount`]s.
pub(crate) fn settle(plan: &Plan, first: &mut Phase1) {
    let grid = &plan.grid;
    let unit = signed(i128::from(plan.profile.bias_unit));
    for l in 1..=grid.depth() {
        for k in 0..grid.layers[l] {
            for j in 0..=grid.layers[l - 1] {
                let mut sum = Fr::ZERO;
                for i in 0..grid.rows_per_block {
                    let input = match (j, l) {
                        (0, _) => unit,
                        (_, 1) => first.x[grid.row(grid.input(1, j - 1)) + i],
                        _ => first.aux[0][base(plan, l - 1, j - 1, i)],
                    };
                    sum += input * signal(plan, first, l, base(plan, l, k, i));
                }
                let (column, row) = if j == 0 { grid.bias_weight(l, k) } else { grid.weight(l, j - 1, k) };
                first.d[column][row] = sum;
            }
        }
    }
    recount(plan, first);
}

/// Recomputes the state, the buckets, their limbs and the multiplicities.
pub(crate) fn recount(plan: &Plan, first: &mut Phase1) {
    recount_from(plan, first, 0, first.norm_bound - Fr::ONE);
}

/// The same, with a state that a lap begins with; what came before is left.
pub(crate) fn recount_from(plan: &Plan, first: &mut Phase1, lap: usize, mut state: Fr) {
    let grid = &plan.grid;
    for origin in (lap..grid.laps).map(|lap| grid.lap(lap)) {
        for l in 1..=grid.depth() {
            // With laps the weight columns that lie in this one.
            let places = (0..grid.width).map(|c| grid.weight_column(c));
            for (column, start) in places.filter(|(_, start)| grid.laps == 1 || *start == origin) {
                let rows = start + grid.row(grid.input(l, 0))..start + grid.row(grid.gap(l));
                state -= first.d[column][rows].iter().map(Fr::square).sum::<Fr>();
            }
            first.aux[0][origin + grid.row(grid.gap(l)) + STATE_ROW] = state;
        }
    }
    first.aux[0][plan.buckets().1.start] = first.loss_bound - Fr::ONE - loss(plan, first);
    put_buckets(plan, first);
    count(plan, first);
}

/// Base rows of the outputs of all laps.
pub(crate) fn outputs(plan: &Plan) -> impl Iterator<Item = usize> + '_ {
    let rows = plan.unit_rows(plan.grid.depth());
    (0..plan.grid.laps).flat_map(move |lap| rows.clone().map(move |row| plan.grid.lap(lap) + row))
}

/// The sum of the squared residuals.
pub(crate) fn loss(plan: &Plan, first: &Phase1) -> Fr {
    outputs(plan).map(|row| first.aux[0][row].square()).sum()
}

/// Writes the state of gap `l`.
pub(crate) fn put_state(plan: &Plan, first: &mut Phase1, l: usize, state: Fr) {
    first.aux[0][plan.grid.row(plan.grid.gap(l)) + STATE_ROW] = state;
}

/// Splits the heads of the buckets into limbs; a head that has none is left with zeros.
pub(crate) fn put_buckets(plan: &Plan, first: &mut Phase1) {
    let bits = plan.profile.limb_bits;
    let (norm, loss) = plan.buckets();
    let last = plan.grid.lap(plan.grid.laps - 1);
    for rows in [last + norm.start..last + norm.end, loss] {
        let head = integer(&first.aux[0][rows.start]);
        let mut value = head.unwrap_or(0);
        for row in rows.clone() {
            if row > rows.start || head.is_some() {
                first.aux[0][row] = Fr::from_raw([value as u64, (value >> 64) as u64, 0, 0]);
            }
            for lane in plan.bucket_limbs() {
                first.aux[lane.column][lane.at(row)] = Fr::from((value & ((1 << bits) - 1)) as u64);
                value >>= bits;
            }
        }
    }
}

/// Recounts the multiplicities; values outside the table are not counted.
pub(crate) fn count(plan: &Plan, first: &mut Phase1) {
    let mut counts = vec![0u64; 1 << plan.profile.limb_bits];
    for column in plan.area.columns.clone() {
        let laps = (0..plan.grid.laps).map(|lap| plan.grid.lap(lap));
        let rows = laps.flat_map(|origin| origin + plan.area.rows.start..origin + plan.area.rows.end);
        for value in rows.map(|row| &first.aux[column][row]) {
            let value = integer(value).and_then(|v| usize::try_from(v).ok());
            if let Some(count) = value.and_then(|v| counts.get_mut(v)) {
                *count += 1;
            }
        }
    }
    for (value, count) in counts.into_iter().enumerate() {
        first.aux[0][plan.table_row + value] = Fr::from(count);
    }
    if plan.softmax.is_some() {
        let mut counts = vec![0u64; plan.exponentials.len()];
        for base in outputs(plan) {
            let index = integer(&limbs(plan, first, &plan.signal.quotient, base)).and_then(|v| usize::try_from(v).ok());
            if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                *count += 1;
            }
        }
        for (row, count) in plan.exponential_rows().zip(counts) {
            first.aux[0][row] = Fr::from(count);
        }
    }
}
