//! The seed of a run, printed so that the run can be repeated.

use std::env;

/// Sets the seed.
const VARIABLE: &str = "CONSUMER_TEST_SEED";

/// Dice that roll the same for the same seed.
pub fn dice(test: &str) -> fastrand::Rng {
    let given = env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("{test}: {VARIABLE}={seed}");
    fastrand::Rng::with_seed(seed)
}
