//! Kills of commands that send transactions: `round claim` and `round finalize`, on a local node.
//!
//! A pool with a dataset is set up once for each test; every kill starts from the same state of the chain (a snapshot of the
//! node) and of the homes (a copy).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{json, Value};
use zkpoc_circuits::profile::Profile;
use zkpoc_client::exchange::item::Limits;
use zkpoc_client::exchange::{update_id, Checker, Source};
use zkpoc_client::home::Home;
use zkpoc_prover::srs::Srs;

use crate::copy;
use crate::files::records;
use crate::kills;
use crate::process::Points;
use crate::process::Shell;
use crate::process::Tally;
use crate::seed;

const MODEL: &str = "0x5a6b706f632074657374206d6f64656c00000000000000000000000000000000";
/// How long a request that a killed process has sent may still be on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// A pool, a contributor whose dataset is registered, and the first round, sealed.
struct Stage {
    base: zkpoc_tests::stage::Stage,
    operator: PrivateKeySigner,
    contributor: PrivateKeySigner,
}

impl Stage {
    fn new() -> Self {
        let base = zkpoc_tests::stage::Stage::new(env!("CARGO_BIN_EXE_zkpoc"));
        let [operator, contributor] = [(); 2].map(|()| base.account());
        let attestor = PrivateKeySigner::random();
        let stage = Self { base, operator, contributor };
        let (operator, contributor) =
            (stage.shell("operator", &stage.operator), stage.shell("home", &stage.contributor));
        let trusted = attestor.address();
        operator.good(&format!("contracts deploy toy --attestor {trusted} --beacon-delay 2 --claim-blocks 40"));
        records(&stage.path("records.csv"), 0);
        contributor.good("dataset commit mine --profile toy --shards 4 --data records.csv");
        stage.shell("home", &attestor).good(&format!(
            "dataset attest mine --attestor desk --owner {} --source me --out letter.json",
            stage.contributor.address()
        ));
        contributor.good("dataset register mine --attestation letter.json");
        operator.good(&format!("round open toy --model-seed {MODEL}"));
        stage.mine(3);
        operator.good("round seal toy");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.folder().join(name)
    }

    fn shell(&self, home: &str, signer: &PrivateKeySigner) -> Shell {
        let url = Some(self.base.node.url().to_owned());
        Shell { home: self.path(home), folder: self.base.folder().to_owned(), signer: Some(signer.clone()), url }
    }

    fn mine(&self, blocks: u64) {
        self.base.mine(blocks);
    }

    fn ask(&self, method: &'static str, params: Value) -> Value {
        self.base.admin.request(method, params).expect(method)
    }

    /// Transactions of an account, those that are not mined included.
    fn sent(&self, account: Address) -> u64 {
        let text = self.ask("eth_getTransactionCount", json!([account, "pending"]));
        u64::from_str_radix(text.as_str().expect("a number").trim_start_matches("0x"), 16).expect("a number")
    }

    /// Keeps the state of the chain and of all folders.
    fn save(&self) -> Saved {
        let folder = tempfile::tempdir().expect("a folder");
        copy(self.base.folder(), folder.path());
        Saved { folder, chain: self.ask("evm_snapshot", json!([])) }
    }

    /// Goes back to it.
    fn restore(&self, saved: &mut Saved) {
        assert_eq!(self.ask("evm_revert", json!([saved.chain])), true);
        saved.chain = self.ask("evm_snapshot", json!([]));
        for entry in std::fs::read_dir(self.base.folder()).expect("a folder").flatten() {
            match entry.path().is_dir() {
                true => std::fs::remove_dir_all(entry.path()).expect("removed"),
                false => std::fs::remove_file(entry.path()).expect("removed"),
            }
        }
        copy(saved.folder.path(), self.base.folder());
    }

    /// Holds transactions back from blocks, or mines each at once.
    fn hold(&self, hold: bool) {
        self.ask("evm_setAutomine", json!([!hold]));
    }

