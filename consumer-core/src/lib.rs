//! The ideas and rules of `consumer`: no database, no broker, no clock but its own.
//!
//! Applications depend on the facade crate `consumer`, which re-exports what they need from here. This crate is for
//! people who write a storage or a broker: the traits are [`Storage`] and [`Broker`], and [`testing`] holds the suites
//! that an implementation must pass.
//!
//! Rooms, from the ground up; imports point down only:
//! `clock`, `printable`, [`classify`] → `json` → [`message`] → [`event`], [`error`], [`inbox`], [`telemetry`] → [`retry`] →
//! [`storage`], [`broker`], [`handler`] → [`memory`], [`runtime`] → [`testing`].

pub mod broker;
pub mod circuit;
pub mod classify;
mod clock;
pub mod departures;
pub mod doctor;
pub mod effect;
pub mod error;
pub mod event;
pub mod failure;
pub mod fault;
pub mod handler;
pub mod inbox;
mod json;
pub mod memory;
pub mod message;
pub mod operate;
pub mod outbox;
mod printable;
pub mod retry;
pub mod runtime;
pub mod storage;
pub mod telemetry;
pub mod testing;

#[doc(inline)]
pub use self::{
    broker::Broker,
    classify::{Class, Classify, Verdict},
    error::{Error, Result},
    event::Event,
    handler::{App, Meta, State},
    runtime::Runtime,
    storage::Storage,
};
