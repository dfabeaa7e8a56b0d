//! A proxy in front of a database, which eats COMMIT's request or its reply and resets the connection.

mod mysql;
mod postgres;
mod word;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::relay::{Inspector, Passage, Relay};
use crate::{backend::Backend, endpoint};

/// What of a COMMIT never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eat {
    /// The request: the database never hears of it.
    Request,
    /// The reply: the database has committed, and the client does not know.
    Reply,
}

/// The proxy; nothing is eaten before [`DatabaseProxy::order`].
pub struct DatabaseProxy {
    url: String,
    relay: Relay,
    kitchen: Arc<Kitchen>,
}

/// What the proxy and its connections share.
#[derive(Default)]
struct Kitchen {
    /// One entry for each COMMIT to come.
    orders: Mutex<VecDeque<Option<Eat>>>,
    commits: AtomicU64,
    eaten: AtomicU64,
}

impl DatabaseProxy {
    /// Stands in front of the server that `url` names.
    ///
    /// # Panics
    /// For SQLite, which has none.
    pub async fn start(backend: Backend, url: &str) -> Self {
        let plain = match backend {
            Backend::Postgres => "sslmode=disable",
            Backend::MySql => "ssl-mode=DISABLED",
            Backend::Sqlite => panic!("SQLite has no server"),
        };
        let kitchen = Arc::new(Kitchen::default());
        let shared = kitchen.clone();
        let relay = Relay::start(endpoint::of(url), move || Diner::new(backend, shared.clone())).await;
        Self { url: endpoint::with_parameter(url, plain), relay, kitchen }
    }

    /// The URL of the database by way of this proxy.
    pub fn url(&self) -> String {
        endpoint::replaced(&self.url, self.relay.address())
    }

    /// Eats of `times` COMMITs to come, and lets `between` pass before each.
    pub fn order(&self, eat: Eat, times: usize, between: usize) {
        let mut orders = self.kitchen.orders();
        for _ in 0..times {
            orders.extend(std::iter::repeat_n(None, between).chain([Some(eat)]));
        }
    }

    /// How many COMMITs were seen.
    pub fn commits(&self) -> u64 {
        self.kitchen.commits.load(Ordering::Relaxed)
    }

    /// How many of them were eaten of.
    pub fn eaten(&self) -> u64 {
        self.kitchen.eaten.load(Ordering::Relaxed)
    }
}

impl Kitchen {
    fn orders(&self) -> std::sync::MutexGuard<'_, VecDeque<Option<Eat>>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do about the COMMIT that has come.
    fn next(&self) -> Option<Eat> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.orders().pop_front().flatten()
    }
}

/// One message of a client.
struct Request {
    bytes: Vec<u8>,
    commits: bool,
}

/// A database's protocol, as far as it takes to find a COMMIT and the end of its reply.
trait Protocol: Send {
    /// Takes what the client sent.
    fn feed(&mut self, bytes: &[u8]);
    /// The next message that is complete.
    fn next(&mut self) -> Option<Request>;
    /// Whether this is all that the server answers to a COMMIT.
    fn is_answered(&self, reply: &[u8]) -> bool;
}

/// Sits on one connection.
struct Diner {
    protocol: Box<dyn Protocol>,
    kitchen: Arc<Kitchen>,
    /// What has come of the reply that is being eaten.
    plate: Option<Vec<u8>>,
}

impl Diner {
    fn new(backend: Backend, kitchen: Arc<Kitchen>) -> Self {
        let protocol: Box<dyn Protocol> = match backend {
            Backend::MySql => Box::new(mysql::MySql::default()),
            _ => Box::new(postgres::Postgres::default()),
        };
        Self { protocol, kitchen, plate: None }
    }
}

impl Inspector for Diner {
    async fn client_sent(&mut self, bytes: &[u8]) -> Passage {
        self.protocol.feed(bytes);
        let mut passing = Vec::new();
        while let Some(request) = self.protocol.next() {
            let eat = if request.commits { self.kitchen.next() } else { None };
            match eat {
                Some(Eat::Request) => {
                    self.kitchen.eaten.fetch_add(1, Ordering::Relaxed);
                    return Passage::Cut(passing);
                }
                Some(Eat::Reply) => self.plate = Some(Vec::new()),
                None => {}
            }
            passing.extend(request.bytes);
        }
        Passage::Pass(passing)
    }

    async fn server_sent(&mut self, bytes: &[u8]) -> Passage {
        let Some(plate) = &mut self.plate else { return Passage::Pass(bytes.to_vec()) };
        plate.extend(bytes);
        if !self.protocol.is_answered(plate) {
            return Passage::Pass(Vec::new());
        }
        self.kitchen.eaten.fetch_add(1, Ordering::Relaxed);
        Passage::Cut(Vec::new())
    }
}
