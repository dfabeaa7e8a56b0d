//! The arguments about dead letters.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, Subcommand};

use super::span;

#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// Count letters by class and reason, and list the first of them
    List(LetterList),
    /// Show all that is known about one letter
    Show {
        /// The id of its event, or the key that `list` shows
        id: String,
        #[command(flatten)]
        place: Place,
        /// Show its headers and its body
        #[arg(long)]
        reveal: bool,
        /// Write its body, byte for byte, to this file
        #[arg(long, value_name = "PATH")]
        save: Option<PathBuf>,
    },
    /// Publish letters to their queue again, under the ids they had
    #[command(group = chosen())]
    Redrive(Redrive),
    /// Publish one letter with another body, as another event
    Edit {
        /// The id of its event, or the key that `list` shows
        id: String,
        /// The new body, whole; `-` reads it from the standard input
        #[arg(long, value_name = "PATH")]
        body_file: PathBuf,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        rules: Rules,
    },
    /// Take letters out of the queue for good: nobody processes these events any more
    #[command(group = chosen())]
    Discard {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        choice: Choice,
        /// Do it; without this they are only counted
        #[arg(long)]
        yes: bool,
    },
}

/// A command that moves letters says which.
fn chosen() -> ArgGroup {
    let ways = ["id", "reason", "event_type", "class", "older_than", "younger_than", "all"];
    ArgGroup::new("chosen").args(ways).multiple(true).required(true)
}

/// Which dead-letter queues; those of all consumers that the database knows unless told otherwise.
#[derive(Args, Debug)]
pub struct Place {
    /// Only letters of this consumer; may be given several times
    #[arg(long, value_name = "NAME")]
    pub consumer: Vec<String>,
    /// The letters of this queue; may be given several times
    #[arg(long, value_name = "NAME")]
    pub queue: Vec<String>,
    /// This dead-letter queue itself; may be given several times
    #[arg(long, value_name = "NAME")]
    pub dead_letter_queue: Vec<String>,
}

/// Which letters; all ways have to be met, and within one any of its values.
#[derive(Args, Debug)]
pub struct Choice {
    /// Only this one, by the id of its event or by its key; may be given several times
    #[arg(long, value_name = "ID")]
    pub id: Vec<String>,
    /// Only those with this reason; may be given several times
    #[arg(long)]
    pub reason: Vec<String>,
    /// Only events of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Vec<String>,
    /// Only those whose error is of this class; may be given several times
    #[arg(long)]
    pub class: Vec<String>,
    /// Only those that died longer ago than this, such as 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub older_than: Option<Duration>,
    /// Only those that died since, such as 30min
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub younger_than: Option<Duration>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// At most so many, the first in the queue
    #[arg(long)]
    pub limit: Option<u64>,
}

#[derive(Args, Debug)]
pub struct LetterList {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub choice: Choice,
}

#[derive(Args, Debug)]
pub struct Redrive {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub choice: Choice,
    #[command(flatten)]
    pub rules: Rules,
    /// At most so many in a second; 0 for as many as there can be
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub rate: u32,
    /// Acknowledge those whose event was processed meanwhile, where its claim proves that
    #[arg(long)]
    pub discard_processed: bool,
}

impl Redrive {
    pub fn per_second(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rate)
    }
}

/// What keeps a letter where it is.
#[derive(Args, Debug)]
pub struct Rules {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Also letters that are older than claims are kept: an event that was processed before may take effect again
    #[arg(long)]
    pub force: bool,
    /// How long claims are kept, such as 7d; as the consumer has noted it, unless given
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub retention: Option<Duration>,
    /// Publish to this queue, whichever the letter names
    #[arg(long, value_name = "QUEUE")]
    pub to: Option<String>,
    /// It is this consumer's, whichever the letter names
    #[arg(long, value_name = "CONSUMER")]
    pub whose: Option<String>,
}
