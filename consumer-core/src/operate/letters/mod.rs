//! Dead letters, by hand: looked at, redriven, edited, discarded.

mod desk;
mod discard;
mod edit;
mod filter;
mod listing;
mod pace;
mod reading;
mod redrive;
mod roll;
mod round;
mod taken;
mod verdict;

pub use self::{
    discard::Discarded,
    edit::Edited,
    filter::LetterFilter,
    listing::{Group, Listed, Listing, Shown},
    redrive::{Redrive, Redriven},
    verdict::Refusal,
};

/// A dead-letter queue, as a person reads and clears it.
///
/// AMQP has no look without taking: letters are taken from the queue, and those that are not wanted go back at the end of the
/// call, or when its future is dropped. Meanwhile nobody else gets them, and what somebody else has in hand is not seen. A
/// call never looks at more letters than there were when it began, and leaves alone those that died since: what is redriven
/// and fails again comes back to the same queue.
///
/// # Two people, and crashes
///
/// A letter is in one hand only, whoever else reads its queue. It is published with a confirm and acknowledged after that, so
/// that a crash at any point loses none: either it is still in its queue, or the message is in the other, or both. Both, and a
/// letter that somebody has redriven twice, are duplicates of one event, and its claim lets one of them take effect. A crash
/// after the failure record was reset and before the publish leaves a letter whose record says `redriven`; nothing depends on
/// that.
///
/// What nobody checks is a letter's word: whoever may publish to a dead-letter queue can write all of its headers. They choose
/// which failure record is reset, and no queue but one that the consumer is known to consume.
///
/// ```
/// # use consumer_core::{broker::{Broker, QueueSpec}, memory::MemoryBroker, testing::MemoryStore};
/// use consumer_core::operate::{DeadLetters, LetterFilter, Redrive};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> consumer_core::Result<()> {
/// # let (storage, broker) = (MemoryStore::new(), MemoryBroker::new());
/// # broker.prepare(&[QueueSpec::new("payments")]).await?;
/// let letters = DeadLetters::new(storage, broker, "payments.dlq");
/// for group in letters.list(&LetterFilter::default()).await?.groups {
///     println!("{} × {:?}, {:?}", group.count, group.class, group.reason);
/// }
/// let exhausted = LetterFilter { reasons: vec!["attempts-exhausted".into()], ..LetterFilter::default() };
/// let done = letters.redrive(&exhausted, &Redrive::default()).await?;
/// println!("{} redriven, {} had been processed meanwhile", done.redriven, done.processed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeadLetters<S, B> {
    storage: S,
    broker: B,
    queue: String,
}

impl<S, B> DeadLetters<S, B> {
    /// The letters of one dead-letter queue, whose consumers have their tables in this storage.
    pub fn new(storage: S, broker: B, queue: impl Into<String>) -> Self {
        Self { storage, broker, queue: queue.into() }
    }
}
