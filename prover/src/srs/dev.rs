//! Making a string for development.
//!
//! The powers and the Lagrange points are computed from `tau` as scalars, and multiplied with the
//! generator through a table of its multiples: `n` scalars take `32 n` additions instead of `n`
//! full multiplications.
//!
//! `tau` is drawn from the operating system, used, and overwritten. That is a courtesy, not a
//! guarantee: see [`super::Origin::DevInsecure`].
//!
//! # Source
//! Fixed-base windowing as in Brickell, Gordon, McCurley, Wilson (EUROCRYPT 1992).

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G2Affine, G1};
use halo2_proofs::halo2curves::ff::{BatchInvert, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand_core::OsRng;
use rayon::prelude::*;

use zkpoc_engine::arith::root_of_unity;
use zkpoc_engine::wipe;

const WINDOWS: usize = 32;
const DIGITS: usize = 255;
/// Points that one task normalises together.
const CHUNK: usize = 1024;

/// Multiples `digit * 256^window * [1]_1` for all windows and non-zero digits.
struct Table(Vec<G1Affine>);

impl Table {
    fn new() -> Self {
        let mut points = Vec::with_capacity(WINDOWS * DIGITS);
        let mut base = G1::generator();
        for _ in 0..WINDOWS {
            let mut multiple = base;
            for _ in 0..DIGITS {
                points.push(multiple);
                multiple += base;
            }
            base = multiple;
        }
        Self(normalize(&points))
    }

    fn multiply(&self, scalar: &Fr) -> G1 {
        let repr = scalar.to_repr();
        let digits = repr.iter().enumerate().filter(|(_, digit)| **digit != 0);
        digits.fold(G1::identity(), |sum, (window, digit)| sum + self.0[window * DIGITS + usize::from(*digit) - 1])
    }

    fn multiply_all(&self, scalars: &[Fr]) -> Vec<G1Affine> {
        scalars
            .par_chunks(CHUNK)
            .flat_map_iter(|chunk| normalize(&chunk.iter().map(|scalar| self.multiply(scalar)).collect::<Vec<_>>()))
            .collect()
    }
}

fn normalize(points: &[G1]) -> Vec<G1Affine> {
    let mut affine = vec![G1Affine::identity(); points.len()];
    G1::batch_normalize(points, &mut affine);
    affine
}

/// A string of size `2^k` from the system's randomness, for `1 <= k <= 28`.
pub(super) fn setup(k: u32) -> ParamsKZG<Bn256> {
    loop {
        // A tau of the domain does not occur in practice.
        if let Some(params) = setup_with(k, Fr::random(OsRng)) {
            return params;
        }
    }
}

/// The string of a secret; `None` for a secret of the domain, which has no Lagrange points of the form below, and for zero.
pub(super) fn setup_with(k: u32, secret: Fr) -> Option<ParamsKZG<Bn256>> {
    let n = 1usize << k;
    let omega = root_of_unity(k);
    let mut tau = [secret];
    if tau[0].pow([n as u64]) == Fr::ONE || tau[0] == Fr::ZERO {
        return None;
    }

    let mut powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |power| Some(*power * tau[0])).take(n).collect();
    // L_i(tau) = (tau^n - 1) / n * omega^i / (tau - omega^i)
    let roots: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |root| Some(*root * omega)).take(n).collect();
    let scale = (tau[0].pow([n as u64]) - Fr::ONE) * Fr::TWO_INV.pow([u64::from(k)]);
    let mut lagrange: Vec<Fr> = roots.iter().map(|root| tau[0] - root).collect();
    lagrange.iter_mut().batch_invert();
    for (value, root) in lagrange.iter_mut().zip(&roots) {
        *value *= scale * root;
    }

    let table = Table::new();
    let g = table.multiply_all(&powers);
    let g_lagrange = table.multiply_all(&lagrange);
    let g2 = G2Affine::generator();
    let tau_g2 = (g2 * tau[0]).to_affine();
    wipe(&mut tau);
    wipe(&mut powers);
    wipe(&mut lagrange);
    Some(ParamsKZG::<Bn256>::setup(1, OsRng).from_parts(k, g, Some(g_lagrange), g2, tau_g2))
}
