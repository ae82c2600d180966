//! The commands that talk with a chain, as an operator, an attestor and a contributor type them, on a local node.

mod secrets;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::primitives::{B256, U256};
use alloy::signers::local::PrivateKeySigner;
use halo2_proofs::halo2curves::bn256::Fr;
use serde_json::Value;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_client::chain::{Client, Mode};
use zkpoc_client::formats::evidence::EvidenceFile;
use zkpoc_client::formats::tensors;
use zkpoc_client::vana::deploy::{fund, local_pool, local_registry, local_token, PoolTerms};
use zkpoc_contracts::bindings::vana::LocalVanaPool;
use zkpoc_contracts::compile::compile_contracts;

use secrets::Secrets;

/// A chain, keys, and everything that commands printed.
struct Stage {
    base: zkpoc_tests::stage::Stage,
    operator: PrivateKeySigner,
    attestor: PrivateKeySigner,
    contributor: PrivateKeySigner,
    printed: RefCell<Vec<u8>>,
}

impl Stage {
    fn new() -> Self {
        Self::on(zkpoc_tests::stage::Stage::new(env!("CARGO_BIN_EXE_zkpoc")))
    }

    fn on(base: zkpoc_tests::stage::Stage) -> Self {
        let [operator, contributor] = [(); 2].map(|()| base.account());
        Self { base, operator, attestor: PrivateKeySigner::random(), contributor, printed: RefCell::default() }
    }

    fn path(&self, name: &str) -> String {
        self.base.path(name)
    }

