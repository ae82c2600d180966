//! The command as a user meets it: files in, answers and exit codes out.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use zkpoc_circuits::profile::Profile;

const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";
const OTHER: &str = "0x00000000000000000000000000000000000000bb";
const SUBJECT: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

struct Run {
    code: i32,
    json: Value,
    stderr: String,
}

/// A folder with a home, and the command in it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, line: &str) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_zkpoc"))
            .args(line.split_whitespace())
            .args(["--json", "--home", "home"])
            .current_dir(self.dir.path())
            .env_remove("ZKPOC_HOME")
            .env("ZKPOC_PASSPHRASE", "twelve letters and more")
            .output()
            .expect("run");
        let stdout = String::from_utf8(output.stdout).expect("text");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(!stderr.contains("panicked"), "{line}: {stderr}");
        Run { code: output.status.code().expect("exit code"), json: stdout.parse().unwrap_or(Value::Null), stderr }
    }

    fn ok(&self, line: &str) -> Value {
        let run = self.run(line);
        assert_eq!(run.code, 0, "{line}: {}", run.stderr);
        assert!(run.json.is_object(), "{line}: one JSON object");
        run.json
    }

    /// The error's text, which the JSON repeats.
    fn fails(&self, line: &str, code: i32) -> String {
        let run = self.run(line);
        assert_eq!(run.code, code, "{line}: {}", run.stderr);
        if !run.json.is_null() {
            assert_eq!(run.json["exit_code"], code, "{line}");
        }
        run.stderr
    }

    /// A toy dataset of two shards, `mine`, and a model.
    fn with_dataset() -> Self {
        let place = Self::new();
        let lines = (0..6).map(|i| format!("{},{},{},3,0,15,7", i % 3, i, 9 - i));
        std::fs::write(place.path("data.csv"), lines.collect::<Vec<_>>().join("\n")).expect("write");
        place.ok("dataset commit mine --profile toy --shards 2 --data data.csv");
        place.ok("train --profile toy --dataset mine --epochs 2 --out model.safetensors");
        place
    }

    fn prove_training(&self, out: &str) -> Value {
        self.ok(&training(out, ADDRESS))
    }
}

fn training(out: &str, claimant: &str) -> String {
    format!(
        "prove training --dataset mine --shard 1 --model model.safetensors --chain-id 31337 --rounds {ADDRESS} --round 3 \
         --claimant {claimant} --subject {SUBJECT} --out {out}"
    )
}

fn validity(out: &str) -> String {
    format!("prove dataset --dataset mine --shard 0 --chain-id 31337 --registry {ADDRESS} --owner {OTHER} --out {out}")
}

#[test]
fn accepts_the_whole_way_of_a_small_profile() {
    let place = Place::with_dataset();
    let listed = place.ok("dataset list");
    assert_eq!(listed["datasets"][0]["name"], "mine");
    assert_eq!(place.ok("dataset check mine")["shards"], 2);

    let made = place.prove_training("training.json");
    assert_eq!(made["circuit"], "training");
    assert!(made["prove_ms"].as_f64().expect("number") > 0.0);
    let verified = place.ok("verify training.json --model model.safetensors");
    assert_eq!(
        (&verified["valid"], &verified["linked"], &verified["model_checked"]),
        (&true.into(), &true.into(), &true.into())
    );

    place.ok(&format!("{} --raw proof.bin", validity("validity.json")));
    let verified = place.ok("verify validity.json");
    let raw = std::fs::metadata(place.path("proof.bin")).expect("raw proof").len();
    assert_eq!(verified["proof_bytes"], raw);
    assert_eq!(place.ok("keys toy")["keys"][0]["source"], "kept");
}

