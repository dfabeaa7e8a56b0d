//! Dead letters by hand, on a storage and a broker in this process, with tokio's clock paused.

mod edit;
mod ledger;
mod look;
mod mutants;
mod redrive;
mod stage;
mod strangers;
mod together;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
