//! JSON in canonical form.

/// The canonical form of a JSON text; `None` if it is none.
pub(super) fn json(data: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<serde_json::Value>(data).ok().map(|value| value.to_string().into_bytes())
}
