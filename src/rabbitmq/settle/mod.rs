//! Settling: the deliveries of one channel, written in the background.

mod ledger;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use consumer_core::broker::{AllSettled, Settle, Settled, Settlement, Together};
use lapin::{Channel, ChannelStatus};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use self::writer::Writer;

/// What is owed to whoever settled a delivery: an answer, `false` unless somebody knows better.
struct Owed(Option<Creditor>);

enum Creditor {
    One(Settled),
    OneOfMany(Arc<Together>),
}

impl Owed {
    fn answer(mut self, written: bool) {
        self.tell(written);
    }

    fn tell(&mut self, written: bool) {
        match self.0.take() {
            Some(Creditor::One(settled)) => settled(written),
            Some(Creditor::OneOfMany(together)) => together.is_told(written),
            None => {}
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.tell(false);
    }
}

enum Command {
    Settle {
        tag: u64,
        settlement: Settlement,
        owed: Owed,
    },
    SettleAll {
        each: Vec<(u64, Owed)>,
        settlement: Settlement,
    },
    /// Everything settled so far is written before the answer.
    Flush(oneshot::Sender<()>),
}

/// Settles the deliveries of one channel of one connection.
///
/// Its writer keeps the channel open for as long as a delivery of it is in work, also after the consumer was cancelled.
/// A settlement that comes after the channel's end is answered `false`: the next channel gives the same numbers to
/// other messages.
#[derive(Debug)]
pub(super) struct Settler {
    commands: mpsc::UnboundedSender<Command>,
    counts: Arc<Counts>,
    status: ChannelStatus,
    /// For the writer, and for everybody who asks, which is for every delivery.
    ended: (CancellationToken, AtomicBool),
}

/// What happened on a channel so far.
#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    settled: AtomicU64,
}

impl Settler {
    /// Starts the writer of a channel.
    pub(super) fn start(channel: Channel, prefetch: u16) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (counts, ended) = (Arc::new(Counts::default()), CancellationToken::new());
        let status = channel.status().clone();
        let writer = Writer::new(channel, counts.clone(), prefetch);
        Handle::current().spawn(writer.run(inbox, ended.clone()));
        Self { commands, counts, status, ended: (ended, AtomicBool::new(false)) }
    }

    /// Notes that the delivery with this tag was handed out.
    pub(super) fn delivered(&self, tag: u64) {
        self.counts.delivered.store(tag, Ordering::Release);
    }

    /// How many settlements were written.
    pub(super) fn settled(&self) -> u64 {
        self.counts.settled.load(Ordering::Acquire)
    }

    /// The channel is no more: every settlement from now on is answered `false`.
    pub(super) fn end(&self) {
        self.ended.1.store(true, Ordering::Release);
        self.ended.0.cancel();
    }

    /// Waits until everything settled so far is written, or cannot be.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.commands.send(Command::Flush(done)).is_ok() {
            // An error says that the writer has ended, so nothing is left to wait for.
            let _ = flushed.await;
        }
    }
}

impl Settle for Settler {
    fn settle(&self, tag: u64, settlement: Settlement, settled: Settled) {
        let owed = Owed(Some(Creditor::One(settled)));
        // What cannot be sent is dropped, which answers it.
        let _ = self.commands.send(Command::Settle { tag, settlement, owed });
    }

    fn settle_all(&self, tags: Vec<u64>, settlement: Settlement, settled: AllSettled) {
        let together = Together::new(settled);
        let owed = |tag| (tag, Owed(Some(Creditor::OneOfMany(together.clone()))));
        let each = tags.into_iter().map(owed).collect();
        // As above.
        let _ = self.commands.send(Command::SettleAll { each, settlement });
    }

    fn is_open(&self) -> bool {
        !self.ended.1.load(Ordering::Acquire) && self.status.connected()
    }
}
