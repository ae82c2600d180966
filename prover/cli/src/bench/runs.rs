//! A point several times, each in a fresh process, so that no run profits from the memory of another.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{json, Value};
use zkpoc_circuits::profile::Profile;

use crate::bench::{median, BenchError};

/// Runs points with this program.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The `zkpoc` program.
    pub program: PathBuf,
    /// Threads; `None` for all.
    pub threads: Option<usize>,
    /// Bytes that a proof may take; `None` for no limit.
    pub memory_limit: Option<u64>,
    /// Where reference string and keys are kept; `None` to make them in each run.
    pub folder: Option<PathBuf>,
    /// Prove the round too.
    pub round: bool,
    /// Runs of the floor in each point; 0 for none.
    pub floor_runs: usize,
}

impl Runner {
    /// One run; the point as JSON.
    pub fn run(&self, profile: &Profile) -> Result<Value, BenchError> {
        let started = |reason| BenchError::Program { program: self.program.clone(), reason };
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().map_err(started)?;
        file.write_all(profile.to_toml().as_bytes()).map_err(started)?;
        let output = self.command(file.path()).output().map_err(started)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let failed = |said: &str| BenchError::Run {
            profile: profile.name.clone(),
            status: output.status.to_string(),
            output: last(said, 5),
        };
        if !output.status.success() {
            return Err(failed(&String::from_utf8_lossy(&output.stderr)));
        }
        serde_json::from_str(text.trim()).map_err(|_| failed(&text))
    }

    fn command(&self, profile: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null()).args(["--json", "bench", "point"]).arg(profile);
        command.args(["--floor-runs", &self.floor_runs.to_string()]);
        if let Some(folder) = &self.folder {
            command.arg("--folder").arg(folder);
        }
        if self.round {
            command.arg("--round");
        }
        if let Some(threads) = self.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if let Some(limit) = self.memory_limit {
            command.args(["--memory-limit", &format!("{limit}B")]);
        }
        command
    }
}

fn last(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("; ")
}

/// For every number that all points have: `{"median", "least", "most"}`, at the same place.
pub fn summary(points: &[Value]) -> Value {
    let Some(Value::Object(first)) = points.first() else { return Value::Null };
    let mut out = serde_json::Map::new();
    for (name, value) in first {
        let all: Vec<Value> = points.iter().filter_map(|point| point.get(name)).cloned().collect();
        if value.is_object() {
            out.insert(name.clone(), summary(&all));
        } else if value.is_number() {
            let numbers: Vec<f64> = all.iter().filter_map(Value::as_f64).collect();
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            out.insert(name.clone(), json!({ "median": median(&numbers), "least": least, "most": most }));
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_middle_and_the_ends_of_every_number() {
        let point = |time: u32| json!({ "profile": "toy", "training": { "prove_ms": time }, "srs_ms": null });
        let made = summary(&[point(3), point(1), point(8)]);
        assert_eq!(made, json!({ "training": { "prove_ms": { "median": 3.0, "least": 1.0, "most": 8.0 } } }));
        assert_eq!(summary(&[]), Value::Null);
    }
}
