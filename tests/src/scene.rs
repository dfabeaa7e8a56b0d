//! The scene of a run: a database, a broker, a proxy between it and the victims, and a ledger beside them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    auditor::{Auditor, Of},
    backend::Backend,
    database::{Database, fresh_name},
    ledger::{Ledger, Mark, Reader},
    proxy::amqp::AmqpProxy,
    publisher::Publisher,
    servers,
    verdict::{Published, Verdict},
    victim::{Consuming, Task, Victim, queue},
    wait,
};

/// How long a victim may take to start on a busy machine.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(30);
/// How long it may take to catch up.
const DRAIN: Duration = Duration::from_secs(60);

/// Looks that must find nothing, and the time between them: a message may be on its way from the queue to the proxy.
const QUIET_LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);
/// Victims that may still find something, because it was on its way for longer.
const HEIRS: usize = 3;

/// Everything that a victim needs and that outlives it.
pub struct Scene {
    /// How victims are to consume; may be changed before one is started.
    pub task: Consuming,
    /// Publishes without us.
    pub publisher: Arc<Publisher>,
    /// Between the victims and the broker.
    pub proxy: AmqpProxy,
    /// Looks into the database.
    pub auditor: Auditor,
    program: &'static str,
    folder: tempfile::TempDir,
    database: Database,
}

impl Scene {
    /// A scene for these consumers of the victim; `None` where a server is missing.
    ///
    /// # Panics
    /// If a server that should be there does not answer.
    pub async fn open(backend: Backend, program: &'static str, consumers: &[&str]) -> Option<Self> {
        let amqp = servers::need(servers::AMQP)?;
        let database = backend.database().await?;
        let folder = tempfile::tempdir().expect("a folder");
        let mut auditor = Auditor::connect(backend, database.url()).await;
        auditor.create_business().await;
        let proxy = AmqpProxy::start(&amqp, Auditor::connect(backend, database.url()).await).await;
        let exchange = fresh_name();
        let publisher = Arc::new(Publisher::connect(&amqp, &exchange).await);
        let ledger = folder.path().join("ledger");
        Ledger::open(&ledger).expect("a ledger");
        let task = Consuming {
            backend,
            database: database.url().to_owned(),
            amqp: proxy.url(),
            exchange,
            consumers: consumers.iter().map(|name| (*name).to_owned()).collect(),
            workers: 6,
            ledger,
            work_ms: 3,
            gateway: None,
        };
        Some(Self { task, publisher, proxy, auditor, program, folder, database })
    }

    /// The database's own URL.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// A reader of the ledger.
    ///
    /// # Panics
    /// If the ledger is gone.
    pub fn ledger(&self) -> Reader {
        Reader::open(&self.task.ledger).expect("the ledger")
    }

    /// Starts a victim; `kill` is the kill point at which it aborts.
    pub fn start(&self, kill: Option<&str>) -> Victim {
        Victim::start(self.program, &Task::Consume(self.task.clone()), self.folder.path(), kill)
    }

    /// Starts a victim and waits until it consumes.
    ///
    /// # Panics
    /// If it does not.
    pub async fn ready(&self) -> Victim {
        let (mut victim, mut ledger) = (self.start(None), self.ledger());
        wait::until("the victim consumes", START, async || {
            assert!(victim.is_alive(), "the victim does not start: {}", victim.said());
            ledger.count(victim.pid(), Mark::Ready) > 0
        })
        .await;
        victim
    }

    /// Lets a victim work off everything that was published, and stops it: nothing is left, neither waiting nor unsettled.
    ///
    /// # Panics
    /// If something is left.
    pub async fn drain(&self, mut victim: Victim) {
        for _ in 0..HEIRS {
            let mut quiet = 0;
            wait::until("I9: the queues are empty and every delivery is settled", DRAIN, async || {
                quiet = if self.left().await == 0 { quiet + 1 } else { 0 };
                tokio::time::sleep(BETWEEN_LOOKS).await;
                quiet == QUIET_LOOKS
            })
            .await;
            victim.stop(STOP).await;
            if self.left().await == 0 {
                return;
            }
            victim = self.ready().await;
        }
        panic!("I9: something is left whenever a victim stops");
    }

    /// Starts victims until one of them has worked off everything, and stops it; says how many died of what they ran.
    ///
    /// # Panics
    /// If they go on dying.
    pub async fn survive(&self, most: usize) -> usize {
        for deaths in 0..=most {
            let mut victim = self.ready().await;
            let mut is_alive = true;
            wait::until("the queues are empty, or the victim is dead", DRAIN * 5, async || {
                is_alive = victim.is_alive();
                !is_alive || self.left().await == 0
            })
            .await;
            if is_alive {
                self.drain(victim).await;
                return deaths;
            }
        }
        panic!("more than {most} victims have died");
    }

    /// Messages that wait in a queue or with a consumer.
    async fn left(&self) -> u64 {
        let mut left = 0;
        for consumer in &self.task.consumers {
            for queue in self.task.wait_queues(consumer).into_iter().chain([self.task.queue(consumer)]) {
                left += u64::from(self.publisher.waiting(&queue).await);
            }
        }
        left + self.proxy.sightings().unsettled
    }

    /// The verdict on what was published.
    pub async fn verdict(&mut self, published: &Published) -> Verdict {
        let dead = self.dead().await;
        let consumers: Vec<&str> = self.task.consumers.iter().map(String::as_str).collect();
        Verdict::reach(&mut self.auditor, published, &consumers, &dead).await
    }

    async fn dead(&self) -> BTreeSet<Of<String>> {
        let mut dead = BTreeSet::new();
        for consumer in &self.task.consumers {
            let ids = self.publisher.empty(&dead_letters(&self.task, consumer)).await;
            dead.extend(ids.into_iter().map(|id| (consumer.clone(), id)));
        }
        dead
    }

    /// Deletes what is left on the broker.
    pub async fn close(self) {
        let queues = self.task.consumers.iter().map(|consumer| self.task.queue(consumer));
        let dead = self.task.consumers.iter().map(|consumer| dead_letters(&self.task, consumer));
        let waits = self.task.consumers.iter().flat_map(|consumer| self.task.wait_queues(consumer));
        let names: Vec<String> = queues.chain(dead).chain(waits).collect();
        if let Ok(publisher) = Arc::try_unwrap(self.publisher) {
            publisher.clean(&names).await;
        }
    }
}

fn dead_letters(task: &Consuming, consumer: &str) -> String {
    format!("{}.dlq", queue(&task.exchange, consumer))
}
