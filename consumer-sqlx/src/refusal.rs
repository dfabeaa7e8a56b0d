//! What a start refuses, with its remedy: an error for the start, a finding for the doctor.

use consumer_core::{Error, doctor::Finding, error::Chain, storage::StorageError};

/// Why a start would not go on.
#[derive(Debug)]
pub(crate) struct Refusal {
    kind: fn(String) -> Error,
    found: String,
    remedy: String,
    cause: Option<StorageError>,
}

impl Refusal {
    /// An error of this kind; neither text shows a password.
    pub(crate) fn new(
        kind: fn(String) -> Error,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { kind, found: found.into(), remedy: remedy.into(), cause: None }
    }

    /// With its cause.
    #[must_use]
    pub(crate) fn because(self, cause: impl Into<StorageError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// As the doctor tells it.
    pub(crate) fn finding(self, subject: &str) -> Finding {
        let found = match &self.cause {
            Some(cause) => format!("{} ({})", self.found, Chain(cause.as_ref())),
            None => self.found,
        };
        Finding::refuses(subject, found, self.remedy)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = (refusal.kind)(format!("{}: {}", refusal.found, refusal.remedy));
        match refusal.cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_and_the_doctor_say_the_same() {
        let refusal = || Refusal::new(Error::schema, "no table", "create it").because("42P01");
        let finding = refusal().finding("tables");
        assert_eq!(finding.to_string(), "refused: tables: no table (42P01); create it");
        let error = Error::from(refusal());
        assert!(error.is_schema());
        assert_eq!(Chain(&error).to_string(), "no table: create it: 42P01");
    }
}
