//! What the commands share: the home, profiles by name or file, the SRS of a size, key cache.

use std::path::{Path, PathBuf};

use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::{Profile, ProfileError};
use zkpoc_circuits::reference::Model;

use super::progress::Phases;
use super::Global;
use crate::chain::PoolClient;
use crate::contribute::Site;
use crate::error::Error;
use crate::formats::tensors;
use crate::fsio;
use crate::home::Home;
use crate::keys::{KeyCache, ProfileCircuit, ProverKey, VerifierKey};
use crate::srs::{Srs, SrsError, BUNDLED_K};

/// Largest profile file.
const PROFILE_LIMIT: u64 = 64 * 1024;

/// One run of the command.
#[derive(Debug)]
pub struct Session {
    global: Global,
}

impl Session {
    /// Starts the threads.
    pub fn new(global: Global) -> Result<Self, Error> {
        if let Some(threads) = global.threads.map(usize::from) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
            pool.map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        }
        Ok(Self { global })
    }

    /// Whether the answer is for a machine.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// The arguments of every command.
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// A display of phases.
    pub fn phases(&self) -> Phases {
        Phases::new(self.global.json)
    }

    /// The home; created if it is not there.
    pub fn home(&self) -> Result<Home, Error> {
        Ok(Home::open(self.global.home.as_deref())?)
    }

    /// A profile that comes with the program, or the one in a TOML file.
    pub fn profile(&self, name: &str) -> Result<Profile, Error> {
        if let Some(profile) = Profile::builtin(name) {
            return Ok(profile);
        }
        let path = Path::new(name);
        if path.extension().is_none_or(|extension| extension != "toml") {
            let known = Profile::builtin_names().join(", ");
            return Err(Error::Usage(format!(
                "no profile {name:?}; expected one of {known}, or a file ending in .toml"
            )));
        }
        let bytes = fsio::read(path, PROFILE_LIMIT)?;
        let wrong = |source| Error::Profile { profile: name.into(), source };
        let text = std::str::from_utf8(&bytes).map_err(|error| wrong(ProfileError::Syntax(error.to_string())))?;
        Profile::from_toml(text).map_err(wrong)
    }

    /// The SRS of size `k`: the file given, else the one in the home, else for small sizes the bundled
    /// ceremony file. A larger string given as a file is cut down.
    pub fn srs(&self, file: Option<&Path>, k: u32) -> Result<Srs, Error> {
        if let Some(file) = file {
            let srs = Srs::load(file)?;
            if srs.k() < k {
                return Err(SrsError::Size { k, limit: srs.k() }.into());
            }
            return Ok(srs.downsize(k)?);
        }
        let path = srs_path(&self.home()?, k);
        if path.exists() {
            let srs = Srs::load(&path)?;
            return match srs.k() == k {
                true => Ok(srs),
                false => Err(Error::Mismatch {
                    what: format!("k of {}", path.display()),
                    expected: k.to_string(),
                    found: srs.k().to_string(),
                    hint: "move the file away and make or import one of this size".into(),
                }),
            };
        }
        if k <= BUNDLED_K {
            return Ok(Srs::bundled_ceremony(k)?);
        }
        Err(Error::Usage(format!(
            "no SRS of k = {k} at {}; import a ceremony file with `zkpoc srs import FILE.ptau --k {k}`, or make one for \
             development with `zkpoc srs new --k {k}`",
            path.display()
        )))
    }

    /// What the steps of a contribution need, within the memory that this run may take.
    pub fn site<'a>(&self, home: &'a Home, profile: &'a Profile, srs: &'a Srs, pool: &'a PoolClient<'a>) -> Site<'a> {
        Site { home, profile, srs, pool, memory_limit: self.global.memory_limit }
    }

    /// Where keys are kept in the home.
    pub fn keys(&self) -> Result<KeyCache, Error> {
        Ok(KeyCache::new(&self.home()?.keys_dir()))
    }

    /// A proving key, kept in the home.
    pub fn prover_key<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs) -> Result<ProverKey<C>, Error> {
        Ok(KeyCache::new(&self.home()?.keys_dir()).prover::<C>(profile, srs)?.0)
    }

    /// A verifying key, kept in the home.
    pub fn verifier_key<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs) -> Result<VerifierKey, Error> {
        Ok(KeyCache::new(&self.home()?.keys_dir()).verifier::<C>(profile, srs)?.0)
    }
}

/// Where the SRS of a size is kept.
pub fn srs_path(home: &Home, k: u32) -> PathBuf {
    home.srs_dir().join(format!("k{k}.srs"))
}

/// The grid of a profile.
pub fn grid(profile: &Profile) -> Result<Grid, Error> {
    Grid::new(profile).map_err(|source| Error::Layout { profile: profile.name.clone(), source })
}

/// Reads a model.
pub fn model(profile: &Profile, path: &Path) -> Result<Model, Error> {
    tensors::read_model(profile, &fsio::read(path, tensors::LIMIT)?).map_err(Error::format(path))
}

/// Parses 32 bytes in hexadecimal, with or without `0x`.
pub fn bytes32(text: &str) -> Result<[u8; 32], String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|error| format!("expected 32 bytes in hexadecimal: {error}"))?;
    Ok(bytes)
}
