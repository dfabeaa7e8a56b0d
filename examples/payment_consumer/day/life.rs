//! One life of the consumers: from a start to a crash, or to the end of the day.

use std::{future::pending, time::Duration};

use anyhow::{Context, bail};
use consumer::{
    Broker, Runtime,
    http::Provider,
    memory::MemoryBroker,
    outbox::Relay,
    runtime::{EffectsConfig, RuntimeHandle},
};
use tokio::{task::JoinHandle, time::sleep};

use crate::{app::app, fraud::Fraud, store};

/// What the dead have left is found soon: a life is short here.
const POLL: Duration = Duration::from_millis(50);
/// Most calls wait, some of them for an answer that never comes.
const CALLS: usize = 64;

/// Consumers at work, with connections of their own, as a process would have them.
pub struct Life {
    broker: MemoryBroker,
    handle: RuntimeHandle,
    work: JoinHandle<consumer::Result<()>>,
}

impl Life {
    /// Starts, and waits until messages are consumed.
    pub async fn begin(
        database: &str,
        broker: &MemoryBroker,
        fraud: Fraud,
        gateway: Provider,
    ) -> anyhow::Result<Self> {
        let broker = broker.connect();
        let runtime = Runtime::new(store::connect(database).await?, broker.clone())
            .effects(EffectsConfig::new().concurrency(CALLS).lease(EffectsConfig::SHORTEST_LEASE).poll(POLL))
            .relay(Relay::new().lease(Relay::SHORTEST_LEASE).poll(POLL));
        let handle = runtime.handle();
        let work = tokio::spawn(runtime.run(app(fraud, gateway)).until(pending()));
        let mut life = Self { broker, handle, work };
        life.consumes().await?;
        Ok(life)
    }

    async fn consumes(&mut self) -> anyhow::Result<()> {
        while !self.handle.health().ready {
            if self.work.is_finished() {
                (&mut self.work).await??;
                bail!("the runtime has ended before it was ready");
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Dies in the middle of whatever it does: nothing is finished, nothing is said to the broker or the database.
    pub async fn crash(self) {
        self.work.abort();
        let _ = self.work.await;
        self.broker.close().await;
    }

    /// Stops as it would on SIGTERM.
    pub async fn end(self) -> anyhow::Result<()> {
        self.handle.stop();
        self.work.await?.context("the consumers did not end well")
    }
}
