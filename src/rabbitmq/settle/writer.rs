//! The writer: the task that writes the settlements of one channel.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use consumer_core::broker::Settlement;
use futures_util::{StreamExt, poll, stream::FuturesUnordered};
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicNackOptions},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Command, Counts, Owed,
    ledger::{Entry, Ledger, Write},
};

/// How long a settlement waits for its neighbours. Long enough for workers that finish together, short beside any
/// commit.
const LINGER: Duration = Duration::from_millis(3);
/// How long it waits for those before it that are still in work. A frame for each would cost the broker more than anything
/// else that is done for a message where several workers have batches in work; a process that is killed meanwhile gets that
/// many duplicates more.
const GAP: Duration = Duration::from_millis(500);
/// Below this prefetch nothing waits for a gap: workers could run out of deliveries meanwhile.
const WIDE: u16 = 128;
/// Commands taken at once.
const TAKEN: usize = 1024;
/// How long a socket may take to accept what is to be flushed.
const FLUSH: Duration = Duration::from_secs(10);

/// A frame on its way to the socket.
type Flight = Pin<Box<dyn Future<Output = (bool, Vec<Debt>)> + Send>>;

/// What is owed for a settlement, and since when.
struct Debt {
    since: Instant,
    owed: Owed,
}

pub(super) struct Writer {
    channel: Channel,
    counts: Arc<Counts>,
    /// Waiting settlements that are written without lingering: half of what the broker lets out.
    enough: usize,
    /// How long, and how many, may wait behind a gap.
    patience: (Duration, usize),
    ledger: Ledger<Debt>,
    flying: FuturesUnordered<Flight>,
    deadline: Option<Instant>,
    /// When the first of those behind a gap is written all the same, or later, if the gap has moved on.
    gap: Option<Instant>,
    /// Settlements that were taken, written or not.
    taken: u64,
}

impl Writer {
    pub(super) fn new(channel: Channel, counts: Arc<Counts>, prefetch: u16) -> Self {
        Self {
            channel,
            counts,
            enough: usize::from(prefetch / 2).max(1),
            patience: if prefetch < WIDE { (Duration::ZERO, 0) } else { (GAP, usize::from(prefetch / 2)) },
            ledger: Ledger::default(),
            flying: FuturesUnordered::new(),
            deadline: None,
            gap: None,
            taken: 0,
        }
    }

    /// Until the channel ends, or nobody is left who could settle anything.
    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>, ended: CancellationToken) {
        let mut commands = Vec::new();
        loop {
            let (due, gap) = (self.deadline, self.gap);
            tokio::select! {
                biased;
                () = ended.cancelled() => return,
                Some((written, owed)) = self.flying.next(), if !self.flying.is_empty() => self.landed(written, owed),
                taken = inbox.recv_many(&mut commands, TAKEN) => {
                    if taken == 0 {
                        return self.drain().await;
                    }
                    let now = Instant::now();
                    for command in commands.drain(..) {
                        self.take(command, now).await;
                    }
                    self.write_if_due().await;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.write().await,
                () = sleep_until(gap.unwrap_or_else(Instant::now)), if gap.is_some() => self.write_overdue().await,
            }
        }
    }

    async fn take(&mut self, command: Command, now: Instant) {
        match command {
            Command::Settle { tag, settlement, owed } => {
                self.note(tag, settlement, Debt { since: now, owed })
            }
            Command::SettleAll { each, settlement } => {
                for (tag, owed) in each {
                    self.note(tag, settlement, Debt { since: now, owed });
                }
            }
            Command::Flush(done) => {
                self.drain().await;
                // Nobody waits any more if this fails.
                let _ = done.send(());
            }
        }
    }

    fn note(&mut self, tag: u64, settlement: Settlement, debt: Debt) {
        match self.ledger.settle(tag, settlement, debt) {
            Ok(()) => self.taken += 1,
            Err(debt) => debt.owed.answer(false),
        }
    }

    /// At once if nothing else is in work, so that no settlement waits for one that cannot come, or if enough wait.
    async fn write_if_due(&mut self) {
        let waiting = self.ledger.waiting();
        if waiting == 0 {
            return;
        }
        let in_work = self.counts.delivered.load(Ordering::Acquire).saturating_sub(self.taken);
        if in_work == 0 {
            self.write_all().await;
        } else if waiting >= self.enough {
            self.write().await;
        } else {
            self.deadline.get_or_insert_with(|| Instant::now() + LINGER);
        }
    }

    /// Hands what takes few frames to lapin; what is behind a gap waits for it, for a while.
    async fn write(&mut self) {
        let entries = self.ledger.flush_run();
        self.hand_over(entries).await;
        let (time, most) = self.patience;
        match self.ledger.waiting() {
            0 => self.gap = None,
            // The broker lets nothing more out until some of them are settled.
            waiting if waiting > most => self.write_all().await,
            _ => _ = self.gap.get_or_insert_with(|| Instant::now() + time),
        }
    }

    /// Hands over what has waited behind a gap for too long: the gap moves on while one delivery after the other is
    /// finished, and most of what is behind it now came later.
    async fn write_overdue(&mut self) {
        let now = Instant::now();
        let (time, _) = self.patience;
        let entries = self.ledger.flush_due(|debt| now >= debt.since + time);
        self.gap = self.ledger.owed().map(|debt| debt.since + time).min();
        self.hand_over(entries).await;
    }

    /// Hands every waiting settlement to lapin.
    async fn write_all(&mut self) {
        self.gap = None;
        let entries = self.ledger.flush();
        self.hand_over(entries).await;
    }

    /// In order, without waiting for the socket.
    async fn hand_over(&mut self, entries: Vec<Entry<Debt>>) {
        self.deadline = None;
        for Entry { write, owed } in entries {
            let mut flight = fly(self.channel.clone(), write, owed);
            // The first poll queues the frame, which fixes its place.
            match poll!(&mut flight) {
                std::task::Poll::Ready((written, owed)) => self.landed(written, owed),
                std::task::Poll::Pending => self.flying.push(flight),
            }
        }
    }

    async fn drain(&mut self) {
        self.write_all().await;
        let all = async {
            while let Some((written, owed)) = self.flying.next().await {
                landed(&self.counts, written, owed);
            }
        };
        // What the socket does not take is answered `false` when it is dropped.
        let _ = timeout(FLUSH, all).await;
    }

    fn landed(&self, written: bool, owed: Vec<Debt>) {
        landed(&self.counts, written, owed);
    }
}

fn landed(counts: &Counts, written: bool, owed: Vec<Debt>) {
    if written {
        counts.settled.fetch_add(owed.len() as u64, Ordering::AcqRel);
    }
    owed.into_iter().for_each(|debt| debt.owed.answer(written));
}

fn fly(channel: Channel, write: Write, owed: Vec<Debt>) -> Flight {
    Box::pin(async move {
        let sent = match write {
            Write::Ack { tag, multiple } => channel.basic_ack(tag, BasicAckOptions { multiple }).await,
            Write::Requeue { tag } => channel.basic_nack(tag, requeue()).await,
        };
        if let Err(error) = &sent {
            debug!(%error, ?write, "settlement not written");
        }
        (sent.is_ok(), owed)
    })
}

/// A nack, because newer brokers do not count it as a failed delivery.
fn requeue() -> BasicNackOptions {
    BasicNackOptions { multiple: false, requeue: true }
}
