//! What a change must pass.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::runner::Runner;
use crate::workspace::Workspace;
use crate::{child, features, instructions, mutants, narrate, native, tests};

/// The steps so far.
#[derive(Debug, Default)]
struct Report {
    passed: Vec<&'static str>,
    failed: Vec<&'static str>,
}

/// Runs every step. The cheap ones all run; the tests only if those passed. Whether all passed.
///
/// # Errors
/// When a step cannot be run at all, or `Interrupted`.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let mut report = Report::default();
    native::ensure(&workspace.target("apt.log"))?;
    report.step("fmt", || succeeds(&mut fmt(workspace)))?;
    report.step("clippy", || succeeds(&mut clippy(workspace)))?;
    report.step("docs", || succeeds(&mut docs(workspace)))?;
    report.step("features", || features::check(workspace))?;
    if report.failed.is_empty() {
        let session = tests::prepare(workspace)?;
        let runner = Runner::new(workspace, session.environment());
        report.step("test", || Ok(runner.run(&[])?.success()))?;
        report.step("mutants", || mutants::run(workspace, &runner, &[]))?;
        report.step("instructions", || instructions::run(workspace))?;
    }
    report.close()
}

impl Report {
    fn step(&mut self, name: &'static str, run: impl FnOnce() -> Result<bool>) -> Result<()> {
        narrate::say(format!("==> {name}"));
        let begun = Instant::now();
        let good = run()?;
        let (list, word) = if good { (&mut self.passed, "passed") } else { (&mut self.failed, "FAILED") };
        list.push(name);
        narrate::say(format!("<== {name} {word} ({:.0} s)", begun.elapsed().as_secs_f32()));
        Ok(())
    }

    fn close(&self) -> Result<bool> {
        let good = self.failed.is_empty();
        if !good {
            narrate::say(format!("failed: {}", self.failed.join(", ")));
        }
        narrate::answer(&format!("steps: {} passed, {} failed\n", self.passed.len(), self.failed.len()))?;
        Ok(good)
    }
}

fn fmt(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args(["fmt", "--all", "--check"]);
    command
}

fn clippy(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]);
    command
}

fn docs(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command
        .args(["doc", "--quiet", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(child::run(command)?.success())
}
