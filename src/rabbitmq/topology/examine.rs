//! What a start would refuse or warn about, with nothing changed.

use consumer_core::{
    Result,
    broker::{Binding, QueueSpec, Topology},
    doctor::Finding,
};
use tokio::time::timeout;

use super::{
    PATIENCE, check,
    difference::{self, differences},
    look,
    right::{self, Right},
    silent,
    wanted::{self, Role, Wanted},
};
use crate::rabbitmq::{address::Address, session::Session};

/// Adds what is to be said about one queue, with what belongs to it.
pub(in crate::rabbitmq) async fn examine(
    session: &Session,
    address: &Address,
    queue: &QueueSpec,
    findings: &mut Vec<Finding>,
) {
    let mut examination = Examination { session, address, queue, findings };
    let ended = timeout(PATIENCE, examination.run()).await;
    if let Err(error) = ended.unwrap_or_else(|_| Err(silent(&queue.name))) {
        let found = format!("could not be looked at any further: {error}");
        findings.push(Finding::refuses(
            subject(queue),
            found,
            "see whether the broker is well, and ask again",
        ));
    }
}

fn subject(queue: &QueueSpec) -> String {
    format!("queue `{}`", queue.name)
}

struct Examination<'a> {
    session: &'a Session,
    address: &'a Address,
    queue: &'a QueueSpec,
    findings: &'a mut Vec<Finding>,
}

impl Examination<'_> {
    async fn run(&mut self) -> Result<()> {
        match self.queue.topology {
            Topology::Declare => self.as_declared().await,
            Topology::Check => self.as_checked().await,
            _ => {
                let found = "is not looked at: topology `leave`";
                self.add(Finding::fine(subject(self.queue), found));
                Ok(())
            }
        }
    }

    async fn as_declared(&mut self) -> Result<()> {
        for wanted in wanted::all(self.queue) {
            let found = self.declared(&wanted).await?;
            self.conclude(&wanted, found);
        }
        self.consumed().await?;
        for binding in &self.queue.bindings {
            self.bound(binding).await?;
        }
        Ok(())
    }

    async fn as_checked(&mut self) -> Result<()> {
        for wanted in wanted::all(self.queue) {
            let found = check::check(self.session, &wanted).await?;
            self.conclude(&wanted, found);
        }
        self.consumed().await
    }

    /// What a declaration would be refused for; nothing if the queue is there already, just so.
    async fn declared(&self, wanted: &Wanted) -> Result<Vec<Finding>> {
        match look::at_queue(self.session, &wanted.name).await {
            Ok(Some(_)) => self.declared_again(wanted).await,
            Ok(None) => self.declared_first(wanted).await,
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => Ok(vec![check::unusable(wanted, &error)]),
        }
    }

    async fn declared_first(&self, wanted: &Wanted) -> Result<Vec<Finding>> {
        let forwards = wanted.role != Role::DeadLetters;
        let missing = right::missing_to_declare(self.session, &wanted.name, forwards).await?;
        if missing.is_empty() {
            return Ok(vec![Finding::fine(wanted.subject(), "does not exist yet: a start declares it")]);
        }
        Ok(missing.iter().map(|right| right.is_missing(self.address)).collect())
    }

    /// Declaring what exists changes nothing.
    async fn declared_again(&self, wanted: &Wanted) -> Result<Vec<Finding>> {
        match differences(self.session, wanted).await {
            Ok(differences) if differences.is_empty() => Ok(Vec::new()),
            Ok(differences) => {
                let (found, remedy) = (difference::found(&differences), difference::remedy(&wanted.name));
                Ok(vec![Finding::refuses(wanted.subject(), found, remedy)])
            }
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) if error.is_refused() => {
                Ok(vec![Right::to_configure(&wanted.name, error.to_string()).is_missing(self.address)])
            }
            Err(error) => Ok(vec![check::unusable(wanted, &error)]),
        }
    }

    async fn consumed(&mut self) -> Result<()> {
        if let Some(right) = right::missing_to_consume(self.session, &self.queue.name).await? {
            self.add(right.is_missing(self.address));
        }
        Ok(())
    }

    async fn bound(&mut self, binding: &Binding) -> Result<()> {
        let exchange = &binding.exchange;
        match look::at_exchange(self.session, exchange).await {
            Ok(true) => {}
            Ok(false) => {
                let found = format!("is to be bound to exchange `{exchange}`, which does not exist");
                let remedy =
                    "whoever publishes to it declares it: start that first, or leave the binding out";
                self.add(Finding::refuses(subject(self.queue), found, remedy));
            }
            Err(error) if error.is_unavailable() => return Err(error),
            // The default exchange has a binding to every queue, and nobody else may make one.
            Err(error) => {
                let found = format!("cannot be bound to exchange `{exchange}`: {error}");
                self.add(Finding::refuses(subject(self.queue), found, "leave the binding out"));
                return Ok(());
            }
        }
        if let Some(right) = right::missing_to_bind(self.session, &self.queue.name, binding).await? {
            self.add(right.is_missing(self.address));
        }
        Ok(())
    }

    fn conclude(&mut self, wanted: &Wanted, found: Vec<Finding>) {
        if found.is_empty() {
            self.add(Finding::fine(wanted.subject(), as_needed(wanted.role)));
        }
        found.into_iter().for_each(|finding| self.add(finding));
    }

    /// Each finding once: one right is needed for several things.
    fn add(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

fn as_needed(role: Role) -> &'static str {
    match role {
        Role::Work | Role::DeadLetters => "as this consumer needs it",
        Role::Wait => {
            "as this consumer needs it: what has waited in it comes back at least once, unless the broker has the feature \
             flag `stream_queue` and it is off, which only `rabbitmqctl list_feature_flags` shows"
        }
    }
}
