//! The servers that tests need: private ones, on free ports, under the target directory.

mod environment;
mod home;
mod install;
mod instance;
mod lifecycle;
mod mariadb;
mod postgres;
mod rabbitmq;
mod server;
mod service;
mod session;
mod shell;

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};

pub(crate) use environment::Environment;
pub(crate) use lifecycle::End;
pub(crate) use postgres::program as postgres_program;
pub(crate) use service::Service;
pub(crate) use session::Session;

use crate::narrate;
use crate::process::Process;
use home::Home;
use instance::Instance;

/// All services of one checkout.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    dir: PathBuf,
    others: Others,
}

/// What servers that the environment names are to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// The user gave them: they are used instead of ours.
    Used,
    /// Nothing: what we do to ours, or measure on them, is not for them.
    Ignored,
}

impl Services {
    /// The services whose files are in `dir`.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir, others: Others::Used }
    }

    /// Like [`at`](Self::at), whatever servers the environment names.
    pub(crate) fn apart(dir: PathBuf) -> Self {
        Self { dir, others: Others::Ignored }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes sure that the wanted servers run, all at once, except where the user gave an address; `owner` is the run that
    /// will stop what this starts.
    ///
    /// # Errors
    /// When a server cannot be installed or started.
    pub(crate) fn up(&self, wanted: &[Service], owner: Option<Process>) -> Result<Environment> {
        let ours: Vec<_> = wanted.iter().copied().filter(|service| self.given(*service).is_none()).collect();
        install::ensure(&self.dir, &ours)?;
        let started: Vec<_> = thread::scope(|scope| {
            let starts = ours.iter().map(|service| scope.spawn(move || self.start(*service, owner)));
            let starts: Vec<_> = starts.collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|_| Err(anyhow!("panicked"))))
                .collect()
        });
        let mut environment = Environment::default();
        for (service, instance) in ours.iter().zip(started) {
            environment
                .add(*service, &instance.with_context(|| format!("{} cannot be used", service.title()))?);
        }
        self.add_given(wanted, &mut environment);
        environment.save(&self.dir)?;
        Ok(environment)
    }

    /// Stops what was started here, all at once.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn down(&self) -> Result<()> {
        self.stop(&Service::ALL)
    }

    /// Stops what this run owns.
    ///
    /// # Errors
    /// When something cannot be removed.
    fn down_owned(&self, owner: Process) -> Result<()> {
        let owned =
            |service: &Service| self.home(*service).load().is_some_and(|found| found.owner == Some(owner));
        self.stop(&Service::ALL.into_iter().filter(owned).collect::<Vec<_>>())
    }

    /// Ends one server and starts it again.
    ///
    /// # Errors
    /// When it was not started here, or does not come back.
    pub(crate) fn restart(&self, service: Service, end: End) -> Result<()> {
        lifecycle::restart(&self.home(service), end)
    }

    /// One line for each server, and whether all that were started are alive.
    pub(crate) fn status(&self) -> (String, bool) {
        let found = Service::ALL.map(|service| (service, self.home(service).load()));
        let alive = found.iter().all(|(_, found)| found.as_ref().is_none_or(Instance::is_alive));
        (found.iter().map(|(service, found)| self.line(*service, found.as_ref())).collect(), alive)
    }

    fn line(&self, service: Service, found: Option<&Instance>) -> String {
        let name = service.name();
        match found {
            None => match self.given(service) {
                Some(_) => format!("{name:22}  given by {}\n", service.url_variable()),
                None => format!("{name:22}  not started\n"),
            },
            Some(found) => {
                let state = if found.is_alive() { "alive" } else { "DEAD" };
                let pid = found.main.map_or(0, Process::pid);
                let (version, url, log) = (&found.version, &found.url, self.home(service).log());
                format!("{name:22}  {state}  pid {pid}  {version}  {url}\n{:22}  {}\n", "", log.display())
            }
        }
    }

    fn add_given(&self, wanted: &[Service], environment: &mut Environment) {
        for service in wanted {
            if let Some(url) = self.given(*service) {
                narrate::say(format!("{}: the one that {} names", service.title(), service.url_variable()));
                environment.set(service.url_variable(), &url);
            }
        }
    }

    /// The address of a server that is to be used instead of ours.
    fn given(&self, service: Service) -> Option<String> {
        environment::given(&self.home(service)).filter(|_| self.others == Others::Used)
    }

    /// The first process and the version of a server that was started here.
    pub(crate) fn running(&self, service: Service) -> Option<(Process, String)> {
        let found = self.home(service).load()?;
        Some((found.main?, found.version))
    }

    fn start(&self, service: Service, owner: Option<Process>) -> Result<Instance> {
        lifecycle::start(&self.home(service), owner)
    }

    fn stop(&self, services: &[Service]) -> Result<()> {
        let stopped: Vec<_> = thread::scope(|scope| {
            let stops =
                services.iter().map(|service| scope.spawn(move || lifecycle::stop(&self.home(*service))));
            let stops: Vec<_> = stops.collect();
            stops.into_iter().map(|stop| stop.join().unwrap_or_else(|_| Err(anyhow!("panicked")))).collect()
        });
        let mut names = Vec::new();
        for (service, stopped) in services.iter().zip(stopped) {
            if stopped.with_context(|| format!("cannot stop {}", service.title()))? {
                names.push(service.title());
            }
        }
        if !names.is_empty() {
            narrate::say(format!("stopped {}", names.join(", ")));
        }
        Ok(())
    }

    fn home(&self, service: Service) -> Home {
        Home::new(&self.dir, service)
    }
}
