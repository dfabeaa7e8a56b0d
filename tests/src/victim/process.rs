//! A victim's process, as the test holds it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::Task;
use crate::{database::fresh_name, wait};

/// How long a victim may be silent.
const HEAR: Duration = Duration::from_secs(60);
/// What a victim must not inherit: only the test that wants it says so.
const KILL: &str = "CONSUMER_KILL";

/// A running victim; killed when it is dropped. If the test is killed, it ends by itself.
#[derive(Debug)]
pub struct Victim {
    child: Child,
    errors: PathBuf,
    input: Option<ChildStdin>,
    output: Receiver<String>,
}

impl Victim {
    /// Starts one; `kill` is the kill point at which it aborts.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(program: &str, task: &Task, folder: &Path, kill: Option<&str>) -> Self {
        let errors = folder.join(format!("{}.log", fresh_name()));
        let mut command = Command::new(program);
        command
            .arg(serde_json::to_string(task).expect("a task is JSON"))
            .env_remove(KILL)
            .envs(kill.map(|point| (KILL, point)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).expect("a log"));
        let mut child = command.spawn().expect("a victim");
        let output = lines(child.stdout.take().expect("is piped"));
        Self { input: child.stdin.take(), child, errors, output }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it was waited for already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child");
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself, which `wait` tells too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it is stopped by a signal.
    pub fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        wait::until("the victim ends", limit, async || {
            status = self.child.try_wait().expect("our own child");
            status.is_some()
        })
        .await;
        status.expect("was waited for")
    }

    /// Asks it to stop as an operator would, and waits.
    ///
    /// # Panics
    /// If it does not stop in good order.
    pub async fn stop(&mut self, limit: Duration) {
        self.signal(Signal::TERM);
        let status = self.ended(limit).await;
        assert!(status.success(), "I14: the victim ended with {status}: {}", self.said());
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// What it wrote to its standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// Says a line to it.
    ///
    /// # Panics
    /// If it does not listen.
    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("is piped");
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{error}: {}", self.said()));
    }

    /// Waits for a line from it.
    ///
    /// # Panics
    /// If none comes.
    pub fn hear(&mut self) -> String {
        let heard = self.output.recv_timeout(HEAR);
        heard.unwrap_or_else(|error| panic!("the victim says nothing ({error}): {}", self.said()))
    }
}

/// The lines of a pipe, read on a thread of their own so that waiting for one can have a limit.
fn lines(pipe: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}
