//! What the tests against real servers share.

pub mod database;
pub mod servers;
