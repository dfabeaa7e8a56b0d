//! Proxies: what stands between a process and a server, reads along and does harm.

pub mod amqp;
pub mod database;
mod relay;
