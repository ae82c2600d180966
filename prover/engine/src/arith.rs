//! Arithmetic over whole columns: multi-exponentiations, transforms, and products of slices.
//!
//! Everything that costs a proof its time passes through here. On processors with AVX-512 IFMA the code of `vector` runs, elsewhere
//! the library's. The results are exact field and group elements, the same on both; tests compare them.
//!
//! # Shapes
//! A column of a domain of size `2^k` has `2^k` values or coefficients. Integers are `i64`: a
//! negative one stands for the field element `r - |v|`.

use halo2_proofs::arithmetic::{best_multiexp, eval_polynomial, Field};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
mod msm;
mod ntt;
pub mod rows;
#[cfg(target_arch = "x86_64")]
mod vector;

pub use ntt::{root_of_unity, Domain};

/// Elements of a slice that one task handles.
const CHUNK: usize = 1 << 10;

/// Values, and the sums they count in with their factors; see [`add_combinations`].
pub type Term<'a> = (&'a [Fr], Vec<(usize, Fr)>);

/// Whether the code for AVX-512 runs.
pub fn vectorized() -> bool {
    #[cfg(target_arch = "x86_64")]
    let answer = vector::available();
    #[cfg(not(target_arch = "x86_64"))]
    let answer = false;
    answer
}

/// `sum scalars_i bases_i`; there are at least as many bases as scalars.
pub fn msm(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    let bases = &bases[..scalars.len()];
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return msm::full(scalars, bases);
    }
    best_multiexp(scalars, bases)
}

/// `sum values_i bases_i` for integers; the cost grows with the bits of the largest.
pub fn msm_small(values: &[i64], bases: &[G1Affine]) -> G1 {
    let bases = &bases[..values.len()];
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return msm::small(values, bases);
    }
    let part = |sign: i64| -> Vec<Fr> {
        let magnitude = |value: &i64| if value.signum() == sign { Fr::from(value.unsigned_abs()) } else { Fr::ZERO };
        values.par_iter().map(magnitude).collect()
    };
    best_multiexp(&part(1), bases) - best_multiexp(&part(-1), bases)
}

/// Value of a polynomial, given by its coefficients from the constant one upwards.
pub fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return vector::evaluate(coefficients, point);
    }
    eval_polynomial(coefficients, point)
}

/// `sum += sum_m (P_m(X) - P_m(s_m)) / (X - s_m)` for polynomials `P_m` of coefficients and points `s_m`, at most eight at a time being
/// fastest. All are as long as `sum`. Long ones may come in pieces, the highest coefficients first: `carry`, one for each, is zero for
/// the first piece and goes from one to the next.
pub fn add_quotients(sum: &mut [Fr], polynomials: &[Vec<Fr>], points: &[Fr], carry: &mut [Fr]) {
    #[cfg(target_arch = "x86_64")]
    if vector::available() && sum.len().is_multiple_of(8) {
        for ((polynomials, points), carry) in polynomials.chunks(8).zip(points.chunks(8)).zip(carry.chunks_mut(8)) {
            vector::add_quotients(sum, polynomials, points, carry);
        }
        return;
    }
    for ((polynomial, point), quotient) in polynomials.iter().zip(points).zip(carry) {
        for (sum, coefficient) in sum.iter_mut().zip(polynomial).rev() {
            *sum += *quotient;
            *quotient = *quotient * point + coefficient;
        }
    }
}

/// `sum_i += factor * values_i`; `sum` may be longer.
pub fn add_scaled(sum: &mut [Fr], values: &[Fr], factor: Fr) {
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return vector::add_scaled(sum, values, factor);
    }
    sum.par_iter_mut().zip(values).with_min_len(CHUNK).for_each(|(sum, value)| *sum += factor * value);
}

/// `outs_o += sum factor * values` over all terms `(values, [(o, factor)])`; values may be shorter than the outs, which are of one
/// length.
pub fn add_combinations<O: AsMut<[Fr]>>(outs: &mut [O], terms: &[Term<'_>]) {
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        let length = outs.first_mut().map_or(0, |out| out.as_mut().len());
        let (whole, short): (Vec<_>, Vec<_>) = terms.iter().cloned().partition(|(values, _)| values.len() == length);
        whole.chunks(vector::TERMS).for_each(|terms| vector::add_combinations(outs, terms));
        return add_each(outs, &short);
    }
    add_each(outs, terms);
}

fn add_each<O: AsMut<[Fr]>>(outs: &mut [O], terms: &[Term<'_>]) {
    for (values, factors) in terms {
        factors.iter().for_each(|(out, factor)| add_scaled(outs[*out].as_mut(), values, *factor));
    }
}

/// `values_i *= factor`.
pub fn scale(values: &mut [Fr], factor: Fr) {
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return vector::scale_by_powers(values, factor, Fr::ONE);
    }
    values.par_iter_mut().with_min_len(CHUNK).for_each(|value| *value *= factor);
}

