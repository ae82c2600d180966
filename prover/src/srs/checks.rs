//! The checks that make a list of points a structured reference string.
//!
//! 1. `powers[0]` and the first G2 point are the generators; no point is the identity; `[tau]_2` is
//!    in the subgroup of order `r`, and neither the identity nor the generator.
//! 2. `powers[i+1] = tau * powers[i]` with the `tau` of `[tau]_2`: for random 128-bit `rho_i`,
//!    `e(sum rho_i powers[i+1], [1]_2) = e(sum rho_i powers[i], [tau]_2)`. A list that is wrong
//!    anywhere passes with probability `2^-128`.
//! 3. The Lagrange points commit to the same polynomials as the powers: the constant 1, `X`, and one
//!    with random values, which covers every point (a wrong list passes with probability `1/r`).
//! 4. `tau` is not in the domain: two Lagrange points are not the identity. Under a `tau` of the domain all of them but one
//!    are, the commitment to a column is that of one of its cells, and blinding hides nothing.
//!
//! 1 and 2 are computed with the `ark` libraries, which share no code with the prover: a fault of
//! its curve arithmetic cannot hide itself. Points reach them as canonical coordinates and are
//! checked to be on the curve once more.

use std::path::Path;

use ark_bn254::{Bn254, Fq, Fq2, Fr as ArkFr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{PrimeField as ArkPrimeField, Zero};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{self, Bn256, Fr};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::{Curve, Group};
use halo2_proofs::poly::commitment::{Blind, Params, ParamsProver};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::poly::EvaluationDomain;
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;

use super::SrsError;

const G1: &str = "G1 powers";
const G2: &str = "G2 powers";

/// Checks 1 and 2.
pub fn powers(
    file: &Path,
    g1: &[bn256::G1Affine],
    g2: &bn256::G2Affine,
    tau_g2: &bn256::G2Affine,
) -> Result<(), SrsError> {
    let point = |section, index, expected| SrsError::Point { file: file.to_path_buf(), section, index, expected };
    let member = "a point on the curve other than the identity";
    let list: Vec<G1Affine> = g1
        .par_iter()
        .enumerate()
        .map(|(index, source)| ark_g1(source).ok_or_else(|| point(G1, index, member)))
        .collect::<Result<_, _>>()?;
    if list.first() != Some(&G1Affine::generator()) {
        return Err(point(G1, 0, "the generator (1, 2)"));
    }
    let base = ark_g2(g2);
    if base != Some(G2Affine::generator()) {
        return Err(point(G2, 0, "the generator of EIP-197"));
    }
    let member = "a point of the subgroup of order r, neither identity nor generator";
    let tau = ark_g2(tau_g2).filter(|tau| *tau != G2Affine::generator()).ok_or_else(|| point(G2, 1, member))?;

    let rho: Vec<ArkFr> = list.iter().skip(1).map(|_| ArkFr::from(random_u128())).collect();
    if consistent(&list, &rho, &tau) {
        return Ok(());
    }
    // Halve until the first bad step is found: [0, good] is consistent, [0, bad] is not.
    let (mut good, mut bad) = (0, list.len() - 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if consistent(&list[..=middle], &rho, &tau) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Err(SrsError::Powers { file: file.to_path_buf(), index: bad })
}

/// `e(sum rho_i g_{i+1}, [1]_2) = e(sum rho_i g_i, [tau]_2)` over all neighbours in a list.
fn consistent(list: &[G1Affine], rho: &[ArkFr], tau: &G2Affine) -> bool {
    let steps = list.len() - 1;
    let (next, current) = rayon::join(
        || G1Projective::msm_unchecked(&list[1..], &rho[..steps]),
        || G1Projective::msm_unchecked(&list[..steps], &rho[..steps]),
    );
    let left = [next.into_affine(), (-current).into_affine()];
    Bn254::multi_pairing(left, [G2Affine::generator(), *tau]).is_zero()
}

/// Checks 3 and 4.
pub fn lagrange(file: &Path, params: &ParamsKZG<Bn256>) -> Result<(), SrsError> {
    let n = params.n() as usize;
    let domain = EvaluationDomain::<Fr>::new(1, params.k());
    let omega = domain.get_omega();
    let powers_of_omega = std::iter::successors(Some(Fr::ONE), |x| Some(*x * omega)).take(n);
    let random = (0..n).map(|_| Fr::random(OsRng)).collect();
    for (test, values) in [
        ("the commitment to the constant 1", vec![Fr::ONE; n]),
        ("the commitment to X", powers_of_omega.collect()),
        ("the commitment to a random polynomial", random),
    ] {
        let values = domain.lagrange_from_vec(values);
        let from_values = params.commit_lagrange(&values, Blind::default()).to_affine();
        let coefficients = domain.lagrange_to_coeff(values);
        let from_coefficients = params.commit(&coefficients, Blind::default()).to_affine();
        if from_values != from_coefficients {
            return Err(SrsError::Lagrange { file: file.to_path_buf(), test });
        }
    }
    for index in [n - 2, n - 1] {
        let mut unit = vec![Fr::ZERO; n];
        unit[index] = Fr::ONE;
        let point = params.commit_lagrange(&domain.lagrange_from_vec(unit), Blind::default());
        if bool::from(point.is_identity()) {
            let expected = "a point other than the identity: tau lies in the domain, and no commitment hides anything";
            return Err(SrsError::Point { file: file.to_path_buf(), section: "Lagrange points", index, expected });
        }
    }
    Ok(())
}

fn random_u128() -> u128 {
    u128::from(OsRng.next_u64()) << 64 | u128::from(OsRng.next_u64())
}

fn ark_fq(value: &bn256::Fq) -> Fq {
    Fq::from_le_bytes_mod_order(value.to_repr().as_ref())
}

/// The point, if it is on the curve and not the identity; the cofactor of G1 is 1.
fn ark_g1(point: &bn256::G1Affine) -> Option<G1Affine> {
    let point = G1Affine::new_unchecked(ark_fq(&point.x), ark_fq(&point.y));
    point.is_on_curve().then_some(point)
}

/// The point, if it is in the subgroup of order `r` and not the identity.
fn ark_g2(point: &bn256::G2Affine) -> Option<G2Affine> {
    let x = Fq2::new(ark_fq(&point.x.c0), ark_fq(&point.x.c1));
    let y = Fq2::new(ark_fq(&point.y.c0), ark_fq(&point.y.c1));
    let point = G2Affine::new_unchecked(x, y);
    (point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
}
