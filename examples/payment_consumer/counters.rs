//! Counters: the library's own figures, for the audit table.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SetRecorderError, SharedString, Unit,
};

type Values = HashMap<Key, Arc<AtomicU64>>;

/// A recorder for the `metrics` facade that keeps counters and drops the rest. A service would install an exporter here,
/// such as `metrics-exporter-prometheus`.
#[derive(Clone, Default)]
pub struct Counters(Arc<Mutex<Values>>);

impl Counters {
    /// Counts all that happens in this process from now on.
    pub fn install() -> Result<Self, SetRecorderError<Self>> {
        let counters = Self::default();
        metrics::set_global_recorder(counters.clone())?;
        Ok(counters)
    }

    /// The sum over all counters of this name.
    pub fn sum(&self, name: &str) -> i64 {
        self.sum_if(name, |_| true)
    }

    /// The sum over those that carry all of these labels.
    pub fn sum_with(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let has = |key: &Key, label| key.labels().any(|l| (l.key(), l.value()) == label);
        self.sum_if(name, |key| labels.iter().all(|&label| has(key, label)))
    }

    fn sum_if(&self, name: &str, counts: impl Fn(&Key) -> bool) -> i64 {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = values.iter().filter(|(key, _)| key.name() == name && counts(key));
        named.map(|(_, value)| value.load(Ordering::Relaxed) as i64).sum()
    }
}

impl Recorder for Counters {
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Counter::from_arc(values.entry(key.clone()).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }

    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let counters = Counters::default();
        metrics::with_local_recorder(&counters, || {
            metrics::counter!("settled", "outcome" => "done").increment(2);
            metrics::counter!("settled", "outcome" => "dead").increment(1);
            metrics::counter!("received").increment(9);
        });
        assert_eq!(counters.sum("settled"), 3);
        assert_eq!(counters.sum_with("settled", &[("outcome", "done")]), 2);
    }
}
