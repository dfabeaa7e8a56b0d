//! Saying what a start would refuse.

use super::stage::{Stage, new_spec};
use crate::{
    broker::{Binding, Broker, QueueSpec, Topology},
    doctor::{Finding, Severity},
};

const RUNG: std::time::Duration = std::time::Duration::from_secs(600);

fn refused(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Refuses).collect()
}

pub(super) async fn refuses_nothing_that_was_declared<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(QueueSpec { ladder: vec![RUNG], ..new_spec() }).await;
    let check = QueueSpec { topology: Topology::Check, ..spec.clone() };
    let findings = broker.examine(&[spec.clone(), check]).await;
    assert!(findings.iter().all(|finding| finding.severity == Severity::Fine), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.subject.contains(&spec.name)), "{findings:?}");
}

pub(super) async fn declares_nothing<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let spec = QueueSpec { ladder: vec![RUNG], ..new_spec() };
    let findings = broker.examine(std::slice::from_ref(&spec)).await;
    assert!(refused(&findings).is_empty(), "a start would declare it: {findings:?}");
    for queue in [&spec.name, &spec.dead_letter, &spec.wait_queue(RUNG)] {
        assert_eq!(broker.depth(queue).await.expect("the broker is there"), None);
    }
}

pub(super) async fn names_all_that_is_missing_at_once<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let check = QueueSpec { ladder: vec![RUNG], topology: Topology::Check, ..new_spec() };
    let exchange = format!("{}.exchange", check.name);
    let binding = Binding { exchange: exchange.clone(), routing_key: "key".into() };
    let bound = QueueSpec { bindings: vec![binding], ..new_spec() };
    let findings = broker.examine(&[check.clone(), bound]).await;
    let refused = refused(&findings);
    for missing in [&check.name, &check.dead_letter, &check.wait_queue(RUNG), &exchange] {
        let named = format!("`{missing}`");
        let finding = refused.iter().find(|finding| finding.to_string().contains(&named));
        assert!(finding.is_some_and(|finding| !finding.remedy.is_empty()), "{missing}: {findings:?}");
    }
}

pub(super) async fn names_every_argument_that_differs<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(QueueSpec { delivery_limit: 5, ..new_spec() }).await;
    let other = QueueSpec { delivery_limit: 6, dead_letter: format!("{}.dead", spec.name), ..spec };
    let findings = broker.examine(&[other]).await;
    let [finding] = refused(&findings)[..] else { panic!("one queue differs: {findings:?}") };
    for argument in ["x-delivery-limit", "x-dead-letter-routing-key"] {
        assert!(finding.found.contains(argument), "{finding}");
    }
}
