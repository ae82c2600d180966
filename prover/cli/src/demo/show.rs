//! What a run shows while it goes: named phases with their times.
//!
//! On a terminal the current phase is a moving line with its time; elsewhere each finished phase is one line. All of it goes
//! to standard error, so that standard output holds results only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows phases.
#[derive(Debug)]
pub struct Show {
    quiet: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    current: Option<(String, Instant)>,
    finished: Vec<(String, Duration)>,
}

impl Show {
    /// Shows on a terminal; with `quiet` only notices are shown.
    pub fn new(quiet: bool) -> Self {
        let terminal = console::Term::stderr().is_term();
        Self { quiet, terminal, bar: None, current: None, finished: Vec::new() }
    }

    /// Ends the current phase and starts the next.
    pub fn phase(&mut self, name: &str) {
        self.end_phase();
        self.current = Some((name.to_owned(), Instant::now()));
        if self.terminal && !self.quiet {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bar = Some(bar);
        }
    }

    /// Says more about the current phase.
    pub fn detail(&self, text: &str) {
        if let (Some(bar), Some((name, _))) = (&self.bar, &self.current) {
            bar.set_message(format!("{name}: {text}"));
        }
        tracing::debug!(detail = text);
    }

    /// Says something that must be read, also when all else is quiet.
    pub fn notice(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("  ! {text}")),
            None => eprintln!("  ! {text}"),
        }
    }

    /// Ends the last phase.
    pub fn done(&mut self) {
        self.end_phase();
    }

    /// Names and times of the finished phases.
    pub fn finished(&self) -> &[(String, Duration)] {
        &self.finished
    }

    fn end_phase(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if let Some((name, start)) = self.current.take() {
            let time = start.elapsed();
            if !self.quiet {
                eprintln!("  {:>7.2} s  {name}", time.as_secs_f64());
            }
            self.finished.push((name, time));
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
