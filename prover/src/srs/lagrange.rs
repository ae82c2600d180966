//! The Lagrange points of a string.
//!
//! Halo2 keeps them to itself but writes them to any writer; this one takes them out of the stream,
//! so that nothing is held twice but the points themselves.

use std::io::{self, Write};

use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::SerdeFormat;

const POINT: usize = 64;

/// `[L_i(tau)]_1` for every row, in the order of the rows.
pub(super) fn points(params: &ParamsKZG<Bn256>) -> Vec<G1Affine> {
    let rows = params.n() as usize;
    let mut taker = Taker { skip: 4 + rows * POINT, points: Vec::with_capacity(rows), rows, part: Vec::new() };
    // invariant: writing to the taker does not fail.
    params.write_custom(&mut taker, SerdeFormat::RawBytesUnchecked).expect("points are written to memory");
    taker.points
}

struct Taker {
    skip: usize,
    rows: usize,
    points: Vec<G1Affine>,
    part: Vec<u8>,
}

impl Write for Taker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = bytes.len().min(self.skip);
        self.skip -= skipped;
        for byte in &bytes[skipped..] {
            if self.points.len() == self.rows {
                break;
            }
            self.part.push(*byte);
            if self.part.len() == POINT {
                self.points.push(G1Affine::from_raw_bytes_unchecked(&self.part));
                self.part.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::lagrange_basis;
    use crate::srs::Srs;

    #[test]
    fn they_are_the_commitments_to_unit_vectors() {
        let srs = Srs::dev_insecure(5).expect("string");
        let points = points(srs.params());
        assert_eq!(points.len(), 32);
        for (row, point) in points.iter().enumerate() {
            assert_eq!(*point, lagrange_basis(srs.params(), row).expect("row"), "row {row}");
        }
        let small = srs.clone().downsize(4).expect("smaller");
        assert_eq!(small.lagrange()[3], lagrange_basis(small.params(), 3).expect("row"));
    }
}
