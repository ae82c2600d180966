//! The opening of all polynomials at all points by SHPLONK, with Halo2's order of sets and challenges.
//!
//! # Method
//! Polynomials that are opened at the same points `S_i` are combined, `A_i = sum_j y^j P_ij`. The
//! first point commits to `h = sum_i v^i Q_i`, where `Q_i` is the quotient of `A_i` by
//! `Z_i = prod_{s in S_i} (X - s)`: the remainder is the polynomial of degree below `|S_i|` through the
//! claimed values, so it need not be computed. With `1 / Z_i = sum_s 1 / (Z_i'(s) (X - s))` the quotients are sums, over the points `s`, of
//! quotients by `X - s`, which are computed for eight points side by side. The second point commits to the quotient of
//! `sum_i v^i z_i A_i - z h` by `X - u`, divided by `z_0`, where `z_i` and `z` are the values at `u` of
//! the vanishing polynomials of `S \ S_i` and of the union `S`; constants do not change it.
//!
//! # Source
//! Boneh, Drake, Fisch, Gabizon, eprint 2020/081.

use std::io;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use rayon::prelude::*;

use crate::arith;
use crate::arith::{Domain, Term};
use crate::commit::msm_in;
use crate::memory::Strategy;
use crate::quotient::Source;

/// Rows of the block whose quotients are computed together; their shares fit a cache.
const BLOCK: usize = 1 << 12;

/// A polynomial and the points it is opened at, as indices of a list of points.
#[derive(Clone, Debug)]
pub(super) struct Opened<'a> {
    pub(super) source: Source<'a>,
    pub(super) points: Vec<usize>,
}

/// Polynomials that are opened at the same points.
struct Set {
    points: Vec<usize>,
    members: Vec<usize>,
}

/// The combinations `A_i`, and the points each is opened at.
pub(super) struct Combined(Vec<(Vec<usize>, Vec<Fr>)>);

/// Combines polynomials; after that they are not needed.
pub(super) fn combine<E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
    polynomials: &[Opened<'_>],
    domain: &Domain,
    transcript: &mut T,
) -> Combined {
    let y = *transcript.squeeze_challenge_scalar::<()>();
    let combined = |set: Set| {
        let mut sum = vec![vec![Fr::ZERO; domain.size()]];
        let mut terms: Vec<Term<'_>> = Vec::new();
        let mut buffer = Vec::new();
        for (member, power) in set.members.iter().zip(powers(y)) {
            match &polynomials[*member].source {
                Source::Coefficients(coefficients) | Source::Kept { coefficients, .. } => {
                    terms.push((coefficients, vec![(0, power)]));
                }
                source @ (Source::Values(_) | Source::Integers(_)) => {
                    arith::add_scaled(&mut sum[0], source.coefficients(domain, &mut buffer), power);
                }
            }
        }
        arith::add_combinations(&mut sum, &terms);
        (set.points, sum.swap_remove(0))
    };
    Combined(sets(polynomials).into_iter().map(combined).collect())
}

/// Sets in the order in which their points first occur together.
fn sets(polynomials: &[Opened<'_>]) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for (index, polynomial) in polynomials.iter().enumerate() {
        let mut points = polynomial.points.clone();
        points.sort_unstable();
        match sets.iter_mut().find(|set| set.points == points) {
            Some(set) => set.members.push(index),
            None => sets.push(Set { points, members: vec![index] }),
        }
    }
    sets
}

fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(Fr::ONE), move |power| Some(power * base))
}

/// Quotient by `X - point`, in place; the place that falls free is 0.
fn divide(polynomial: &mut [Fr], point: Fr) {
    let mut quotient = Fr::ZERO;
    for cell in polynomial.iter_mut().rev() {
        let next = quotient * point + *cell;
        *cell = quotient;
        quotient = next;
    }
}

