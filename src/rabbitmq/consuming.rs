//! Consuming: the task that keeps one queue consumed.

use std::{
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use consumer_core::{
    Error, Result,
    broker::{QueueSpec, Topology},
    telemetry,
};
use lapin::{
    Channel, Consumer,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use metrics::counter;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    board::{Board, Part},
    failure::{self, ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED},
    feed::{Feed, Over},
    link::Link,
    session::Session,
    settle::Settler,
    suspicion::Suspicion,
    topology,
    watchdog::{self, Finding},
};

/// How long the broker may take to answer while a channel is set up or cancelled.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often somebody looks whether a message that was suspected is innocent.
const DOUBT: Duration = Duration::from_millis(50);

/// Channels with deliveries that can still be settled.
pub(super) type Settlers = Arc<Mutex<Vec<Weak<Settler>>>>;

/// Keeps one queue consumed until it is cancelled.
pub(super) struct Consuming {
    /// Which consumer of this process it is.
    pub(super) number: u32,
    pub(super) link: Link,
    pub(super) queue: QueueSpec,
    pub(super) prefetch: u16,
    pub(super) watch: Duration,
    pub(super) board: Board,
    pub(super) settlers: Settlers,
    /// To the subscription, which takes the deliveries of each channel itself.
    pub(super) feeds: mpsc::UnboundedSender<Feed>,
    pub(super) cancel: CancellationToken,
}

/// One channel that consumes.
struct Generation {
    session: Arc<Session>,
    channel: Channel,
    /// For what is left when nobody takes deliveries any more.
    feed: Feed,
    settler: Arc<Settler>,
    /// Hears how the deliveries ended; an error says that nobody takes them any more.
    over: oneshot::Receiver<Over>,
    begun: Instant,
}

/// What is remembered from one channel to the next.
struct Memory {
    /// Who waits for the first channel to consume.
    ready: Option<oneshot::Sender<Result<()>>>,
    backoff: Backoff,
    suspicion: Suspicion,
}

/// What comes after a channel.
enum Next {
    Stop,
    /// Another one, after this wait.
    Again(Option<Duration>),
}

/// Why a channel consumes no more.
enum End {
    /// As asked.
    Cancelled,
    /// To go on with another prefetch; nothing is lost.
    Replaced,
    /// The connection ended.
    Connection(String),
    /// The channel ended.
    Channel(String),
}

impl Consuming {
    /// Runs until cancelled. `ready` hears when the first channel consumes, or why none ever will.
    pub(super) async fn run(self, ready: oneshot::Sender<Result<()>>) {
        let mut memory =
            Memory { ready: Some(ready), backoff: Backoff::default(), suspicion: Suspicion::default() };
        let cancel = self.cancel.clone();
        while let Some(session) = cancel.run_until_cancelled(self.link.session()).await.flatten() {
            match self.once(session, &mut memory).await {
                Next::Stop => break,
                Next::Again(None) => {}
                Next::Again(Some(wait)) => _ = cancel.run_until_cancelled(sleep(wait)).await,
            }
        }
        self.board.up(&self.part());
    }

    /// Consumes on one channel, from its start to its end.
    async fn once(&self, session: Arc<Session>, memory: &mut Memory) -> Next {
        let start = self.start(session.clone(), memory.suspicion.prefetch(self.prefetch));
        match self.cancel.run_until_cancelled(start).await {
            None => Next::Stop,
            Some(Err(error)) if session.is_alive() => self.refused_to_start(error, memory),
            Some(Err(error)) => self.died_at_start(&error, memory),
            Some(Ok(mut generation)) => {
                self.consumes(memory);
                let end = self.pump(&mut generation, &mut memory.suspicion).await;
                self.ended(&generation, end, memory)
            }
        }
    }

    /// A mistake that waiting cannot mend ends the first attempt; later it may be somebody's who is about to undo it.
    fn refused_to_start(&self, error: Error, memory: &mut Memory) -> Next {
        if let Some(ready) = memory.ready.take_if(|_| !error.is_unavailable()) {
            // Whoever asked may be gone.
            let _ = ready.send(Err(error));
            return Next::Stop;
        }
        self.trouble(&error.to_string());
        Next::Again(Some(memory.backoff.after(None)))
    }

    /// The first deliveries come along with the answer to the consume, so one of them may be to blame.
    fn died_at_start(&self, error: &Error, memory: &mut Memory) -> Next {
        self.died(Duration::ZERO, 0, &mut memory.suspicion);
        self.trouble(&error.to_string());
        Next::Again(Some(memory.backoff.after(Some(Duration::ZERO))))
    }

    /// A channel that consumes the queue.
    async fn start(&self, session: Arc<Session>, prefetch: u16) -> Result<Generation> {
        if let Ok(started) = timeout(PATIENCE, self.start_on(session.clone(), prefetch)).await {
            return started;
        }
        session.end_if_silent().await;
        Err(Error::unavailable("RabbitMQ does not answer; a quorum queue without a leader does that"))
    }

    async fn start_on(&self, session: Arc<Session>, prefetch: u16) -> Result<Generation> {
        if self.queue.topology == Topology::Declare {
            topology::prepare(&session, &self.queue).await?;
        }
        let queue = topology::short(&self.queue.name)?;
        let channel = session.channel().await.map_err(|error| self.refused(&error))?;
        let mut discard = Discard(Some(channel.clone()));
        let consumer = consume(&channel, queue, prefetch).await.map_err(|error| self.refused(&error))?;
        discard.0 = None;
        let settler = Arc::new(Settler::start(channel.clone(), prefetch));
        self.enlist(&settler);
        let feed = Feed::new(consumer, settler.clone());
        let (taken, over) = feed.share();
        // Refused if nobody takes deliveries any more, which is what is heard then.
        let _ = self.feeds.send(taken);
        Ok(Generation { session, channel, feed, settler, over, begun: Instant::now() })
    }

    fn enlist(&self, settler: &Arc<Settler>) {
        let mut settlers = self.settlers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        settlers.retain(|settler| settler.strong_count() > 0);
        settlers.push(Arc::downgrade(settler));
    }

    fn refused(&self, error: &lapin::Error) -> Error {
        let (queue, said) = (&self.queue.name, failure::text(error));
        match failure::reply_code(error) {
            Some(NOT_FOUND) => Error::topology(format!(
                "queue '{queue}' does not exist; declare it, or set topology `declare`: {said}"
            )),
            Some(ACCESS_REFUSED) => Error::refused(format!(
                "this user may not consume queue '{queue}': {said}; allow it with `rabbitmqctl set_permissions`"
            )),
            Some(RESOURCE_LOCKED | PRECONDITION_FAILED) => {
                Error::topology(format!("queue '{queue}' cannot be consumed: {said}"))
            }
            _ => Error::unavailable(format!("queue '{queue}' cannot be consumed now: {said}")),
        }
    }

    /// Watches over a channel until it consumes no more.
    async fn pump(&self, generation: &mut Generation, suspicion: &mut Suspicion) -> End {
        let Generation { session, channel, feed, settler, over, .. } = generation;
        let mut watchdog = Box::pin(watchdog::watch(channel.clone(), feed.queue(), self.watch));
        let mut stopping = None;
        loop {
            tokio::select! {
                biased;
                () = session.ended() => return End::Connection(session.reason()),
                () = self.cancel.cancelled(), if !matches!(stopping, Some(End::Cancelled)) => {
                    if stopping.is_none() {
                        stop(channel, feed).await;
                    }
                    stopping = Some(End::Cancelled);
                }
                finding = &mut watchdog, if stopping.is_none() => return found(session, finding).await,
                over = &mut *over => return match over {
                    Ok(Ok(())) => stopping.unwrap_or_else(|| End::Channel("RabbitMQ cancelled the consumer".to_owned())),
                    Ok(Err(error)) => lost(session, &error),
                    Err(_) => {
                        if stopping.is_none() {
                            stop(channel, feed).await;
                        }
                        tokio::select! {
                            () = session.ended() => End::Connection(session.reason()),
                            () = feed.give_back_all() => End::Cancelled,
                        }
                    }
                },
                () = sleep(DOUBT), if stopping.is_none() && suspicion.is_on() => {
                    if suspicion.clear(settler.settled()) {
                        info!(queue = self.queue.name, "messages are taken at full prefetch again");
                        stop(channel, feed).await;
                        stopping = Some(End::Replaced);
                    }
                }
            }
        }
    }

    fn consumes(&self, memory: &mut Memory) {
        self.board.up(&self.part());
        match memory.ready.take() {
            // Whoever asked may be gone.
            Some(ready) => _ = ready.send(Ok(())),
            None => info!(queue = self.queue.name, "consuming again"),
        }
    }

    /// Cleans up after a channel.
    fn ended(&self, generation: &Generation, end: End, memory: &mut Memory) -> Next {
        let (lived, settled) = (generation.begun.elapsed(), generation.settler.settled());
        let reason = match end {
            _ if self.cancel.is_cancelled() => return Next::Stop,
            End::Cancelled => return Next::Stop,
            End::Replaced => return Next::Again(None),
            End::Connection(reason) => {
                self.died(lived, settled, &mut memory.suspicion);
                reason
            }
            End::Channel(reason) => {
                counter!(telemetry::RECONNECTS, "what" => "channel").increment(1);
                reason
            }
        };
        generation.settler.end();
        Handle::current().spawn(close(generation.session.clone(), generation.channel.clone()));
        self.trouble(&reason);
        Next::Again(Some(memory.backoff.after(Some(lived))))
    }

    fn died(&self, lived: Duration, settled: u64, suspicion: &mut Suspicion) {
        let before = suspicion.is_on();
        suspicion.died(lived, settled);
        if suspicion.is_on() && !before {
            warn!(
                queue = self.queue.name,
                "connections keep dying before anything is settled: a message may be to blame, so they are taken one by one"
            );
        }
    }

    fn trouble(&self, reason: &str) {
        warn!(queue = self.queue.name, reason, "queue not consumed");
        self.board.down(self.part(), reason);
    }

    fn part(&self) -> Part {
        Part::Queue { queue: self.queue.name.clone(), consumer: self.number }
    }
}

/// Closes a channel unless it is taken out.
///
/// lapin closes a channel that is dropped, but not while a consume on it is unanswered: a broker that answers late would
/// then deliver to nobody.
struct Discard(Option<Channel>);

impl Drop for Discard {
    fn drop(&mut self) {
        // Without a runtime everything ends anyway.
        if let (Some(channel), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // It may be closed already, and if the broker never answers, the connection ends it.
                let _ = channel.close(200, "given up".into()).await;
            });
        }
    }
}

