//! A cable between clients and a server, which a test can pull, cut and spoil.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Passes bytes between its clients and one server.
pub struct Cable {
    /// Where clients connect.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    /// Nothing passes, and nobody is told.
    stalled: watch::Sender<bool>,
    /// What the server must not say: it ends the connection.
    poison: Mutex<Option<Vec<u8>>>,
    /// How often it did.
    poisoned: AtomicU32,
    refusing: AtomicBool,
    /// Counts up to cut what is connected.
    cut: watch::Sender<u32>,
}

impl Cable {
    /// A cable in front of `server`, on a free port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared {
            server,
            stalled: watch::Sender::new(false),
            poison: Mutex::default(),
            poisoned: AtomicU32::new(0),
            refusing: AtomicBool::new(false),
            cut: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared }
    }

    /// A cable in front of the server of an AMQP URL, and the URL that leads through it.
    pub async fn before(url: &str) -> (Self, String) {
        let host = url.rsplit_once('@').map_or(url, |(_, host)| host).split('/').next().unwrap_or_default();
        let cable = Self::start(host.parse().expect("an address of the form 127.0.0.1:5672")).await;
        let through = url.replace(host, &cable.address.to_string());
        (cable, through)
    }

    /// Lets nothing pass in either direction, and tells nobody: it was pulled.
    pub fn stall(&self) {
        self.shared.stalled.send_replace(true);
    }

    /// Lets everything pass again.
    pub fn resume(&self) {
        self.shared.stalled.send_replace(false);
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Ends every new connection before a byte has passed.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::Relaxed);
    }

    /// Ends each connection on which the server says this.
    pub fn poison(&self, bytes: &[u8]) {
        *self.shared.poison.lock().expect("nobody panics with it") = Some(bytes.to_vec());
    }

    /// How many connections the poison ended.
    pub fn poisoned(&self) -> u32 {
        self.shared.poisoned.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if !shared.refusing.load(Ordering::Relaxed) {
            tokio::spawn(pass(client, shared.clone()));
        }
    }
}

async fn pass(client: TcpStream, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(shared.server).await else { return };
    // No delays of our own beside those under test.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut cut = shared.cut.subscribe();
    tokio::select! {
        () = copy(from_client, to_server, &shared, false) => {}
        () = copy(from_server, to_client, &shared, true) => {}
        _ = cut.changed() => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, judged: bool) {
    let (mut buffer, mut stalled) = (vec![0; 64 << 10], shared.stalled.subscribe());
    while let Ok(len) = from.read(&mut buffer).await {
        let bytes = &buffer[..len];
        if len == 0 || (judged && is_poison(shared, bytes)) {
            return;
        }
        // The sender lives as long as the cable.
        let _ = stalled.wait_for(|stalled| !stalled).await;
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

fn is_poison(shared: &Shared, bytes: &[u8]) -> bool {
    let poison = shared.poison.lock().expect("nobody panics with it");
    let found =
        poison.as_ref().is_some_and(|poison| bytes.windows(poison.len()).any(|window| window == poison));
    if found {
        shared.poisoned.fetch_add(1, Ordering::Relaxed);
    }
    found
}
