//! Progress for people: the current phase and its time, on a terminal only.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A line that names the current phase; each phase that ends stays as a line with its time.
#[derive(Debug)]
pub struct Phases {
    bar: ProgressBar,
    current: Option<(String, Instant)>,
}

impl Phases {
    /// Shows nothing if standard error is no terminal or `quiet`.
    pub fn new(quiet: bool) -> Self {
        let bar =
            if quiet || !std::io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        Self { bar, current: None }
    }

    /// Ends the current phase and starts the next.
    pub fn start(&mut self, name: impl Into<String>) {
        self.end();
        let name = name.into();
        tracing::debug!(phase = name, "started");
        self.bar.set_message(name.clone());
        self.bar.reset_elapsed();
        self.bar.enable_steady_tick(Duration::from_millis(120));
        self.current = Some((name, Instant::now()));
    }

    fn end(&mut self) {
        if let Some((name, start)) = self.current.take() {
            let seconds = start.elapsed().as_secs_f64();
            tracing::debug!(phase = name, seconds, "ended");
            self.bar.println(format!("  {name} {seconds:.2} s"));
        }
    }
}

impl Drop for Phases {
    fn drop(&mut self) {
        self.end();
        self.bar.finish_and_clear();
    }
}
