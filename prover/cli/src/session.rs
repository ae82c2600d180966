//! What the commands share: the home, profiles by name or file, the SRS of a size, key cache.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::{Profile, ProfileError};
use zkpoc_circuits::reference::Model;
use zkpoc_engine::memory::parse_size;

use crate::error::Error;
use crate::progress::Phases;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_client::formats::tensors;
use zkpoc_client::home::{Dataset, DatasetManifest, Home};
use zkpoc_prover::fsio;
use zkpoc_prover::keys::{KeyCache, ProverKey, VerifierKey};
use zkpoc_prover::srs::{Srs, SrsError, BUNDLED_K};

/// Arguments of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder of datasets, keys and claims [default: ZKPOC_HOME, else the user's data folder].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// Threads to compute with [default: one for each processor].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory that a proof may take, such as 200MB, at the price of time [default: no limit].
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size)]
    pub memory_limit: Option<u64>,
    /// Log what is done; twice for more.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

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

/// The profile of a dataset: the one named, else the one its manifest names.
pub fn profile_of(session: &Session, dataset: &str, named: Option<&str>) -> Result<Profile, Error> {
    match named {
        Some(name) => session.profile(name),
        None => session.profile(&session.home()?.load_manifest(dataset)?.profile),
    }
}

/// A dataset with its profile; the profile's id must be the one that it was committed for.
pub fn load(session: &Session, name: &str, profile: Option<&str>) -> Result<(Profile, Dataset), Error> {
    let profile = profile_of(session, name, profile)?;
    let dataset = session.home()?.load_dataset(name, &profile)?;
    Ok((profile, dataset))
}

/// Refuses an SRS other than the one the commitments were made under.
pub fn check_srs(manifest: &DatasetManifest, srs: &Srs) -> Result<(), Error> {
    match manifest.srs_digest == srs.digest() {
        true => Ok(()),
        false => Err(Error::Mismatch {
            what: "SRS digest of the dataset".into(),
            expected: srs.digest().to_string(),
            found: manifest.srs_digest.to_string(),
            hint: "name the reference string that it was committed under with --srs".into(),
        }),
    }
}

/// A shard's place among the dataset's.
pub fn check_index(dataset: &Dataset, index: u64) -> Result<usize, Error> {
    let place = usize::try_from(index).ok().filter(|place| *place < dataset.shards.len());
    place.ok_or_else(|| {
        Error::Usage(format!("--shard is {index}, the dataset has shards 0 to {}", dataset.shards.len() - 1))
    })
}
