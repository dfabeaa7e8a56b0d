//! What the tests share.

pub mod database;
pub mod dummy;
pub mod servers;
