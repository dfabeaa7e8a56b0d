//! A claim as a row holds it.

use consumer_core::inbox::StoredClaim;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
use consumer_core::message::ClaimKey;

/// Reads the columns of a claim.
///
/// # Errors
/// [`sqlx::Error::Decode`] where the stamp is not 16 bytes long: somebody else wrote the row.
pub(crate) fn claim(stamp: &[u8], readable_id: Option<String>) -> Result<StoredClaim, sqlx::Error> {
    let bytes = stamp.try_into().map_err(|_| {
        sqlx::Error::Decode(format!("the stamp of a claim has 16 bytes, this one {}", stamp.len()).into())
    })?;
    Ok(StoredClaim::new(bytes, readable_id))
}

/// Reads the key of a claim.
///
/// # Errors
/// [`sqlx::Error::Decode`] where it is not 16 bytes long.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn key(bytes: &[u8]) -> Result<ClaimKey, sqlx::Error> {
    let read = bytes.try_into().map(ClaimKey::from_bytes);
    read.map_err(|_| {
        sqlx::Error::Decode(format!("the key of a claim has 16 bytes, this one {}", bytes.len()).into())
    })
}
