//! The compiler process, and the cache of its answers.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use sha3::{Digest, Keccak256};

use super::{CompileError, SOLC_VERSION};
use crate::tools;
use crate::tools::Tools;

/// Reads standard input, writes standard output; the module's folder is the one argument.
const SOLCJS_DRIVER: &str = "let t='';process.stdin.setEncoding('utf8');process.stdin.on('data',d=>{t+=d});\
process.stdin.on('end',()=>{process.stdout.write(require(process.argv[1]).compile(t))});";

/// Which compiler runs, and what tells it from others in the cache.
#[derive(Debug)]
pub(super) enum Compiler {
    Native { path: PathBuf, version: String },
    Npm(PathBuf),
}

impl Compiler {
    pub(super) fn find() -> Result<Self, CompileError> {
        match tools::native_solc()? {
            Some(path) => {
                let mut command = Command::new(&path);
                command.arg("--version");
                let output = capture(command, &path, None)?;
                Ok(Self::Native { path, version: String::from_utf8_lossy(&output).trim().to_owned() })
            }
            None => Ok(Self::Npm(Tools::ensure()?.solcjs())),
        }
    }

    fn identity(&self) -> &str {
        match self {
            Self::Native { version, .. } => version,
            Self::Npm(_) => SOLC_VERSION,
        }
    }

    pub(super) fn run(&self, input: &str) -> Result<Value, CompileError> {
        let (command, path) = match self {
            Self::Native { path, .. } => {
                let mut command = Command::new(path);
                command.arg("--standard-json");
                (command, path.as_path())
            }
            Self::Npm(module) => {
                tools::check_node()?;
                let mut command = Command::new("node");
                command.arg("-e").arg(SOLCJS_DRIVER).arg(module);
                (command, Path::new("node"))
            }
        };
        let output = capture(command, path, Some(input))?;
        serde_json::from_slice(&output).map_err(|error| CompileError::Crashed {
            status: format!("its answer is not JSON, {error}"),
            stderr: String::from_utf8_lossy(&output).chars().take(400).collect(),
        })
    }
}

/// Runs a command on `input` and gives its standard output.
fn capture(mut command: Command, path: &Path, input: Option<&str>) -> Result<Vec<u8>, CompileError> {
    let io_error = |action| move |source| CompileError::Io { action, path: path.to_owned(), source };
    let mut child = command
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io_error("run"))?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A compiler that stops reading has failed; its exit status tells.
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        child.wait_with_output()
    })
    .map_err(io_error("read the output of"))?;
    if !output.status.success() {
        return Err(CompileError::Crashed {
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(output.stdout)
}

/// Where the output for this input is kept, if the user has a cache folder.
pub(super) fn cache_file(compiler: &Compiler, input: &str) -> Option<PathBuf> {
    let mut hash = Keccak256::new();
    hash.update(compiler.identity());
    hash.update([0]);
    hash.update(input);
    let name = format!("{}.json", hex::encode(hash.finalize()));
    Some(directories::BaseDirs::new()?.cache_dir().join("zkpoc").join("solc").join(name))
}

pub(super) fn read_cache(path: &Path) -> Option<Value> {
    let output: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    output["contracts"].is_object().then_some(output)
}

pub(super) fn write_cache(path: &Path, output: &Value) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, output)?;
    file.persist(path)?;
    Ok(())
}
