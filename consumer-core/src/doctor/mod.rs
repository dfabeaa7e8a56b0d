//! The doctor: what a start would refuse or warn about, all at once, each with its remedy.

mod check;
mod deployment;
mod diagnosis;
mod finding;

pub use self::{
    check::{capacity, check, dead_letters, hold, horizon, pace, prefetch, retention},
    deployment::{Deployment, Holders},
    diagnosis::{Diagnosis, examine},
    finding::{Finding, Severity},
};
