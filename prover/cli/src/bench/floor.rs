//! The floor: what any proof of a step over these committed columns must compute.
//!
//! # What it counts
//! For a profile of `C` weight columns, `c = 2C + 1` columns of `n = 2^k` rows (model `W`, shard `X` and `Y` in one column,
//! update `Δ`), holding the integers of a real step:
//!
//! 1. the commitments of the `c` columns at their real value sizes, by [`arith::msm_small`];
//! 2. their inverse transforms, from values to coefficients;
//! 3. their values on two cosets of size `n`: constraints of degree 3 have a quotient of two pieces;
//! 4. two multi-exponentiations of `n` random scalars for the quotient;
//! 5. two more for the opening.
//!
//! # What it does not count
//! The step itself, private columns (activations, ranges, lookups, folds), the second phase, the random polynomial,
//! evaluation of any constraint, evaluations at the challenge, division for the opening, the transcript, the link, the
//! conversion of integers to field elements, the few blinding rows. A real proof does all of these, so its ratio to the
//! floor is above 1.
//!
//! # Two arithmetics
//! [`Floor::floor_ms`] uses [`zkpoc_engine::arith`]; [`Floor::library_floor_ms`] the same work through the proof library's own
//! functions, where a negative integer is a full-size scalar. A ratio to the first becomes harder to meet as the
//! arithmetic becomes faster; the second stays, so the two together tell a better layout from better arithmetic.
//!
//! # Bases
//! Commitments use the powers of the reference string in place of its Lagrange points: the same number of points of the
//! same group, so the same time.

use halo2_proofs::arithmetic::{best_multiexp, Field};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::EvaluationDomain;
use rand_core::OsRng;
use rayon::prelude::*;
use serde::Serialize;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::reference::{Model, Shard, Update};

use crate::bench::{median, timed};
use zkpoc_engine::arith;
use zkpoc_engine::arith::Domain;
use zkpoc_prover::srs::Srs;

/// Runs where the floor is measured beside a proof.
pub const FLOOR_RUNS: usize = 3;
/// Degree of the circuits' constraints; their quotient has one piece less.
const DEGREE: u32 = 3;
/// Multi-exponentiations of the quotient, and of the opening.
const FULL_MSMS: usize = 2;

/// The floor of one step, medians of [`Floor::runs`] runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Floor {
    /// Columns have `2^k` rows.
    pub k: u32,
    /// Committed columns.
    pub columns: usize,
    /// Runs.
    pub runs: usize,
    /// Commitments of the columns.
    pub commit_ms: f64,
    /// Inverse transforms of the columns.
    pub interpolate_ms: f64,
    /// Two cosets of each column.
    pub coset_ms: f64,
    /// Two full-size multi-exponentiations.
    pub quotient_ms: f64,
    /// Two more.
    pub opening_ms: f64,
    /// All five, with this program's arithmetic.
    pub floor_ms: f64,
    /// All five, with the library's.
    pub library_floor_ms: f64,
}

/// The columns of a step.
#[derive(Debug)]
pub struct Columns {
    /// One vector of `2^k` integers a column.
    integers: Vec<Vec<i64>>,
    k: u32,
}

impl Columns {
    /// The committed columns of a step, as the grid packs them.
    pub fn of(grid: &Grid, model: &Model, shard: &Shard, update: &Update) -> Self {
        let mut integers = grid.model_columns(model);
        integers.push(grid.data_column(shard));
        integers.extend(grid.update_columns(update));
        Self { integers, k: grid.k }
    }

    fn field(&self) -> Vec<Vec<Fr>> {
        self.integers.iter().map(|c| c.par_iter().map(|v| signed(i128::from(*v))).collect()).collect()
    }
}

/// Measures the floor; `runs` is at least 1, and the SRS has the columns' size.
pub fn measure(srs: &Srs, columns: &Columns, runs: usize) -> Floor {
    let bases = srs.params().get_g();
    let n = 1usize << columns.k;
    let scalars: Vec<Fr> = (0..n).into_par_iter().map(|_| Fr::random(OsRng)).collect();
    let fields = columns.field();
    let mut parts: [Vec<f64>; 5] = Default::default();
    let (mut own, mut library) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        let times = own_times(columns, &fields, &scalars, bases);
        own.push(times.iter().sum());
        parts.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
        library.push(library_time(columns.k, &fields, &scalars, bases));
    }
    let [commit_ms, interpolate_ms, coset_ms, quotient_ms, opening_ms] = parts.map(|times| median(&times));
    Floor {
        k: columns.k,
        columns: fields.len(),
        runs: runs.max(1),
        commit_ms,
        interpolate_ms,
        coset_ms,
        quotient_ms,
        opening_ms,
        floor_ms: median(&own),
        library_floor_ms: median(&library),
    }
}

fn own_times(columns: &Columns, fields: &[Vec<Fr>], scalars: &[Fr], bases: &[G1Affine]) -> [f64; 5] {
    let domain = Domain::new(columns.k);
    let shifts = [Fr::from(7), Fr::from(7).square()];
    let (commit, _) = timed(|| {
        for column in &columns.integers {
            std::hint::black_box(arith::msm_small(column, bases));
        }
    });
    let (mut interpolate, mut coset) = (0.0, 0.0);
    for field in fields {
        let mut coefficients = field.clone();
        interpolate += timed(|| domain.interpolate(&mut coefficients)).0;
        for shift in shifts {
            let mut values = coefficients.clone();
            coset += timed(|| domain.evaluate_on_coset(&mut values, shift)).0;
            std::hint::black_box(values);
        }
    }
    let full = || {
        timed(|| {
            for _ in 0..FULL_MSMS {
                std::hint::black_box(arith::msm(scalars, bases));
            }
        })
        .0
    };
    [commit, interpolate, coset, full(), full()]
}

fn library_time(k: u32, fields: &[Vec<Fr>], scalars: &[Fr], bases: &[G1Affine]) -> f64 {
    let domain = EvaluationDomain::<Fr>::new(DEGREE, k);
    let mut total = 0.0;
    for field in fields {
        let values = domain.lagrange_from_vec(field.clone());
        total += timed(|| std::hint::black_box(best_multiexp(&values, bases))).0;
        let (time, coefficients) = timed(|| domain.lagrange_to_coeff(values));
        total += time;
        total += timed(|| std::hint::black_box(domain.coeff_to_extended(&coefficients))).0;
    }
    total
        + timed(|| {
            for _ in 0..2 * FULL_MSMS {
                std::hint::black_box(best_multiexp(scalars, bases));
            }
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::point::workload;
    use zkpoc_circuits::profile::Profile;
    use zkpoc_circuits::reference::run;

    #[test]
    fn the_floor_of_toy_has_its_columns_and_adds_up() {
        let profile = Profile::builtin("toy").expect("a profile");
        let grid = Grid::new(&profile).expect("a grid");
        let (model, shard) = workload(&profile);
        let update = run(&profile, &model, &shard).expect("a step").update;
        let columns = Columns::of(&grid, &model, &shard, &update);
        assert_eq!(columns.integers.len(), 2 * profile.weight_columns + 1);
        assert!(columns.integers.iter().all(|c| c.len() == 1 << profile.k && c.iter().any(|v| *v != 0)));
        let srs = Srs::bundled_ceremony(profile.k).expect("an SRS");
        let floor = measure(&srs, &columns, 1);
        let parts = floor.commit_ms + floor.interpolate_ms + floor.coset_ms + floor.quotient_ms + floor.opening_ms;
        assert!((parts - floor.floor_ms).abs() < 1e-6 && floor.library_floor_ms > 0.0, "{floor:?}");
    }
}
