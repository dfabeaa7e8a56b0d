//! A claim as a row holds it.

use consumer_core::{inbox::StoredClaim, message::Fingerprint};

/// Reads the columns of a claim.
///
/// # Errors
/// [`sqlx::Error::Decode`] where the fingerprint is not 16 bytes long: somebody else wrote the row.
pub(crate) fn claim(fingerprint: &[u8], readable_id: Option<String>) -> Result<StoredClaim, sqlx::Error> {
    let bytes = fingerprint.try_into().map_err(|_| {
        sqlx::Error::Decode(format!("a fingerprint has 16 bytes, this one {}", fingerprint.len()).into())
    })?;
    Ok(StoredClaim { fingerprint: Fingerprint::from_bytes(bytes), readable_id })
}
