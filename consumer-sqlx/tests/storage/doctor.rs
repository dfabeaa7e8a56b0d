//! What the doctor is told of a store.

use consumer_core::{
    Error, Storage,
    doctor::{Finding, Severity},
};

/// The one finding about something.
pub(crate) fn about<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    let mut found = findings.iter().filter(|finding| finding.subject == subject);
    let one = found.next().unwrap_or_else(|| panic!("nothing is said of the {subject}: {findings:#?}"));
    assert!(found.next().is_none(), "one thing is said of the {subject}: {findings:#?}");
    one
}

/// Asserts that all is well, and that it says what was looked at.
pub(crate) async fn assert_fine<S: Storage>(store: &S) {
    let findings = store.examine().await;
    for subject in ["database", "tables", "durability", "pool"] {
        let finding = about(&findings, subject);
        assert_eq!((finding.severity, finding.remedy.as_str()), (Severity::Fine, ""), "{finding}");
    }
}

/// Asserts that the doctor refuses what a start has refused, in the same words.
pub(crate) async fn assert_refused<S: Storage>(store: &S, subject: &str, error: &Error) {
    let findings = store.examine().await;
    let finding = about(&findings, subject);
    assert_eq!(finding.severity, Severity::Refuses, "{finding}");
    let (found, remedy) = (&finding.found, &finding.remedy);
    let said = error.to_string();
    assert!(!remedy.is_empty() && said.ends_with(remedy), "{said} / {finding}");
    let beginning = said.strip_suffix(remedy.as_str()).unwrap_or_default().trim_end_matches(": ");
    assert!(found.starts_with(beginning), "{said} / {finding}");
}

/// Asserts that the doctor warns of what a start has warned about, in the same words.
pub(crate) async fn assert_warned<S: Storage>(store: &S, log: &str) {
    let findings = store.examine().await;
    let finding = about(&findings, "durability");
    assert_eq!(finding.severity, Severity::Warns, "{finding}");
    assert!(log.contains(&format!("{}; {}", finding.found, finding.remedy)), "{log} / {finding}");
}
