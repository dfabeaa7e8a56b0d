//! The relay on a storage that fails on demand and a broker in this process.

mod broker;
mod faults;
mod lifecycle;
mod mutants;
mod order;
mod stage;
