//! Keccak-256 transcript of zkpoc proofs, for proving and for strict native verification.
//!
//! Encoding: a point is `x || y`, a scalar one word; every number is 32 bytes big-endian, canonical
//! (below its modulus). A challenge is `keccak256(state)` read big-endian and reduced mod r, and the
//! hash becomes the new state; a challenge drawn right after another hashes `state || 0x01`.
//! Bytes and challenges equal those of `snark-verifier` 0.2.7's `EvmTranscript`, which is the
//! reference (`tests/generator_transcript.rs` compares them), and of the generated contracts.
//!
//! Unlike the reference, both sides refuse the identity: a contract never accepts it, so a proof
//! that holds it is of no use. [`KeccakRead::finish`] refuses bytes that nobody read.

use std::io::{self, Read, Write};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::transcript::{
    EncodedChallenge, Transcript, TranscriptRead, TranscriptReadBuffer, TranscriptWrite, TranscriptWriterBuffer,
};
use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::encoding::{
    point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_from_hash, scalar_to_bytes, POINT_BYTES, SCALAR_BYTES,
};
use zkpoc_circuits::ErrorKind;

/// Why bytes are not a proof. Arrives as the inner error of an [`io::Error`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TranscriptError {
    /// A scalar is not below r.
    #[error("the scalar at byte {offset} is not below the group order")]
    ScalarNotCanonical {
        /// Position in the proof.
        offset: usize,
    },
    /// A coordinate is not below q, or the point is not on the curve, or it is the identity.
    #[error("the point at byte {offset} is not a canonical, finite point of the curve")]
    PointInvalid {
        /// Position in the proof.
        offset: usize,
    },
    /// A point to be absorbed or written is the identity, which no verifier accepts.
    #[error("the identity cannot be absorbed")]
    Identity,
    /// The proof goes on after its last element.
    #[error("the proof goes on after its last element, which ends at byte {offset}")]
    TrailingBytes {
        /// Where the proof should have ended.
        offset: usize,
    },
}

impl TranscriptError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Refused
    }
}

impl From<TranscriptError> for io::Error {
    fn from(error: TranscriptError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// A challenge: a Keccak hash, big-endian, reduced mod r.
#[derive(Clone, Copy, Debug)]
pub struct KeccakChallenge(Fr);

impl EncodedChallenge<G1Affine> for KeccakChallenge {
    type Input = [u8; SCALAR_BYTES];

    fn new(hash: &Self::Input) -> Self {
        KeccakChallenge(scalar_from_hash(hash))
    }

    fn get_scalar(&self) -> Fr {
        self.0
    }
}

/// What has been absorbed since the last challenge, behind that challenge's hash.
#[derive(Clone, Debug, Default)]
struct State(Vec<u8>);

impl State {
    fn point(&mut self, point: &G1Affine) -> io::Result<[u8; POINT_BYTES]> {
        if bool::from(point.is_identity()) {
            return Err(TranscriptError::Identity.into());
        }
        let bytes = point_to_bytes(point);
        self.0.extend_from_slice(&bytes);
        Ok(bytes)
    }

    fn scalar(&mut self, scalar: &Fr) -> [u8; SCALAR_BYTES] {
        let bytes = scalar_to_bytes(scalar);
        self.0.extend_from_slice(&bytes);
        bytes
    }

    fn squeeze(&mut self) -> KeccakChallenge {
        if self.0.len() == SCALAR_BYTES {
            self.0.push(1);
        }
        let hash: [u8; SCALAR_BYTES] = Keccak256::digest(&self.0).into();
        self.0.clear();
        self.0.extend_from_slice(&hash);
        KeccakChallenge::new(&hash)
    }
}

/// Writes a proof and derives its challenges.
#[derive(Clone, Debug)]
pub struct KeccakWrite<W: Write> {
    state: State,
    writer: W,
}

impl<W: Write> Transcript<G1Affine, KeccakChallenge> for KeccakWrite<W> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        self.state.squeeze()
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.state.point(&point).map(|_| ())
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.state.scalar(&scalar);
        Ok(())
    }
}

impl<W: Write> TranscriptWrite<G1Affine, KeccakChallenge> for KeccakWrite<W> {
    fn write_point(&mut self, point: G1Affine) -> io::Result<()> {
        let bytes = self.state.point(&point)?;
        self.writer.write_all(&bytes)
    }

    fn write_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        let bytes = self.state.scalar(&scalar);
        self.writer.write_all(&bytes)
    }
}

impl<W: Write> TranscriptWriterBuffer<W, G1Affine, KeccakChallenge> for KeccakWrite<W> {
    fn init(writer: W) -> Self {
        KeccakWrite { state: State::default(), writer }
    }

    fn finalize(self) -> W {
        self.writer
    }
}

/// Reads a proof strictly and derives its challenges.
#[derive(Clone, Debug)]
pub struct KeccakRead<R: Read> {
    state: State,
    reader: R,
    offset: usize,
}

impl<R: Read> KeccakRead<R> {
    /// Checks that the proof ends where the verifier stopped reading.
    ///
    /// # Errors
    /// [`TranscriptError::TrailingBytes`] where a byte is left, and whatever the reader reports.
    pub fn finish(mut self) -> io::Result<()> {
        let mut byte = [0u8; 1];
        loop {
            match self.reader.read(&mut byte) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(TranscriptError::TrailingBytes { offset: self.offset }.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Transcript<G1Affine, KeccakChallenge> for KeccakRead<R> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        self.state.squeeze()
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.state.point(&point).map(|_| ())
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.state.scalar(&scalar);
        Ok(())
    }
}

impl<R: Read> TranscriptRead<G1Affine, KeccakChallenge> for KeccakRead<R> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        let mut bytes = [0u8; POINT_BYTES];
        self.reader.read_exact(&mut bytes)?;
        let point = point_from_bytes(&bytes).map_err(|_| TranscriptError::PointInvalid { offset: self.offset })?;
        self.offset += POINT_BYTES;
        self.state.0.extend_from_slice(&bytes);
        Ok(point)
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        let mut bytes = [0u8; SCALAR_BYTES];
        self.reader.read_exact(&mut bytes)?;
        let scalar =
            scalar_from_bytes(&bytes).map_err(|_| TranscriptError::ScalarNotCanonical { offset: self.offset })?;
        self.offset += SCALAR_BYTES;
        self.state.0.extend_from_slice(&bytes);
        Ok(scalar)
    }
}

impl<R: Read> TranscriptReadBuffer<R, G1Affine, KeccakChallenge> for KeccakRead<R> {
    fn init(reader: R) -> Self {
        KeccakRead { state: State::default(), reader, offset: 0 }
    }
}
