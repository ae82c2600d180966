//! Forged witnesses that keep every private cell on the table and every book but one: each is refused by a single constraint,
//! so nothing else would notice if that one were missing.

use super::integer;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::audit::Cell;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::quantize::{signed_max, signed_min};
use zkpoc_circuits::round::{RoundPlan, RoundWitness};

/// The constraint that a next weight off by one breaks; the others hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaks {
    /// The remainder is that of another weight, in range.
    Remainder,
    /// The remainder is the true one and outside its range: below it for a weight too small, above it for one too large.
    Range,
}

/// A weight and its copy.
type Weight = (Cell, Option<Cell>);

/// Moves a next weight by one, up or down; `None` where that leaves the range of weights. Returns the constraint that it breaks.
pub(crate) fn next_weight(
    plan: &RoundPlan,
    cheat: &mut RoundWitness,
    weight: Weight,
    up: bool,
    breaks: Breaks,
) -> Option<&'static str> {
    let (min, max) = ends(plan);
    let (column, row) = weight.0;
    let claims = near(&cheat.claims[row]);
    let next = near(&cheat.next[column][row]) + if up { 1 } else { -1 };
    if !(min..=max).contains(&next) {
        return None;
    }
    let bits = plan.limb_bits;
    let (low, high) = remainder(plan, cheat, weight.0, next, claims);
    let last = (claims << plan.ratio_bits()) - 1;
    let (parts, label) = match breaks {
        Breaks::Remainder => {
            let high = high.clamp(0, last);
            ([low, high, high, last - high, 0], "remainder")
        }
        Breaks::Range if up => ([low, high, high & mask(bits), 0, high >> bits], "ceiling"),
        Breaks::Range => ([low, high, 0, (last - high) & mask(bits), (last - high) >> bits], "floor"),
    };
    put(plan, cheat, weight, next, parts);
    cheat.count(plan);
    Some(label)
}

/// Another number of claims from a row on: all weights from there on are moved by the mean over so many. Returns whether there are
/// limbs for the parts of each.
pub(crate) fn claims_from(
    plan: &RoundPlan,
    cheat: &mut RoundWitness,
    weights: &[Weight],
    row: usize,
    claims: i128,
) -> bool {
    let mut fits = true;
    let (min, max) = ends(plan);
    let bits = plan.limb_bits;
    cheat.claims[row..plan.area().end].fill(signed(claims));
    let last = (claims << plan.ratio_bits()) - 1;
    for weight in weights.iter().filter(|weight| weight.0 .1 >= row) {
        let (column, at) = weight.0;
        let rate = &plan.profile.learning_rate;
        let step = near(&cheat.s[column][at]) * i128::from(rate.numerator) + (claims << (rate.shift - 1));
        let next = (near(&cheat.w[column][at]) - step.div_euclid(claims << rate.shift)).clamp(min, max);
        let (low, high) = remainder(plan, cheat, weight.0, next, claims);
        let parts = if next == max {
            [low, high, 0, (last - high) & mask(bits), (last - high) >> bits]
        } else if next == min {
            [low, high, high & mask(bits), 0, high >> bits]
        } else {
            [low, high, high, last - high, 0]
        };
        fits &= parts[4] >> (bits * plan.excess as u32) == 0;
        put(plan, cheat, *weight, next, parts);
    }
    cheat.count(plan);
    fits
}

fn ends(plan: &RoundPlan) -> (i128, i128) {
    (signed_min(plan.profile.weight_bits).into(), signed_max(plan.profile.weight_bits).into())
}

fn mask(bits: u32) -> i128 {
    (1 << bits) - 1
}

/// Low and high part of the remainder of a next weight.
fn remainder(plan: &RoundPlan, cheat: &RoundWitness, (column, row): Cell, next: i128, claims: i128) -> (i128, i128) {
    let rate = &plan.profile.learning_rate;
    let (w, s) = (near(&cheat.w[column][row]), near(&cheat.s[column][row]));
    let remainder = s * i128::from(rate.numerator) + (claims << (rate.shift - 1)) - (claims << rate.shift) * (w - next);
    (remainder & mask(plan.limb_bits), remainder >> plan.limb_bits)
}

/// Writes a next weight, its copy and its parts: low, high, distances from both ends, their excess.
fn put(plan: &RoundPlan, cheat: &mut RoundWitness, (cell, copy): Weight, next: i128, parts: [i128; 5]) {
    let bits = plan.limb_bits;
    for (column, row) in std::iter::once(cell).chain(copy) {
        cheat.next[column][row] = signed(next);
        // What is not in the area is not looked up.
        if plan.area().contains(&row) {
            cheat.parts[column][4 + plan.excess][row] = signed((next - ends(plan).0) & mask(bits));
        }
    }
    let columns = &mut cheat.parts[cell.0];
    (0..4).for_each(|part| columns[part][cell.1] = signed(parts[part]));
    for limb in 0..plan.excess {
        columns[4 + limb][cell.1] = signed(parts[4] >> (bits * limb as u32) & mask(bits));
    }
}

/// The integer near zero that an element is.
fn near(value: &Fr) -> i128 {
    let small = |value: &Fr| integer(value).and_then(|v| i128::try_from(v).ok());
    let negative = || small(&(Fr::ZERO - value)).map(|v| -v);
    small(value).or_else(negative).expect("an integer near zero")
}
