//! How the key is written into its header.

use consumer_core::effect::IdempotencyKey;
use reqwest::header::{HeaderName, HeaderValue};

/// The header that carries the key, and its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyHeader {
    pub(super) name: HeaderName,
    pub(super) quoted: bool,
}

impl Default for KeyHeader {
    /// What the big providers take: the bare key.
    fn default() -> Self {
        Self { name: HeaderName::from_static("idempotency-key"), quoted: false }
    }
}

impl KeyHeader {
    /// The value; `None` for a key that no header takes, which [`IdempotencyKey`] rules out.
    pub(super) fn value(&self, key: &IdempotencyKey) -> Option<HeaderValue> {
        let text = if self.quoted { structured_string(key.as_str()) } else { key.as_str().to_owned() };
        HeaderValue::try_from(text).ok()
    }
}

/// A string of RFC 9651, section 3.3.3.
fn structured_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(quoted: bool, key: &str) -> String {
        let header = KeyHeader { quoted, ..KeyHeader::default() };
        let value = header.value(&IdempotencyKey::for_test(key)).expect("visible ASCII");
        value.to_str().expect("visible ASCII").to_owned()
    }

    #[test]
    fn a_key_is_bare_unless_the_provider_follows_the_draft() {
        assert_eq!(value(false, "8e03978e-40d5"), "8e03978e-40d5");
        assert_eq!(value(true, "8e03978e-40d5"), "\"8e03978e-40d5\"");
    }

    #[test]
    fn quotes_and_backslashes_of_a_key_are_escaped_inside_quotes() {
        assert_eq!(value(true, r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(value(false, r#"a"b\c"#), r#"a"b\c"#);
    }
}