#[test]
fn accepts_a_backup_and_rejects_a_changed_one() {
    let place = Place::with_dataset();
    let root = place.ok("dataset check mine")["root"].clone();
    place.ok("dataset export mine mine.age");
    assert!(place.fails("dataset export mine mine.age", 2).contains("exists already"));
    assert_eq!(place.ok("dataset import mine.age --profile toy --name again")["root"], root);
    place.ok("dataset check again");
    let sound = std::fs::read(place.path("mine.age")).expect("backup");
    for position in [0, sound.len() / 2, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[position] ^= 1;
        std::fs::write(place.path("damaged.age"), damaged).expect("write");
        place.fails("dataset import damaged.age --profile toy --name third", 2);
    }
    assert!(!place.path("home/datasets/third").exists());
}

#[test]
fn inspect_says_what_every_profile_means() {
    let place = Place::new();
    for profile in Profile::builtin_names() {
        let json = place.ok(&format!("inspect {profile}"));
        assert_eq!(json["profile"]["name"], profile);
        assert_eq!(json["training"]["degree"], 3, "{profile}");
        assert!(json["training"]["estimate"]["verify_gas"].as_u64().expect("number") > 200_000);
    }
    let json = place.ok("inspect toy");
    let keys = place.ok("keys toy");
    assert_eq!(json["training"]["proof_bytes"], keys["keys"][0]["proof_bytes"]);
    assert_eq!(json["dataset"]["proof_bytes"], keys["keys"][1]["proof_bytes"]);
}

#[test]
fn inspect_draws_a_layout_and_looks_for_others() {
    let place = Place::new();
    place.ok("inspect toy --svg toy.svg");
    let drawing = std::fs::read_to_string(place.path("toy.svg")).expect("a drawing");
    assert!(drawing.starts_with("<?xml") && drawing.ends_with("</svg>\n"));
    assert!(place.fails("inspect toy --svg toy.svg", 2).contains("exists already"));
    for purpose in ["fast", "cheap", "balanced"] {
        let found = place.ok(&format!("inspect toy --solve {purpose}"));
        let best = &found["candidates"][0];
        assert!(best["gas"].as_f64() > Some(200_000.0) && best["time_msm16"].as_f64() > Some(0.0), "{best}");
        assert!(found["toml"].as_str().is_some_and(|lines| lines.contains(&format!("k = {}", best["k"]))));
    }
    place.fails("inspect toy --solve best", 2);
}

#[test]
fn an_srs_is_made_checked_and_refused_when_changed() {
    let place = Place::new();
    let made = place.ok("srs new --k 4");
    assert_eq!((&made["insecure"], &made["k"]), (&true.into(), &4.into()));
    assert_eq!(place.ok("srs check --k 4")["digest"], made["digest"]);
    assert!(place.fails("srs new --k 4", 2).contains("exists already"));
    place.fails("srs new", 2);
    place.fails("srs new --k 99 --out big.srs", 2);
    let path = place.path("home/srs/k4.srs");
    let sound = std::fs::read(&path).expect("read");
    for position in (0..sound.len()).step_by(311) {
        let mut damaged = sound.clone();
        damaged[position] ^= 1;
        std::fs::write(&path, damaged).expect("write");
        place.fails("srs check --k 4", 2);
    }
    std::fs::write(place.path("not.ptau"), b"ptau").expect("write");
    place.fails("srs import not.ptau --k 4 --out x.srs", 2);
    place.fails("srs import missing.ptau --k 4 --out x.srs", 2);
}

#[test]
fn rejects_a_proof_file_with_any_byte_changed() {
    let place = Place::with_dataset();
    place.prove_training("training.json");
    let sound = std::fs::read(place.path("training.json")).expect("read");
    for position in (0..sound.len()).step_by(sound.len() / 40) {
        let mut damaged = sound.clone();
        damaged[position] ^= 1;
        std::fs::write(place.path("damaged.json"), &damaged).expect("write");
        let run = place.run("verify damaged.json");
        assert!(run.code == 1 || run.code == 2, "byte {position}: exit code {}: {}", run.code, run.stderr);
        assert!(run.stderr.starts_with("error: "), "byte {position}: {}", run.stderr);
    }
    std::fs::write(place.path("damaged.json"), &sound[..sound.len() / 2]).expect("write");
    place.fails("verify damaged.json", 2);
}

