//! MariaDB.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::home::{Home, write_private};
use super::instance::{Instance, USER};
use super::server::Server;
use crate::{child, probe, program};

const INITIALISED_WITHIN: Duration = Duration::from_secs(120);
/// What the tests rely on, said aloud even where it is the default; Debian's own files are not read.
const SETTINGS: [&str; 8] = [
    "--bind-address=127.0.0.1",
    // Relative to the data: an absolute path is soon longer than a socket's name may be.
    "--socket=socket",
    "--skip-name-resolve",
    "--max-connections=300",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
];

pub(super) struct Mariadb;

impl Server for Mariadb {
    fn package(&self) -> &'static str {
        "mariadb-server"
    }

    fn version(&self) -> Option<String> {
        program::find("mariadb-install-db")?;
        program::version(&program::find("mariadbd")?)
    }

    fn data(&self, home: &Home) -> Result<PathBuf> {
        Ok(home.path("data"))
    }

    fn url(&self, port: u16, password: &str) -> String {
        format!("mysql://{USER}:{password}@127.0.0.1:{port}/mysql")
    }

    fn prepare(&self, home: &Home, instance: &Instance) -> Result<BTreeMap<String, String>> {
        write_private(&accounts(home), grant(&instance.password).as_bytes(), 0o600)?;
        let mut command = Command::new(program::find("mariadb-install-db").context("no mariadb-install-db")?);
        command.arg("--no-defaults").arg(option("--datadir", &instance.data));
        command.args(["--skip-test-db", "--auth-root-authentication-method=socket"]).args(account());
        child::run_quietly(&mut command, &home.path("install-db.log"), INITIALISED_WITHIN)?;
        Ok(BTreeMap::new())
    }

    fn command(&self, home: &Home, instance: &Instance) -> Result<Command> {
        let mut command = Command::new(program::find("mariadbd").context("no mariadbd")?);
        command.arg("--no-defaults").arg(option("--datadir", &instance.data)).args(SETTINGS).args(account());
        command.arg(option("--init-file", &accounts(home))).arg(option("--pid-file", &home.path("pid")));
        command.arg(format!("--port={}", instance.port)).current_dir(&instance.data);
        Ok(command)
    }

    fn answers(&self, instance: &Instance) -> bool {
        probe::mysql(instance.port)
    }
}

/// The statements that every start begins with.
fn grant(password: &str) -> String {
    format!(
        "CREATE OR REPLACE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n"
    )
}

fn accounts(home: &Home) -> PathBuf {
    home.path("accounts.sql")
}

/// Root must be told that it is meant.
fn account() -> Option<&'static str> {
    program::is_root().then_some("--user=root")
}

fn option(name: &str, value: &std::path::Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push("=");
    option.push(value);
    option
}
