//! What people write by hand: lapin and sqlx, nothing of ours.
//!
//! Each file is one consumer, to be read from top to bottom. What they share is what is the same in every such program:
//! opening a channel, reading a message, and acknowledging in order.

mod acks;
mod consuming;
mod lanes;
mod message;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

pub(crate) use consuming::consume;
