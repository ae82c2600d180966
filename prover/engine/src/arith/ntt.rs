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
    tables: Tables,
}

#[derive(Clone, Debug)]
enum Tables {
    Library(FFTData<Fr>),
    #[cfg(target_arch = "x86_64")]
    Vector(Box<vector::Tables>),
}

/// The root of unity of order `2^k` that Halo2's domains use, `k <= 28`.
pub fn root_of_unity(k: u32) -> Fr {
    (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

impl Domain {
    /// The domain of size `2^k`, `k <= 28`.
    pub fn new(k: u32) -> Self {
        let omega = root_of_unity(k);
        // invariant: a root of unity is not zero.
        let omega_inverse = omega.invert().unwrap_or(Fr::ZERO);
        let size_inverse = Fr::TWO_INV.pow_vartime([u64::from(k)]);
        Self { k, omega, omega_inverse, size_inverse, tables: Tables::new(k, omega, omega_inverse) }
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
        match &self.tables {
            Tables::Library(data) => {
                best_fft(values, self.omega_inverse, self.k, data, true);
                scale(values, self.size_inverse);
            }
            #[cfg(target_arch = "x86_64")]
            Tables::Vector(tables) => tables.transform(values, self.omega_inverse, Fr::ONE, self.size_inverse),
        }
    }

    /// From coefficients to values on the coset `shift * domain`, in place.
    pub fn evaluate_on_coset(&self, coefficients: &mut [Fr], shift: Fr) {
        self.scaled_on_coset(coefficients, shift, Fr::ONE);
    }

    /// [`Domain::evaluate_on_coset`], times the factor that programs over rows expect ([`super::rows::row_factor`]).
    pub fn rows_on_coset(&self, coefficients: &mut [Fr], shift: Fr) {
        self.scaled_on_coset(coefficients, shift, super::rows::row_factor());
    }

    fn scaled_on_coset(&self, coefficients: &mut [Fr], shift: Fr, factor: Fr) {
        match &self.tables {
            Tables::Library(data) => {
                if shift != Fr::ONE {
                    scale_by_powers(coefficients, shift);
                }
                best_fft(coefficients, self.omega, self.k, data, false);
                if factor != Fr::ONE {
                    scale(coefficients, factor);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Tables::Vector(tables) => tables.transform(coefficients, self.omega, shift, factor),
        }
    }

    /// From values on the coset `shift * domain` to coefficients, in place. `shift` is not zero.
    pub fn interpolate_from_coset(&self, values: &mut [Fr], shift: Fr) {
        self.interpolate(values);
        scale_by_powers(values, shift.invert().unwrap_or(Fr::ZERO));
    }
}

impl Tables {
    #[cfg(target_arch = "x86_64")]
    fn new(k: u32, omega: Fr, omega_inverse: Fr) -> Self {
        // A side of the matrix has at least the eight lanes.
        match super::vector::available() && k >= 6 {
            true => Self::Vector(Box::new(vector::Tables::new(k, omega, omega_inverse))),
            false => Self::Library(FFTData::new(1 << k, omega, omega_inverse)),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn new(k: u32, omega: Fr, omega_inverse: Fr) -> Self {
        Self::Library(FFTData::new(1 << k, omega, omega_inverse))
    }
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use super::super::vector::{transform, transform::Twiddles};
    use halo2_proofs::arithmetic::Field;
    use halo2_proofs::halo2curves::bn256::Fr;

    /// Twiddles of rows and columns, for a root and its inverse.
    #[derive(Clone, Debug)]
    pub(super) struct Tables {
        omega: Fr,
        forward: [Twiddles; 2],
        backward: [Twiddles; 2],
    }

    impl Tables {
        pub(super) fn new(k: u32, omega: Fr, omega_inverse: Fr) -> Self {
            let (rows, columns) = (1usize << (k / 2), 1usize << (k - k / 2));
            let tables = |root: Fr| {
                [(rows, columns), (columns, rows)]
                    .map(|(size, other)| Twiddles::new(size, root.pow_vartime([other as u64])))
            };
            Tables { omega, forward: tables(omega), backward: tables(omega_inverse) }
        }

        pub(super) fn transform(&self, values: &mut [Fr], root: Fr, shift: Fr, scale: Fr) {
            let [rows, columns] = if root == self.omega { &self.forward } else { &self.backward };
            transform(values, [rows, columns], [root, shift, scale]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::eval_polynomial;
    use rand_core::OsRng;

    #[test]
    fn values_on_a_coset_are_evaluations_and_lead_back() {
        for k in [1, 4, 6, 7, 11, 12] {
            let domain = Domain::new(k);
            let coefficients: Vec<Fr> = (0..domain.size()).map(|_| Fr::random(OsRng)).collect();
            let shift = Fr::random(OsRng);
            let mut values = coefficients.clone();
            domain.evaluate_on_coset(&mut values, shift);
            for i in [0, 1, domain.size() / 2, domain.size() - 1] {
                let point = shift * domain.omega().pow_vartime([i as u64]);
                assert_eq!(values[i], eval_polynomial(&coefficients, point), "k = {k}, row {i}");
            }
            domain.interpolate_from_coset(&mut values, shift);
            assert_eq!(values, coefficients, "k = {k}");
            domain.evaluate_on_coset(&mut values, Fr::ONE);
            domain.interpolate(&mut values);
            assert_eq!(values, coefficients, "k = {k}");
        }
    }
}
