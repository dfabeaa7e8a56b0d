//! The market: whoever publishes while the day lasts.

use std::time::Duration;

use consumer::memory::MemoryBroker;
use tokio::time::{Instant, sleep};

use super::{INBOUND, Plan};
use crate::{publish::send, traffic::Traffic};

/// Publishers wait when this many messages wait in a queue, so that there is work at every moment of the day.
const BACKLOG: usize = 200;

/// What has been published until the market closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    pub events: i64,
    pub poisoned: i64,
}

/// Publishes until there are no more events, or no more time.
pub async fn trade(broker: MemoryBroker, plan: Plan) -> anyhow::Result<Published> {
    let closes = Instant::now() + Duration::from_secs(plan.seconds);
    let mut published = Published::default();
    for sent in Traffic::new(plan.seed).take(plan.events) {
        if Instant::now() > closes {
            break;
        }
        let sent = sent?;
        send(&broker, sent.publication).await?;
        published.events += 1;
        published.poisoned += i64::from(sent.poisoned);
        while INBOUND.iter().any(|queue| broker.depth(queue) > BACKLOG) {
            sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(published)
}
