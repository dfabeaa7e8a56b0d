//! Health: whether the process lives, whether it is ready, and why not.

use std::fmt;

/// What an orchestrator asks for, and an HTTP route answers in three lines.
///
/// ```
/// # use consumer_core::runtime::Health;
/// fn ready(health: &Health) -> (u16, String) {
///     (if health.ready { 200 } else { 503 }, health.to_string())
/// }
/// # assert_eq!(ready(&Health { live: true, ready: false, reasons: vec!["starting".into()], warnings: vec![] }), (503, "starting".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the process can still do its work; if not, only a restart helps.
    pub live: bool,
    /// Whether it does its work right now. A broker or database that is away makes it unready, never dead.
    pub ready: bool,
    /// Why it is not ready; empty if it is.
    pub reasons: Vec<String>,
    /// What needs a person, although the process does its work: an event that nobody takes, one that is overdue. No restart
    /// and no other process would help.
    pub warnings: Vec<String>,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = if self.reasons.is_empty() { "ready".to_owned() } else { self.reasons.join("\n") };
        f.write_str(&head)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}
