//! The publishers that are not ours: pika and amqplib, as other people's services use them.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::program;
use crate::services::Environment;
use crate::{apt, child, narrate};

const PIKA: &str = "1.4.4";
const AMQPLIB: &str = "2.3.1";
const WITHIN: Duration = Duration::from_secs(600);

/// Makes sure that both are in `dir` and tells the tests where; what the user's environment names is left alone.
///
/// # Errors
/// When an interpreter or a library is absent and cannot be installed.
pub(crate) fn ensure(dir: &Path, environment: &mut Environment) -> Result<()> {
    if env::var_os("CONSUMER_TEST_PYTHON").is_none() {
        python(&dir.join("python"), environment)?;
    }
    if env::var_os("CONSUMER_TEST_NODE").is_none() {
        node(&dir.join("node"), environment)?;
    }
    Ok(())
}

fn python(dir: &Path, environment: &mut Environment) -> Result<()> {
    let python = dir.join("bin/python");
    let check = format!("import pika, sys; sys.exit(pika.__version__ != '{PIKA}')");
    if !child::succeeds(Command::new(&python).args(["-c", &check])) {
        install_pika(dir, &python)?;
    }
    environment.set("CONSUMER_TEST_PYTHON", &python.to_string_lossy());
    Ok(())
}

fn install_pika(dir: &Path, python: &Path) -> Result<()> {
    let present = || child::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    apt::ensure(present, &["python3", "python3-venv"], &dir.with_extension("apt.log"))?;
    narrate::say(format!("pip install pika=={PIKA}"));
    let log = dir.with_extension("log");
    child::run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir), &log, WITHIN)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", &format!("pika=={PIKA}")]);
    child::run_quietly(&mut pip, &log, WITHIN)
}

fn node(dir: &Path, environment: &mut Environment) -> Result<()> {
    let present = || program::find("node").is_some() && program::find("npm").is_some();
    apt::ensure(present, &["nodejs", "npm"], &dir.with_extension("apt.log"))?;
    let modules = dir.join("node_modules");
    if !has_amqplib(&modules) {
        install_amqplib(dir)?;
    }
    if let Some(node) = program::find("node") {
        environment.set("CONSUMER_TEST_NODE", &node.to_string_lossy());
        environment.set("NODE_PATH", &modules.to_string_lossy());
    }
    Ok(())
}

fn has_amqplib(modules: &Path) -> bool {
    let manifest = fs::read(modules.join("amqplib/package.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
    manifest["version"] == AMQPLIB
}

fn install_amqplib(dir: &Path) -> Result<()> {
    narrate::say(format!("npm install amqplib@{AMQPLIB}"));
    fs::create_dir_all(dir)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(dir).arg(format!("amqplib@{AMQPLIB}"));
    child::run_quietly(&mut npm, &dir.with_extension("log"), WITHIN)
}
