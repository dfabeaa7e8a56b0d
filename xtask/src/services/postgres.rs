//! PostgreSQL.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::home::{Home, write_private};
use super::instance::{Instance, USER};
use super::server::Server;
use crate::{child, narrate, probe, program};

/// The account of the Debian package: the server refuses to run as root.
const ACCOUNT: &str = "postgres";
/// Where root puts data that this account cannot reach in the checkout.
const FALLBACK: &str = "/var/lib/consumer-services";
const INITIALISED_WITHIN: Duration = Duration::from_secs(120);
/// What the tests rely on, said aloud even where it is the default.
const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "log_line_prefix=%m [%p] ",
    "timezone=UTC",
];

pub(super) struct Postgres;

impl Server for Postgres {
    fn package(&self) -> &'static str {
        "postgresql"
    }

    fn version(&self) -> Option<String> {
        program::version(&programs()?.join("postgres"))
    }

    fn data(&self, home: &Home) -> Result<PathBuf> {
        let near = home.path("data");
        if !program::is_root() {
            private_dir(&near)?;
            return Ok(near);
        }
        if reachable(&near)? {
            return Ok(near);
        }
        let far = far_from(home);
        if far.exists() {
            fs::remove_dir_all(&far).with_context(|| format!("cannot clear {}", far.display()))?;
        }
        if !reachable(&far)? {
            bail!("the account {ACCOUNT} can write neither {} nor {}", near.display(), far.display());
        }
        narrate::say(format!("{ACCOUNT} cannot reach the target directory; data go to {}", far.display()));
        Ok(far)
    }

    fn url(&self, port: u16, password: &str) -> String {
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres")
    }

    fn prepare(&self, home: &Home, instance: &Instance) -> Result<BTreeMap<String, String>> {
        let secret = instance.data.with_extension("secret");
        write_private(&secret, instance.password.as_bytes(), 0o600)?;
        let result = give(&secret).and_then(|()| initialise(home, &instance.data, &secret));
        fs::remove_file(&secret)?;
        result.map(|()| BTreeMap::new())
    }

    fn command(&self, _home: &Home, instance: &Instance) -> Result<Command> {
        let mut command = as_account(&installed()?.join("postgres"));
        command.arg("-D").arg(&instance.data).current_dir(&instance.data);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("port={}", instance.port)]);
        Ok(command)
    }

    fn answers(&self, instance: &Instance) -> bool {
        probe::postgres(instance.port, USER)
    }

    /// A dead server whose parent has not yet taken notice still answers for its number, which the next one then believes.
    fn clear_after_kill(&self, instance: &Instance) -> Result<()> {
        match fs::remove_file(instance.data.join("postmaster.pid")) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("cannot remove postmaster.pid")
            }
            _ => Ok(()),
        }
    }

    /// Does not wait for clients to leave.
    fn stop_signal(&self) -> Signal {
        Signal::INT
    }
}

/// MD5 instead of SCRAM: clients built without optimisation spend tens of milliseconds on SCRAM at every connection.
fn initialise(home: &Home, data: &Path, secret: &Path) -> Result<()> {
    let mut command = as_account(&installed()?.join("initdb"));
    command.arg("-D").arg(data).arg("--pwfile").arg(secret).current_dir("/");
    command.args(["--username", USER, "--auth", "md5", "--encoding", "UTF8", "--locale", "C"]);
    child::run_quietly(command.arg("--no-sync"), &home.path("initdb.log"), INITIALISED_WITHIN)
}

/// A program of the newest server's release.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    programs().map(|dir| dir.join(name)).filter(|path| path.is_file())
}

fn installed() -> Result<PathBuf> {
    programs().context("initdb and postgres are not on this machine")
}

/// The directory of the newest server.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .collect();
    debian.sort();
    let newest_first = debian.into_iter().rev().map(|(_, dir)| dir);
    newest_first
        .chain(program::directories())
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// A command that root gives to the account and anybody else runs as he is. `setpriv` becomes the program, so the process
/// we start is the server itself.
fn as_account(program: &Path) -> Command {
    if !program::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups", "--"]).arg(program);
    command
}

fn reachable(dir: &Path) -> Result<bool> {
    private_dir(dir)?;
    give(dir)?;
    let mut test = as_account(Path::new("test"));
    Ok(child::succeeds(test.arg("-w").arg(dir).current_dir("/")))
}

fn private_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(Into::into)
}

fn give(path: &Path) -> Result<()> {
    if !program::is_root() {
        return Ok(());
    }
    let id = |which| -> Result<u32> {
        let id = child::output(Command::new("id").args([which, ACCOUNT]))?;
        id.parse().with_context(|| format!("no account {ACCOUNT}"))
    };
    chown(path, Some(id("-u")?), Some(id("-g")?))
        .with_context(|| format!("cannot hand over {}", path.display()))
}

/// One directory per checkout, named after its path.
fn far_from(home: &Home) -> PathBuf {
    let near = home.path("data");
    let name: String =
        near.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Path::new(FALLBACK).join(name.trim_matches('-'))
}
