//! A local EVM node for the time of a demo or a test.
//!
//! The node listens on a free port of the loopback address and has no accounts of its own: whoever needs funds gets them with
//! [`Node::fund`]. It is ended when the value is dropped, also after an error or a panic, and when the program is told to
//! stop (interrupt, hang-up, termination); folders named with [`Node::remove_when_stopped`] are removed then, too.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use serde_json::json;

use crate::chain::{ChainError, Client};
use zkpoc_circuits::ErrorKind;

/// Id of the chain.
pub const CHAIN_ID: u64 = 31337;
/// How long the node may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Ports that are tried: between choosing a free one and listening on it another program may take it.
const ATTEMPTS: usize = 3;

/// A node that did not start.
#[derive(Debug, thiserror::Error)]
#[error("the EVM node {program} did not start: {reason}", program = program.display())]
pub struct NodeError {
    /// The program.
    pub program: PathBuf,
    /// What it said.
    pub reason: String,
}

impl NodeError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Environment
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    state: Arc<Mutex<State>>,
    url: String,
}

/// What must not outlive the program.
#[derive(Debug, Default)]
struct State {
    process: Option<Child>,
    folders: Vec<PathBuf>,
}

impl Node {
    /// Starts `anvil` and waits until it answers.
    pub fn start(anvil: &Path) -> Result<Self, NodeError> {
        Self::start_with_id(anvil, CHAIN_ID)
    }

    /// Starts `anvil` with another chain id.
    pub fn start_with_id(anvil: &Path, chain_id: u64) -> Result<Self, NodeError> {
        Self::start_any(anvil, chain_id, &[])
    }

    /// Starts `anvil` such that it keeps the steps of every transaction, for a [ledger](crate::chain::ledger).
    pub fn start_tracing(anvil: &Path) -> Result<Self, NodeError> {
        Self::start_any(anvil, CHAIN_ID, &["--steps-tracing"])
    }

    fn start_any(anvil: &Path, chain_id: u64, arguments: &[&str]) -> Result<Self, NodeError> {
        let mut node = Self::try_start(anvil, chain_id, arguments);
        for _ in 1..ATTEMPTS {
            if node.is_ok() {
                break;
            }
            node = Self::try_start(anvil, chain_id, arguments);
        }
        node
    }

    fn try_start(anvil: &Path, chain_id: u64, arguments: &[&str]) -> Result<Self, NodeError> {
        let failed = |reason: String| NodeError { program: anvil.to_path_buf(), reason };
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| failed(error.to_string()))?
            .port();
        let child = Command::new(anvil)
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--chain-id", &chain_id.to_string()])
            .args(["--accounts", "1", "--silent"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let state = State { process: Some(child), folders: Vec::new() };
        let node = Self { state: Arc::new(Mutex::new(state)), url: format!("http://127.0.0.1:{port}") };
        let start = Instant::now();
        while start.elapsed() < START_TIMEOUT {
            if let Some(reason) = node.ended() {
                return Err(failed(reason));
            }
            if Client::connect(&node.url, None).is_ok_and(|client| client.chain_id() == chain_id) {
                end_with_the_program(&node.state);
                return Ok(node);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(failed(format!("no answer at {} within {} s", node.url, START_TIMEOUT.as_secs())))
    }

    /// What the process said, if it has ended.
    fn ended(&self) -> Option<String> {
        let mut state = lock(&self.state);
        let child = state.process.as_mut()?;
        let status = child.try_wait().ok()??;
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            // What cannot be read is not needed: the status is there.
            let _ = stderr.read_to_string(&mut said);
        }
        Some(format!("{status}: {}", said.trim()))
    }

    /// Removes a folder if the program is told to stop.
    pub fn remove_when_stopped(&self, folder: &Path) {
        lock(&self.state).folders.push(folder.to_path_buf());
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives an account 100 units of the chain's own currency.
    pub fn fund(&self, client: &Client, account: Address) -> Result<(), ChainError> {
        client.request("anvil_setBalance", json!([account, "0x56bc75e2d63100000"])).map(drop)
    }

    /// Makes blocks.
    pub fn mine(&self, client: &Client, blocks: u64) -> Result<(), ChainError> {
        client.request("anvil_mine", json!([format!("{blocks:#x}")])).map(drop)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        end(&self.state);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(state: &Mutex<State>) {
    if let Some(mut child) = lock(state).process.take() {
        // It may have ended on its own; then there is nothing to end.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Ends the node, and then this program, when the program is told to stop.
fn end_with_the_program(state: &Arc<Mutex<State>>) {
    let state = Arc::downgrade(state);
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let told = runtime.block_on(async {
            #[cfg(unix)]
            {
                use tokio::signal::unix::{signal, SignalKind};
                let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
                let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else { return None };
                Some(tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = terminate.recv() => 143,
                    _ = hangup.recv() => 129,
                })
            }
            #[cfg(not(unix))]
            tokio::signal::ctrl_c().await.ok().map(|()| 130)
        });
        if let Some(code) = told {
            if let Some(state) = state.upgrade() {
                end(&state);
                for folder in lock(&state).folders.drain(..) {
                    // The program ends now; what cannot be removed stays.
                    let _ = std::fs::remove_dir_all(folder);
                }
            }
            std::process::exit(code);
        }
    });
}
