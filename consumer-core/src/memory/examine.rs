//! What a start would refuse or warn about.

use super::state::State;
use crate::{
    broker::{BrokerState, QueueSpec},
    doctor::Finding,
};

const SUBJECT: &str = "the broker in this process";

/// The broker, then the queues. Of one that is away nothing else is known.
pub(super) fn examine(state: &State, queues: &[QueueSpec]) -> Vec<Finding> {
    let broker = match state.broker_state() {
        BrokerState::Up => Finding::fine(SUBJECT, "takes messages"),
        BrokerState::Blocked(reason) => {
            Finding::warns(SUBJECT, format!("takes no publishes: {reason}"), "let it recover")
        }
        BrokerState::Down(reason) => {
            return vec![Finding::refuses(SUBJECT, format!("is away: {reason}"), "let it recover")];
        }
    };
    [broker].into_iter().chain(state.declared.examine(queues)).collect()
}
