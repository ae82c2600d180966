//! Kills of commands that write files: `dataset commit` and `prove`.

use std::path::Path;

use halo2_proofs::halo2curves::bn256::G1Affine;
use serde_json::Value;
use zkpoc_circuits::profile::Profile;
use zkpoc_client::exchange::Checker;
use zkpoc_client::home::Home;
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::srs::Srs;

use crate::copy;
use crate::kills;
use crate::privacy::strays;
use crate::process::Points;
use crate::process::Shell;
use crate::process::Tally;
use crate::seed;

const COMMIT: &str = "dataset commit mine --profile toy --shards 4 --data records.csv";
const PROVE: &str = "prove training --dataset mine --shard 1 --model model.safetensors --chain-id 31337 \
     --rounds 0x00000000000000000000000000000000000000aa --round 3 --claimant 0x00000000000000000000000000000000000000bb \
     --subject 0x1111111111111111111111111111111111111111111111111111111111111111 --out proof.json";

/// Made-up records for profile `toy`, none twice.
pub(crate) fn records(file: &Path, first: u32) {
    let line = |n: u32| format!("{},{},{},{},{},1,2\n", n % 3, n & 15, (n >> 4) & 15, n % 7, (n >> 8) % 16);
    std::fs::write(file, (first..first + 48).map(line).collect::<String>()).expect("written");
}

#[test]
fn a_killed_commit_leaves_a_whole_dataset_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |number: u32| {
        let path = folder.path().join(number.to_string());
        std::fs::create_dir(&path).expect("a folder");
        records(&path.join("records.csv"), 0);
        Shell::new(&path)
    };
    let (span, _) = place(0).measure(COMMIT);
    let (mut points, mut tally) = (Points::new(seed(1), span, false), Tally::default());
    for number in 1.. {
        if !tally.wants(kills()) {
            break;
        }
        // Two kills in a row now and then: the second meets what the first left.
        let shell = place(number);
        for _ in 0..1 + number % 2 {
            let running = shell.kill(COMMIT, points.next(), &|| false);
            tally.count(running, &mut points);
        }
        let listed = shell.good("dataset list");
        let there = listed["datasets"].as_array().is_some_and(|sets| !sets.is_empty());
        let (code, answer) = shell.run(COMMIT);
        match there {
            // What the killed run had finished is whole, and is not replaced.
            true => assert!(code == 2 && answer["error"].as_str().is_some_and(|text| text.contains("exists already"))),
            false => assert_eq!(code, 0, "{answer}"),
        }
        assert_eq!(shell.good("dataset check mine")["shards"], 4);
        shell.good(&COMMIT.replace("mine", "more"));
        assert_eq!(strays(&shell.home), [] as [&Path; 0], "strays are swept by the next writer");
    }
    tally.report("dataset commit", span);
}

#[test]
fn a_killed_proof_can_be_made_again_and_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = folder.path().join("template");
    std::fs::create_dir(&template).expect("a folder");
    records(&template.join("records.csv"), 0);
    let shell = Shell::new(&template);
    shell.good(COMMIT);
    shell.good("train --profile toy --dataset mine --epochs 2 --out model.safetensors");
    let place = |name: String| {
        let path = folder.path().join(name);
        copy(&template, &path);
        Shell::new(&path)
    };
    // Half of the runs make their keys, too.
    let cold = place("cold".into()).measure(PROVE).0;
    shell.good("keys toy");
    let warm = place("warm".into()).measure(PROVE).0;
    let (mut points, mut tally) =
        ([Points::new(seed(2), cold, false), Points::new(seed(3), warm, false)], Tally::default());
    for number in 0.. {
        if !tally.wants(kills()) {
            break;
        }
        let shell = place(number.to_string());
        let kind = number % 2;
        if kind == 0 {
            std::fs::remove_dir_all(shell.home.join("keys")).expect("removed");
        }
        let running = shell.kill(PROVE, points[kind].next(), &|| false);
        tally.count(running, &mut points[kind]);
        let file = shell.folder.join("proof.json");
        if file.exists() {
            shell.good("verify proof.json --model model.safetensors");
        }
        let (code, answer) = shell.run(PROVE);
        match code {
            0 => {}
            // The killed run had come to its end.
            _ => assert!(code == 2 && answer["error"].as_str().is_some_and(|text| text.contains("proof.json exists"))),
        }
        shell.good("verify proof.json --model model.safetensors");
        opens(&shell, &file);
        // Stray temporary files are not taken for anything, and the next run can do all it wants.
        shell.good(&PROVE.replace("proof.json", "another.json").replace("--round 3", "--round 4"));
        shell.good("keys toy");
    }
    tally.report("prove", cold);
}

/// The home holds one claim, and it opens the update of the proof in a file.
fn opens(shell: &Shell, file: &Path) {
    let profile = Profile::builtin("toy").expect("the profile");
    let srs = Srs::bundled_ceremony(profile.k).expect("the ceremony");
    let home = Home::open(Some(&shell.home)).expect("the home");
    let ids = home.claims().expect("claims");
    assert_eq!(ids.len(), 1, "{ids:?}");
    let record = home.load_claim(&ids[0], &profile).expect("a claim");
    let written: Value = serde_json::from_slice(&std::fs::read(file).expect("the proof")).expect("JSON");
    let kept = format!("0x{}", hex::encode(&record.bundle.proof));
    assert_eq!(written["proof"], kept, "the proof that was handed out is the one that is kept");
    let points: Vec<G1Affine> =
        Checker::new(&profile, &srs).expect("a checker").commitments(&record.opening).expect("points");
    // Model, data, update: one point each in this profile.
    assert_eq!(record.bundle.proof[128..192], point_to_bytes(&points[0]), "the opening is that of the proof");
}
