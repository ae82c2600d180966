//! Transforms between values on a domain, or a coset of it, and coefficients.

use halo2_proofs::arithmetic::{best_fft, Field};
use halo2_proofs::fft::recursive::FFTData;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

use super::{scale, scale_by_powers};

/// The multiplicative subgroup of size `2^k`, in the order `omega^0, omega^1, ..`.
#[derive(Clone, Debug)]
pub struct Domain {
    k: u32,
    omega: Fr,
    omega_inverse: Fr,
    size_inverse: Fr,
    data: FFTData<Fr>,
}

impl Domain {
    /// The domain of size `2^k`, `k <= 28`.
    pub fn new(k: u32) -> Self {
        let mut omega = Fr::ROOT_OF_UNITY;
        let mut omega_inverse = Fr::ROOT_OF_UNITY_INV;
        for _ in k..Fr::S {
            omega = omega.square();
            omega_inverse = omega_inverse.square();
        }
        let data = FFTData::new(1 << k, omega, omega_inverse);
        Self { k, omega, omega_inverse, size_inverse: Fr::TWO_INV.pow_vartime([u64::from(k)]), data }
    }

    /// log2 of the size.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The size.
    pub fn size(&self) -> usize {
        1 << self.k
    }

    /// The generator.
    pub fn omega(&self) -> Fr {
        self.omega
    }

    /// From values on the domain to coefficients, in place.
    pub fn interpolate(&self, values: &mut [Fr]) {
        best_fft(values, self.omega_inverse, self.k, &self.data, true);
        scale(values, self.size_inverse);
    }

    /// From coefficients to values on the domain, in place.
    pub fn evaluate(&self, coefficients: &mut [Fr]) {
        best_fft(coefficients, self.omega, self.k, &self.data, false);
    }

    /// From coefficients to values on the coset `shift * domain`, in place.
    pub fn evaluate_on_coset(&self, coefficients: &mut [Fr], shift: Fr) {
        scale_by_powers(coefficients, shift);
        self.evaluate(coefficients);
    }

    /// From values on the coset `shift * domain` to coefficients, in place. `shift` is not zero.
    pub fn interpolate_from_coset(&self, values: &mut [Fr], shift: Fr) {
        self.interpolate(values);
        scale_by_powers(values, shift.invert().unwrap_or(Fr::ZERO));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::eval_polynomial;
    use rand_core::OsRng;

    #[test]
    fn values_on_a_coset_are_evaluations_and_lead_back() {
        for k in [1, 4, 11] {
            let domain = Domain::new(k);
            let coefficients: Vec<Fr> = (0..domain.size()).map(|_| Fr::random(OsRng)).collect();
            let shift = Fr::random(OsRng);
            let mut values = coefficients.clone();
            domain.evaluate_on_coset(&mut values, shift);
            for i in [0, domain.size() / 2, domain.size() - 1] {
                let point = shift * domain.omega().pow_vartime([i as u64]);
                assert_eq!(values[i], eval_polynomial(&coefficients, point), "k = {k}, row {i}");
            }
            domain.interpolate_from_coset(&mut values, shift);
            assert_eq!(values, coefficients, "k = {k}");
            domain.evaluate(&mut values);
            domain.interpolate(&mut values);
            assert_eq!(values, coefficients, "k = {k}");
        }
    }
}
