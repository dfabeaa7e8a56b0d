//! What cannot be beaten: the broker without a database, the database without a broker.

pub mod broker;
pub mod pgbench;