    /// Waits until a transaction waits to be mined.
    fn until_pending(&self, child: &mut Child) {
        let start = Instant::now();
        while self.ask("txpool_status", json!([]))["pending"] == "0x0" {
            assert!(child.try_wait().expect("a state").is_none(), "the command ended before it sent");
            assert!(start.elapsed() < Duration::from_secs(60), "nothing was sent");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A state to go back to.
struct Saved {
    folder: tempfile::TempDir,
    chain: Value,
}

fn claim(exchange: &str) -> String {
    format!("round claim mine --open --model-seed {MODEL} --openings {exchange}")
}

/// The home's claim is the one on chain, its opening opens it and was handed over.
fn claimed(stage: &Stage, shell: &Shell) {
    let profile = Profile::builtin("toy").expect("the profile");
    let srs = Srs::bundled_ceremony(profile.k).expect("the ceremony");
    let checker = Checker::new(&profile, &srs).expect("a checker");
    let home = Home::open(Some(&shell.home)).expect("the home");
    let ids = home.claims().expect("claims");
    assert_eq!(ids.len(), 1, "{ids:?}");
    let opening = home.load_claim(&ids[0], &profile).expect("a claim").opening;
    let id = update_id(&checker.commitments(&opening).expect("points")).expect("an id");
    let exchange = stage.path("exchange");
    let source = Source::open(exchange.to_str().expect("text"), Limits::of(&profile)).expect("a folder");
    assert_eq!(checker.fetch(&source, id).expect("readable"), Some(opening), "handed over");
    // What whoever finalizes sees: one claim, its opening at hand.
    let proven = stage.shell("operator", &stage.operator).good(&finalize("--prove-only"));
    assert_eq!((&proven["claims"], &proven["missing"]), (&json!(1), &json!([])));
}

/// Another digit in the middle of the proof that a JSON file holds.
fn damage(file: &Path) {
    let mut text = std::fs::read_to_string(file).expect("text");
    let at = text.find("\"proof\"").expect("a proof") + 1000;
    let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
    text.replace_range(at..=at, digit);
    std::fs::write(file, text).expect("written");
}

/// The only entry of a folder.
fn only(folder: PathBuf) -> PathBuf {
    let entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].path()
}

fn finalize(more: &str) -> String {
    format!("round finalize toy --round 1 --model-seed {MODEL} --openings exchange {more}")
}

#[test]
fn a_killed_claim_is_sent_once_and_never_loses_its_opening() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("exchange")).expect("a folder");
    let mut saved = stage.save();
    let shell = stage.shell("home", &stage.contributor);
    // A damaged claim is not sent.
    shell.good(&format!("{} --dry-run", claim("exchange")));
    let kept = only(shell.home.join("claims"));
    damage(&kept.join("claim.json"));
    let (code, answer) = shell.run(&claim("exchange"));
    assert!(
        code == 2 && answer["error"].as_str().is_some_and(|text| text.contains("move its folder away")),
        "{answer}"
    );
    std::fs::remove_dir_all(kept).expect("removed");

    let (span, _) = shell.measure(&claim("exchange"));
    claimed(&stage, &shell);
    let contributor = stage.contributor.address();
    stage.restore(&mut saved);
    let before = stage.sent(contributor);
    let (mut points, mut tally) = (Points::new(seed(4), span, true), Tally::default());
    let mut mined = 0;
    while tally.wants(kills()) {
        stage.restore(&mut saved);
        let running = shell.kill(&claim("exchange"), points.next(), &|| stage.sent(contributor) > before);
        tally.count(running, &mut points);
        std::thread::sleep(ON_ITS_WAY);
        let sent = stage.sent(contributor) - before;
        if sent > 0 {
            mined += u32::from(running);
            assert_eq!(Home::open(Some(&shell.home)).expect("the home").claims().expect("claims").len(), 1);
        }
        let answer = shell.good(&claim("exchange"));
        assert_eq!(answer["claimed_before"].as_bool().unwrap_or_default(), sent > 0, "{answer}");
        assert_eq!(stage.sent(contributor), before + 1, "one transaction in all");
        claimed(&stage, &shell);
    }
    tally.report("round claim", span);
    println!("{mined} of them after the claim was sent");
}

