//! Effects at run time, on a storage and a broker in this process, with tokio's clock paused.

mod after;
mod before;
mod gateway;
mod mutants;
mod shop;
mod stage;
mod telemetry;
mod undone;
mod wiring;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
