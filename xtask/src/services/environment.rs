//! What tests are told: where the servers are and what drives them.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::home::{Home, write_private};
use super::instance::Instance;
use super::service::Service;
use super::shell;

/// Variables for the tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Adds what one server of ours offers.
    pub(crate) fn add(&mut self, service: Service, instance: &Instance) {
        self.set(service.url_variable(), &instance.url);
        self.variables.extend(instance.variables.clone());
    }

    /// Adds one variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Name and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.variables.iter()
    }

    /// Lines for a shell to evaluate.
    pub(crate) fn exports(&self) -> String {
        self.iter().map(|(name, value)| shell::export(name, value)).collect()
    }

    /// Leaves the lines where a shell can source them.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn save(&self, services: &Path) -> Result<PathBuf> {
        let path = services.join("env");
        write_private(&path, self.exports().as_bytes(), 0o600)?;
        Ok(path)
    }
}

/// The address the user gave, in which case we start nothing.
///
/// An address that a shell has from an earlier `services up` was not given: our restart script came with it.
pub(crate) fn given(home: &Home) -> Option<String> {
    let from_us =
        env::var_os(home.service().restart_variable()).is_some_and(|path| home.restart_script() == path);
    let url = env::var(home.service().url_variable()).ok()?;
    (!from_us && !url.is_empty()).then_some(url)
}