#[test]
fn a_killed_finalization_is_sent_once() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("exchange")).expect("a folder");
    stage.shell("home", &stage.contributor).good(&claim("exchange"));
    let shell = stage.shell("operator", &stage.operator);
    let next = shell.good(&finalize("--prove-only"))["model_id"].as_str().expect("an id").to_owned();
    // A stored proof that does not hold is made anew.
    let kept = only(shell.home.join("finalizations"));
    assert_eq!(shell.good(&finalize("--prove-only"))["stored"], true);
    damage(&kept);
    assert_eq!(shell.good(&finalize("--prove-only"))["stored"], false);
    std::fs::write(&kept, "{").expect("written");
    assert_eq!(shell.good(&finalize("--prove-only"))["stored"], false);

    let ack = format!("round ack toy --round 1 --openings exchange --next {next}");
    stage.shell("home", &stage.contributor).good(&ack);
    stage.mine(40);
    let mut saved = stage.save();
    let proofs = shell.home.join("finalizations");
    std::fs::remove_dir_all(&proofs).expect("removed");
    let (span, _) = shell.measure(&finalize(""));
    let operator = stage.operator.address();
    stage.restore(&mut saved);
    let before = stage.sent(operator);
    let (mut points, mut tally) = (Points::new(seed(5), span, true), Tally::default());
    let mut mined = 0;
    while tally.wants(kills()) {
        stage.restore(&mut saved);
        std::fs::remove_dir_all(&proofs).expect("removed");
        let running = shell.kill(&finalize(""), points.next(), &|| stage.sent(operator) > before);
        tally.count(running, &mut points);
        std::thread::sleep(ON_ITS_WAY);
        let sent = stage.sent(operator) - before;
        mined += u32::from(running && sent > 0);
        let answer = shell.good(&finalize(""));
        assert_eq!(answer["finalized_before"].as_bool().unwrap_or_default(), sent > 0, "{answer}");
        assert_eq!(stage.sent(operator), before + 1, "one transaction in all");
        assert_eq!(answer["model_id"], next.as_str());
        let status = shell.good("round status toy");
        assert_eq!((&status["round"], &status["model_id"]), (&json!(2), &json!(next)), "{status}");
        let contributor = stage.shell("home", &stage.contributor);
        let id: B256 = next.parse().expect("an id");
        assert!(contributor.folder.join(format!("exchange/models/{id}.safetensors")).is_file());
    }
    tally.report("round finalize", span);
    println!("{mined} of them after the finalization was sent");
}

/// Killed while its transaction waits to be mined: the next run waits for it, and sends no second one.
#[test]
fn what_waits_to_be_mined_is_not_sent_again() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("exchange")).expect("a folder");
    let contributor = stage.shell("home", &stage.contributor);
    let operator = stage.shell("operator", &stage.operator);
    let answer = waiting(&stage, &contributor, &claim("exchange"));
    assert_eq!((&answer["claimed_before"], &answer["opening_published"]), (&json!(true), &json!(true)));
    claimed(&stage, &contributor);

    let next = operator.good(&finalize("--prove-only"))["model_id"].as_str().expect("an id").to_owned();
    contributor.good(&format!("round ack toy --round 1 --openings exchange --next {next}"));
    stage.mine(40);
    let answer = waiting(&stage, &operator, &finalize(""));
    assert_eq!(answer["finalized_before"], json!(true));
    assert_eq!(operator.good("round status toy")["round"], 2);
}

/// The answer of the second run.
fn waiting(stage: &Stage, shell: &Shell, line: &str) -> Value {
    let account = shell.signer.as_ref().expect("a key").address();
    let before = stage.sent(account);
    stage.hold(true);
    let mut first = shell.start(line);
    stage.until_pending(&mut first);
    first.kill().expect("killed");
    first.wait().expect("ended");
    let mut second = shell.start(line);
    // It says that it waits; or it sends again, which it must not.
    let said = until_said(&mut second, "sent before", || stage.sent(account) > before + 1);
    let sent = stage.sent(account);
    stage.mine(1);
    stage.hold(false);
    let output = second.wait_with_output().expect("output");
    assert!(output.status.success(), "{line}: {said}");
    assert_eq!((sent, stage.sent(account)), (before + 1, before + 1), "one transaction in all: {said}");
    serde_json::from_slice(&output.stdout).expect("an answer")
}

/// What a process says until certain words come, or until something else happens.
fn until_said(child: &mut Child, words: &str, other: impl Fn() -> bool) -> String {
    let stderr = child.stderr.take().expect("a pipe");
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut said = String::new();
    let start = Instant::now();
    while !said.contains(words) && !other() {
        assert!(start.elapsed() < Duration::from_secs(60), "neither {words:?} nor anything else: {said}");
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(20)) {
            said = said + &line + "\n";
        }
    }
    said
}
