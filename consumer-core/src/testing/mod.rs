//! The contracts of this crate as suites that an implementation must pass, and a storage that fails on demand.

mod broker;
mod memory_effects;
mod memory_failures;
mod memory_outbox;
mod memory_store;
mod storage;

pub use self::{
    broker::broker_suite,
    memory_store::{Fault, MemoryError, MemorySession, MemoryStore, MemoryTx, Step},
    storage::{Ending, SuiteStorage, effect_suite, failure_suite, storage_suite},
};
