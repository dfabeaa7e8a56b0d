//! What the macros make of correct input: it compiles without a warning, and does what it says.

mod errors;
mod events;
mod hygiene;
pub mod shapes;
mod wiring;
