//! Softmax: the signal of an output is its probability minus that of its label.
//!
//! # Shapes
//! At an output's base row (one output `k`, one sample), integers as in [`crate::reference::Probabilities`]: `Z` is the
//! pre-activation, `m` the sample's largest, `u` the quotient and `rem` the remainder of `m - Z` (the lanes of
//! [`super::units`]' signal, `S` the remainder bits, `gain = S - activation_shift`), `exc` what goes beyond the table's last index
//! `Q = 2^table_bits - 1`. `h` is `hot`, `e` the exponential; `c` and `p` add up `h` and `e` over this output and those after it, `s` is
//! the sum of all `e`. `P` is the probability, `rest` the remainder of its division and `short` what that is short of the
//! divisor, less one. The next output of the same sample is `R` rows below; after the last one comes the end block. `X` is the LogUp
//! sum, over the rows of all outputs.
//!
//! # Constraints
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `softmax.index` | outputs | 3 | `exc (u - Q) = 0` | `rejects_an_index_that_is_capped_early` |
//! | `softmax.max` | outputs | 2 | `m = m[+R]` | `rejects_two_largest_outputs_of_a_record` |
//! | `softmax.hot` | outputs | 3 | `h (m - Z) = 0`, `(m - Z) 2^gain = 2^S (u + exc) + rem` | `rejects_a_largest_output_that_no_output_is` |
//! | `softmax.count` | outputs | 2 | `c = c[+R] + h` | `rejects_a_largest_output_that_no_output_is` |
//! | `softmax.count.end` | bias and end blocks | 3 | `c = 0` | `rejects_a_largest_output_that_no_output_is` |
//! | `softmax.one` | gaps | 2 | `c[+R] = 1` | `rejects_a_largest_output_that_no_output_is` |
//! | `softmax.exp` | outputs | 3 | `(X - X[+1]) (alpha - u - mu e) = 1` | `rejects_sums_of_exponentials_that_are_bent` |
//! | `softmax.exp.end` | bias and end blocks | 3 | without laps: `X = 0` | `rejects_sums_of_exponentials_that_are_bent` |
//! | `softmax.part` | outputs | 2 | `p = p[+R] + e` | `rejects_a_sum_that_forgets_an_output` |
//! | `softmax.part.end` | bias and end blocks | 3 | `p = 0` | `rejects_a_sum_that_forgets_an_output` |
//! | `softmax.part.idle` | hidden units | 2 | `p = 0` | `rejects_sums_beside_units_that_have_no_softmax` |
//! | `softmax.total` | gaps | 2 | `p[+R] = s[+R]` | `rejects_a_sum_that_forgets_an_output` |
//! | `softmax.sum` | outputs | 2 | `s = s[+R]` | `rejects_a_sum_that_forgets_an_output` |
//! | `softmax.share` | outputs | 3 | `2^(probability_bits + 1) e + s = 2 s P + rest` | `rejects_a_share_that_is_not_the_rounded_one` |
//! | `softmax.rest` | outputs | 2 | `2 s - 1 = rest + short` | `rejects_a_share_that_is_not_the_rounded_one` |
//!
//! `exp.total` in [`super::links`] compares `X` with the table; `output.residual` in [`super::units`] takes the label off `P`.
//!
//! # Soundness
//! Claim: `P` is the probability that [`crate::reference::Probabilities`] computes from the sample's pre-activations.
//!
//! `m` is one value for all outputs of a sample (`softmax.max`). The counts `c` begin at zero after the last output
//! (`softmax.count.end`), add up `h` (`softmax.count`) and are one at the first output, which follows the last gap (`softmax.one`). So some
//! `h` is not zero, and there `m` is an output's `Z` (`softmax.hot`), an integer. `u`, `exc` and `rem` are sums of looked-up
//! limbs ([`super::lookup`]), so `(m - Z) 2^gain = 2^S (u + exc) + rem` is not negative for any output: `m` is the largest. Quotient and
//! remainder are unique by the bound of [`super::units`]. `u` is the index of a row of the table and `e` its value (`softmax.exp`,
//! `softmax.exp.end`, with laps `exp.start` and `exp.carry`, and `exp.total`: the argument of [`crate::logup`] for the values `u + mu e`, where `mu` is drawn with `alpha`
//! and two different pairs agree for one `mu` alone). Hence `u <= Q`, and `exc` is zero unless `u = Q` (`softmax.index`): `u` is the
//! capped index. `s` is the sum of the sample's `e`, which `p` adds up from zero (`softmax.part`, `softmax.part.end`) to the first output,
//! where it is `s` (`softmax.total`), the same `s` at all outputs (`softmax.sum`). As `rest` and `short` are sums of looked-up limbs,
//! `0 <= rest < 2 s` (`softmax.rest`), so `P`, a sum of limbs as well, is the floor of the division (`softmax.share`). No side wraps: `s` is
//! at most `2^40`, `P` and `rest` are below `2^64`. Phantom samples have probabilities too, which nothing uses.
//! `softmax.part.idle` binds no probability: without it the first hidden unit of a layer had two free cells, as it follows a gap like
//! the first output.

