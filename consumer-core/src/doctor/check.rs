//! The checks: what is wrong with a set-up by itself, before any server is asked.

use std::time::Duration;

use super::{Deployment, Finding, Holders};
use crate::broker::QueueSpec;

/// How long RabbitMQ waits before it tries again to move an expired copy that it could not move.
const MOVED_AGAIN: Duration = Duration::from_secs(3 * 60);

/// How long a message can come back: its waits on the ladder, each with one try of the broker that failed, and as long as the
/// broker lets it be unsettled each time it comes.
pub fn horizon(queue: &QueueSpec, consumer_timeout: Duration) -> Duration {
    let waits = queue
        .ladder
        .iter()
        .map(|wait| longest(*wait).saturating_add(MOVED_AGAIN))
        .fold(Duration::ZERO, Duration::saturating_add);
    let arrivals = u32::try_from(queue.ladder.len()).unwrap_or(u32::MAX).saturating_add(1);
    waits.saturating_add(consumer_timeout.saturating_mul(arrivals))
}

/// How long a copy waits at most on a rung of this delay.
fn longest(delay: Duration) -> Duration {
    Duration::try_from_secs_f64(delay.as_secs_f64() * QueueSpec::LONGEST_SPREAD).unwrap_or(Duration::MAX)
}

/// All that is wrong with one set-up.
pub fn check(deployment: &Deployment) -> Vec<Finding> {
    let checks = [retention, hold, prefetch, pace, dead_letters];
    let of_its_own = checks.into_iter().filter_map(|check| check(deployment));
    of_its_own.chain(capacity(deployment.holders, deployment.pool)).collect()
}

/// A claim must be there for as long as its message can come back.
pub fn retention(deployment: &Deployment) -> Option<Finding> {
    let Deployment { consumer, retention, .. } = deployment;
    let horizon = horizon(&deployment.queue, deployment.consumer_timeout);
    (*retention <= horizon).then(|| {
        Finding::refuses(
            subject(consumer),
            format!(
                "claims are kept for {retention:?}, but a delivery of consumer `{consumer}` can come back for {horizon:?} \
                 (its waits on the ladder, and the broker's consumer timeout each time it comes)"
            ),
            "raise the retention above it, or duplicates are applied twice",
        )
    })
}

/// A delivery must be settled before the broker takes it back, with everything else on its channel.
pub fn hold(deployment: &Deployment) -> Option<Finding> {
    let Deployment { consumer, handler_timeout, longest_hold, consumer_timeout, .. } = deployment;
    let (found, remedy) = if handler_timeout >= consumer_timeout {
        (
            format!(
                "its handler may run for {handler_timeout:?}, and the broker takes a delivery back after {consumer_timeout:?}, \
                 with everything else on its channel"
            ),
            "lower its timeout",
        )
    } else if longest_hold >= consumer_timeout {
        (
            format!(
                "the attempts of one event can take {longest_hold:?}, and the broker's consumer timeout is \
                 {consumer_timeout:?}: it would come again with its first attempt"
            ),
            "lower its timeout, those of the effects it waits for, or the attempts",
        )
    } else {
        return None;
    };
    Some(Finding::warns(subject(consumer), found, remedy))
}

/// Every worker must have a delivery.
pub fn prefetch(deployment: &Deployment) -> Option<Finding> {
    let Deployment { consumer, concurrency, prefetch, .. } = deployment;
    (usize::from(*prefetch) < *concurrency).then(|| {
        Finding::warns(
            subject(consumer),
            format!("prefetch ({prefetch}) is below concurrency ({concurrency}): some workers will never have work"),
            "raise the prefetch, or lower the concurrency",
        )
    })
}

/// The last of the deliveries that wait here must have its turn before the broker takes it back.
pub fn pace(deployment: &Deployment) -> Option<Finding> {
    let Deployment { consumer, prefetch, pace, handler_timeout, consumer_timeout, .. } = deployment;
    let waits = pace.saturating_mul(u32::from(*prefetch));
    (!pace.is_zero() && waits.saturating_add(*handler_timeout) >= *consumer_timeout).then(|| {
        Finding::warns(
            subject(consumer),
            format!(
                "at its rate limit, {prefetch} deliveries (its prefetch) take {waits:?}, and the broker takes those back that wait \
                 for {consumer_timeout:?}, with everything else on its channel"
            ),
            "lower the prefetch, or raise the rate",
        )
    })
}

/// What nobody can process must have somewhere to go.
pub fn dead_letters(deployment: &Deployment) -> Option<Finding> {
    let QueueSpec { name, dead_letter, .. } = &deployment.queue;
    let found = match dead_letter {
        none if none.is_empty() => "it has no dead-letter queue: what the broker gives up is lost".to_owned(),
        same if same == name => format!("its dead letters go to its own queue `{name}`, round in a circle"),
        _ => return None,
    };
    Some(Finding::refuses(
        subject(&deployment.consumer),
        found,
        "name another queue as its dead-letter queue",
    ))
}

