//! From publish to commit, with messages coming in at half of what a contestant can take.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use crate::{
    calm::calm,
    contestants::{Contestant, Run},
    meter::Meter,
    payment::Payment,
    results::Latency,
    round::{Arena, Running},
};

/// The part of its throughput that a contestant is given.
const LOAD: f64 = 0.5;
/// Messages of the first moments do not count: the contestant is connecting.
const WARM_UP: Duration = Duration::from_secs(2);
/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(1);

impl Arena {
    /// Publishes to a contestant for so long, at half of this rate.
    ///
    /// # Errors
    /// When it fails, stands still, or leaves wrong books.
    pub async fn latency(&self, contestant: &Contestant, rate: f64, span: Duration) -> Result<Latency> {
        let Run::Consume(consume) = contestant.run else {
            anyhow::bail!("{} consumes nothing", contestant.name)
        };
        let rate = rate * LOAD;
        let total = (rate * (WARM_UP + span).as_secs_f64()).ceil() as u64;
        let payments: Vec<_> = (0..total).map(|_| Payment::any()).collect();
        let place = self.place().await?;
        calm(&self.servers).await;

        let meter = Arc::new(Meter::with_times(total));
        let running = Running::start(consume, self.stage(&place, &meter))?;
        let measured = async {
            let sent = self.publish(&place.queue, &payments, rate).await?;
            meter.over().await;
            anyhow::Ok(sent)
        };
        let sent = running.watch(&meter, measured).await?.context("cannot publish")?;
        self.broker.drain(&place.queue).await?;
        place.books.check(&payments).await?;
        self.leave(place, 0).await?;
        of(&payments, &sent, &meter.times(), rate)
    }

    /// Publishes at an even rate; when each was sent. It does not wait for the consumer, nor for confirms.
    async fn publish(&self, queue: &str, payments: &[Payment], rate: f64) -> Result<Vec<Instant>> {
        let mut publisher = self.broker.publisher(queue);
        let mut sent = Vec::with_capacity(payments.len());
        let begun = Instant::now();
        while sent.len() < payments.len() {
            let due = ((begun.elapsed().as_secs_f64() * rate) as usize).min(payments.len());
            for payment in &payments[sent.len()..due] {
                sent.push(Instant::now());
                publisher.publish(payment).await?;
            }
            tokio::time::sleep(TICK).await;
        }
        publisher.finish().await?;
        Ok(sent)
    }
}

fn of(payments: &[Payment], sent: &[Instant], through: &[(Uuid, Instant)], rate: f64) -> Result<Latency> {
    let begun = sent.first().context("nothing was sent")?;
    let through: HashMap<_, _> = through.iter().copied().collect();
    let counted = payments.iter().zip(sent).filter(|(_, sent)| **sent - *begun >= WARM_UP);
    let mut times = Vec::new();
    for (payment, sent) in counted {
        let through = through.get(&payment.payment).context("nobody has seen a message through")?;
        times.push(u64::try_from((*through - *sent).as_micros())?);
    }
    ensure!(!times.is_empty(), "nothing was sent after the beginning");
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    Ok(Latency { rate, p50_us: at(0.5), p95_us: at(0.95), p99_us: at(0.99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_does_not_count() {
        let payments: Vec<_> = (0..1_100).map(|_| Payment::any()).collect();
        let begun = Instant::now();
        let sent: Vec<_> = (0..1_100).map(|n| begun + Duration::from_millis(20 * n)).collect();
        let slow_at_first = |n: usize| Duration::from_micros(if n < 100 { 1_000_000 } else { n as u64 });
        let through: Vec<_> = (0..1_100).map(|n| (payments[n].payment, sent[n] + slow_at_first(n))).collect();
        let latency = of(&payments, &sent, &through, 50.0).expect("all are through");
        assert_eq!((latency.p50_us, latency.p99_us), (599, 1_089));
    }
}
