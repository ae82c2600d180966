//! Where something was measured: what a figure's reader needs to judge it.

use std::fs;

use serde::Serialize;

/// A machine and how busy it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Model of the processor, empty where the system does not say.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Threads that computations use.
    pub threads: usize,
    /// Memory, bytes; 0 where the system does not say.
    pub memory_bytes: u64,
    /// Name of the operating system.
    pub os: String,
    /// Its kernel.
    pub kernel: String,
    /// Load averages of 1, 5 and 15 minutes when the measurement started.
    pub load: [f64; 3],
    /// Version of this program.
    pub version: &'static str,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str, mark: char| {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_once(mark).map_or(String::new(), |(_, value)| value.trim().trim_matches('"').to_owned())
        };
        let kib = value(&read("/proc/meminfo"), "MemTotal", ':');
        let kib: u64 = kib.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let load = read("/proc/loadavg");
        let mut words = load.split_whitespace().map(|word| word.parse().unwrap_or(0.0));
        let name = value(&read("/etc/os-release"), "PRETTY_NAME", '=');
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name", ':'),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            memory_bytes: kib.saturating_mul(1024),
            os: if name.is_empty() { std::env::consts::OS.to_owned() } else { name },
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: [(); 3].map(|()| words.next().unwrap_or(0.0)),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// One line.
    pub fn text(&self) -> String {
        let [one, five, fifteen] = self.load;
        format!(
            "{}, {} cores, {} threads, {:.1} GB, {}, load {one} {five} {fifteen}",
            if self.cpu.is_empty() { "unknown processor" } else { &self.cpu },
            self.cores,
            self.threads,
            self.memory_bytes as f64 / 1e9,
            self.os
        )
    }
}
