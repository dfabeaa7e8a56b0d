//! What handlers do to the transaction they are lent, on each real database.

mod mysql;
mod postgres;
mod sqlite;

use std::time::Duration;

use consumer::{App, Storage, memory::MemoryBroker, prelude::*};
use consumer_tests::stage::Stage;

/// An instruction for a handler.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "instruction", version = 1)]
struct Instruction {
    what: String,
}

/// What became of the deliveries of one test.
struct Seen {
    /// Reason and error of each dead letter.
    dead: Vec<(String, String)>,
}

impl Seen {
    /// The reason of the only dead letter.
    fn only_reason(&self) -> &str {
        assert_eq!(self.dead.len(), 1, "{:?}", self.dead);
        &self.dead[0].0
    }
}

/// Delivers each instruction twice, one after the other, and then a harmless one; waits until all of them are settled.
async fn play<S: Storage>(store: S, app: App<S>, instructions: &[&str]) -> Seen {
    let stage = Stage::start(store, MemoryBroker::new(), app).await;
    for what in instructions {
        for _ in 0..2 {
            stage.publish("hazards", what, "instruction", &format!(r#"{{"what":"{what}"}}"#)).await;
            stage.drained("hazards").await;
            if !stage.dead("hazards").is_empty() {
                break;
            }
        }
    }
    stage.publish("hazards", "neighbour", "instruction", r#"{"what":"works"}"#).await;
    stage.drained("hazards").await;
    let dead = stage.dead("hazards").into_iter().zip(stage.dead_errors("hazards")).collect();
    stage.stop().await.expect("a clean stop");
    Seen { dead }
}

/// Retries without waiting for long.
fn quick(config: consumer::handler::ConsumerConfig) -> consumer::handler::ConsumerConfig {
    let policy = consumer::retry::RetryPolicy::never()
        .at_once(3)
        .waits(Duration::from_millis(10), Duration::from_secs(1));
    config.concurrency(2).prefetch(8).retry(policy)
}
