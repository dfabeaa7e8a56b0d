//! Acknowledging many messages at once, although they finish out of order.

use std::collections::BTreeSet;

use anyhow::Result;
use lapin::{Channel, options::BasicAckOptions};
use tokio::sync::mpsc::UnboundedReceiver;

/// Acks what has been committed, given as tags, until nobody is left to say more.
///
/// An ack with `multiple` speaks for every earlier message of the channel: it is sent up to the last tag before which
/// nothing is unfinished.
pub(super) async fn acknowledge(channel: Channel, mut committed: UnboundedReceiver<Vec<u64>>) -> Result<()> {
    let mut run = Run::default();
    while let Some(tags) = committed.recv().await {
        if let Some(last) = run.add(tags) {
            channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(())
}

/// Finished tags, of which those up to `last` leave no gap.
#[derive(Debug, Default)]
struct Run {
    last: u64,
    ahead: BTreeSet<u64>,
}

impl Run {
    /// Adds finished tags; the end of the run if it has moved.
    fn add(&mut self, tags: Vec<u64>) -> Option<u64> {
        let before = self.last;
        self.ahead.extend(tags);
        while self.ahead.remove(&(self.last + 1)) {
            self.last += 1;
        }
        (self.last > before).then_some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unfinished_is_acknowledged() {
        let mut run = Run::default();
        assert_eq!(run.add(vec![2, 3]), None);
        assert_eq!(run.add(vec![1]), Some(3));
        assert_eq!(run.add(vec![6, 4]), Some(4));
        assert_eq!(run.add(vec![5]), Some(6));
    }
}
