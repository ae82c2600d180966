//! The program as a process that can be killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use alloy::signers::local::PrivateKeySigner;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::privacy::check;
use crate::privacy::entries;

/// How a command is run: everything but its arguments.
pub(crate) struct Shell {
    /// The home.
    pub(crate) home: PathBuf,
    /// The folder it runs in.
    pub(crate) folder: PathBuf,
    /// Who sends.
    pub(crate) signer: Option<PrivateKeySigner>,
    /// The node.
    pub(crate) url: Option<String>,
}

/// What an undisturbed run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Time.
    pub(crate) time: Duration,
    /// Changes of the folder.
    pub(crate) changes: usize,
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// After so long.
    Time(Duration),
    /// As soon as the watched folder has changed so often.
    Change(usize),
    /// So long after its transaction is seen.
    Sent(Duration),
}

/// Kills and how many of them came before the end of the process.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: u32,
    pub(crate) late: u32,
}

impl Shell {
    /// A home in a folder, no key and no node.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { home: folder.join("home"), folder: folder.to_path_buf(), signer: None, url: None }
    }

    /// Starts a command.
    pub(crate) fn start(&self, line: &str) -> Child {
        // The umask of the child is open; `exec` keeps its process id.
        let mut command = Command::new("sh");
        command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_zkpoc")]);
        command.args(line.split_whitespace()).args(["--json", "--home"]).arg(&self.home);
        command.current_dir(&self.folder).env_remove("ZKPOC_HOME").env_remove("ZKPOC_PRIVATE_KEY");
        command.env("ZKPOC_DEPLOYMENTS", self.folder.join("deployments"));
        if let Some(signer) = &self.signer {
            command.env("ZKPOC_PRIVATE_KEY", hex::encode(signer.to_bytes()));
        }
        if let Some(url) = &self.url {
            command.env("ZKPOC_RPC_URL", url);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    /// Exit code and answer.
    pub(crate) fn run(&self, line: &str) -> (i32, Value) {
        ended(line, self.start(line).wait_with_output().expect("output"))
    }

    /// The answer of a command that must do what it is asked.
    #[track_caller]
    pub(crate) fn good(&self, line: &str) -> Value {
        let (code, answer) = self.run(line);
        assert_eq!(code, 0, "{line}: {answer}");
        answer
    }

    /// Watches an undisturbed run.
    pub(crate) fn measure(&self, line: &str) -> (Span, Value) {
        let start = Instant::now();
        let mut child = self.start(line);
        let mut watch = Watch::new(self);
        while child.try_wait().expect("a state").is_none() {
            watch.look();
        }
        let span = Span { time: start.elapsed(), changes: watch.changes };
        let (code, answer) = ended(line, child.wait_with_output().expect("output"));
        assert_eq!(code, 0, "{line}: {answer}");
        (span, answer)
    }

    /// Kills a run at a moment; true if it had not ended before. `sent` says whether its transaction is there.
    pub(crate) fn kill(&self, line: &str, moment: Moment, sent: &dyn Fn() -> bool) -> bool {
        let start = Instant::now();
        let mut child = self.start(line);
        let mut watch = Watch::new(self);
        loop {
            let now = match moment {
                Moment::Time(time) => start.elapsed() >= time,
                Moment::Change(number) => watch.changes >= number,
                Moment::Sent(pause) => {
                    sent() && {
                        std::thread::sleep(pause);
                        true
                    }
                }
            };
            if now || child.try_wait().expect("a state").is_some() {
                break;
            }
            watch.look();
        }
        let running = child.try_wait().expect("a state").is_none();
        child.kill().expect("killed");
        let output = child.wait_with_output().expect("output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{line}, {moment:?}: {said}");
        check(&self.home, &entries(&self.folder));
        running
    }
}

fn ended(line: &str, output: Output) -> (i32, Value) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{line}: {said}");
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{line}: {said}"));
    (output.status.code().unwrap_or(-1), answer)
}

/// Looks at a folder again and again, and at the modes of the home in it.
struct Watch<'a> {
    shell: &'a Shell,
    last: Vec<(PathBuf, u64, u32)>,
    changes: usize,
}

impl<'a> Watch<'a> {
    fn new(shell: &'a Shell) -> Self {
        Self { shell, last: entries(&shell.folder), changes: 0 }
    }

    fn look(&mut self) {
        let now = entries(&self.shell.folder);
        check(&self.shell.home, &now);
        if now != self.last {
            self.changes += 1;
            self.last = now;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Kill points, from one seed.
pub(crate) struct Points {
    random: StdRng,
    span: Span,
    sends: bool,
    number: u32,
}

impl Points {
    /// For a command of such a span; `sends` if it sends a transaction.
    pub(crate) fn new(seed: u64, span: Span, sends: bool) -> Self {
        Self { random: StdRng::seed_from_u64(seed), span, sends, number: 0 }
    }

    /// In turn: anywhere, after a change, after the transaction (or anywhere), at the start or the end.
    pub(crate) fn next(&mut self) -> Moment {
        self.number += 1;
        let share = match self.number % 4 {
            3 if self.sends => return Moment::Sent(Duration::from_micros(self.random.gen_range(0..60_000))),
            2 => return Moment::Change(self.random.gen_range(1..=self.span.changes.max(1))),
            0 if self.random.gen() => self.random.gen_range(0.0..0.1),
            0 => self.random.gen_range(0.85..1.05),
            _ => self.random.gen_range(0.0..1.0),
        };
        Moment::Time(self.span.time.mul_f64(share))
    }
}

impl Tally {
    /// Counts a kill. After one that came too late, the points are drawn closer: the measured run was slow.
    pub(crate) fn count(&mut self, running: bool, points: &mut Points) {
        match running {
            true => self.kills += 1,
            false => {
                self.late += 1;
                points.span.time = points.span.time.mul_f64(0.9);
            }
        }
    }

    /// Whether to go on for `wanted` kills; those that came too late do not count, within reason.
    pub(crate) fn wants(&self, wanted: u32) -> bool {
        self.kills < wanted && self.late <= 2 * wanted
    }

    pub(crate) fn report(&self, what: &str, span: Span) {
        println!("{what}: {} kills, {} came after the end; undisturbed: {span:?}", self.kills, self.late);
        assert!(self.kills > 0, "{what}: no kill hit");
    }
}