#[test]
fn rejects_a_valid_looking_proof_with_exit_code_1() {
    let place = Place::with_dataset();
    place.prove_training("training.json");
    let mut bundle: Value =
        serde_json::from_slice(&std::fs::read(place.path("training.json")).expect("read")).expect("JSON");
    let change = |path: &[&str], value: Value| {
        let mut changed = bundle.clone();
        let (last, parents) = path.split_last().expect("a field");
        parents.iter().fold(&mut changed, |value, field| &mut value[*field])[*last] = value;
        std::fs::write(place.path("changed.json"), changed.to_string()).expect("write");
    };
    // The last evaluation of the proof, one more: still a scalar, no longer the right one.
    let proof = bundle_text(&place, "proof");
    let at = proof.len() - 2 * 128 - 1;
    let digit = if proof.as_bytes()[at] == b'0' { "1" } else { "0" };
    change(&["proof"], format!("{}{digit}{}", &proof[..at], &proof[at + 1..]).into());
    assert!(place.fails("verify changed.json", 1).contains("does not hold"));
    change(&["proof"], proof[..proof.len() - 2].into());
    assert!(place.fails("verify changed.json", 1).contains("bytes"));
    change(&["srs_digest"], SUBJECT.into());
    assert!(place.fails("verify changed.json", 1).contains("SRS digest"));
    change(&["k"], 9.into());
    place.fails("verify changed.json", 1);
    bundle.as_object_mut().expect("object").remove("link");
    std::fs::write(place.path("changed.json"), bundle.to_string()).expect("write");
    assert!(place.fails("verify changed.json", 1).contains("no link"));
    assert_eq!(place.ok("verify changed.json --unlinked")["linked"], false);
}

fn bundle_text(place: &Place, field: &str) -> String {
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(place.path("training.json")).expect("read")).expect("JSON");
    bundle[field].as_str().expect("text").to_owned()
}

#[test]
fn rejects_a_proof_about_another_model() {
    let place = Place::with_dataset();
    place.prove_training("training.json");
    place.ok(&format!("train --profile toy --dataset mine --seed {SUBJECT} --out other.safetensors"));
    assert!(place.fails("verify training.json --model other.safetensors", 1).contains("another model"));
}

#[test]
fn rejects_a_dataset_with_any_byte_changed_and_changes_nothing() {
    let place = Place::with_dataset();
    let folder = place.path("home/datasets/mine");
    for (file, step) in [("dataset.json", 61), ("secret/records.safetensors", 53), ("secret/seed", 7)] {
        let path = folder.join(file);
        let sound = std::fs::read(&path).expect("read");
        for position in (0..sound.len()).step_by(step) {
            let mut damaged = sound.clone();
            damaged[position] ^= 1;
            overwrite(&path, &damaged);
            let message = place.fails("dataset check mine", 2);
            assert!(message.starts_with("error: "), "{file}, byte {position}: {message}");
            assert_eq!(std::fs::read(&path).expect("read"), damaged, "{file} is left as it is");
        }
        overwrite(&path, &sound);
    }
    place.ok("dataset check mine");
    let seed = folder.join("secret/seed");
    let mut other = std::fs::read(&seed).expect("read");
    other[0] ^= 1;
    overwrite(&seed, &other);
    assert!(place.fails(&training("training.json", ADDRESS), 2).contains("registered commitment"));
    assert!(!place.path("training.json").exists());
}

/// Writes into an existing file, so that its mode stays.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("write");
}

