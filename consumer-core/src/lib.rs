//! consumer-core.