/// Writes the two points of the opening.
pub(super) fn open<E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
    Combined(sets): &Combined,
    points: &[Fr],
    bases: &[G1Affine],
    strategy: Strategy,
    transcript: &mut T,
) -> io::Result<()> {
    let n = bases.len();
    let v = *transcript.squeeze_challenge_scalar::<()>();

    // A point's share of the quotients: 1 / Z_i = sum_s 1 / (Z_i'(s) (X - s)).
    let share = |set: &[usize], at: usize| -> Fr {
        let others = set.iter().filter(|other| **other != at);
        // invariant: the points of a set are distinct.
        others.map(|other| points[at] - points[*other]).product::<Fr>().invert().unwrap_or(Fr::ZERO)
    };
    let opened = |index: usize| sets.iter().any(|(set, _)| set.contains(&index));
    let used: Vec<usize> = (0..points.len()).filter(|index| opened(*index)).collect();
    // Eight points are divided by side by side, a block of rows at a time, from the highest on.
    let add_quotients = |group: &[usize], sum: &mut [Fr]| {
        let roots: Vec<Fr> = group.iter().map(|at| points[*at]).collect();
        let weights: Vec<Vec<(usize, Fr)>> = sets
            .iter()
            .zip(powers(v))
            .map(|((set, _), weight)| {
                let of_set = group.iter().enumerate().filter(|(_, at)| set.contains(at));
                of_set.map(|(index, at)| (index, weight * share(set, *at))).collect()
            })
            .collect();
        let mut carry = vec![Fr::ZERO; group.len()];
        for (block, sum) in sum.chunks_mut(BLOCK).enumerate().rev() {
            let rows = block * BLOCK..block * BLOCK + sum.len();
            let mut shares = vec![vec![Fr::ZERO; sum.len()]; group.len()];
            let mut terms: Vec<Term<'_>> = Vec::with_capacity(sets.len());
            for ((_, sum), weights) in sets.iter().zip(&weights) {
                terms.push((&sum[rows.clone()], weights.clone()));
            }
            arith::add_combinations(&mut shares, &terms);
            arith::add_quotients(sum, &shares, &roots, &mut carry);
        }
    };
    let mut h = vec![Fr::ZERO; n];
    let groups: Vec<&[usize]> = used.chunks(8).collect();
    for groups in groups.chunks(strategy.groups()) {
        let (first, others) = (groups[0], &groups[1..]);
        let of_group = |group: &&[usize]| {
            let mut sum = vec![Fr::ZERO; n];
            add_quotients(group, &mut sum);
            sum
        };
        let ((), others): ((), Vec<Vec<Fr>>) =
            rayon::join(|| add_quotients(first, &mut h), || others.par_iter().map(of_group).collect());
        others.iter().for_each(|sum| arith::add_scaled(&mut h, sum, Fr::ONE));
    }
    transcript.write_point(msm_in(strategy.chunk(n), &h, bases).to_affine())?;
    let u = *transcript.squeeze_challenge_scalar::<()>();

    let vanishing = |keep: &dyn Fn(usize) -> bool| -> Fr {
        points.iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, point)| u - point).product()
    };
    let outside = |set: &[usize]| vanishing(&|index| opened(index) && !set.contains(&index));
    // invariant: `u` is one of the points with probability below 2^-240 only, and then no proof verifies.
    let scale = sets.first().map_or(Fr::ONE, |(set, _)| outside(set)).invert().unwrap_or(Fr::ZERO);
    let mut sum = h;
    arith::scale(&mut sum, -vanishing(&opened) * scale);
    let mut terms: Vec<Term<'_>> = Vec::new();
    for ((set, of_set), weight) in sets.iter().zip(powers(v)) {
        terms.push((of_set, vec![(0, weight * outside(set) * scale)]));
    }
    arith::add_combinations(std::slice::from_mut(&mut sum), &terms);
    divide(&mut sum, u);
    transcript.write_point(msm_in(strategy.chunk(n), &sum, bases).to_affine())
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::kate_division;
    use rand_core::OsRng;

    #[test]
    fn a_division_is_the_librarys() {
        let polynomial: Vec<Fr> = (0..40).map(|_| Fr::random(OsRng)).collect();
        let point = Fr::random(OsRng);
        let mut found = polynomial.clone();
        divide(&mut found, point);
        assert_eq!(found[..39], kate_division(&polynomial, point));
        assert_eq!(found[39], Fr::ZERO);
    }

    #[test]
    fn sets_come_in_the_order_of_their_first_polynomial() {
        let cells = [Fr::ONE];
        let opened = |points: &[usize]| Opened { source: Source::Coefficients(&cells), points: points.to_vec() };
        let sets = sets(&[opened(&[2]), opened(&[0, 1]), opened(&[1, 0]), opened(&[2])]);
        let members: Vec<_> = sets.iter().map(|set| set.members.clone()).collect();
        assert_eq!(members, [vec![0, 3], vec![1, 2]]);
    }
}
