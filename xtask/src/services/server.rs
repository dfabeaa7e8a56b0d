//! What differs between the servers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;

use super::home::Home;
use super::instance::Instance;
use super::mariadb::Mariadb;
use super::postgres::Postgres;
use super::rabbitmq::Rabbitmq;
use super::service::Service;

/// How one kind of server is found, prepared, started, asked and stopped.
pub(crate) trait Server: Sync {
    /// The Debian package that brings it.
    fn package(&self) -> &'static str;
    /// Its version, if its programs are on this machine.
    fn version(&self) -> Option<String>;
    /// The directory its data go to; the server can reach and write it.
    fn data(&self, home: &Home) -> Result<PathBuf>;
    /// The ports it needs beside the one that clients use.
    fn side_ports(&self) -> &'static [&'static str] {
        &[]
    }
    /// The address for clients.
    fn url(&self, port: u16, password: &str) -> String;
    /// Creates what the first start needs, and returns what tests are told beside the URL.
    fn prepare(&self, home: &Home, instance: &Instance) -> Result<BTreeMap<String, String>>;
    /// A process that must run before it.
    fn helper(&self, _home: &Home, _instance: &Instance) -> Option<Command> {
        None
    }
    /// Whether that process does its work.
    fn helper_answers(&self, _instance: &Instance) -> bool {
        true
    }
    /// The server itself, in the foreground: the process that is started is the one to signal.
    fn command(&self, home: &Home, instance: &Instance) -> Result<Command>;
    /// Whether it serves clients now.
    fn answers(&self, instance: &Instance) -> bool;
    /// Removes what a killed server leaves behind that would keep the next one from starting. Nothing of it runs any more.
    fn clear_after_kill(&self, _instance: &Instance) -> Result<()> {
        Ok(())
    }
    /// What asks it to stop at once and in order.
    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}

/// The server behind a service.
pub(crate) fn server(service: Service) -> &'static dyn Server {
    match service {
        Service::Postgres => &Postgres,
        Service::Mysql => &Mariadb,
        Service::Rabbitmq => &Rabbitmq { short_timeout: false },
        Service::RabbitmqShortTimeout => &Rabbitmq { short_timeout: true },
    }
}
