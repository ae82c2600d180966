//! The structured reference string: where it comes from, and what is checked before it is used.
//!
//! An SRS of size `k` holds `[tau^i]_1` for `i < n = 2^k`, the Lagrange points `[L_i(tau)]_1` over
//! the domain of size `n`, and `[tau]_2`. Who knows `tau` can forge every proof and open every
//! commitment to anything, so the origin of a string decides what it may be used for:
//!
//! - [`Origin::Ceremony`]: from a multi-party ceremony whose `[tau]_2` is known in advance. One
//!   honest participant is enough.
//! - [`Origin::DevInsecure`]: made here. The maker could have kept `tau`; refused on every chain
//!   but the two usual development ones.
//!
//! # Checks
//! [`Srs::import`] reads only powers from a ceremony file and derives the Lagrange points itself;
//! [`Srs::check`] repeats all checks on any string. They are listed in [`checks`]. A stored file is
//! read with canonicity and curve checks on every point and must have the digest that its
//! manifest names ([`store`]).
//!
//! # Errors
//! [`SrsError`]; each names the file, and the section and index in it where that applies.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{hex, keccak256, B256};
use halo2_proofs::halo2curves::bn256::{Bn256, Fq2, Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::poly::commitment::{Params, ParamsProver};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand_core::OsRng;
use serde::{Deserialize, Serialize};

use crate::fsio;
use crate::fsio::FsError;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::CommitmentKey;

pub mod checks;
mod dev;
mod lagrange;
pub mod ptau;
pub mod store;

pub use crate::commit::lagrange_basis;

/// Largest supported size; the two-adicity of the scalar field.
pub const MAX_K: u32 = 28;

/// Chain ids of local development nodes.
pub const DEV_CHAIN_IDS: [u64; 2] = [31337, 1337];

/// keccak256 of `[tau]_2` of the Perpetual Powers of Tau ceremony after contribution 54 and the
/// final beacon: the files `powersOfTau28_hez_final_*.ptau`.
pub const CEREMONY_DIGEST: B256 = B256::new(hex!("5736faa81ef252f765fecc3ba80c8bf4d0c048018479d90226905df3f03c0d36"));

/// The smallest file of that ceremony, sizes up to 8.
pub const BUNDLED_CEREMONY: &[u8] = include_bytes!("../params/powersOfTau28_hez_final_08.ptau");

/// Largest size of [`Srs::bundled_ceremony`].
pub const BUNDLED_K: u32 = 8;

/// Where a string comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Made on one machine, for development only.
    DevInsecure,
    /// From a ceremony whose `[tau]_2` was known beforehand.
    Ceremony,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DevInsecure => "dev-insecure",
            Self::Ceremony => "ceremony",
        })
    }
}

/// A string that must not be used, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SrsError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// A size that no circuit or file of this program has.
    #[error("k = {k} is not between 1 and {limit}")]
    Size {
        /// The size asked for.
        k: u32,
        /// The largest possible here.
        limit: u32,
    },
    /// The secret is zero or a root of unity.
    #[error("the secret is zero or a row of the domain of 2^{k} rows")]
    Secret {
        /// The size.
        k: u32,
    },
    /// The file does not have the layout its format prescribes.
    #[error("{file}: {section}: expected {expected}, found {found}", file = file.display())]
    Layout {
        /// The file.
        file: PathBuf,
        /// Part of the file.
        section: &'static str,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A point is not a member of its group, or is one that it must not be.
    #[error("{file}: {section}, point {index}: expected {expected}", file = file.display())]
    Point {
        /// The file.
        file: PathBuf,
        /// Part of the file.
        section: &'static str,
        /// Index of the point in it.
        index: usize,
        /// What a correct point is.
        expected: &'static str,
    },
    /// The points are members of their groups but not the powers of one `tau`.
    #[error("{file}: the powers of tau are inconsistent from point {index} of the G1 powers on", file = file.display())]
    Powers {
        /// The file.
        file: PathBuf,
        /// First point that is not `tau` times its predecessor.
        index: usize,
    },
    /// The Lagrange points do not belong to the powers.
    #[error("{file}: the Lagrange points do not match the powers: {test} differs", file = file.display())]
    Lagrange {
        /// The file.
        file: PathBuf,
        /// The polynomial whose two commitments differ.
        test: &'static str,
    },
    /// `[tau]_2` is not that of a ceremony we know.
    #[error(
        "{file}: keccak256 of [tau]_2 is {found}, expected {expected}; a file of another ceremony \
         can be accepted by naming its digest",
        file = file.display()
    )]
    UnknownCeremony {
        /// The file.
        file: PathBuf,
        /// The digest that was asked for.
        expected: B256,
        /// The digest of the file.
        found: B256,
    },
    /// A development string on a chain where others could lose money.
    #[error(
        "the SRS is insecure (origin dev-insecure: whoever made it can forge proofs) and chain id \
         {chain_id} is not a development chain ({dev:?}); a ceremony's string is needed",
        dev = DEV_CHAIN_IDS
    )]
    InsecureOnChain {
        /// The chain.
        chain_id: u64,
    },
}

