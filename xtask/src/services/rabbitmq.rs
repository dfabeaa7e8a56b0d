//! RabbitMQ.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::home::{Home, write_private};
use super::instance::{Instance, USER};
use super::server::Server;
use super::shell;
use crate::{probe, program};

/// The scripts themselves: what Debian puts on the `PATH` changes to the account `rabbitmq` and to the system's node.
const DEBIAN_SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
const NAMES: &str = "epmd";
const DISTRIBUTION: &str = "distribution";
/// How often a wait queue looks whether there is a queue again for what has expired in it; three minutes by default.
const RETRIES: &str = "{dead_letter_worker_publisher_confirm_timeout, 3000}";
/// Looked at every second, so that the limit of three seconds is kept to within one.
const SHORT_TIMEOUT: &str = "{consumer_timeout, 3000}, {channel_tick_interval, 1000}";
const LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";

pub(super) struct Rabbitmq {
    pub(super) short_timeout: bool,
}

impl Server for Rabbitmq {
    fn package(&self) -> &'static str {
        "rabbitmq-server"
    }

    fn version(&self) -> Option<String> {
        program::find("epmd")?;
        let script = fs::canonicalize(scripts()?.join("rabbitmq-server")).ok()?;
        let release = script.parent()?.parent()?.file_name()?.to_str()?.to_owned();
        Some(release.trim_start_matches("rabbitmq_server-").to_owned())
    }

    fn data(&self, home: &Home) -> Result<PathBuf> {
        Ok(home.path("data"))
    }

    /// The names of Erlang nodes and the connections between them have ports of their own.
    fn side_ports(&self) -> &'static [&'static str] {
        &[NAMES, DISTRIBUTION]
    }

    fn url(&self, port: u16, password: &str) -> String {
        format!("amqp://{USER}:{password}@127.0.0.1:{port}/%2f")
    }

    fn prepare(&self, home: &Home, instance: &Instance) -> Result<BTreeMap<String, String>> {
        write_private(&home.path("home/.erlang.cookie"), instance.password.as_bytes(), 0o400)?;
        write_private(&home.path("rabbitmq.conf"), configuration(instance).as_bytes(), 0o600)?;
        fs::write(home.path("advanced.config"), advanced(self.short_timeout))?;
        fs::write(home.path("enabled_plugins"), "[].\n")?;
        fs::write(home.path("rabbitmq-env.conf"), "# Keeps the system's file from being read.\n")?;
        let control = control(home, instance)?;
        let variable = home.service().control_variable().map(str::to_owned);
        Ok(variable.into_iter().map(|name| (name, control.display().to_string())).collect())
    }

    fn helper(&self, home: &Home, instance: &Instance) -> Option<Command> {
        Some(configured(&program::find("epmd")?, home, instance))
    }

    /// The node starts none itself.
    fn helper_answers(&self, instance: &Instance) -> bool {
        instance.side_ports.get(NAMES).is_some_and(|port| probe::listens(*port))
    }

    fn command(&self, home: &Home, instance: &Instance) -> Result<Command> {
        let script = scripts().context("no rabbitmq-server")?.join("rabbitmq-server");
        Ok(configured(&script, home, instance))
    }

    fn answers(&self, instance: &Instance) -> bool {
        probe::amqp(instance.port)
    }
}

fn scripts() -> Option<PathBuf> {
    let debian = PathBuf::from(DEBIAN_SCRIPTS);
    std::iter::once(debian).chain(program::directories()).find(|dir| dir.join("rabbitmq-server").is_file())
}

fn configuration(instance: &Instance) -> String {
    let (port, password) = (instance.port, &instance.password);
    format!(
        "listeners.tcp.default = 127.0.0.1:{port}\n\
         default_user = {USER}\n\
         default_pass = {password}\n\
         disk_free_limit.absolute = 100MB\n\
         log.console = true\n\
         log.console.level = info\n\
         log.file = false\n"
    )
}

/// What `rabbitmq.conf` has no name for.
fn advanced(short_timeout: bool) -> String {
    let settings = if short_timeout { format!("{RETRIES}, {SHORT_TIMEOUT}") } else { RETRIES.to_owned() };
    format!("[{{rabbit, [{settings}]}}].\n")
}

/// A program of the node, untouched by what the user's environment says of other nodes.
fn configured(program: &Path, home: &Home, instance: &Instance) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if ["RABBITMQ_", "ERL_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env_remove("NOTIFY_SOCKET").envs(environment(home, instance)).current_dir("/");
    command
}

/// What makes the node ours: the same for the server, its name daemon and `rabbitmqctl`.
fn environment(home: &Home, instance: &Instance) -> BTreeMap<&'static str, String> {
    let path = |name: &str| home.path(name).display().to_string();
    let side_port = |name| instance.side_ports.get(name).copied().unwrap_or_default().to_string();
    BTreeMap::from([
        ("HOME", path("home")),
        ("ERL_CRASH_DUMP", path("erl_crash.dump")),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("ERL_EPMD_PORT", side_port(NAMES)),
        // What finds no name daemon, as `rabbitmqctl` after the stop, would start one that nobody stops.
        ("ERL_FLAGS", "-start_epmd false".to_owned()),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
        ("RABBITMQ_CONF_ENV_FILE", path("rabbitmq-env.conf")),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_CTL_ERL_ARGS", LOOPBACK.to_owned()),
        ("RABBITMQ_DIST_PORT", side_port(DISTRIBUTION)),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", path("data/config")),
        // The log itself goes to stdout; one of upgrades goes here all the same.
        ("RABBITMQ_LOG_BASE", path("data/log")),
        ("RABBITMQ_LOGS", "-".to_owned()),
        ("RABBITMQ_MNESIA_BASE", path("data")),
        ("RABBITMQ_NODENAME", format!("consumer-{}@localhost", instance.port)),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", LOOPBACK.to_owned()),
        // The script then becomes the node instead of watching over it, so the process we start is the node.
        ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
    ])
}

/// `rabbitmqctl` for this node alone.
fn control(home: &Home, instance: &Instance) -> Result<PathBuf> {
    let program = scripts().context("no rabbitmqctl")?.join("rabbitmqctl");
    let exports = environment(home, instance).into_iter().map(|(name, value)| shell::export(name, &value));
    let text = format!("#!/bin/sh\n{}exec {} \"$@\"\n", exports.collect::<String>(), quoted(&program));
    let script = home.path("rabbitmqctl");
    write_private(&script, text.as_bytes(), 0o700)?;
    Ok(script)
}

fn quoted(path: &Path) -> String {
    shell::quote(&path.to_string_lossy())
}
