//! The layouts a network can have, and which one is best for a purpose.
//!
//! Used when a profile is designed, never when one is loaded. Searched: `k` from the smallest that fits to three more,
//! `weight_columns`, `stack_bits` and `limb_bits`. A candidate counts when all three circuits of the profile have a layout.
//!
//! # Purposes
//! `fast`: least time; `cheap`: least time of those whose gas is within [`GAS_SLACK`] of the least; `balanced`: least product
//! of the two.
//!
//! # Source
//! Own; costs from [`super::cost`].

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::layout::cost::{Coefficients, Counts};

/// What a layout is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Purpose {
    /// Least time of proving.
    Fast,
    /// Little gas of verifying: within [`GAS_SLACK`] of the least.
    Cheap,
    /// Least product of time and gas.
    Balanced,
}

/// A layout and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The profile with that layout.
    pub profile: Profile,
    /// Its training circuit.
    pub counts: Counts,
    /// Estimated time, in multi-exponentiations of 2^16 points.
    pub time: f64,
    /// Estimated gas.
    pub gas: f64,
}

impl Candidate {
    /// The lines of a profile's TOML file that say the layout.
    #[must_use]
    pub fn toml(&self) -> String {
        let Profile { limb_bits, weight_columns, stack_bits, k, .. } = &self.profile;
        format!("limb_bits = {limb_bits}\nweight_columns = {weight_columns}\nstack_bits = {stack_bits}\nk = {k}")
    }

    /// What is to be small, where the least gas of all layouts is known.
    fn score(&self, purpose: Purpose, least_gas: f64) -> (f64, f64) {
        match purpose {
            Purpose::Fast => (self.time, self.gas),
            // Those within the slack come first, by time; the others by gas.
            Purpose::Cheap => match self.gas <= least_gas * (1.0 + GAS_SLACK) {
                true => (0.0, self.time),
                false => (self.gas, self.time),
            },
            Purpose::Balanced => (self.time * self.gas, self.time),
        }
    }
}

/// A layout is cheap when its gas is at most this part above the least: even taller columns save a few evaluations, but
/// double the time.
pub const GAS_SLACK: f64 = 0.01;

/// How many sizes above the smallest are tried.
const SIZES: u32 = 3;

/// All layouts of a profile's network, the best first; of those with equal costs the one with the narrowest limbs.
#[must_use]
pub fn candidates(profile: &Profile, purpose: Purpose, coefficients: &Coefficients) -> Vec<Candidate> {
    let mut out: Vec<Candidate> = Vec::new();
    let mut smallest = None;
    for k in 6..=22 {
        if smallest.is_some_and(|smallest| k > smallest + SIZES) {
            break;
        }
        for stack_bits in 0..=2 {
            for weight_columns in 1..=2 {
                for limb_bits in 4..=15 {
                    let layout = Profile { k, stack_bits, weight_columns, limb_bits, ..profile.clone() };
                    out.extend(candidate(layout, coefficients));
                }
            }
        }
        if smallest.is_none() && !out.is_empty() {
            smallest = Some(k);
        }
    }
    let least = least_gas(&out);
    out.sort_by(|a, b| {
        let (a, b) = (a.score(purpose, least), b.score(purpose, least));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    out.dedup_by(|next, kept| next.counts == kept.counts);
    out
}

fn least_gas(candidates: &[Candidate]) -> f64 {
    candidates.iter().map(|c| c.gas).fold(f64::INFINITY, f64::min)
}

fn candidate(profile: Profile, coefficients: &Coefficients) -> Option<Candidate> {
    profile.validate().ok()?;
    // Cheapest first: most combinations have no plan of the training circuit.
    let circuit = TrainingCircuit::new(&profile).ok()?;
    DatasetCircuit::new(&profile).ok()?;
    RoundCircuit::new(&profile).ok()?;
    let mut cs = ConstraintSystem::<Fr>::default();
    TrainingCircuit::configure_with_params(&mut cs, circuit.params());
    let counts = Counts::of(&cs, profile.k);
    let (time, gas) = (counts.time(coefficients), counts.gas(coefficients));
    Some(Candidate { profile, counts, time, gas })
}

/// The best candidates as text: a table, why the first is first, and its lines for a profile's file.
#[must_use]
pub fn explain(candidates: &[Candidate], purpose: Purpose, shown: usize) -> String {
    let mut out = String::from("  k stack weights limb | first second fixed evaluations |  time     gas\n");
    for c in candidates.iter().take(shown) {
        out += &format!(
            "{:3} {:5} {:7} {:4} | {:5} {:6} {:5} {:11} | {:5.1} {:7.0}\n",
            c.profile.k,
            1u32 << c.profile.stack_bits,
            c.profile.weight_columns,
            c.profile.limb_bits,
            c.counts.first,
            c.counts.second,
            c.counts.fixed,
            c.counts.evaluations(),
            c.time,
            c.gas
        );
    }
    let Some(best) = candidates.first() else { return "no layout fits\n".to_owned() };
    let lead = match purpose {
        Purpose::Fast => "least time",
        Purpose::Cheap => "least time within 1 % of the least gas",
        Purpose::Balanced => "least time times gas",
    };
    let other = |better: fn(&Candidate) -> f64| candidates.iter().map(better).fold(f64::INFINITY, f64::min);
    out += &format!(
        "the first has the {lead} of {} layouts: {:.1} multi-exponentiations of 2^16 (least {:.1}), {:.0} gas (least {:.0})\n{}\n",
        candidates.len(),
        best.time,
        other(|c| c.time),
        best.gas,
        other(|c| c.gas),
        best.toml()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::super::cost::MEASURED;
    use super::*;

    #[test]
    fn the_best_layout_of_a_purpose_is_one_that_no_other_beats() {
        let toy = Profile::builtin("toy").expect("a profile");
        for purpose in [Purpose::Fast, Purpose::Cheap, Purpose::Balanced] {
            let all = candidates(&toy, purpose, &MEASURED);
            let best = &all[0];
            assert!(all.len() > 10);
            let least = least_gas(&all);
            assert!(all.iter().all(|other| best.score(purpose, least) <= other.score(purpose, least)));
            // The network is the same, and the lines make a profile with a layout.
            let network = Profile { k: 8, stack_bits: 0, weight_columns: 1, limb_bits: 4, ..best.profile.clone() };
            assert_eq!(network, toy);
            assert!(explain(&all, purpose, 5).contains(&best.toml()));
            assert!(TrainingCircuit::new(&best.profile).is_ok());
        }
    }

    #[test]
    fn the_headline_profiles_have_the_layouts_of_their_purposes() {
        let headline = Profile::builtin("mnist-mlp").expect("a profile");
        for (purpose, name) in
            [(Purpose::Fast, "mnist-mlp-fast"), (Purpose::Cheap, "mnist-mlp-cheap"), (Purpose::Balanced, "mnist-mlp")]
        {
            let best = candidates(&headline, purpose, &MEASURED).swap_remove(0).profile;
            assert_eq!(Profile { name: name.to_owned(), ..best }, Profile::builtin(name).expect("a profile"));
        }
    }
}