impl SrsError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }
}

/// A structured reference string with its origin.
#[derive(Debug)]
pub struct Srs {
    params: ParamsKZG<Bn256>,
    origin: Origin,
    lagrange: Mutex<Option<Arc<Vec<G1Affine>>>>,
}

impl Clone for Srs {
    fn clone(&self) -> Self {
        let lagrange = self.lagrange.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { params: self.params.clone(), origin: self.origin, lagrange: Mutex::new(lagrange) }
    }
}

impl Srs {
    fn new(params: ParamsKZG<Bn256>, origin: Origin) -> Self {
        Self { params, origin, lagrange: Mutex::default() }
    }

    /// `[tau^i]_1` for `i < 2^k`: commits to coefficients.
    pub fn powers(&self) -> &[G1Affine] {
        self.params.get_g()
    }

    /// `[L_i(tau)]_1` for every row: commits to values.
    pub fn lagrange(&self) -> Arc<Vec<G1Affine>> {
        let mut kept = self.lagrange.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert_with(|| Arc::new(lagrange::points(&self.params))).clone()
    }

    /// Makes a string from the operating system's randomness. Insecure: see [`Origin::DevInsecure`].
    pub fn dev_insecure(k: u32) -> Result<Self, SrsError> {
        check_size(k, MAX_K)?;
        Ok(Self::new(dev::setup(k), Origin::DevInsecure))
    }

    /// The string of a secret that the caller knows, and with it can forge every proof: what soundness tests start from.
    pub fn of_known_secret(k: u32, tau: Fr) -> Result<Self, SrsError> {
        check_size(k, MAX_K)?;
        Ok(Self::new(dev::setup_with(k, tau).ok_or(SrsError::Secret { k })?, Origin::DevInsecure))
    }

    /// Reads size `k` from a ceremony's `.ptau` file, with all checks.
    ///
    /// `expected` is keccak256 of the `[tau]_2` of the ceremony to trust; by default that of the
    /// ceremony named at [`CEREMONY_DIGEST`]. A file that fails here is not that ceremony's,
    /// whatever its name and hash.
    pub fn import(file: &Path, k: u32, expected: Option<B256>) -> Result<Self, SrsError> {
        let reader = fsio::open(file)?;
        Self::import_from(std::io::BufReader::new(reader), file, k, expected)
    }

    /// Size `k <= 8` of the ceremony file that comes with the program.
    pub fn bundled_ceremony(k: u32) -> Result<Self, SrsError> {
        check_size(k, BUNDLED_K)?;
        Self::import_from(Cursor::new(BUNDLED_CEREMONY), Path::new("(bundled ceremony file)"), k, None)
    }

