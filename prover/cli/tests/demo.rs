//! The demo as a user starts it: one command, a minted balance, figures as JSON; and what it says when something is missing.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn zkpoc(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkpoc"));
    command.env("ZKPOC_HOME", home).env_remove("ZKPOC_PRIVATE_KEY").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| {
        panic!("not JSON: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    })
}

#[test]
fn e2e_demo_on_digits_mints() {
    let home = tempfile::tempdir().expect("a folder");
    let page = home.path().join("report.html").to_string_lossy().into_owned();
    let output = run(zkpoc(home.path()).args([
        "demo",
        "--profile",
        "digits-tiny",
        "--contributors",
        "2",
        "--rounds",
        "2",
        "--vana",
        "--json",
        "--report",
        &page,
    ]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = last_line(&output);
    assert_eq!(report["profile"], "digits-tiny");
    assert_eq!((report["k"].as_u64(), report["batch"].as_u64()), (Some(12), Some(8)));
    assert_eq!(report["parameters"], 64 * 32 + 32 + 32 * 10 + 10);
    assert_eq!(report["srs"]["k"], 12);
    assert_eq!(report["srs"]["origin"], "dev-insecure");

    let tokens = |field: &Value| field.as_str().and_then(|text| text.parse::<f64>().ok()).expect("an amount");
    assert!(tokens(&report["minted"]) > 0.0);
    assert_eq!(report["balance"], report["minted"]);
    let contributors = report["contributors"].as_array().expect("contributors");
    assert_eq!(contributors.len(), 2);
    assert!(contributors.iter().all(|part| part["minted"] == report["minted"]));

    for field in ["witness_ms", "prove_ms", "msm16_ms", "floor_ms", "verify_ms", "loss"] {
        assert!(report[field].as_f64().is_some_and(|value| value > 0.0), "{field}: {}", report[field]);
    }
    for field in ["advice_columns", "fixed_columns", "loss_raw", "link_bytes", "proof_bytes"] {
        assert!(report[field].as_u64().is_some_and(|value| value > 0), "{field}: {}", report[field]);
    }
    assert_eq!(report["link_bytes"], 192);
    let gas = |field: &str| report["gas"][field].as_u64().expect("gas");
    assert!(
        gas("register") < 200_000 && gas("validate_shard") <= 600_000 && gas("claim") <= 700_000,
        "{}",
        report["gas"]
    );
    let sizes = report["verifier_bytes"].as_object().expect("sizes");
    assert_eq!(sizes.len(), 13);
    assert!(sizes.values().all(|bytes| bytes.as_u64().is_some_and(|bytes| (1..=24_576).contains(&bytes))), "{sizes:?}");

    // Vana's pools, the one that pays on proofs and the unmodified one.
    assert_eq!(report["paid"], true);
    let vana = &report["vana"];
    for field in ["add_proof", "request_reward", "register_attestor", "keyless_request_reward"] {
        assert!(vana[field].as_u64().is_some_and(|gas| (50_000..=1_100_000).contains(&gas)), "{field}: {vana}");
    }
    assert_eq!((tokens(&vana["paid"]), tokens(&vana["keyless_paid"])), (15.0, 15.0));

    // Every round of the learning curve.
    let rounds = report["rounds"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 2);
    for (place, round) in rounds.iter().enumerate() {
        assert_eq!((round["round"].as_u64(), round["claims"].as_u64()), (Some(place as u64 + 1), Some(2)));
        assert_eq!(round["gas_claim"].as_array().map(Vec::len), Some(2));
        assert!(round["gas_finalize"].as_u64().is_some_and(|gas| (200_000..=1_200_000).contains(&gas)), "{round}");
        assert!(round["round_prove_ms"].as_f64().is_some_and(|time| time > 0.0), "{round}");
        assert!(round["loss"].as_f64().is_some_and(|loss| loss > 0.0), "{round}");
        assert!(round["test_accuracy"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)), "{round}");
        assert_eq!(tokens(&round["minted"]), 20.0);
    }
    assert_ne!(rounds[0]["model_commitment"], rounds[1]["model_commitment"]);
    let html = std::fs::read_to_string(&page).expect("the page");
    assert!(html.starts_with("<!doctype html>") && html.contains("Learning curve") && !html.contains("<script"));

    // Only what is kept between runs is left: the SRS and the keys.
    let left = std::fs::read_dir(home.path().join("demo")).expect("the demo's folder");
    let mut left: Vec<String> =
        left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into()).collect();
    left.sort();
    assert_eq!(left, ["keys", "srs"]);
}

/// Claims of whole local runs, of which only the sum becomes known.
#[test]
fn e2e_demo_of_local_runs_learns_from_masked_claims() {
    let home = tempfile::tempdir().expect("a folder");
    let arguments = "demo --profile digits-local --contributors 3 --shards 2 --rounds 3 --no-report --json";
    let output = run(zkpoc(home.path()).args(arguments.split(' ')));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = last_line(&output);
    assert_eq!((report["batch"].as_u64(), report["local_steps"].as_u64()), (Some(8), Some(4)));
    let rounds = report["rounds"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 3);
    let number = |round: &Value, field: &str| round[field].as_f64().expect("a number");
    for round in rounds {
        assert_eq!((round["mode"].as_str(), round["claims"].as_u64()), (Some("masked"), Some(3)), "{round}");
        assert_eq!(round["paid_claims"], 3, "{round}");
    }
    // Twelve steps; which shards they train on is drawn anew in each run.
    let (before, after) = (number(&rounds[0], "test_accuracy_before"), number(&rounds[2], "test_accuracy"));
    assert!(after > before + 0.15, "{before} to {after}");
    assert!(number(&rounds[2], "test_loss") < number(&rounds[0], "test_loss"), "{rounds:?}");
}

#[test]
fn rejects_what_the_demo_cannot_do() {
    let home = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str], environment: &[(&str, &str)], code: i32, words: &str| {
        let output = run(zkpoc(home.path()).args(arguments).envs(environment.iter().copied()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    refused(&["demo", "--profile", "nonsense"], &[], 2, "digits-tiny");
    refused(&["demo", "--profile", "digits-tiny", "--contributors", "9", "--shards", "8"], &[], 2, "576");
    refused(&["demo", "--profile", "toy", "--contributors", "9"], &[], 2, "8 claims at most");
    refused(&["demo", "--profile", "digits-tiny"], &[("ZKPOC_ANVIL", "/nowhere/anvil")], 3, "ZKPOC_ANVIL");
    // Neither Node.js nor tools installed before.
    let tools = home.path().join("no-tools");
    let environment = [("ZKPOC_TOOLS_DIR", tools.to_str().expect("a path")), ("PATH", "/nowhere")];
    refused(&["demo", "--profile", "digits-tiny"], &environment, 3, "Node.js");
    refused(&["demo", "--profile", "mnist-mlp", "--data", "/nowhere"], &[], 2, "/nowhere");
}

#[test]
#[cfg(unix)]
fn rejects_to_leave_a_node_behind_when_stopped() {
    let home = tempfile::tempdir().expect("a folder");
    let mut demo = zkpoc(home.path())
        .args(["demo", "--profile", "toy", "--contributors", "8", "--no-report"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let id = demo.id();
    let children = || std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let node = |children: &str| {
        let is_node =
            |id: &&str| std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "anvil");
        children.split_whitespace().find(is_node).map(str::to_owned)
    };
    let start = Instant::now();
    let node = loop {
        if let Some(node) = node(&children()) {
            break node;
        }
        if start.elapsed() > Duration::from_secs(60) || demo.try_wait().expect("a status").is_some() {
            // Not a system with /proc, or the node went by another name: nothing can be said here.
            let _ = demo.kill();
            let _ = demo.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    std::thread::sleep(Duration::from_millis(1500));
    let told = Command::new("kill").args(["-TERM", &id.to_string()]).status().expect("kill");
    assert!(told.success());
    demo.wait().expect("a status");
    std::thread::sleep(Duration::from_millis(200));
    let alive = std::fs::read_to_string(format!("/proc/{node}/comm")).is_ok_and(|name| name.trim() == "anvil");
    assert!(!alive, "node {node} is still there");
}
