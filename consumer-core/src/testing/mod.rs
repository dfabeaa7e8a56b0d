//! The contracts of this crate as suites that an implementation must pass.

mod broker;

pub use self::broker::broker_suite;
