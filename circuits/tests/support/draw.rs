//! Shapes drawn at random from all that a profile's fields allow, and honest witnesses of their circuits.
//!
//! Depth 1 to 4, layers of one unit and more, one to eight weight columns, none to four places below each other, blocks longer
//! than the batch and shorter, limbs that fall short: whatever is not refused is in scope of every harness.

use super::{random_step, Fixture};
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::StdRng;
use rand::Rng;
use std::collections::BTreeMap;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::grid::{LayoutError, TAIL};
use zkpoc_circuits::profile::{FeatureKind, LearningRate, Loss, OutputTable, Profile};
use zkpoc_circuits::reference::{run, Shard, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};
use zkpoc_circuits::training::TrainingCircuit;

/// Least `k` of a drawn shape.
const K_MIN: u32 = 6;
/// log2 of the most rows in a place of most shapes; one in four may have twice as many.
const HEIGHT_BITS: u32 = 7;

/// Any fields, with a `k` that may fit or not.
pub(crate) fn fields(rng: &mut StdRng) -> Profile {
    let columns = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 8][rng.gen_range(0..14)];
    let depth = rng.gen_range(1..=4);
    let mut layers = vec![rng.gen_range(1..=5)];
    for _ in 0..depth {
        let most = (6 / columns).max(1);
        // One layer in four has a single unit, or a single row of weights.
        let rows = if rng.gen_ratio(1, 4) { 1 } else { rng.gen_range(1..=most) };
        layers.push(columns * rows);
    }
    let weight_bits: u32 = rng.gen_range(2..=12);
    let signal_bits = rng.gen_range(2..=10);
    let residual_shift = rng.gen_range(1..=9);
    // The round circuit has limbs for a shift that is neither far above nor far below the bits of a weight.
    let fitting = weight_bits.div_ceil(2)..=weight_bits.div_ceil(2).max(weight_bits - 1);
    let shift: u32 = if rng.gen_ratio(1, 6) { rng.gen_range(1..=14) } else { rng.gen_range(fitting) };
    let limb = shift.min(weight_bits - 1);
    let claims = if rng.gen_ratio(1, 6) { 4 } else { 4.min(1 << (2 * limb).saturating_sub(shift)) };
    let unit = rng.gen_range(1..=3.min((1i64 << (signal_bits - 1)) - 1));
    Profile {
        name: "drawn".into(),
        layers,
        batch: rng.gen_range(1..=9),
        feature_bits: rng.gen_range(1..=5),
        weight_bits,
        weight_frac_bits: rng.gen_range(0..weight_bits),
        activation_bits: rng.gen_range(1..=10),
        activation_shift: rng.gen_range(1..=9),
        signal_bits,
        residual_shift,
        backprop_shift: rng.gen_range(1..=9),
        bias_unit: rng.gen_range(1..=40),
        target: unit << residual_shift,
        learning_rate: LearningRate { numerator: rng.gen_range(1..=7.min((1 << shift) - 1)), shift },
        max_claims: rng.gen_range(1..=claims),
        limb_bits: rng.gen_range(2..=5),
        weight_columns: columns,
        stack_bits: rng.gen_range(0..=2),
        ..Profile::builtin("toy").expect("a built-in profile")
    }
}

/// Gives one shape in four several steps, and some of the others features with a sign.
fn laps(rng: &mut StdRng, profile: &mut Profile) {
    if profile.feature_bits > 1 && rng.gen_ratio(1, 3) {
        profile.feature_kind = FeatureKind::Signed;
    }
    if rng.gen_ratio(1, 4) {
        profile.local_steps = 1 << rng.gen_range(1..=2);
        (profile.stack_bits, profile.fine_shift) = (0, rng.gen_range(0..=4));
        profile.local_rate = 1 << rng.gen_range(0..=3);
    }
}

/// Gives one shape in three a softmax, where a probability of one is a signal.
fn softmax(rng: &mut StdRng, profile: &mut Profile) {
    if profile.signal_bits > 2 && rng.gen_ratio(1, 3) {
        let probability_bits = rng.gen_range(1..=profile.signal_bits - 2);
        profile.loss = Loss::CrossEntropy;
        // A unit of the exponent is 2^0 to 2^3 steps of the table.
        let least = profile.activation_shift.saturating_sub(probability_bits).max(1);
        profile.residual_shift = least + rng.gen_range(0..=3);
        profile.target = 1 << (probability_bits + profile.residual_shift);
        profile.output_table = Some(OutputTable {
            table_bits: rng.gen_range(2..=profile.limb_bits.min(profile.signal_bits)),
            exponent_bits: rng.gen_range(1..=9),
            probability_bits,
        });
    }
}

/// Why draws were refused, and how often.
pub(crate) type Refusals = BTreeMap<&'static str, usize>;

