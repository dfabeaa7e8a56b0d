//! The doctor: what a start would refuse or warn about.

use std::fmt::Write;

use consumer::{
    Broker, Storage,
    broker::QueueSpec,
    doctor::{Deployment, Diagnosis, Finding, Severity, check},
};
use serde_json::{Value, json};

use crate::{arguments, broker, problem::Problem, report::Report, text};

/// The remedy for a server that nobody can ask.
const FIRST: &str = "repair that first: what else is wrong there shows only then";
/// Where the remedy of a finding stands below it.
const INDENT: usize = 9;

/// Examines both servers, and the set-ups that the database knows.
pub async fn run<S: Storage>(store: &S, address: &arguments::Broker, command: &arguments::Doctor) -> Report {
    let mut findings = store.examine().await;
    // The pool is ours, and not the consumers'.
    findings.retain(|finding| finding.subject != "pool");
    let deployments = match recorded(store).await {
        Ok(recorded) => chosen(recorded, command),
        Err(problem) => {
            // Tables that are missing were found already.
            if Diagnosis::of(findings.clone()).is_healthy() {
                findings.push(Finding::refuses("consumers", problem.to_string(), ""));
            }
            chosen(Vec::new(), command)
        }
    };
    findings.extend(set_ups(&deployments));
    findings.extend(examine_broker(address, &deployments).await);
    report(&Diagnosis::of(findings))
}

/// Examines the other half.
pub async fn without_database(
    problem: &Problem,
    address: &arguments::Broker,
    command: &arguments::Doctor,
) -> Report {
    let mut findings = vec![Finding::refuses("database", problem.to_string(), FIRST)];
    findings.extend(examine_broker(address, &chosen(Vec::new(), command)).await);
    report(&Diagnosis::of(findings))
}

/// How each consumer was set up last.
async fn recorded<S: Storage>(store: &S) -> Result<Vec<Deployment>, Problem> {
    let enrolled = store.enrolled().await?.into_iter();
    Ok(enrolled.filter_map(|known| Deployment::from_json(&known.name, &known.deployment?)).collect())
}

/// Those that the arguments name, as they say.
fn chosen(recorded: Vec<Deployment>, command: &arguments::Doctor) -> Vec<Deployment> {
    let is_meant = |known: &Deployment| {
        command.queue.contains(&known.queue.name)
            || match command.consumer.is_empty() {
                true => command.queue.is_empty(),
                false => command.consumer.contains(&known.consumer),
            }
    };
    let mut chosen: Vec<_> = recorded.into_iter().filter(is_meant).collect();
    for queue in &command.queue {
        if !chosen.iter().any(|known| known.queue.name == *queue) {
            chosen.push(Deployment::unknown(queue, queue));
        }
    }
    for deployment in &mut chosen {
        deployment.retention = command.retention.unwrap_or(deployment.retention);
    }
    chosen
}

fn set_ups(deployments: &[Deployment]) -> Vec<Finding> {
    if deployments.is_empty() {
        let remedy = "start one, or name queues with --queue";
        return vec![Finding::warns("consumers", "none has noted how it is set up", remedy)];
    }
    let one = |deployment: &Deployment| {
        let findings = check(deployment);
        match findings.is_empty() {
            true => vec![Finding::fine(
                format!("consumer `{}`", deployment.consumer),
                "its set-up agrees with itself",
            )],
            false => findings,
        }
    };
    deployments.iter().flat_map(one).collect()
}

async fn examine_broker(address: &arguments::Broker, deployments: &[Deployment]) -> Vec<Finding> {
    let connection = match broker::connect(address).await {
        Ok(connection) => connection,
        Err(problem) => {
            return vec![Finding::refuses("broker", problem.to_string(), FIRST)];
        }
    };
    let queues: Vec<QueueSpec> = deployments.iter().map(|known| known.queue.clone()).collect();
    let findings = connection.examine(&queues).await;
    broker::close(&connection).await;
    findings
}

fn report(diagnosis: &Diagnosis) -> Report {
    let complete = diagnosis.is_healthy();
    Report { text: as_text(diagnosis), json: as_json(diagnosis), complete }
}

fn as_text(diagnosis: &Diagnosis) -> String {
    let line = |text: &str| text::line(text, usize::MAX);
    let mut text = String::new();
    for Finding { severity, subject, found, remedy } in diagnosis.findings() {
        let _ = writeln!(text, "{:<INDENT$}{}: {}", severity.as_str(), line(subject), line(found));
        if !remedy.is_empty() {
            let _ = writeln!(text, "{:INDENT$}{}", "", line(remedy));
        }
    }
    let [refused, warned, fine] =
        [Severity::Refuses, Severity::Warns, Severity::Fine].map(|severity| diagnosis.count(severity));
    let _ = write!(text, "\n{refused} refused, {warned} warned of, {fine} ok");
    text
}

fn as_json(diagnosis: &Diagnosis) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "severity": finding.severity.as_str(),
            "subject": finding.subject,
            "found": finding.found,
            "remedy": finding.remedy,
        })
    };
    json!({
        "healthy": diagnosis.is_healthy(),
        "findings": diagnosis.findings().iter().map(finding).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn command(consumers: &[&str], queues: &[&str], retention: Option<Duration>) -> arguments::Doctor {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        arguments::Doctor { consumer: texts(consumers), queue: texts(queues), retention }
    }

    #[test]
    fn what_is_named_is_examined_whether_it_is_recorded_or_not() {
        let recorded =
            || vec![Deployment::unknown("ledger", "payments"), Deployment::unknown("mail", "letters")];
        let names = |command: arguments::Doctor| {
            let chosen = chosen(recorded(), &command).into_iter();
            chosen.map(|known| (known.consumer, known.queue.name)).collect::<Vec<_>>()
        };
        let pair = |consumer: &str, queue: &str| (consumer.to_owned(), queue.to_owned());
        let (ledger, mail) = (pair("ledger", "payments"), pair("mail", "letters"));
        assert_eq!(names(command(&[], &[], None)), [ledger.clone(), mail.clone()]);
        assert_eq!(names(command(&["mail"], &[], None)), std::slice::from_ref(&mail));
        assert_eq!(names(command(&[], &["letters"], None)), [mail]);
        assert_eq!(names(command(&["ledger"], &["new"], None)), [ledger, pair("new", "new")]);
    }

    #[test]
    fn a_retention_that_is_given_is_the_one_that_is_checked() {
        let recorded = vec![Deployment::unknown("ledger", "payments")];
        let command = command(&[], &[], Some(Duration::from_secs(60)));
        let findings = set_ups(&chosen(recorded, &command));
        assert!(
            findings[0].severity == Severity::Refuses && findings[0].found.contains("60s"),
            "{findings:?}"
        );
    }
}
