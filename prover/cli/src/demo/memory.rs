//! Peak memory of a process and all it started.
//!
//! Linux tells resident memory and child processes in `/proc`; a thread adds them up every `PAUSE`. Elsewhere there is no
//! figure.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Watches until stopped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts to watch.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let peak = Arc::new(AtomicU64::new(0));
        let thread = {
            let (stop, peak) = (stop.clone(), peak.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    peak.fetch_max(tree(std::process::id()), Ordering::Relaxed);
                    std::thread::sleep(PAUSE);
                }
            })
        };
        Self { stop, peak, thread: Some(thread) }
    }

    /// The largest sum seen, bytes; `None` where the system does not say.
    pub fn stop(mut self) -> Option<u64> {
        self.end();
        Some(self.peak.load(Ordering::Relaxed)).filter(|peak| *peak > 0)
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread only reads files; if it panicked there is no figure.
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

/// Resident memory of a process and its descendants, bytes.
fn tree(process: u32) -> u64 {
    let mut sum = resident(process);
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return sum };
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            sum = sum.saturating_add(tree(child));
        }
    }
    sum
}

fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = kib.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_covers_memory_of_this_process() {
        if resident(std::process::id()) == 0 {
            return;
        }
        let watch = Watch::start();
        let block = std::hint::black_box(vec![1u8; 48 << 20]);
        std::thread::sleep(PAUSE * 6);
        drop(block);
        let peak = watch.stop().expect("a figure");
        assert!(peak >= 48 << 20, "{peak}");
    }
}