/// Closes a channel that may have deliveries; one that cannot be closed keeps them from everybody.
async fn close(session: Arc<Session>, channel: Channel) {
    if timeout(PATIENCE, channel.close(200, "given up".into())).await.is_err() {
        session.end("RabbitMQ does not close a channel");
    }
}

async fn consume(channel: &Channel, queue: ShortString, prefetch: u16) -> lapin::Result<Consumer> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (tag, options, arguments) =
        (ShortString::default(), BasicConsumeOptions::default(), FieldTable::default());
    channel.basic_consume(queue, tag, options, arguments).await
}

/// Asks for no more deliveries; those on their way still come.
async fn stop(channel: &Channel, feed: &Feed) {
    // Whatever goes wrong here ends the stream.
    let _ = timeout(PATIENCE, channel.basic_cancel(feed.tag(), BasicCancelOptions::default())).await;
}

async fn found(session: &Session, finding: Finding) -> End {
    match finding {
        Finding::Unserved(reason) => End::Channel(reason),
        Finding::Silence if session.end_if_silent().await => End::Connection(session.reason()),
        Finding::Silence => End::Channel("RabbitMQ does not answer for the queue".to_owned()),
    }
}

fn lost(session: &Session, error: &lapin::Error) -> End {
    let reason = failure::text(error);
    if failure::ends_connection(error) || !session.is_alive() {
        End::Connection(reason)
    } else {
        End::Channel(reason)
    }
}
