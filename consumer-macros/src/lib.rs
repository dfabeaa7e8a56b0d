//! consumer-macros.