    /// Runs a command with a key; gives its exit code, its JSON answer and what it said.
    fn run(&self, signer: Option<&PrivateKeySigner>, arguments: &[&str]) -> (i32, Value, String) {
        let output = self.base.command("home", signer, arguments).output().expect("the program starts");
        self.printed.borrow_mut().extend([&output.stdout[..], &output.stderr].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{arguments:?}: {said}\n{}", String::from_utf8_lossy(&output.stdout));
        });
        (output.status.code().unwrap_or(-1), answer, said)
    }

    #[track_caller]
    fn good(&self, signer: Option<&PrivateKeySigner>, arguments: &[&str]) -> Value {
        let (code, answer, said) = self.run(signer, arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        answer
    }

    #[track_caller]
    fn bad(&self, signer: Option<&PrivateKeySigner>, arguments: &[&str], expected: i32, words: &str) {
        let (code, answer, said) = self.run(signer, arguments);
        assert_eq!(code, expected, "{arguments:?}: {said}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(words)), "{arguments:?}: {said}");
    }

    /// Everything that was sent to the chain or can be read from it, block by block, and its call data as bytes.
    fn on_chain(&self) -> Vec<(String, Vec<u8>)> {
        let mut out = Vec::new();
        let ask = |method, params| self.base.admin.request(method, params).expect("an answer");
        for number in 0..=self.base.admin.block_number().expect("a number") {
            let block = ask("eth_getBlockByNumber", serde_json::json!([format!("0x{number:x}"), true]));
            for transaction in block["transactions"].as_array().expect("transactions") {
                let input = transaction["input"].as_str().expect("call data");
                let bytes = hex::decode(input.trim_start_matches("0x")).expect("hexadecimal");
                out.push((format!("call data in block {number}"), bytes));
            }
            out.push((format!("block {number}"), block.to_string().into_bytes()));
        }
        let logs = ask("eth_getLogs", serde_json::json!([{"fromBlock": "0x0", "toBlock": "latest"}]));
        out.push(("logs".to_owned(), logs.to_string().into_bytes()));
        out
    }

    /// The secrets of whoever uses this stage.
    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::new();
        for (name, signer) in [("operator", &self.operator), ("attestor", &self.attestor), ("owner", &self.contributor)]
        {
            secrets.number(&format!("the {name}'s key"), &signer.to_bytes().0);
        }
        let records = std::fs::read_to_string(self.path("records.csv")).expect("records");
        for name in ["mine", "copy"] {
            let folder = PathBuf::from(self.path("home/datasets")).join(name);
            if folder.exists() {
                secrets.dataset(&folder, &records);
            }
        }
        for claim in std::fs::read_dir(self.path("home/claims")).expect("claims") {
            secrets.claim(&claim.expect("an entry").path());
        }
        secrets
    }

    /// Nothing but what is secret by name holds a secret; what does is found, so the search is no empty one.
    fn assert_no_secret_left(&self, openings: bool) {
        let secrets = self.secrets();
        let private = |name: &str| name.ends_with("/secret") || name == "records.csv" || name.ends_with("/openings");
        // Keys of circuits and reference strings are made without any secret of their user, and are large.
        let skip = |name: &str| private(name) || ["home/keys", "home/srs"].contains(&name);
        let mut all = secrets::files(Path::new(&self.path("")), &skip);
        assert!(all.iter().any(|(name, _)| name.ends_with("claim.json")), "claims are searched");
        let on_chain = self.on_chain();
        assert!(on_chain.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 100_000, "call data are searched");
        all.extend(on_chain);
        all.push(("what commands printed".to_owned(), self.printed.borrow().clone()));
        for (name, bytes) in &all {
            assert_eq!(secrets.found(bytes), Vec::<&str>::new(), "{name}");
        }
        let in_private = |part: &str| {
            let files = secrets::files(Path::new(&self.path("")), &|name| name == "home/keys" || name == "home/srs");
            let found: Vec<String> = files
                .iter()
                .filter(|(name, _)| name.contains(part))
                .flat_map(|(_, bytes)| secrets.found(bytes).into_iter().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            found
        };
        assert!(in_private("secret/seed").contains(&"seed".to_owned()));
        assert!(in_private("secret/blinding").iter().any(|name| name == "blinding row 11 of the update"));
        assert!(in_private("secret/update").iter().any(|name| name.contains("values of the update")));
        assert!(in_private("records.csv").iter().any(|name| name == "record 0 as text"));
        let opened = in_private("exchange/openings/");
        assert_eq!(opened.iter().any(|name| name.starts_with("blinding row 11 of the update")), openings, "{opened:?}");
        assert!(!opened.iter().any(|name| name.contains("seed") || name.contains("shard")), "{opened:?}");
    }

    /// Made-up records for profile `toy`; a record of few small numbers would be found by chance, in a block's sparse bloom filter.
    fn records(&self) -> String {
        let file = self.path("records.csv");
        let line = |n: u32| format!("{},{},{},{},{},11,13\n", n % 3, n & 15, 12 + (n >> 4), 9 + n % 7, 8 + n % 5);
        std::fs::write(&file, (0..60).map(line).collect::<String>()).expect("written");
        file
    }
}

const SEED: &str = "0x5a6b706f632074657374206d6f64656c00000000000000000000000000000000";

#[test]
fn e2e_vana_pools_pay() {
    let stage = Stage::new();
    let (operator, attestor, contributor) = (Some(&stage.operator), Some(&stage.attestor), Some(&stage.contributor));
    let (trusted, owner) = (stage.attestor.address().to_string(), stage.contributor.address().to_string());
    stage.good(operator, &["contracts", "deploy", "toy", "--attestor", &trusted]);
    let (records, desk, letter) = (stage.records(), stage.path("attestor"), stage.path("attestation.json"));
    stage.good(None, &["dataset", "commit", "mine", "--profile", "toy", "--shards", "2", "--data", &records]);
    let attest =
        ["dataset", "attest", "mine", "--attestor", &desk, "--owner", &owner, "--source", "me", "--out", &letter];
    stage.good(attestor, &attest);
    stage.good(contributor, &["dataset", "register", "mine", "--attestation", &letter]);

    // Vana's side: a registry, a token, an unmodified pool, by someone else.
    let them = stage.base.account();
    let chain = Client::connect(stage.base.node.url(), Some(them.clone())).expect("connected");
    let artifacts = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("compiled");
    let token = local_token(&chain, &artifacts).expect("a token");
    let funds = U256::from(10).pow(U256::from(21));
    let files = local_registry(&chain, &artifacts).expect("a registry").address;
    let terms = PoolTerms {
        token,
        name: String::new(),
        public_key: String::new(),
        instruction: "theirs".into(),
        factor: U256::from(10).pow(U256::from(18)),
    };
    let template = local_pool(&chain, &artifacts, files, &terms, U256::from(9)).expect("a pool").address;

    // The operator deploys a pool that pays on proofs, and an attestor for the other.
    let (files, token_text, template_text) = (files.to_string(), token.to_string(), template.to_string());
    let deploy = ["vana", "deploy", "toy", "--files", &files, "--model-seed", SEED];
    let pool = stage.good(operator, &[&deploy[..], &["--token", &token_text, "--factor", "2"]].concat());
    let keyless = stage.good(operator, &[&deploy[..], &["--keyless-for", &template_text, "--dlp-id", "9"]].concat());
    let address = |answer: &Value| answer["adapter"].as_str().expect("an address").to_owned();
    let (pool, keyless) = (address(&pool), address(&keyless));
    for pool in [pool.parse().expect("an address"), template] {
        fund(&chain, token, pool, funds).expect("funds");
    }

    // The contributor is paid by both, once.
    let claim = |adapter: &str, url: &str, index: &str| -> Vec<String> {
        let words =
            ["vana", "claim", "mine", "--adapter", adapter, "--url", url, "--index", index, "--model-seed", SEED];
        words.map(str::to_owned).to_vec()
    };
    let run = |words: Vec<String>| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stage.run(contributor, &words)
    };
    let (code, _, said) = run(claim(&keyless, "ipfs://a", "0"));
    assert!(code == 1 && said.contains("updateTeePool"), "{said}");
    let ask = LocalVanaPool::updateTeePoolCall { newTeePool: keyless.parse().expect("an address") };
    chain.send("set-up", template, &ask, Mode::Send).expect("sent");
    for adapter in [&pool, &keyless] {
        let url = format!("ipfs://{adapter}");
        let (code, answer, said) = run(claim(adapter, &url, "0"));
        assert_eq!(code, 0, "{said}");
        let paid: f64 = answer["paid"].as_str().and_then(|paid| paid.parse().ok()).expect("an amount");
        assert!(paid > 0.0 && answer["gas_prove_file"].as_u64().is_some_and(|gas| gas > 300_000), "{answer}");
        let (code, again, said) = run(claim(adapter, &url, "0"));
        assert_eq!(code, 0, "{said}");
        assert_eq!((&again["paid"], &again["gas_request_reward"]), (&answer["paid"], &Value::Null));
        let (code, _, said) = run(claim(adapter, "ipfs://another", "0"));
        assert!(code == 1 && said.contains("was proven for file"), "{said}");
        let (code, _, said) = run(claim(adapter, "ipfs://another", "7"));
        assert!(code == 2 && said.contains("no shard 7"), "{said}");

        let (file, out) = (answer["file"].to_string(), stage.path(&format!("{adapter}.json")));
        let report = ["vana", "report", "toy", "--adapter", adapter, "--file", &file, "--out", &out];
        let document = stage.good(None, &report);
        assert_eq!((&document["valid"], &document["score"]), (&Value::Bool(true), &answer["score"]));
        let written: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
        assert_eq!(written, document);
        stage.bad(None, &report, 2, "exists");
    }
    stage.bad(contributor, &["vana", "report", "toy", "--adapter", &token_text, "--file", "1"], 1, "");
    stage.assert_no_secret_left(false);
}