/// Every worker holds one connection, the relay one, and the runner of effects one.
pub fn capacity(holders: Holders, pool: Option<u32>) -> Option<Finding> {
    let capacity = pool.filter(|capacity| (*capacity as usize) < holders.connections())?;
    let beside = match (holders.relay, holders.runner) {
        (false, false) => "",
        (true, false) => " and the relay",
        (false, true) => " and the runner of effects",
        (true, true) => ", the relay and the runner of effects",
    };
    Some(Finding::refuses(
        "connection pool",
        format!(
            "{} workers{beside} need as many connections, the pool has room for {capacity}",
            holders.workers
        ),
        "raise its `max_connections` or lower the consumers' concurrency",
    ))
}

fn subject(consumer: &str) -> String {
    format!("consumer `{consumer}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn deployment() -> Deployment {
        let unknown = Deployment::unknown("ledger", "payments");
        Deployment {
            concurrency: 8,
            prefetch: 64,
            handler_timeout: HOUR / 120,
            longest_hold: HOUR / 60,
            ..unknown
        }
    }

    fn only(deployment: &Deployment) -> Finding {
        let findings = check(deployment);
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].clone()
    }

    #[test]
    fn a_careful_set_up_has_no_findings() {
        assert_eq!(check(&deployment()), []);
        assert_eq!(
            check(&Deployment::unknown("ledger", "payments")),
            [],
            "of what nobody knows nothing is said"
        );
    }

    #[test]
    fn a_claim_is_kept_longer_than_its_message_can_come_back() {
        let mut deployment = deployment();
        deployment.queue.ladder = vec![HOUR, 3 * HOUR];
        let horizon = horizon(&deployment.queue, deployment.consumer_timeout);
        let tries = 2 * MOVED_AGAIN;
        assert_eq!(
            horizon,
            5 * HOUR + 3 * HOUR / 2 + tries,
            "four hours and a quarter of them, and three arrivals"
        );
        deployment.retention = horizon + Duration::from_millis(1);
        assert_eq!(retention(&deployment), None);
        deployment.retention = horizon;
        let finding = only(&deployment);
        assert_eq!(finding.severity, Severity::Refuses);
        assert!(finding.found.contains("can come back for 23760s"), "{finding}");
    }

    #[test]
    fn a_ladder_without_an_end_has_no_horizon() {
        let ladder = vec![Duration::MAX; 3];
        assert_eq!(horizon(&QueueSpec { ladder, ..QueueSpec::new("q") }, HOUR), Duration::MAX);
    }

    #[test]
    fn a_delivery_that_the_broker_takes_back_is_told_with_its_cause() {
        let by_the_handler =
            only(&Deployment { handler_timeout: HOUR / 2, longest_hold: HOUR, ..deployment() });
        assert!(by_the_handler.found.starts_with("its handler may run for 1800s"), "{by_the_handler}");
        let by_the_attempts = only(&Deployment { longest_hold: HOUR / 2, ..deployment() });
        assert!(by_the_attempts.found.starts_with("the attempts of one event"), "{by_the_attempts}");
        assert_eq!([by_the_handler.severity, by_the_attempts.severity], [Severity::Warns; 2]);
    }

    #[test]
    fn workers_without_work_are_told() {
        let finding = only(&Deployment { prefetch: 7, ..deployment() });
        assert!(finding.severity == Severity::Warns && finding.found.contains("(7)"), "{finding}");
    }

    #[test]
    fn a_prefetch_that_outlasts_the_consumer_timeout_at_its_rate_is_told() {
        let at = |pace| Deployment { pace, ..deployment() };
        assert_eq!(
            pace(&at(Duration::from_secs(27))),
            None,
            "64 of them take 28 min 48 s, and the handler 30 s"
        );
        let finding = only(&at(Duration::from_secs(28)));
        assert!(finding.severity == Severity::Warns && finding.found.contains("64 deliveries"), "{finding}");
    }

    #[test]
    fn dead_letters_go_somewhere_else() {
        for target in ["", "payments"] {
            let mut deployment = deployment();
            deployment.queue.dead_letter = target.to_owned();
            assert_eq!(only(&deployment).severity, Severity::Refuses, "{target}");
        }
    }

    #[test]
    fn a_pool_has_room_for_all_that_hold_a_connection() {
        let holders = Holders { workers: 8, relay: true, runner: true };
        assert_eq!((capacity(holders, Some(10)), capacity(holders, None)), (None, None));
        let finding = only(&Deployment { holders, pool: Some(9), ..deployment() });
        assert!(
            finding.found.starts_with("8 workers, the relay and the runner of effects need"),
            "{finding}"
        );
        let alone = capacity(Holders { workers: 2, ..Holders::default() }, Some(1)).expect("too small");
        assert!(
            alone.found.starts_with("2 workers need as many connections, the pool has room for 1"),
            "{alone}"
        );
    }
}
