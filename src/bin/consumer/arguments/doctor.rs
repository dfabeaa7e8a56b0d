//! The arguments of the doctor.

use std::time::Duration;

use clap::Args;

use super::span;

#[derive(Args, Debug)]
pub struct Doctor {
    /// Only this consumer, and not all that the database knows; may be given several times
    #[arg(long, value_name = "NAME")]
    pub consumer: Vec<String>,
    /// Also this queue, of whose consumer nothing is recorded; may be given several times
    #[arg(long, value_name = "NAME")]
    pub queue: Vec<String>,
    /// How long claims are kept, such as 7d; as the consumers have noted it, unless given
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub retention: Option<Duration>,
}
