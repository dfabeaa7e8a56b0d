//! Lanes: everything of one account goes to one worker, so that no two workers want the same row.

use anyhow::Result;
use futures_util::{Stream, StreamExt};
use lapin::message::Delivery;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::message::{Received, read};

/// The ends of so many lanes.
pub(super) fn lanes(count: usize, capacity: usize) -> (Vec<Sender<Received>>, Vec<Receiver<Received>>) {
    (0..count).map(|_| mpsc::channel(capacity)).unzip()
}

/// Puts each delivery into the lane of its account, until the deliveries end.
pub(super) async fn distribute(
    deliveries: impl Stream<Item = lapin::Result<Delivery>>,
    lanes: Vec<Sender<Received>>,
) -> Result<()> {
    let mut deliveries = std::pin::pin!(deliveries);
    while let Some(delivery) = deliveries.next().await {
        let received = read(&delivery?)?;
        let lane = received.payment.account.unsigned_abs() as usize % lanes.len();
        lanes[lane].send(received).await?;
    }
    Ok(())
}
