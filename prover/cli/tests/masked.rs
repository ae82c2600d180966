//! Masked rounds as users meet them: the demo's, and contributors that `round watch --drive` takes from the beacon to their bond
//! while they exchange shares through a `round serve`.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alloy::signers::local::PrivateKeySigner;
use serde_json::Value;

const SEED: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

fn demo(home: &Path, profile: &str, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkpoc"));
    command.args(["demo", "--profile", profile, "--contributors", "4", "--json", "--no-report"]);
    let output = command.args(more).env("ZKPOC_HOME", home).stdin(Stdio::null()).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("JSON")
}

fn of(report: &Value, field: &str) -> Vec<Value> {
    report["rounds"].as_array().expect("rounds").iter().map(|round| round[field].clone()).collect()
}

#[test]
fn e2e_demo_masks_from_three_contributors_on() {
    let home = tempfile::tempdir().expect("a folder");
    let masked = demo(home.path(), "digits-tiny", &[]);
    assert_eq!((of(&masked, "mode"), of(&masked, "minted")), (vec!["masked".into()], vec!["40".into()]));
    for group in of(&masked, "group") {
        assert_eq!((&group["members"], &group["dropped"]), (&Value::from(4), &Value::from(0)));
        assert_eq!(group["gas_bond"].as_array().map(Vec::len), Some(4));
        assert!(group["share_bytes"].as_u64().is_some_and(|bytes| bytes > 32 * 50));
    }
    // The same contributors in the open get the same models: masks cancel to the last bit.
    let open = demo(home.path(), "digits-tiny", &["--open"]);
    assert_eq!(of(&open, "mode"), ["open"]);
    assert_eq!(of(&open, "model_commitment"), of(&masked, "model_commitment"));
    // Their updates move the model: with one of them lost it is another one.
    let lost = demo(home.path(), "digits-tiny", &["--drop", "1"]);
    assert_ne!(of(&lost, "model_commitment"), of(&masked, "model_commitment"));
    // One is lost after the groups are fixed: the rest are paid, and go on without it.
    let lost = demo(home.path(), "toy", &["--drop", "1", "--rounds", "2"]);
    assert_eq!(of(&lost, "mode"), ["masked", "masked"]);
    assert_eq!((of(&lost, "claims"), of(&lost, "paid_claims")), (vec![4.into(), 3.into()], vec![3.into(), 3.into()]));
    assert_eq!(of(&lost, "minted"), ["30", "30"]);

    let mut command = Command::new(env!("CARGO_BIN_EXE_zkpoc"));
    command.args(["demo", "--profile", "toy", "--contributors", "3", "--drop", "1", "--no-report", "--json"]);
    let refused = command.env("ZKPOC_HOME", home.path()).stdin(Stdio::null()).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned() + &String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("at least 3 must be left"), "{said}");
}

/// A chain, and programs that are ended with it.
struct Stage {
    base: zkpoc_tests::stage::Stage,
    children: Vec<Child>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

impl Stage {
    fn path(&self, name: &str) -> String {
        self.base.path(name)
    }

    fn command(&self, home: &str, signer: &PrivateKeySigner, arguments: &[&str]) -> Command {
        self.base.command(home, Some(signer), arguments)
    }

    fn run(&self, home: &str, signer: &PrivateKeySigner, arguments: &[&str]) -> (bool, Value, String) {
        let output = self.command(home, signer, arguments).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
        (output.status.success(), answer, said + &text)
    }