#[test]
fn e2e_every_command_of_a_round() {
    let stage = Stage::new();
    let (operator, attestor, contributor) = (Some(&stage.operator), Some(&stage.attestor), Some(&stage.contributor));
    let trusted = stage.attestor.address().to_string();
    let owner = stage.contributor.address().to_string();

    // Contracts: into files, onto the chain, and compared.
    let out = stage.path("contracts");
    let generated = stage.good(None, &["contracts", "generate", "toy", "--out", &out]);
    for file in generated["files"].as_array().expect("files") {
        assert!(PathBuf::from(&out).join(file.as_str().expect("a name")).is_file(), "{file}");
    }
    stage.bad(None, &["contracts", "verify", "toy"], 2, "contracts deploy");
    stage.bad(None, &["contracts", "deploy", "toy", "--attestor", &trusted], 2, "ZKPOC_PRIVATE_KEY");
    let deploy = ["contracts", "deploy", "toy", "--attestor", &trusted, "--beacon-delay", "2", "--claim-blocks", "30"];
    let pool = stage.good(operator, &deploy)["pool"].clone();
    stage.bad(operator, &deploy, 2, "--replace");
    let checks = stage.good(None, &["contracts", "verify", "toy"]);
    assert!(checks["checks"].as_array().is_some_and(|checks| checks.len() > 20), "{checks}");

    // A dataset: committed, attested, registered.
    let records = stage.records();
    stage.good(None, &["dataset", "commit", "mine", "--profile", "toy", "--shards", "4", "--data", &records]);
    let (desk, letter) = (stage.path("attestor"), stage.path("attestation.json"));
    let attest =
        ["dataset", "attest", "mine", "--attestor", &desk, "--owner", &owner, "--source", "me", "--out", &letter];
    stage.good(attestor, &attest);
    let again = ["dataset", "commit", "copy", "--profile", "toy", "--shards", "4", "--data", &records];
    stage.good(None, &again);
    let copy =
        ["dataset", "attest", "copy", "--attestor", &desk, "--owner", &owner, "--source", "me", "--out", &letter];
    stage.bad(attestor, &copy, 1, "attested before");
    let register = ["dataset", "register", "mine", "--attestation", &letter];
    stage.bad(operator, &register, 2, "owner");
    let tried = stage.good(contributor, &[&register[..], &["--dry-run"]].concat());
    assert_eq!(tried["dry_run"], true);
    assert!(stage.good(contributor, &register)["gas_used"].as_u64().is_some_and(|gas| gas > 21_000));
    assert_eq!(stage.good(contributor, &register)["already"], true);

    // A round: opened, sealed after its beacon.
    stage.bad(contributor, &["round", "claim", "mine", "--model-seed", SEED], 2, "round open");
    stage.bad(contributor, &["round", "open", "toy", "--model-seed", SEED], 1, "role");
    let opened = stage.good(operator, &["round", "open", "toy", "--model-seed", SEED]);
    assert_eq!(opened["round"], 1);
    stage.bad(operator, &["round", "seal", "toy"], 1, "ZkPocRoundsTooEarly");
    stage.bad(contributor, &["round", "claim", "mine", "--model-seed", SEED], 1, "round seal");
    stage.base.mine(3);
    stage.good(operator, &["round", "seal", "toy"]);
    assert_eq!(stage.good(None, &["round", "status", "toy"])["status"], "open, takes claims");

    // A claim: tried, which stores its proof; sent, which sends the stored one; refused the second time.
    let other = SEED.replace("5a", "5b");
    stage.bad(contributor, &["round", "claim", "mine", "--model-seed", &other], 2, "model");
    let claim = ["round", "claim", "mine", "--open", "--model-seed", SEED];
    let tried = stage.good(contributor, &[&claim[..], &["--dry-run"]].concat());
    assert_eq!((&tried["dry_run"], &tried["stored"]), (&Value::Bool(true), &Value::Bool(false)));
    // The same for somebody who sends it: it is the same claim, and a batch of one.
    let file = stage.path("claim.json");
    let prepared = stage.good(contributor, &[&claim[..], &["--prepare", &file]].concat());
    assert_eq!((&prepared["stored"], &prepared["file"]), (&Value::Bool(true), &Value::String(file.clone())));
    let batch = ["round", "claim", "--batch", &file];
    let relayed = stage.good(operator, &[&batch[..], &["--dry-run"]].concat());
    assert_eq!((&relayed["dry_run"], &relayed["claims"]), (&Value::Bool(true), &Value::from(1)));
    let index = tried["index"].to_string();
    stage.good(contributor, &["dataset", "validate", "mine", "--index", &index]);
    assert_eq!(stage.good(contributor, &["dataset", "validate", "mine", "--index", &index])["already"], true);
    let claimed = stage.good(contributor, &claim);
    assert_eq!((&claimed["stored"], &claimed["promised"]), (&Value::Bool(true), &Value::String("10".into())));
    assert_eq!(
        (&claimed["opening_published"], &claimed["validated_before"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    stage.bad(contributor, &claim, 1, "ZkPocRoundsAlreadyClaimed");
    stage.bad(operator, &batch, 1, "ZkPocRoundsNoneAccepted");

    stage.assert_no_secret_left(false);

    // The end of the round: nobody has the opening; it is handed over; the next model is proven, held, and sent.
    let exchange = stage.path("exchange");
    std::fs::create_dir(&exchange).expect("a folder");
    let finalize = ["round", "finalize", "toy", "--model-seed", SEED, "--openings", &exchange];
    stage.bad(operator, &finalize, 2, "no opening of a plain claim");
    let handed = stage.good(contributor, &[&claim[..], &["--openings", &exchange]].concat());
    assert_eq!((&handed["claimed_before"], &handed["opening_published"]), (&Value::Bool(true), &Value::Bool(true)));
    let proven = stage.good(operator, &finalize);
    assert_eq!((&proven["sent"], &proven["included"]), (&Value::Bool(false), &Value::from(1)));
    let next = proven["model_id"].as_str().expect("an id").to_owned();
    let ack = ["round", "ack", "toy", "--openings", &exchange, "--next"];
    stage.bad(contributor, &[&ack[..], &[SEED]].concat(), 2, "is not there");
    stage.good(contributor, &[&ack[..], &[next.as_str()]].concat());
    stage.bad(operator, &finalize, 1, "ZkPocRoundsTooEarly");
    stage.base.mine(30);
    stage.bad(operator, &["round", "settle", "toy"], 1, "nobody has finalized");
    stage.bad(operator, &["round", "void", "toy"], 1, "ZkPocRoundsTooEarly");
    let ended = stage.good(operator, &finalize);
    assert_eq!((&ended["settled"], &ended["stored"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(ended["paid"], "10");
    let status = stage.good(None, &["round", "status", "toy"]);
    assert_eq!((&status["round"], &status["model_id"]), (&Value::from(2), &Value::String(next)));
    let evaluated = stage.good(None, &["eval", "toy", "--model-seed", SEED, "--data", &records]);
    assert!(evaluated["accuracy"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)), "{evaluated}");

    // No evidence, no stop.
    rejects_what_is_no_evidence(&stage);
    assert_eq!(stage.good(None, &["round", "status", "toy"])["stopped"], Value::Null);
    stage.assert_no_secret_left(true);

    // A pool whose contract is another one is found out.
    let file = PathBuf::from(stage.path("deployments")).join("31337.json");
    let text = std::fs::read_to_string(&file).expect("the deployment");
    let address = |name: &str| pool["contracts"][name]["address"].as_str().expect("an address").to_owned();
    let swapped = text.replacen(&address("FlatRewardPolicy"), &address("ContributionToken"), 1);
    std::fs::write(&file, swapped).expect("written");
    stage.bad(None, &["contracts", "verify", "toy"], 1, "FlatRewardPolicy");
}

fn rejects_what_is_no_evidence(stage: &Stage) {
    let profile = Profile::builtin("toy").expect("a profile");
    let sender = Some(&stage.contributor);
    let write = |name: &str, bytes: Vec<u8>| {
        let path = stage.path(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let file = |circuit: CircuitKind, profile_id: B256| EvidenceFile {
        profile_id,
        circuit,
        instances: vec![Fr::from(0); circuit.instances()],
        proof: vec![7; 100],
    };
    let id = B256::new(profile.id());
    let canary = write("canary.json", file(CircuitKind::Training, id).to_json());
    let round = write("round.json", file(CircuitKind::Round, id).to_json());
    let other = write("other.json", file(CircuitKind::Training, B256::ZERO).to_json());
    stage.bad(sender, &["stop", "canary", "toy", "--evidence", &canary], 1, "ZkPocStopProofLength");
    stage.bad(sender, &["stop", "canary", "toy", "--evidence", &other], 2, "another profile");
    stage.bad(None, &["stop", "canary", "toy", "--evidence", &canary], 2, "ZKPOC_PRIVATE_KEY");
    stage.bad(sender, &["stop", "canary", "toy", "--evidence", &stage.path("none")], 2, "none");

    let model = |seed: u8| tensors::write_model(&profile, &Model::random(&profile, [seed; 32])).expect("a model");
    let (a, b) = (write("a.safetensors", model(1)), write("b.safetensors", model(2)));
    let contradict = |one: &str, one_next: &str, other_next: &str, code, words: &str| {
        let next = ["--one-next", one_next, "--other-next", other_next];
        let files = ["stop", "contradiction", "toy", "--one", one, "--other", &round];
        stage.bad(sender, &[&files[..], &next[..]].concat(), code, words);
    };
    contradict(&round, &a, &b, 1, "ZkPocStopProofLength");
    contradict(&round, &a, &a, 2, "no contradiction");
    contradict(&canary, &a, &b, 2, "no proof of the round circuit");
}

#[test]
fn rejects_an_insecure_srs_on_a_public_chain() {
    let stage = Stage::on(zkpoc_tests::stage::Stage::with_id(env!("CARGO_BIN_EXE_zkpoc"), 5));
    let srs = stage.path("dev.srs");
    stage.good(None, &["srs", "new", "--k", "8", "--out", &srs]);
    let trusted = stage.attestor.address().to_string();
    let deploy = ["contracts", "deploy", "toy", "--attestor", &trusted, "--srs", &srs];
    stage.bad(Some(&stage.operator), &deploy, 2, "insecure");
}

#[test]
fn rejects_a_node_that_is_not_there() {
    let stage = Stage::new();
    let arguments = ["round", "status", "toy", "--rpc-url", "http://127.0.0.1:1"];
    stage.bad(None, &arguments, 3, "127.0.0.1:1");
    stage.bad(None, &["round", "status", "toy", "--rpc-url", "nonsense"], 2, "nonsense");
}