/// `values_i *= factor^i`.
pub fn scale_by_powers(values: &mut [Fr], factor: Fr) {
    #[cfg(target_arch = "x86_64")]
    if vector::available() {
        return vector::scale_by_powers(values, Fr::ONE, factor);
    }
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(index, chunk)| {
        let mut power = factor.pow_vartime([(index * CHUNK) as u64]);
        for value in chunk {
            *value *= power;
            power *= factor;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    fn random(n: usize) -> Vec<Fr> {
        (0..n).map(|_| Fr::random(OsRng)).collect()
    }

    #[test]
    fn evaluations_agree_with_the_library() {
        for n in [0, 1, 7, 8, 9, 1000, 4096] {
            let coefficients = random(n);
            let point = Fr::random(OsRng);
            assert_eq!(evaluate(&coefficients, point), eval_polynomial(&coefficients, point), "n = {n}");
        }
    }

    #[test]
    fn combinations_are_sums_of_scaled_slices() {
        for (n, count) in [(8, 1), (1000, 8), (13, 3), (2048, 9)] {
            let values: Vec<Vec<Fr>> = (0..70).map(|i| random(if i % 7 == 6 { n / 2 } else { n })).collect();
            let factors = |i: usize| {
                (0..count).filter(move |out| !(i + out).is_multiple_of(3)).map(|out| (out, Fr::random(OsRng)))
            };
            let terms: Vec<Term<'_>> =
                values.iter().enumerate().map(|(i, values)| (values.as_slice(), factors(i).collect())).collect();
            let outs: Vec<Vec<Fr>> = (0..count).map(|_| random(n)).collect();
            let mut expected = outs.clone();
            for (values, factors) in &terms {
                for (out, factor) in factors {
                    expected[*out].iter_mut().zip(*values).for_each(|(sum, value)| *sum += *factor * value);
                }
            }
            let mut found = outs;
            add_combinations(&mut found, &terms);
            assert!(found == expected, "{count} sums of {n}");
        }
    }

    #[test]
    fn quotients_by_points_are_exact() {
        for (n, count) in [(8, 1), (64, 3), (64, 8), (40, 11), (7, 2)] {
            let (polynomials, points) = ((0..count).map(|_| random(n)).collect::<Vec<_>>(), random(count));
            let before = random(n);
            let mut sum = before.clone();
            add_quotients(&mut sum, &polynomials, &points, &mut vec![Fr::ZERO; count]);
            // The same in two pieces.
            let (mut pieces, mut carry, cut) = (before.clone(), vec![Fr::ZERO; count], n / 16 * 8);
            let part = |range: std::ops::Range<usize>| polynomials.iter().map(|p| p[range.clone()].to_vec()).collect();
            let (low, high): (Vec<_>, Vec<_>) = (part(0..cut), part(cut..n));
            add_quotients(&mut pieces[cut..], &high, &points, &mut carry);
            add_quotients(&mut pieces[..cut], &low, &points, &mut carry);
            assert!(pieces == sum, "{count} of {n} in pieces");
            for ((value, polynomial), point) in carry.iter().zip(&polynomials).zip(&points) {
                assert_eq!(*value, eval_polynomial(polynomial, *point));
            }
            // (X - s) q + P(s) = P at any other point.
            let x = Fr::random(OsRng);
            let quotient = |(polynomial, point): (&Vec<Fr>, &Fr)| {
                let inverse = (x - point).invert().unwrap_or(Fr::ZERO);
                (eval_polynomial(polynomial, x) - eval_polynomial(polynomial, *point)) * inverse
            };
            let expected: Fr = polynomials.iter().zip(&points).map(quotient).sum();
            assert_eq!(eval_polynomial(&sum, x) - eval_polynomial(&before, x), expected, "{count} of {n}");
        }
    }

    #[test]
    fn slices_are_scaled_and_added() {
        for n in [0, 1, 7, 8, 13, 5000] {
            let (values, sum, factor) = (random(n), random(n + 3), Fr::random(OsRng));
            let mut got = sum.clone();
            add_scaled(&mut got, &values, factor);
            let padded = values.iter().copied().chain([Fr::ZERO; 3]);
            assert!(
                got.iter().eq(sum.iter().zip(padded).map(|(a, b)| *a + factor * b).collect::<Vec<_>>().iter()),
                "n = {n}"
            );
            let mut got = values.clone();
            scale(&mut got, factor);
            assert!(got.iter().eq(values.iter().map(|value| *value * factor).collect::<Vec<_>>().iter()), "n = {n}");
            let mut got = values.clone();
            scale_by_powers(&mut got, factor);
            let powers = std::iter::successors(Some(Fr::ONE), |power| Some(*power * factor));
            assert!(
                got.iter().eq(values.iter().zip(powers).map(|(value, p)| *value * p).collect::<Vec<_>>().iter()),
                "n = {n}"
            );
        }
    }
}
