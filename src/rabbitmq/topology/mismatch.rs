//! A mismatch: what RabbitMQ says when a queue exists with other arguments.

use std::fmt;

/// How the broker ends a text that is too long for it.
const CUT: &str = "...";

/// One argument of a queue that is not as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Its name, such as `x-delivery-limit`.
    pub(super) argument: String,
    /// What the queue has; `None` where it has no such argument.
    pub(super) found: Option<String>,
    /// What was declared; `None` where nothing was.
    pub(super) expected: Option<String>,
}

impl Mismatch {
    /// Reads RabbitMQ's text, such as `PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost
    /// '/': received the value '100' of type 'signedint' but current is none`.
    ///
    /// The broker cuts it at 255 bytes, so its end may be missing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("inequivalent arg '")?;
        let (argument, rest) = rest.split_once("' for queue '")?;
        let (expected, found) = rest.rsplit_once(": received ")?.1.split_once(" but current is ")?;
        Some(Self { argument: argument.to_owned(), found: side(found), expected: side(expected) })
    }

    /// Whether the broker has said only the beginning of what the queue has.
    pub(super) fn is_cut(&self) -> bool {
        self.found.as_deref().is_some_and(|found| found.ends_with(CUT))
    }
}

/// `none`, `'value'` or `the value 'value' of type 'type'`.
fn side(text: &str) -> Option<String> {
    let text = text.strip_prefix("the value ").unwrap_or(text);
    let quoted = text.strip_prefix('\'')?;
    let end = quoted.find("' of type ").or_else(|| quoted.rfind('\'')).unwrap_or(quoted.len());
    Some(quoted[..end].to_owned())
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |side: &Option<String>| side.as_ref().map_or("nothing".to_owned(), |value| format!("'{value}'"));
        write!(f, "{} is {}, declared is {}", self.argument, shown(&self.found), shown(&self.expected))
    }
}
