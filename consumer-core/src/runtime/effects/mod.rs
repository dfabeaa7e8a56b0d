//! Effects at run time: who calls them, and what is written about it.

mod attempt;
mod before;
mod call;
mod calls;
mod compensation;
mod config;
mod desk;
mod failure;
mod ledger;
mod runner;
mod watch;

pub use self::config::EffectsConfig;
pub(super) use self::{
    before::{Completing, Stop, keep, requests},
    compensation::{Buried, settle},
    ledger::Ledger,
    runner::Runner,
};
