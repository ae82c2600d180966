//! Time and peak memory of a run.

use std::time::Duration;

/// Largest resident memory of this process so far, bytes; `None` where the system does not say.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// Starts the measurement of [`peak_rss_bytes`] anew; false where the system does not allow it, so
/// that the figure includes everything before.
pub fn reset_peak_rss() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_covers_memory_that_was_touched_and_released() {
        let Some(before) = peak_rss_bytes() else { return };
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        drop(block);
        let after = peak_rss_bytes().expect("peak");
        assert!(after >= before && after >= 64 << 20, "{before} {after}");
    }
}