/// A shape whose training circuit has a layout, at the smallest `k` or one more.
pub(crate) fn shape(rng: &mut StdRng, refusals: &mut Refusals) -> Profile {
    loop {
        let mut profile = fields(rng);
        let more = u32::from(rng.gen_ratio(1, 4));
        let taller = u32::from(rng.gen_ratio(1, 4));
        softmax(rng, &mut profile);
        laps(rng, &mut profile);
        let most = HEIGHT_BITS + profile.place_bits() + taller;
        let mut reason = "no k is large enough";
        for k in K_MIN..=most {
            profile.k = k;
            if let Err(error) = profile.validate() {
                reason = match error {
                    zkpoc_circuits::profile::ProfileError::Rows { .. } => continue,
                    zkpoc_circuits::profile::ProfileError::Places { .. } => "a column is filled in part",
                    _ => "a field",
                };
                break;
            }
            match TrainingCircuit::new(&profile) {
                Ok(_) => {
                    let larger = Profile { k: (k + more).min(most), ..profile.clone() };
                    return if TrainingCircuit::new(&larger).is_ok() { larger } else { profile };
                }
                Err(LayoutError::Places { .. }) => reason = "a column is filled in part",
                Err(LayoutError::Blinding { .. } | LayoutError::Tail { .. }) => reason = "too few random rows",
                Err(LayoutError::Rotations { .. }) => {
                    *refusals.entry("rotations that meet, taken with a larger k").or_default() += 1;
                    continue;
                }
                Err(_) => continue,
            }
            break;
        }
        *refusals.entry(reason).or_default() += 1;
    }
}

/// Whether the shape has more rows in a block than records, places without weights, several layers of one unit, and so on.
pub(crate) fn traits(f: &Fixture) -> Vec<String> {
    let (grid, p) = (&f.plan.grid, &f.profile);
    let places = 1usize << p.place_bits();
    let mut out = vec![format!("depth {}", p.depth()), format!("{places} places"), format!("k = {}", p.k)];
    let mut put = |holds: bool, name: &str| out.extend(holds.then(|| name.to_owned()));
    put(p.weight_columns == 1, "one weight column");
    put(p.weight_columns > 1, "several weight columns");
    put(p.model_points() > 1, "several committed columns");
    put(p.weight_columns < places, "places without weights");
    put(grid.rows_per_block > p.batch, "R > B");
    put(grid.rows_per_block == p.batch, "R = B");
    put(p.layers[1..].contains(&1), "a layer of one unit");
    put(p.batch == 1, "one record");
    put(p.softmax().is_some(), "a softmax");
    put(p.local_steps > 1, "several steps");
    put(p.feature_range().0 < 0, "features with a sign");
    put(!p.signal_bits.is_multiple_of(p.limb_bits), "limbs that fall short");
    put(f.plan.area.columns.len() > 1, "several looked-up columns");
    out
}

/// Makes each record's features the digits of its index. Says whether there are so many different ones.
pub(crate) fn number(profile: &Profile, shard: &mut Shard) -> bool {
    let (bits, least) = (profile.feature_bits, profile.feature_range().0);
    let mut fits = true;
    for (i, record) in shard.features.chunks_exact_mut(profile.features()).enumerate() {
        let mut rest = i;
        for feature in record.iter_mut() {
            *feature = ((rest & ((1 << bits) - 1)) as i64 + least) as u16;
            rest >>= bits;
        }
        fits &= rest == 0;
    }
    fits
}

/// The dataset circuit with a shard of different records, where there are so many and the profile has a layout.
pub(crate) fn dataset(profile: &Profile, seed: u64) -> Option<(DatasetCircuit, Shard)> {
    let circuit = DatasetCircuit::new(profile).ok()?;
    let (_, mut shard) = random_step(profile, seed);
    if !number(profile, &mut shard) {
        return None;
    }
    let witness = DatasetWitness::new(circuit.plan(), &shard);
    Some((circuit.with_witness(witness), shard))
}

/// The round circuit, an honest witness and its number of claims, where the profile has a layout.
pub(crate) fn round(profile: &Profile, seed: u64) -> Option<(RoundCircuit, RoundWitness, u64)> {
    let circuit = RoundCircuit::new(profile).ok()?;
    let claims = 1 + seed % profile.max_claims;
    let (model, _) = random_step(profile, seed);
    let mut sum = Update::zero(profile);
    for claim in 0..claims {
        let (_, shard) = random_step(profile, seed * 1000 + claim);
        sum.add(&run(profile, &model, &shard).expect("a valid step").update);
    }
    let tails = vec![vec![Fr::from(3); TAIL]; circuit.plan().grid.columns];
    let witness = RoundWitness::new(circuit.plan(), &model, &sum, claims, &tails).expect("a round");
    Some((circuit, witness, claims))
}
