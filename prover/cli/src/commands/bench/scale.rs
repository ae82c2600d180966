//! `zkpoc bench scale`: time and memory against parameters and batch.
//!
//! Each point runs in a fresh process. A point whose estimated memory is above the limit is not run, and one that fails is
//! recorded with what it said; neither ends the sweep.

use clap::Args;
use serde_json::{json, Value};
use zkpoc_circuits::profile::Profile;

use crate::bench::growth::fit;
use crate::bench::machine::Machine;
use crate::bench::plot::{log_log, Labels, Series};
use crate::bench::runs::Runner;
use crate::bench::shapes::{for_layers, for_parameters, memory_bytes};
use crate::commands::bench::{runner, save, Output};
use crate::error::Error;
use crate::{Answer, Session};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;

/// Share of the machine's memory that a point may use if no limit is given.
const MEMORY_SHARE: f64 = 0.85;

/// Arguments of `bench scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Numbers of parameters to sweep, at --batch records a step.
    #[arg(long, value_name = "LIST", value_delimiter = ',',
          default_values_t = [1_000usize, 10_000, 100_000, 1_000_000, 10_000_000])]
    points: Vec<usize>,
    /// Batches to sweep, at --batch-parameters parameters.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [8usize, 16, 32, 64, 128, 256])]
    batches: Vec<usize>,
    /// Records of a step in the sweep of parameters.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Parameters in the sweep of batches.
    #[arg(long, default_value_t = 100_000)]
    batch_parameters: usize,
    /// One more point: widths joined by dashes, at --batch records.
    #[arg(long, value_name = "WIDTHS", value_parser = widths)]
    layers: Option<Layers>,
    /// Leave out larger points.
    #[arg(long, default_value_t = 10_000_000)]
    max_parameters: usize,
    #[command(flatten)]
    output: Output,
}

/// Widths of a network.
#[derive(Clone, Debug)]
pub struct Layers(Vec<usize>);

fn widths(text: &str) -> Result<Layers, String> {
    let parse = |word: &str| word.parse().map_err(|_| format!("expected widths as 784-128-10, found {text:?}"));
    Ok(Layers(text.split('-').map(parse).collect::<Result<_, _>>()?))
}

/// A point of one of the two sweeps.
struct Place {
    sweep: &'static str,
    asked: String,
    profile: Result<Profile, String>,
}

impl ScaleArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let machine = Machine::here();
        let limit = match session.global().memory_limit {
            Some(limit) => limit,
            None if machine.memory_bytes == 0 => u64::MAX,
            None => (machine.memory_bytes as f64 * MEMORY_SHARE) as u64,
        };
        let runner = runner(session, None, false, 1)?;
        let mut phases = session.phases();
        let mut points = Vec::new();
        for place in self.places() {
            phases.start(format!("{} {}", place.sweep, place.asked));
            points.push(measured(&runner, place, limit));
        }
        drop(phases);
        let laws = laws(&points);
        let json = json!({ "bench": "scale", "machine": machine, "memory_limit_bytes": limit, "points": points, "laws": laws });
        let path = save(&self.output.out, "scale", &json)?;
        for (name, chart) in charts(&points) {
            fsio::write(&self.output.out.join(name), chart.as_bytes(), Overwrite::Replace)?;
        }
        let mut lines: Vec<String> = points.iter().map(line).collect();
        lines.extend(laws.iter().map(|law| law["sentence"].as_str().unwrap_or_default().to_owned()));
        lines.push(machine.text());
        lines.push(format!("written to {}, with charts beside it", path.display()));
        Ok(Answer::new(lines.join("\n"), json))
    }

    fn places(&self) -> Vec<Place> {
        let profile = |made: Result<Profile, crate::bench::BenchError>| made.map_err(|error| error.to_string());
        let mut places = Vec::new();
        for parameters in self.points.iter().filter(|parameters| **parameters <= self.max_parameters) {
            let profile = profile(for_parameters(*parameters, self.batch));
            places.push(Place { sweep: "parameters", asked: parameters.to_string(), profile });
        }
        if let Some(Layers(layers)) = &self.layers {
            let asked = layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
            places.push(Place { sweep: "parameters", asked, profile: profile(for_layers(layers, self.batch)) });
        }
        for batch in self.batches.iter().filter(|_| self.batch_parameters <= self.max_parameters) {
            let profile = profile(for_parameters(self.batch_parameters, *batch));
            places.push(Place { sweep: "batch", asked: batch.to_string(), profile });
        }
        places
    }
}

fn measured(runner: &Runner, place: Place, limit: u64) -> Value {
    let mut json = json!({ "sweep": place.sweep, "asked": place.asked, "point": null, "reason": null });
    match place.profile {
        Err(reason) => json["reason"] = reason.into(),
        Ok(profile) => {
            let estimate = memory_bytes(&profile);
            json["layers"] = profile.layers.clone().into();
            json["batch"] = profile.batch.into();
            json["parameters"] = profile.parameters().into();
            json["k"] = profile.k.into();
            json["estimated_memory_bytes"] = estimate.into();
            if estimate > limit {
                json["reason"] =
                    format!("needs about {} MB, the limit is {}", estimate / 1_000_000, limit / 1_000_000).into();
            } else {
                match runner.run(&profile) {
                    Ok(point) => json["point"] = point,
                    Err(error) => json["reason"] = error.to_string().into(),
                }
            }
        }
    }
    json
}

