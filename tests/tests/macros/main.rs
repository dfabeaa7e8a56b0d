//! What the macros make of correct input: it compiles without a warning, and does what it says.

pub mod batches;
pub mod effects;
mod errors;
pub mod events;
mod hygiene;
mod running;
mod sending;
pub mod shapes;
mod wiring;
