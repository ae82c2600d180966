//! Profiles for the sweep: given layers and a batch, or a number of parameters.
//!
//! The integers are those of `mnist-mlp` (features of 8 bits, weights of 16, activations of 12). The layout is searched: the
//! `k`, weight columns and limb bits at which all three circuits fit with the fewest advice cells; at the smallest `k`
//! that fits, so many columns can be needed that a larger one costs less.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::{Plan, TrainingCircuit};

use crate::bench::BenchError;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_engine::{Shape, Strategy};

/// Largest k of a profile.
pub const MAX_K: u32 = 24;
/// Smallest k that is tried.
const MIN_K: u32 = 8;
/// How far above the smallest k that fits the search goes.
const MORE_K: u32 = 2;

/// A profile for layers and a batch.
pub fn for_layers(layers: &[usize], batch: usize) -> Result<Profile, BenchError> {
    let text: Vec<String> = layers.iter().map(usize::to_string).collect();
    let none = || BenchError::NoProfile { layers: text.join("-"), batch, most: MAX_K };
    // invariant: the product comes with this profile.
    let base = Profile::builtin("mnist-mlp").expect("a built-in profile");
    let name = format!("bench-{}-b{batch}", text.join("-"));
    let base = Profile { name, layers: layers.to_vec(), batch, data: "synthetic".into(), ..base };
    let mut best: Option<(usize, Profile)> = None;
    let mut first = MAX_K;
    for k in MIN_K..=MAX_K {
        if k > first + MORE_K {
            break;
        }
        for weight_columns in [10, 5, 2, 1] {
            for limb_bits in 6..=15 {
                let profile = Profile { k, weight_columns, limb_bits, ..base.clone() };
                let Some(columns) = columns(&profile) else { continue };
                // Whether the circuits fit is only asked of a layout that would be chosen: large ones take seconds.
                if best.as_ref().is_none_or(|(cells, _)| columns << k < *cells) && fits(&profile) {
                    first = first.min(k);
                    best = Some((columns << k, profile));
                }
            }
        }
    }
    best.map(|(_, profile)| profile).ok_or_else(none)
}

/// Advice columns of the training circuit, if there is a plan of it.
fn columns(profile: &Profile) -> Option<usize> {
    profile.validate().ok()?;
    let plan = Plan::new(profile).ok()?;
    let stacked = |places: usize| places.div_ceil(1 << profile.stack_bits);
    Some(2 * plan.grid.columns + 1 + stacked(plan.aux_columns) + stacked(2 + plan.chain_columns))
}

/// Whether all circuits of a profile fit.
fn fits(profile: &Profile) -> bool {
    TrainingCircuit::of_profile(profile).is_ok()
        && DatasetCircuit::of_profile(profile).is_ok()
        && RoundCircuit::of_profile(profile).is_ok()
}

/// What the engine sees of the training circuit.
fn shape(profile: &Profile) -> Option<Shape> {
    let circuit = TrainingCircuit::of_profile(profile).ok()?;
    let mut cs = ConstraintSystem::<Fr>::default();
    let _config = TrainingCircuit::configure_with_params(&mut cs, circuit.params());
    Shape::of(&cs, profile.k).ok()
}

/// About the memory of proving a profile's step, bytes; 0 if it has no circuit.
pub fn memory_bytes(profile: &Profile) -> u64 {
    shape(profile).map_or(0, |shape| Strategy::Fast.peak(&shape))
}

/// Layers with about that many parameters and 10 classes: one or two hidden layers, whichever needs less memory.
pub fn for_parameters(parameters: usize, batch: usize) -> Result<Profile, BenchError> {
    let features = if parameters < 50_000 { 64 } else { 784 };
    let even = |width: usize| (width & !1).max(2);
    let one = vec![features, even(parameters.saturating_sub(10) / (features + 11)), 10];
    // h2 (d r + r h2 + 11) = parameters for h1 = r h2, with the ratio of 784-2900-2600-10.
    let ratio = 2900.0 / 2600.0;
    let linear = features as f64 * ratio + 11.0;
    let second = ((linear * linear + 4.0 * ratio * parameters as f64).sqrt() - linear) / (2.0 * ratio);
    let two = vec![features, even((second * ratio) as usize), even(second as usize), 10];
    match (for_layers(&one, batch), for_layers(&two, batch)) {
        (Ok(one), Ok(two)) => Ok(if memory_bytes(&two) < memory_bytes(&one) { two } else { one }),
        (one, two) => one.or(two),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_parameters_has_about_as_many_and_reads_back() {
        for parameters in [1_000, 10_000, 100_000] {
            let profile = for_parameters(parameters, 16).expect("a profile");
            let ratio = profile.parameters() as f64 / parameters as f64;
            assert!((0.8..1.1).contains(&ratio), "{:?}", profile.layers);
            assert_eq!(Profile::from_toml(&profile.to_toml()).expect("valid"), profile);
            assert!(memory_bytes(&profile) > 1 << profile.k);
            assert_eq!(columns(&profile), shape(&profile).map(|shape| shape.advice));
        }
    }

    #[test]
    fn no_neighbouring_k_has_fewer_cells() {
        for layers in [[64, 32, 10], [64, 52, 10]] {
            let profile = for_layers(&layers, 16).expect("a profile");
            let cells =
                |profile: &Profile| columns(profile).filter(|_| fits(profile)).map(|columns| columns << profile.k);
            let chosen = cells(&profile).expect("it fits");
            for k in [profile.k - 1, profile.k + 1] {
                let other = cells(&Profile { k, ..profile.clone() });
                assert!(other.is_none_or(|other| other >= chosen), "{layers:?} at k = {k}");
            }
        }
    }

    #[test]
    fn refuses_a_shape_that_no_k_holds() {
        let error = for_layers(&[1 << 20, 1 << 12], 16).expect_err("too large");
        assert!(error.to_string().contains("k = 24"), "{error}");
    }
}
