//! A diagnosis: all findings together, the worst first.

use super::{Deployment, Finding, Severity, check};
use crate::{broker::Broker, storage::Storage};

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis(Vec<Finding>);

impl Diagnosis {
    /// The worst first, and each only once: consumers of one process share its pool.
    pub fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let mut all: Vec<Finding> = Vec::new();
        for finding in findings {
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self(all)
    }

    /// All findings.
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// How many are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether a start would refuse nothing. It may still warn.
    pub fn is_healthy(&self) -> bool {
        self.count(Severity::Refuses) == 0
    }
}

/// All that a start of these consumers would refuse or warn about, without changing anything.
///
/// ```
/// # use consumer_core::{doctor::{Deployment, examine}, memory::MemoryBroker, testing::MemoryStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let (storage, broker) = (MemoryStore::new(), MemoryBroker::new());
/// let diagnosis = examine(&storage, &broker, &[Deployment::unknown("ledger", "payments")]).await;
/// for finding in diagnosis.findings() {
///     println!("{finding}");
/// }
/// assert!(!diagnosis.is_healthy(), "there is no such queue");
/// # }
/// ```
pub async fn examine<S: Storage, B: Broker>(
    storage: &S,
    broker: &B,
    deployments: &[Deployment],
) -> Diagnosis {
    let queues: Vec<_> = deployments.iter().map(|deployment| deployment.queue.clone()).collect();
    let mut findings = storage.examine().await;
    findings.extend(broker.examine(&queues).await);
    findings.extend(deployments.iter().flat_map(check));
    Diagnosis::of(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_nothing_comes_twice() {
        let (fine, warning, refusal) =
            (Finding::fine("a", "is"), Finding::warns("b", "is", "do"), Finding::refuses("c", "is", "do"));
        let found = [&fine, &warning, &refusal, &warning].map(Finding::clone);
        let diagnosis = Diagnosis::of(found);
        assert_eq!(diagnosis.findings(), [refusal, warning.clone(), fine]);
        assert!(!diagnosis.is_healthy() && Diagnosis::of([warning]).is_healthy());
    }
}