    fn import_from<R: std::io::Read + std::io::Seek>(
        reader: R,
        file: &Path,
        k: u32,
        expected: Option<B256>,
    ) -> Result<Self, SrsError> {
        check_size(k, MAX_K)?;
        let powers = ptau::read(reader, file, k)?;
        checks::powers(file, &powers.g1, &powers.g2, &powers.tau_g2)?;
        let found = tau_digest(&powers.tau_g2);
        let expected = expected.unwrap_or(CEREMONY_DIGEST);
        if found != expected {
            return Err(SrsError::UnknownCeremony { file: file.to_path_buf(), expected, found });
        }
        // `from_parts` is a method, of any parameters; these are the smallest there are.
        let factory = ParamsKZG::<Bn256>::setup(1, OsRng);
        let params = factory.from_parts(k, powers.g1, None, powers.g2, powers.tau_g2);
        checks::lagrange(file, &params)?;
        Ok(Self::new(params, Origin::Ceremony))
    }

    /// Repeats every check on the points of this string; `file` is for the messages.
    pub fn check(&self, file: &Path) -> Result<(), SrsError> {
        checks::powers(file, self.params.get_g(), &self.params.g2(), &self.params.s_g2())?;
        checks::lagrange(file, &self.params)
    }

    /// The same string for a smaller size. Its Lagrange points are derived anew.
    pub fn downsize(mut self, k: u32) -> Result<Self, SrsError> {
        check_size(k, self.k())?;
        if k != self.k() {
            self.params.downsize(k);
            self.forget_lagrange();
        }
        Ok(self)
    }

    /// Refuses an insecure string on a chain that is not for development.
    pub fn check_chain(&self, chain_id: u64) -> Result<(), SrsError> {
        match self.origin {
            Origin::Ceremony => Ok(()),
            Origin::DevInsecure if DEV_CHAIN_IDS.contains(&chain_id) => Ok(()),
            Origin::DevInsecure => Err(SrsError::InsecureOnChain { chain_id }),
        }
    }

    /// The parameters Halo2 works with.
    pub fn params(&self) -> &ParamsKZG<Bn256> {
        &self.params
    }

    /// Where the string comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The size: `2^k` rows.
    pub fn k(&self) -> u32 {
        self.params.k()
    }

    /// The digest that attestations and proofs name: keccak256 of [`Self::tau_g2_bytes`].
    pub fn digest(&self) -> B256 {
        tau_digest(&self.params.s_g2())
    }

    /// `[tau]_2` in the encoding of EIP-197: `x.c1, x.c0, y.c1, y.c0`, 32 bytes big-endian each.
    pub fn tau_g2_bytes(&self) -> [u8; 128] {
        g2_to_bytes(&self.params.s_g2())
    }
}

impl CommitmentKey for Srs {
    fn powers(&self) -> &[G1Affine] {
        Srs::powers(self)
    }

    fn lagrange(&self) -> Arc<Vec<G1Affine>> {
        Srs::lagrange(self)
    }

    fn forget_lagrange(&self) {
        *self.lagrange.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn tau_digest(tau_g2: &G2Affine) -> B256 {
    keccak256(g2_to_bytes(tau_g2))
}

/// A point of G2 in the encoding of EIP-197: `x.c1, x.c0, y.c1, y.c0`, 32 bytes big-endian each.
pub fn g2_to_bytes(point: &G2Affine) -> [u8; 128] {
    let Fq2 { c0: x0, c1: x1 } = point.x;
    let Fq2 { c0: y0, c1: y1 } = point.y;
    let mut bytes = [0u8; 128];
    for (slot, value) in bytes.chunks_exact_mut(32).zip([x1, x0, y1, y0]) {
        slot.copy_from_slice(value.to_repr().as_ref());
        slot.reverse();
    }
    bytes
}

fn check_size(k: u32, limit: u32) -> Result<(), SrsError> {
    if (1..=limit).contains(&k) {
        Ok(())
    } else {
        Err(SrsError::Size { k, limit })
    }
}

#[cfg(test)]
mod tests;
