//! The payment gateway: it honours idempotency keys as the big providers do, and fails as they do.
//!
//! It charges, gives money back, sends receipts, and can tell what it has done. It is the stage, not a model.

mod desk;
mod fault;
mod server;
mod tally;

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use anyhow::Context;
use consumer::http::Provider;
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::tally::{Done, Tally};
use self::{desk::Desk, fault::Faults, server::Server};

/// How to run a gateway as a process of its own.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Plan {
    /// Where it listens, on this machine alone; 0 picks a free port
    #[arg(long, default_value_t = 8900)]
    pub port: u16,
    /// How many of a hundred calls go wrong
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(..=100))]
    pub faults: u8,
}

/// A gateway at work.
pub struct Gateway {
    port: u16,
    desk: Arc<Desk>,
    faults: Arc<Faults>,
    work: JoinHandle<std::io::Result<()>>,
}

impl Gateway {
    pub async fn open(plan: Plan) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, plan.port)).await;
        let listener = listener.with_context(|| format!("port {} cannot be had", plan.port))?;
        let port = listener.local_addr()?.port();
        let (desk, faults) = (Arc::new(Desk::default()), Arc::new(Faults::new(plan.faults)));
        let router = Server { desk: desk.clone(), faults: faults.clone() }.router();
        let work = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { port, desk, faults, work })
    }

    /// What `GATEWAY_URL` names.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub fn tally(&self) -> Tally {
        self.desk.tally()
    }

    /// How often each fault struck.
    pub fn faults(&self) -> BTreeMap<&'static str, i64> {
        self.faults.struck().into_iter().map(|(fault, times)| (fault.as_str(), times)).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(plan: Plan) -> anyhow::Result<()> {
    let gateway = Gateway::open(plan).await?;
    println!("GATEWAY_URL={}", gateway.url());
    consumer::runtime::shutdown_signal().await;
    Ok(())
}

/// What a gateway in another process has done.
pub async fn ask(provider: &Provider) -> anyhow::Result<Tally> {
    let answer = provider.get("tally").send().await.context("the gateway does not say what it has done")?;
    Ok(answer.json()?)
}
