//! What the tests share.

pub mod database;
pub mod dummy;
pub mod servers;
pub mod stage;
