//! The test runner this machine has: cargo-nextest, else `cargo test`.

mod libtest;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Result;

use crate::services::Environment;
use crate::workspace::Workspace;
use crate::{child, faults, narrate};

const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];
/// What `cargo test` then leaves out is the documentation.
const CODE: [&str; 3] = ["--lib", "--bins", "--tests"];
/// Tests bound every wait themselves; this ends one that does not.
const ONE_TEST_WITHIN: Duration = Duration::from_secs(600);
/// How nextest says that tests failed, and that there were none.
const NEXTEST_FAILED: i32 = 100;
const NEXTEST_NONE: i32 = 4;

/// Runs tests of the build with faults, with servers at hand.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    workspace: &'a Workspace,
    environment: &'a Environment,
    nextest: bool,
}

/// What one named test did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// No test has this name.
    Absent,
    /// It was still running at the limit.
    Hung,
    /// It could not be built or run.
    Broken,
}

impl<'a> Runner<'a> {
    /// The runner for a checkout.
    pub(crate) fn new(workspace: &'a Workspace, environment: &'a Environment) -> Self {
        let nextest = child::succeeds(workspace.cargo().args(["nextest", "--version"]));
        Self { workspace, environment, nextest }
    }

    /// Every test of every package, documentation included, or what `arguments` for the runner select.
    ///
    /// # Errors
    /// When the runner cannot be started, or `Interrupted`.
    pub(crate) fn run(&self, arguments: &[String]) -> Result<ExitStatus> {
        if !self.nextest {
            return self.run_libtest(arguments);
        }
        let mut nextest = self.cargo();
        nextest.args(["nextest", "run"]).args(EVERYTHING).arg("--no-fail-fast").args(arguments);
        let status = self.show(&mut nextest)?;
        if !arguments.is_empty() {
            return Ok(status);
        }
        let documentation =
            self.show(self.cargo().args(["test", "--doc"]).args(EVERYTHING).arg("--no-fail-fast"))?;
        Ok(if status.success() { documentation } else { status })
    }

    fn run_libtest(&self, arguments: &[String]) -> Result<ExitStatus> {
        let mut test = self.cargo();
        test.arg("test").args(EVERYTHING).arg("--no-fail-fast");
        if !arguments.is_empty() {
            test.args(CODE).args(arguments);
        }
        self.show(&mut test)
    }

    /// One test by its name, with or without its path, under a mutant or none; what was printed goes to `log`.
    ///
    /// # Errors
    /// When the runner cannot be started, or `Interrupted`.
    pub(crate) fn one(&self, test: &str, mutant: Option<&str>, log: &Path) -> Result<Verdict> {
        let mut command = if self.nextest { self.nextest_one(test) } else { self.libtest_one(test) };
        command.envs(mutant.map(|name| ("CONSUMER_MUTANT", name)));
        let Some(status) = child::run_logged(&mut command, log, ONE_TEST_WITHIN)? else {
            return Ok(Verdict::Hung);
        };
        Ok(if self.nextest {
            nextest_verdict(status)
        } else {
            libtest::verdict(&fs::read_to_string(log)?, test)
        })
    }

    fn nextest_one(&self, test: &str) -> Command {
        let mut command = self.cargo();
        command.args(["nextest", "run"]).args(EVERYTHING).args(["--retries", "0", "-E"]);
        command.arg(format!("test(/(^|::){test}$/)"));
        command
    }

    fn libtest_one(&self, test: &str) -> Command {
        let mut command = self.cargo();
        command.arg("test").args(EVERYTHING).args(CODE).args(["--no-fail-fast", "--", test]);
        command
    }

    fn cargo(&self) -> Command {
        let mut command = faults::cargo(self.workspace);
        command.env_remove("CONSUMER_MUTANT").envs(self.environment.iter());
        command
    }

    fn show(&self, command: &mut Command) -> Result<ExitStatus> {
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
        narrate::say(format!("cargo {}", words.join(" ")));
        child::run(command)
    }
}

fn nextest_verdict(status: ExitStatus) -> Verdict {
    match status.code() {
        Some(0) => Verdict::Passed,
        Some(NEXTEST_FAILED) => Verdict::Failed,
        Some(NEXTEST_NONE) => Verdict::Absent,
        _ => Verdict::Broken,
    }
}
