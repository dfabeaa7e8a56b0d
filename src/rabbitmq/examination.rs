//! The examination of a broker: what a start would refuse or warn about, with nothing changed.

use std::sync::Arc;

use consumer_core::{
    broker::{BrokerState, Publication, QueueSpec},
    doctor::Finding,
    message::{MAX_HEADER_DEPTH, Message},
};

use super::{
    address::Address,
    board::Board,
    link::Link,
    publisher::Publisher,
    topology::{self, Right},
};

pub(super) struct Examination {
    pub(super) address: Address,
    pub(super) board: Board,
    pub(super) consuming: Link,
    pub(super) publisher: Arc<Publisher>,
}

impl Examination {
    /// All findings at once. A queue that cannot be looked at is one of them.
    pub(super) async fn run(self, queues: Vec<QueueSpec>) -> Vec<Finding> {
        let mut findings = vec![self.connection(), hostile_headers()];
        self.queues(&queues, &mut findings).await;
        let publishing = self.publishing().await;
        findings.extend(publishing.filter(|new| findings.iter().all(|found| found.subject != new.subject)));
        findings
    }

    fn connection(&self) -> Finding {
        let subject = format!("RabbitMQ at {}", self.address);
        match self.board.state() {
            BrokerState::Blocked(reason) => Finding::warns(
                subject,
                format!("takes no publishes: {reason}"),
                "free memory or disk space there; `rabbitmq-diagnostics alarms` says what it is short of",
            ),
            BrokerState::Down(reason) => Finding::refuses(
                subject,
                format!("is away: {reason}"),
                "see whether it runs and can be reached; `rabbitmq-diagnostics status` on its machine says so",
            ),
            _ => Finding::fine(subject, "is connected, once to consume and once to publish"),
        }
    }

    async fn queues(&self, queues: &[QueueSpec], findings: &mut Vec<Finding>) {
        match self.consuming.soon().await {
            Ok(session) => {
                for queue in queues {
                    topology::examine(&session, &self.address, queue, findings).await;
                }
            }
            Err(error) => findings.push(Finding::refuses(
                "the queues",
                format!("could not be looked at: {error}"),
                "ask again once the broker is back",
            )),
        }
    }

    /// Publishes to a queue that nobody has.
    async fn publishing(&self) -> Option<Finding> {
        if self.board.state() != BrokerState::Up {
            return None;
        }
        let routing_key = format!("consumer.doctor.{:016x}", fastrand::u64(..));
        let nowhere = Publication { exchange: String::new(), routing_key, message: Message::default() };
        match self.publisher.publish(nowhere).await {
            Err(error) if error.is_refused() => Some(Right::to_publish(error.to_string()).will_be_missed(
                &self.address,
                "neither copies nor dead letters can be published, so a message that fails is never settled",
            )),
            Err(error) if !error.is_unroutable() => Some(Finding::warns(
                "publishing",
                format!("a message to nowhere was not answered: {error}"),
                "see whether the broker is well, and ask again",
            )),
            _ => None,
        }
    }
}

fn hostile_headers() -> Finding {
    Finding::fine(
        "hostile headers",
        format!(
            "tables and arrays more than {MAX_HEADER_DEPTH} levels deep are taken out before the client reads them, so no \
             larger stack (RUST_MIN_STACK) is needed"
        ),
    )
}
