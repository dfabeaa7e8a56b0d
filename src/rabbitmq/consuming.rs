//! Consuming: the task that keeps one queue consumed.

use std::{
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use consumer_core::{
    Error, Result,
    broker::{Delivery, QueueSpec, Topology},
    message::HeaderValue,
    telemetry,
};
use futures_util::StreamExt;
use lapin::{
    Channel, Consumer,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use metrics::counter;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    board::{Board, Part},
    failure::{self, ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED},
    link::Link,
    message,
    session::Session,
    settle::Settler,
    subscription::give_back,
    suspicion::Suspicion,
    topology,
    watchdog::{self, Finding},
    wire::DAMAGE,
};

/// How long the broker may take to answer while a channel is set up or cancelled.
const PATIENCE: Duration = Duration::from_secs(30);

/// Channels with deliveries that can still be settled.
pub(super) type Settlers = Arc<Mutex<Vec<Weak<Settler>>>>;

/// Keeps one queue consumed until it is cancelled.
pub(super) struct Consuming {
    pub(super) link: Link,
    pub(super) queue: QueueSpec,
    pub(super) prefetch: u16,
    pub(super) watch: Duration,
    pub(super) board: Board,
    pub(super) settlers: Settlers,
    pub(super) deliveries: mpsc::UnboundedSender<Delivery>,
    pub(super) cancel: CancellationToken,
}

/// One channel that consumes.
struct Generation {
    session: Arc<Session>,
    channel: Channel,
    consumer: Consumer,
    settler: Arc<Settler>,
    begun: Instant,
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
        let mut ready = Some(ready);
        let (mut backoff, mut suspicion) = (Backoff::default(), Suspicion::default());
        let cancel = self.cancel.clone();
        while let Some(session) = cancel.run_until_cancelled(self.link.session()).await.flatten() {
            let started =
                cancel.run_until_cancelled(self.start(session, suspicion.prefetch(self.prefetch))).await;
            let lived = match started {
                None => break,
                Some(Ok(mut generation)) => {
                    self.consumes(&mut ready);
                    let end = self.pump(&mut generation, &mut suspicion).await;
                    if let End::Cancelled = end {
                        break;
                    }
                    self.ended(&generation, end, &mut suspicion)
                }
                Some(Err(error)) => {
                    if let Some(ready) = ready.take_if(|_| !error.is_unavailable()) {
                        // Whoever asked may be gone.
                        let _ = ready.send(Err(error));
                        break;
                    }
                    self.trouble(&error.to_string());
                    Some(Duration::ZERO)
                }
            };
            if let Some(lived) = lived {
                cancel.run_until_cancelled(sleep(backoff.after(lived))).await;
            }
        }
        self.board.up(&self.part());
    }

    /// A channel that consumes the queue.
    async fn start(&self, session: Arc<Session>, prefetch: u16) -> Result<Generation> {
        let started = timeout(PATIENCE, self.start_on(session.clone(), prefetch)).await;
        started.unwrap_or_else(|_| {
            session.end("RabbitMQ does not answer");
            Err(Error::unavailable("RabbitMQ does not answer"))
        })
    }

    async fn start_on(&self, session: Arc<Session>, prefetch: u16) -> Result<Generation> {
        if self.queue.topology == Topology::Declare {
            topology::prepare(&session, &self.queue).await?;
        }
        let queue = topology::short(&self.queue.name)?;
        let channel = session.channel().await.map_err(|error| self.refused(&error))?;
        let (channel, consumer) =
            consume(channel, queue, prefetch).await.map_err(|error| self.refused(&error))?;
        let settler = Arc::new(Settler::start(channel.clone(), prefetch));
        self.enlist(&settler);
        Ok(Generation { session, channel, consumer, settler, begun: Instant::now() })
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

    /// Hands out deliveries until the channel consumes no more.
    async fn pump(&self, generation: &mut Generation, suspicion: &mut Suspicion) -> End {
        let Generation { session, channel, consumer, settler, .. } = generation;
        let mut watchdog = Box::pin(watchdog::watch(channel.clone(), consumer.queue(), self.watch));
        let mut stopping = None;
        loop {
            tokio::select! {
                biased;
                () = session.ended() => return End::Connection(session.reason()),
                () = self.cancel.cancelled(), if !matches!(stopping, Some(End::Cancelled)) => {
                    if stopping.is_none() {
                        stop(channel, consumer).await;
                    }
                    stopping = Some(End::Cancelled);
                }
                finding = &mut watchdog, if stopping.is_none() => return found(session, finding),
                next = consumer.next() => match next {
                    Some(Ok(delivery)) => {
                        self.hand_out(settler, delivery);
                        if stopping.is_none() && suspicion.clear(settler.settled()) {
                            info!(queue = self.queue.name, "messages are taken at full prefetch again");
                            stop(channel, consumer).await;
                            stopping = Some(End::Replaced);
                        }
                    }
                    Some(Err(error)) => return lost(session, &error),
                    None => return stopping.unwrap_or_else(|| End::Channel("RabbitMQ cancelled the consumer".to_owned())),
                },
            }
        }
    }

    fn hand_out(&self, settler: &Arc<Settler>, delivery: lapin::message::Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        settler.delivered(tag);
        let mut message = message::received(delivery);
        let damage = message.headers.remove(DAMAGE).map(|damage| match damage {
            HeaderValue::Text(damage) => damage,
            _ => "unknown".to_owned(),
        });
        if let Some(damage) = &damage {
            warn!(queue = self.queue.name, damage, "a message cannot be read");
        }
        let delivery = Delivery { message, damage, redelivered, tag, channel: settler.clone() };
        if let Err(mpsc::error::SendError(delivery)) = self.deliveries.send(delivery) {
            give_back(delivery);
        }
    }

    fn consumes(&self, ready: &mut Option<oneshot::Sender<Result<()>>>) {
        self.board.up(&self.part());
        match ready.take() {
            // Whoever asked may be gone.
            Some(ready) => _ = ready.send(Ok(())),
            None => info!(queue = self.queue.name, "consuming again"),
        }
    }

    /// Cleans up after a channel; says how long it lived if the next one should wait.
    fn ended(&self, generation: &Generation, end: End, suspicion: &mut Suspicion) -> Option<Duration> {
        let (lived, settled) = (generation.begun.elapsed(), generation.settler.settled());
        let reason = match end {
            End::Cancelled | End::Replaced => return None,
            End::Connection(reason) => {
                self.died(lived, settled, suspicion);
                reason
            }
            End::Channel(reason) => {
                counter!(telemetry::RECONNECTS, "what" => "channel").increment(1);
                reason
            }
        };
        generation.settler.end();
        self.trouble(&reason);
        Some(lived)
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
        Part::Queue(self.queue.name.clone())
    }
}

async fn consume(channel: Channel, queue: ShortString, prefetch: u16) -> lapin::Result<(Channel, Consumer)> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (tag, options, arguments) =
        (ShortString::default(), BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue, tag, options, arguments).await?;
    Ok((channel, consumer))
}

/// Asks for no more deliveries; those on their way still come.
async fn stop(channel: &Channel, consumer: &Consumer) {
    // Whatever goes wrong here ends the stream.
    let _ = timeout(PATIENCE, channel.basic_cancel(consumer.tag(), BasicCancelOptions::default())).await;
}

fn found(session: &Session, finding: Finding) -> End {
    match finding {
        Finding::Unserved(reason) => End::Channel(reason),
        Finding::Silence => {
            session.end("RabbitMQ does not answer");
            End::Connection(session.reason())
        }
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
