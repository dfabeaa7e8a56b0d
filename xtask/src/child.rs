//! A program that runs to its end, or as far as we are asked to stop.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;

/// How long an interrupted program may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a log an error quotes.
const TAIL_LINES: usize = 30;

/// Runs a program whose output the user sees.
///
/// # Errors
/// When it cannot be started, or `Interrupted`.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command)?;
    loop {
        if let Some(status) = poll(&mut child)? {
            return Ok(status);
        }
    }
}

/// Runs a program whose output goes to `log`; `None` when it was still running at the limit and had to be killed.
///
/// # Errors
/// When it cannot be started, or `Interrupted`.
pub(crate) fn run_logged(command: &mut Command, log: &Path, limit: Duration) -> Result<Option<ExitStatus>> {
    let file = create(log)?;
    let mut child = spawn(command.stdout(file.try_clone()?).stderr(file))?;
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = poll(&mut child)? {
            return Ok(Some(status));
        }
    }
    end(&mut child, Signal::KILL)?;
    Ok(None)
}

/// Runs a program that must succeed; its output is shown only if it does not.
///
/// # Errors
/// When it fails, with the end of what it printed, or `Interrupted`.
pub(crate) fn run_quietly(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    match run_logged(command, log, limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{} ended with {status}\n{}", shown(command), tail(log)),
        None => bail!("{} was not done after {} s\n{}", shown(command), limit.as_secs(), tail(log)),
    }
}

/// What a short program prints on stdout.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_run(command))?;
    if !output.status.success() {
        bail!("{} ended with {}\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a short program can be started and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The last lines of a log, indented, for an error.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    format!("the end of {}:\n    {}", log.display(), last.join("\n    "))
}

/// A fresh log file, with the directories it needs.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn create(log: &Path) -> Result<File> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    File::create(log).with_context(|| format!("cannot write {}", log.display()))
}

/// In a process group of its own: a Ctrl-C at the terminal then reaches us alone and is passed on once.
fn spawn(command: &mut Command) -> Result<Child> {
    command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| cannot_run(command))
}

fn poll(child: &mut Child) -> Result<Option<ExitStatus>> {
    if let Some(status) = child.try_wait()? {
        return Ok(Some(status));
    }
    if let Err(interrupted) = interrupt::check() {
        end(child, Signal::INT)?;
        return Err(interrupted.into());
    }
    sleep(Duration::from_millis(20));
    Ok(None)
}

fn end(child: &mut Child, signal: Signal) -> Result<()> {
    let group = Pid::from_child(child);
    // An error means that the group is gone, which is what we want.
    let _ = kill_process_group(group, signal);
    let begun = Instant::now();
    while begun.elapsed() < GRACE {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        sleep(Duration::from_millis(20));
    }
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(())
}

fn cannot_run(command: &Command) -> String {
    format!("cannot run {}", shown(command))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
