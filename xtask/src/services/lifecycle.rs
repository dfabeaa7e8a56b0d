//! How a server is started, stopped and started again.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::home::{Home, write_private};
use super::instance::{self, Instance};
use super::server::server;
use super::shell;
use crate::process::Process;
use crate::{child, interrupt, narrate, port};

/// A loaded machine with two cores takes a third of this for the slowest of them.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// What an orderly stop may take before it becomes a kill.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);

/// How a restart ends the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Asked to stop.
    Orderly,
    /// SIGKILL, without warning.
    Kill,
}

/// Makes sure that the server runs and serves; `owner` is the run that will stop it, if one will.
///
/// # Errors
/// When it does not start, with the end of its log; nothing of it is left then.
pub(crate) fn start(home: &Home, owner: Option<Process>) -> Result<Instance> {
    let _lock = home.lock()?;
    match home.load() {
        Some(found) if found.is_alive() && !found.is_orphan() => return keep(home, found, owner),
        Some(found) => halt(home, &found)?,
        None => {}
    }
    let begun = Instant::now();
    let mut fresh = prepare(home, owner)?;
    launch(home, &mut fresh).inspect_err(|_| abandon(home))?;
    let (title, version, port) = (home.service().title(), &fresh.version, fresh.port);
    narrate::say(format!("{title} {version} on port {port} ({:.1} s)", begun.elapsed().as_secs_f32()));
    Ok(fresh)
}

/// Stops the server, if it is ours and runs, and deletes its data; whether there was one.
///
/// # Errors
/// When its files cannot be removed.
pub(crate) fn stop(home: &Home) -> Result<bool> {
    let _lock = home.lock()?;
    let Some(found) = home.load() else { return Ok(false) };
    halt(home, &found)?;
    Ok(true)
}

/// Ends the server and starts it again on the same port and the same data.
///
/// # Errors
/// When it was not started here, or does not come back.
pub(crate) fn restart(home: &Home, end: End) -> Result<()> {
    let _lock = home.lock()?;
    let mut found = home.load().with_context(|| format!("no {} was started here", home.service().title()))?;
    let kind = server(home.service());
    match (found.main, end) {
        (Some(main), End::Kill) => main.kill_tree(),
        (Some(main), End::Orderly) => end_orderly(main, kind.stop_signal()),
        (None, _) => {}
    }
    kind.clear_after_kill(&found)?;
    launch(home, &mut found)
}

/// A server that runs already. Who asks without owning it wants it to stay.
fn keep(home: &Home, mut found: Instance, owner: Option<Process>) -> Result<Instance> {
    if owner.is_none() && found.owner.is_some() {
        found.owner = None;
        home.save(&found)?;
    }
    await_answer(home, found.main, || server(home.service()).answers(&found))?;
    Ok(found)
}

fn prepare(home: &Home, owner: Option<Process>) -> Result<Instance> {
    let kind = server(home.service());
    home.clear()?;
    let (port, password) = (port::free()?, instance::password()?);
    let side_ports = kind.side_ports().iter().map(|name| Ok(((*name).to_owned(), port::free()?)));
    let mut fresh = Instance {
        version: kind.version().unwrap_or_default(),
        url: kind.url(port, &password),
        port,
        side_ports: side_ports.collect::<Result<_>>()?,
        password,
        data: kind.data(home)?,
        main: None,
        helper: None,
        owner,
        variables: Default::default(),
    };
    fresh.variables = kind.prepare(home, &fresh)?;
    let restart = home.restart_script();
    write_private(&restart, restart_text(home)?.as_bytes(), 0o700)?;
    fresh.variables.insert(home.service().restart_variable().to_owned(), restart.display().to_string());
    Ok(fresh)
}

/// Recorded before it is waited for, so that whatever happens next somebody can stop it.
fn launch(home: &Home, instance: &mut Instance) -> Result<()> {
    let kind = server(home.service());
    if !instance.helper.is_some_and(Process::is_alive) {
        instance.helper = kind.helper(home, instance).map(|command| spawn(home, command)).transpose()?;
        home.save(instance)?;
        await_answer(home, instance.helper, || kind.helper_answers(instance))?;
    }
    instance.main = Some(spawn(home, kind.command(home, instance)?)?);
    home.save(instance)?;
    await_answer(home, instance.main, || kind.answers(instance))
}

/// In a process group of its own, so that a Ctrl-C at the terminal does not reach it.
fn spawn(home: &Home, mut command: Command) -> Result<Process> {
    let log = File::options().create(true).append(true).open(home.log()).context("cannot open the log")?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    let child = command.spawn().with_context(|| format!("cannot start {}", home.service().title()))?;
    Process::find(child.id()).with_context(|| ended(home))
}

fn await_answer(home: &Home, process: Option<Process>, answers: impl Fn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !answers() {
        if !process.is_some_and(Process::is_alive) {
            bail!(ended(home));
        }
        if begun.elapsed() > READY_WITHIN {
            let (title, limit) = (home.service().title(), READY_WITHIN.as_secs());
            bail!("{title} did not answer within {limit} s; {}", child::tail(&home.log()));
        }
        interrupt::check()?;
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn halt(home: &Home, found: &Instance) -> Result<()> {
    if let Some(main) = found.main {
        end_orderly(main, server(home.service()).stop_signal());
    }
    if let Some(helper) = found.helper {
        end_orderly(helper, Signal::TERM);
    }
    if found.data.exists() {
        fs::remove_dir_all(&found.data).with_context(|| format!("cannot delete {}", found.data.display()))?;
    }
    home.forget()
}

fn end_orderly(process: Process, signal: Signal) {
    process.signal(signal);
    if !process.wait(STOPPED_WITHIN) {
        process.kill_tree();
    }
}

/// After a start that failed; the error that made it fail is the one to report. A server that is still starting does not
/// listen to a request to stop, and its data are to go anyway.
fn abandon(home: &Home) {
    let Some(found) = home.load() else { return };
    if let Some(main) = found.main {
        main.kill_tree();
    }
    if let Err(error) = halt(home, &found) {
        narrate::say(format!("{} could not be cleared away: {error:#}", home.service().title()));
    }
}

/// The caller may run under other settings than this command does, so everything is said in full.
fn restart_text(home: &Home) -> Result<String> {
    let xtask = std::env::current_exe().context("this command does not know its own path")?;
    let services = home.services().to_string_lossy();
    Ok(format!(
        "#!/bin/sh\n# Kills {} with SIGKILL and starts it again; done when it answers.\nexec {} services --dir {} restart {} --kill\n",
        home.service().title(),
        shell::quote(&xtask.to_string_lossy()),
        shell::quote(&services),
        home.service().name(),
    ))
}

fn ended(home: &Home) -> String {
    format!("{} ended at once; {}", home.service().title(), child::tail(&home.log()))
}