/// `(x, y)` of the measured points of a sweep.
fn pairs(points: &[Value], sweep: &str, x: &str, y: &str) -> Vec<(f64, f64)> {
    let of = points.iter().filter(|point| point["sweep"] == sweep);
    of.filter_map(|point| Some((point["point"].pointer(x)?.as_f64()?, point["point"].pointer(y)?.as_f64()?))).collect()
}

const QUANTITIES: [(&str, &str); 4] = [
    ("Time of the proof", "/training/prove_ms"),
    ("Peak memory", "/training/peak_rss_bytes"),
    ("Time of the keys", "/training/keygen_ms"),
    ("Time of the reference string", "/srs_ms"),
];

fn laws(points: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    for (sweep, with) in [("parameters", "/parameters"), ("batch", "/batch")] {
        for (what, at) in QUANTITIES {
            if let Some(law) = fit(&pairs(points, sweep, with, at)) {
                out.push(json!({ "of": at, "with": sweep, "law": law, "sentence": law.sentence(what, sweep) }));
            }
        }
    }
    out
}

fn charts(points: &[Value]) -> Vec<(String, String)> {
    let series = |sweep: &str, x: &str, kinds: &[(&str, &str, f64)]| -> Vec<Series> {
        kinds
            .iter()
            .map(|(name, at, unit)| {
                let scaled = pairs(points, sweep, x, at).into_iter().map(|(x, y)| (x, y * unit)).collect();
                Series { name: (*name).to_owned(), points: scaled }
            })
            .collect()
    };
    let times = [
        ("proof", "/training/prove_ms", 1e-3),
        ("keys", "/training/keygen_ms", 1e-3),
        ("reference string", "/srs_ms", 1e-3),
        ("floor", "/floor/floor_ms", 1e-3),
    ];
    let memory = [("proof", "/training/peak_rss_bytes", 1e-6)];
    let mut out = Vec::new();
    for (sweep, x, label) in
        [("parameters", "/parameters", "parameters of the network"), ("batch", "/batch", "records of a step")]
    {
        let time = Labels { title: &format!("Time of a step against {sweep}"), x: label, y: "time, s" };
        let peak = Labels { title: &format!("Peak memory of a step against {sweep}"), x: label, y: "memory, MB" };
        out.push((format!("scale-{sweep}-time.svg"), log_log(&time, &series(sweep, x, &times))));
        out.push((format!("scale-{sweep}-memory.svg"), log_log(&peak, &series(sweep, x, &memory))));
    }
    out
}

fn line(point: &Value) -> String {
    let widths: Vec<String> = point["layers"].as_array().into_iter().flatten().map(|width| width.to_string()).collect();
    let shape = format!(
        "{} {}: {} batch {}",
        point["sweep"].as_str().unwrap_or_default(),
        point["asked"].as_str().unwrap_or_default(),
        widths.join("-"),
        point["batch"]
    );
    let number = |at: &str| point["point"].pointer(at).and_then(Value::as_f64).unwrap_or(0.0);
    match point["reason"].as_str() {
        Some(reason) => format!("{shape}: not measured: {reason}"),
        None => format!(
            "{shape}: k {}, {} columns, proof {:.2} s of {} bytes, keys {:.2} s, SRS {:.2} s, peak {:.0} MB",
            point["k"],
            number("/training/advice_columns"),
            number("/training/prove_ms") / 1e3,
            number("/training/proof_bytes"),
            number("/training/keygen_ms") / 1e3,
            number("/srs_ms") / 1e3,
            number("/training/peak_rss_bytes") / 1e6
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_numbers_joined_by_dashes() {
        assert_eq!(widths("784-128-10").expect("widths").0, [784, 128, 10]);
        assert!(widths("784,128").is_err() && widths("").is_err());
    }

    #[test]
    fn a_point_above_the_limit_is_recorded_and_not_run() {
        let runner = Runner {
            program: "/nowhere".into(),
            threads: None,
            memory_limit: None,
            folder: None,
            round: false,
            floor_runs: 0,
        };
        let place = || Place {
            sweep: "batch",
            asked: "8".into(),
            profile: for_layers(&[16, 4, 2], 8).map_err(|error| error.to_string()),
        };
        let skipped = measured(&runner, place(), 1);
        assert!(skipped["reason"].as_str().is_some_and(|reason| reason.contains("limit")), "{skipped}");
        let failed = measured(&runner, place(), u64::MAX);
        assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("/nowhere")), "{failed}");
        assert!(line(&failed).contains("16-4-2 batch 8: not measured"), "{}", line(&failed));
        assert!(laws(&[failed, skipped]).is_empty());
    }
}
