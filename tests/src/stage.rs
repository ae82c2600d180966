//! The `zkpoc` program and a local chain: a node, accounts, and a folder with a home for each user.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alloy::primitives::hex;
use alloy::signers::local::PrivateKeySigner;
use tempfile::TempDir;
use zkpoc_client::chain::node::{Node, CHAIN_ID};
use zkpoc_client::chain::Client;

/// A chain and a folder.
pub struct Stage {
    /// The chain.
    pub node: Node,
    /// A connection without a key.
    pub admin: Client,
    program: PathBuf,
    folder: TempDir,
}

impl Stage {
    /// A fresh chain and an empty folder, for the program in a file.
    pub fn new(program: &str) -> Self {
        Self::with_id(program, CHAIN_ID)
    }

    /// The same on a chain with an id.
    pub fn with_id(program: &str, chain_id: u64) -> Self {
        let anvil = zkpoc_contracts::tools::anvil().expect("anvil");
        let node = Node::start_with_id(&anvil, chain_id).expect("a node");
        let admin = Client::connect(node.url(), None).expect("connected");
        Self { node, admin, program: program.into(), folder: tempfile::tempdir().expect("a folder") }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().expect("a path").to_owned()
    }

    /// The key of an account with funds.
    pub fn account(&self) -> PrivateKeySigner {
        let signer = PrivateKeySigner::random();
        self.node.fund(&self.admin, signer.address()).expect("funds");
        signer
    }

    /// Mines blocks.
    pub fn mine(&self, blocks: u64) {
        self.node.mine(&self.admin, blocks).expect("blocks");
    }

    /// The program with its answers as JSON and no terminal, in a home of the folder and with a key, if one is given.
    pub fn command(
        &self,
        home: &str,
        signer: Option<&PrivateKeySigner>,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--json").stdin(Stdio::null());
        command.env("ZKPOC_HOME", self.path(home)).env("ZKPOC_DEPLOYMENTS", self.path("deployments"));
        command.env("ZKPOC_RPC_URL", self.node.url()).env_remove("ZKPOC_PRIVATE_KEY");
        if let Some(signer) = signer {
            command.env("ZKPOC_PRIVATE_KEY", hex::encode(signer.to_bytes()));
        }
        command
    }
}
