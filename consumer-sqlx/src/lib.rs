//! consumer-sqlx.
