//! A finding: one thing that was looked at, and what to do about it.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// `ok`: it is as it should be.
    Fine,
    /// `warning`: a start would warn about it and go on.
    Warns,
    /// `refused`: a start would refuse it.
    Refuses,
}

impl Severity {
    /// The text in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warns => "warning",
            Self::Refuses => "refused",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at, such as "queue `ledger`".
    pub subject: String,
    /// What was found; never a password.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
}

impl Finding {
    /// Something that is as it should be.
    pub fn fine(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Fine, subject, found, "")
    }

    /// Something that a start would warn about.
    pub fn warns(subject: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Warns, subject, found, remedy)
    }

    /// Something that a start would refuse.
    pub fn refuses(subject: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Refuses, subject, found, remedy)
    }

    fn new(
        severity: Severity,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, subject: subject.into(), found: found.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity.as_str(), self.subject, self.found)?;
        match self.remedy.as_str() {
            "" => Ok(()),
            remedy => write!(f, "; {remedy}"),
        }
    }
}
