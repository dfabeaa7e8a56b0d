//! On MariaDB.

pub mod batch;
pub mod per_message;
pub mod set_based;
pub mod textbook;