    #[track_caller]
    fn good(&self, home: &str, signer: &PrivateKeySigner, arguments: &[&str]) -> Value {
        let (good, answer, said) = self.run(home, signer, arguments);
        assert!(good, "{arguments:?}: {said}");
        answer
    }
}

/// The steps that a driven contributor has told of.
fn steps(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let step = |line: &str| serde_json::from_str::<Value>(line).ok()?["step"].as_str().map(str::to_owned);
    text.lines().filter_map(step).collect()
}

#[test]
fn e2e_contributors_are_driven_from_the_beacon_to_their_bond() {
    let base = zkpoc_tests::stage::Stage::new(env!("CARGO_BIN_EXE_zkpoc"));
    let (operator, attestor) = (base.account(), PrivateKeySigner::random());
    let members = [(); 3].map(|()| base.account());
    let mut stage = Stage { base, children: Vec::new() };
    let deploy = ["contracts", "deploy", "toy", "--attestor", &attestor.address().to_string(), "--beacon-delay", "2"];
    let phases = ["--claim-blocks", "60", "--share-blocks", "40", "--reveal-blocks", "40", "--dispute-blocks", "30"];
    let more = ["--finalize-blocks", "150", "--window-blocks", "5", "--bond", "0.5"];
    let deployed = stage.good("operator", &operator, &[&deploy[..], &phases, &more].concat());
    let registry = deployed["pool"]["contracts"]["DataRegistry"]["address"].as_str().expect("an address").to_owned();

    // Records that no two contributors share.
    let records = stage.path("records.csv");
    let line = |n: usize| format!("{},{},{},{},{},{},{}", n % 3, n % 16, n / 16, n % 7, n % 5, (n * 3) % 16, n % 11);
    std::fs::write(&records, (0..36).map(line).collect::<Vec<_>>().join("\n") + "\n").expect("written");
    let homes = ["one", "two", "three"];
    for (place, (home, signer)) in homes.iter().zip(&members).enumerate() {
        let (skip, file) = ((place * 12).to_string(), stage.path(&format!("attestation-{place}.json")));
        let commit = ["dataset", "commit", "mine", "--profile", "toy", "--shards", "2", "--data", &records];
        stage.good(home, signer, &[&commit[..], &["--skip", &skip]].concat());
        let (owner, folder, source) = (signer.address().to_string(), stage.path("attestor"), format!("source {place}"));
        let attest = ["dataset", "attest", "mine", "--owner", &owner, "--attestor", &folder, "--source", &source];
        let at = ["--chain-id", "31337", "--registry", &registry, "--out", &file];
        stage.good(home, &attestor, &[&attest[..], &at].concat());
        stage.good(home, signer, &["dataset", "register", "mine", "--attestation", &file]);
    }
    // The first model lies in the folder that is served.
    let exchange = stage.path("exchange");
    stage.good("operator", &operator, &["round", "open", "toy", "--model-seed", SEED, "--models", &exchange]);
    let served = exchange;
    let serve = ["round", "serve", "toy", "--folder", &served, "--listen", "127.0.0.1:0", "--accept"];
    let mut server = stage.command("operator", &operator, &serve);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a server");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("output")).read_line(&mut line).expect("a line");
    stage.children.push(server);
    let url = serde_json::from_str::<Value>(&line).expect("JSON")["url"].as_str().expect("a URL").to_owned();

    let mut told = Vec::new();
    for (home, signer) in homes.iter().zip(&members) {
        let file = PathBuf::from(stage.path(&format!("{home}.log")));
        let out = std::fs::File::create(&file).expect("a file");
        let errors = std::fs::File::create(file.with_extension("err")).expect("a file");
        let watch = ["round", "watch", "toy", "--drive", "mine", "--exchange", &url, "--interval", "1"];
        let child = stage.command(home, signer, &watch).stdout(out).stderr(errors).spawn().expect("started");
        stage.children.push(child);
        told.push(file);
    }
    let start = Instant::now();
    let all = |step: &str| told.iter().all(|file| steps(file).iter().any(|taken| taken == step));
    let mut finalized = false;
    while !(finalized && all("withdraw")) {
        let said = || told.iter().map(|file| std::fs::read_to_string(file.with_extension("err")).unwrap_or_default());
        let now = || told.iter().map(|file| steps(file)).collect::<Vec<_>>();
        assert!(start.elapsed() < Duration::from_secs(300), "{:?}\n{}", now(), said().collect::<String>());
        if all("acknowledge") && !finalized {
            let finalize = ["round", "finalize", "toy", "--round", "1", "--models", &url, "--openings", &url];
            // The next model is proven here and handed to the operator's own folder: the server takes no models.
            let finalize = [&finalize[..5], &["--models", &served, "--openings", &served]].concat();
            let ended = stage.good("operator", &operator, &finalize);
            assert_eq!(
                (&ended["included"], &ended["settled"], &ended["paid"]),
                (&3.into(), &true.into(), &"30".into())
            );
            finalized = true;
        }
        // Contributors are given the time that a step takes, and no deadline passes unseen.
        stage.base.mine(1);
        std::thread::sleep(Duration::from_millis(250));
    }
    for file in &told {
        let taken = steps(file);
        let at = |step: &str| taken.iter().position(|taken| taken == step);
        let order = ["claim", "post", "publish", "acknowledge", "withdraw"].map(at);
        assert!(order.is_sorted() && order[0].is_some(), "{taken:?}");
    }
}
