//! The exported tensors, and the script of `docs/numpy.md` on them.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha3::{Digest, Keccak256};
use zkpoc_circuits::reference::Model;

use super::builtin;
use super::runs::{local, variants};
use zkpoc_circuits::profile::Profile;

#[allow(dead_code)] // its `main` is the example's
#[path = "../../examples/export_step.rs"]
mod export_step;

const PAGE: &str = include_str!("../../../docs/numpy.md");

/// One-step profiles, runs, and small runs of every loss, kind of labels and mode.
fn profiles() -> Vec<Profile> {
    let mut profiles = ["toy", "digits-tiny", "mnist-mlp"].map(builtin).to_vec();
    profiles.extend(["digits-local", "mnist-local-phone"].map(local));
    profiles.extend(variants());
    profiles
}

/// An empty folder of this test run.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

fn export(p: &Profile, folder: &Path) -> (u128, u128) {
    let shard = export_step::made_up(p);
    assert_eq!(shard.check(p), Ok(()), "{}", p.name);
    let trace = export_step::export(p, &Model::random(p, [0; 32]), &shard, folder).expect("exported");
    (trace.loss, trace.norm)
}

#[test]
fn golden_exported_files() {
    // Pinned after the script of docs/numpy.md agreed with them on every cell.
    let want = [
        ("toy", "61c80871912ad4a18a3c252b33f429aa1d80fd6d4d6b68409546cffbf7d37e3b"),
        ("digits-tiny", "2b7616b9e262bb44d018a5f822e1e5fe6f15edac8c6912605705dccb91922e76"),
        ("mnist-mlp", "57de1e96d38a8b6c521cb525a080fc05ab2e65cd3d41079fe756636f6363e44a"),
        ("digits-local", "2b7952ee84c4fbd0aa99f8e6b98edfec514d61aa19684bc96355bbd8404a27c2"),
        ("mnist-local-phone", "4412c5b23ae4a0a68a812e72e70e2683d49495b84aed11ed631b71283e90e16c"),
    ];
    for (name, digest) in want {
        let folder = folder(&format!("golden-{name}"));
        export(&Profile::builtin(name).unwrap_or_else(|| local(name)), &folder);
        let mut hash = Keccak256::new();
        for file in ["model", "shard", "update"] {
            hash.update(std::fs::read(folder.join(format!("{file}.safetensors"))).expect("written"));
        }
        assert_eq!(hex::encode(hash.finalize()), digest, "{name}");
    }
}

#[test]
#[ignore = "needs Python 3.11 with numpy"]
fn numpy_agrees_with_steps_and_runs_on_every_cell() {
    let script = PAGE.split("```python\n").nth(1).and_then(|s| s.split("```").next()).expect("a script");
    let python = std::env::var("ZKPOC_PYTHON").unwrap_or_else(|_| "python3".into());
    for profile in profiles() {
        let name = &profile.name;
        let folder = folder(&format!("numpy-{name}"));
        let (loss, norm) = export(&profile, &folder);
        let toml = folder.join("profile.toml");
        std::fs::write(&toml, profile.to_toml()).expect("written");
        let run = |update: &Path| {
            let mut command = Command::new(&python);
            command.arg("-c").arg(script).arg(&toml);
            let files = [folder.join("model.safetensors"), folder.join("shard.safetensors")];
            command.args(files).arg(update).output().expect("python runs")
        };
        let update = folder.join("update.safetensors");
        let out = run(&update);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(text.trim(), format!("every cell agrees; loss {loss} norm {norm}"), "{name}");

        // One changed cell is noticed.
        let mut bytes = std::fs::read(&update).expect("written");
        let last = bytes.len() - 8;
        bytes[last] ^= 1;
        let tampered = folder.join("tampered.safetensors");
        std::fs::write(&tampered, bytes).expect("written");
        let out = run(&tampered);
        assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains("differs"), "{name}");
    }
}