#[test]
fn rejects_bad_usage_with_exit_code_2_and_says_what_to_do() {
    let place = Place::with_dataset();
    for line in [
        "",
        "dance",
        "inspect",
        "inspect mnist-huge",
        "inspect missing.toml",
        "--threads 0 inspect toy",
        "dataset commit ../x --profile toy --data data.csv",
        "dataset commit mine --profile toy --shards 2 --data data.csv",
        "dataset commit more --profile toy --shards 3 --data data.csv",
        "dataset commit more --profile toy --shards 0 --data data.csv",
        "dataset commit more --profile toy --shards 2",
        "dataset commit more --profile digits-tiny --shards 2 --data data.csv",
        "dataset check nobody",
        "verify missing.json",
        "verify data.csv",
        "train --profile toy --dataset mine --model data.csv --out y.safetensors",
        "train --profile toy --dataset mine --out model.safetensors",
        "keys toy --srs missing.srs",
    ] {
        let message = place.fails(line, 2);
        assert!(message.len() > 10, "{line}: {message}");
    }
    let message = place.fails("dataset commit more --profile digits-tiny --shards 1 --srs none.srs", 2);
    assert!(message.contains("none.srs"), "{message}");
    let message = place.fails("dataset commit more --profile digits-tiny --shards 1", 2);
    assert!(message.contains("zkpoc srs new"), "{message}");
    place.fails(&validity("v.json").replace("--shard 0", "--shard 2"), 2);
    place.fails(&training("t.json", "0x12"), 2);
    std::fs::write(place.path("bad.csv"), "0,1,2,3,4,5,16\n").expect("write");
    assert!(place
        .fails("dataset commit more --profile toy --shards 1 --data bad.csv", 2)
        .contains("bad.csv:1: column 7"));
}

#[test]
fn rejects_a_profile_that_cannot_work_with_the_reason() {
    let place = Place::new();
    let toml = include_str!("../../../params/toy.toml").replace("max_claims = 8", "max_claims = 9007199254740991");
    std::fs::write(place.path("own.toml"), toml).expect("write");
    assert!(place.fails("inspect own.toml", 2).contains("must stay below 2^62"));
    let toml = include_str!("../../../params/toy.toml").replace("k = 8", "k = 6");
    std::fs::write(place.path("own.toml"), toml).expect("write");
    assert!(place.fails("inspect own.toml", 2).contains("k = 6"));
}

#[test]
fn rejects_to_write_beside_another_process_with_exit_code_3() {
    let place = Place::with_dataset();
    let home = zkpoc_client::home::Home::open(Some(&place.path("home"))).expect("home");
    let lock = home.lock().expect("lock");
    assert!(place
        .fails("dataset commit more --profile toy --shards 1 --data data.csv", 3)
        .contains("another zkpoc process"));
    drop(lock);
    place.ok("dataset commit more --profile toy --shards 1 --data data.csv");
}

#[test]
fn rejects_a_home_that_cannot_be_made_and_names_it() {
    let place = Place::new();
    std::fs::write(place.path("home"), b"").expect("write");
    let run = place.run("dataset list");
    assert!(matches!(run.code, 2 | 3), "{}", run.stderr);
    assert!(run.stderr.contains("home"), "{}", run.stderr);
}

#[test]
fn no_proof_overwrites_a_file_unless_told_to() {
    let place = Place::with_dataset();
    place.ok(&validity("v.json"));
    assert!(place.fails(&validity("v.json"), 2).contains("exists already"));
    place.ok(&format!("{} --replace", validity("v.json")));
    place.prove_training("t.json");
    // The same statement a second time: the proof of the first, whose opening is kept.
    assert_eq!(place.ok(&training("u.json", ADDRESS))["kept"], true);
    assert_eq!(std::fs::read(place.path("t.json")).expect("read"), std::fs::read(place.path("u.json")).expect("read"));
    // Another statement in the same context: the opening of the first is not replaced.
    place.ok(&format!("train --profile toy --dataset mine --seed {SUBJECT} --out other.safetensors"));
    let other = training("v2.json", ADDRESS).replace("model.safetensors", "other.safetensors");
    assert!(place.fails(&other, 2).contains("exists already"));
    let other = format!("{} --norm-log2 40 --loss-log2 40", training("v3.json", ADDRESS));
    assert!(place.fails(&other, 2).contains("exists already"));
    assert_eq!(place.ok(&training("w.json", OTHER))["kept"], false);
}