use super::super::config::{Cells, Selectors};
use super::super::plan::{Plan, SoftmaxLanes};
use super::units::Parts;
use super::Named;
use crate::expr::{constant, recompose, Expr};
use crate::field::power_of_two;
use crate::logup;
use crate::profile::OutputTable;
use halo2_proofs::halo2curves::bn256::Fr;

/// What an output's other gates need of its softmax.
pub(super) struct Output {
    /// The pre-activation.
    pub(super) pre: Expr,
    /// The probability.
    pub(super) share: Expr,
}

/// The gates, in which `signal` holds the parts of the distance from the largest output.
pub(super) fn create(
    q: &mut Cells<'_, '_>,
    plan: &Plan,
    table: OutputTable,
    lanes: &SoftmaxLanes,
    signal: &Parts,
) -> (Output, Named) {
    let config = q.config;
    let limb = plan.profile.limb_bits;
    let rows = plan.grid.rows_per_block as i32;
    // Fixed columns: bound by the verifying key.
    let output = q.fixed(config.fixed.q_output);
    let hidden = q.fixed(config.fixed.q_hidden);
    let Selectors { gap, stop, .. } = q.selectors();
    // Challenges: bound by the transcript, drawn after the first phase.
    let alpha = q.challenge(config.challenges.alpha);
    let mu = q.challenge(config.challenges.mu);

    // Largest output, here and at the next output: bound by `softmax.max` to one value, by `softmax.hot` to an output.
    let max = q.lane(lanes.max, 0);
    let max_next = q.lane(lanes.max, rows);
    // Not zero where this is the largest output: bound by `softmax.hot` and `softmax.count`.
    let hot = q.lane(lanes.hot, 0);
    // Sum of the above from this output on, and from the next one on: bound by `softmax.count`, from the end that
    // `softmax.count.end` pins to the total that `softmax.one` does.
    let count = q.lane(lanes.count, 0);
    let count_next = q.lane(lanes.count, rows);
    // Exponential: bound by `softmax.exp` to the table.
    let exp = q.lane(lanes.exp, 0);
    // Sum of the exponentials from this output on, and from the next one on: bound by `softmax.part`, from the end that
    // `softmax.part.end` pins; beside hidden units by `softmax.part.idle`.
    let part = q.lane(lanes.partial, 0);
    let part_next = q.lane(lanes.partial, rows);
    // Sum of all exponentials, here and at the next output: bound by `softmax.sum`, at the first output by `softmax.total`.
    let sum = q.lane(lanes.sum, 0);
    let sum_next = q.lane(lanes.sum, rows);
    // LogUp sum from the last output's last row on, here and on the next row: bound by `softmax.exp`, from the start that
    // `softmax.exp.end`, with laps `exp.start` or `exp.carry`, pins.
    let looked_up = q.chain(lanes.looked_up, 0);
    let looked_up_next = q.chain(lanes.looked_up, 1);
    // Share, remainder and what that is short of the divisor: limbs bound by `lookup` to the table, their numbers by
    // `softmax.share` and `softmax.rest`.
    let [share, rest, short] = [&lanes.share, &lanes.rest, &lanes.short]
        .map(|limbs| recompose(limb, limbs.lanes.iter().map(|lane| q.lane(*lane, 0)).collect()));

    let last = Expr::Constant(power_of_two(table.table_bits) - Fr::from(1));
    let distance = signal.floored(plan.signal.shift, plan.profile.output_shift());
    let scaled = exp.clone() * power_of_two(table.probability_bits + 1) + sum.clone();
    let twice = sum.clone() * Fr::from(2);
    let pair = signal.quotient.clone() + mu * exp.clone();
    let mut constraints = Vec::new();
    if config.laps.is_none() {
        constraints.push(("softmax.exp.end", stop.clone() * looked_up.clone()));
    }
    constraints.extend([
        ("softmax.index", output.clone() * signal.excess.clone() * (signal.quotient.clone() - last)),
        ("softmax.max", output.clone() * (max.clone() - max_next)),
        ("softmax.hot", output.clone() * hot.clone() * distance.clone()),
        ("softmax.count", output.clone() * (count.clone() - count_next.clone() - hot)),
        ("softmax.count.end", stop.clone() * count),
        ("softmax.one", gap.clone() * (count_next - constant(1))),
        ("softmax.exp", logup::value(&output, &alpha, looked_up_next, looked_up, pair)),
        ("softmax.part", output.clone() * (part.clone() - part_next.clone() - exp)),
        ("softmax.part.end", stop * part.clone()),
        ("softmax.part.idle", hidden * part),
        ("softmax.total", gap * (part_next - sum_next.clone())),
        ("softmax.sum", output.clone() * (sum - sum_next)),
        ("softmax.share", output.clone() * (scaled - twice.clone() * share.clone() - rest.clone())),
        ("softmax.rest", output * (twice - constant(1) - rest - short)),
    ]);
    (Output { pre: max - distance, share }, constraints)
}
