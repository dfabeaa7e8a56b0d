//! The servers of one run of the tests: what it started, it stops.

use anyhow::{Context, Result};

use super::{Environment, Service, Services};
use crate::lock::Lock;
use crate::process::Process;
use crate::{interrupt, narrate};

/// Servers for as long as it lives; then those that it started are stopped, whatever happened.
#[derive(Debug)]
pub(crate) struct Session {
    services: Services,
    owner: Process,
    environment: Environment,
    _only: Lock,
}

impl Session {
    /// Waits until no other run uses the checkout's servers, then makes sure that the wanted ones run.
    ///
    /// # Errors
    /// When a server cannot be started, or `Interrupted`.
    pub(crate) fn open(services: Services, wanted: &[Service]) -> Result<Self> {
        let mut told = false;
        let only = Lock::acquire(&services.dir().join("run.lock"), || {
            if !std::mem::replace(&mut told, true) {
                narrate::say("waiting for another run in this checkout");
            }
            Ok(interrupt::check()?)
        })?;
        let owner =
            Process::own().context("only Linux can start servers: /proc does not know this process")?;
        let mut session = Self { services, owner, environment: Environment::default(), _only: only };
        // From here on `drop` stops what a start that fails half-way has left.
        session.environment = session.services.up(wanted, Some(owner))?;
        Ok(session)
    }

    /// The servers themselves.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// What tests are told.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Lets the caller tell tests more.
    pub(crate) fn environment_mut(&mut self) -> &mut Environment {
        &mut self.environment
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.services.down_owned(self.owner) {
            narrate::say(format!("{error:#}"));
        }
    }
}
