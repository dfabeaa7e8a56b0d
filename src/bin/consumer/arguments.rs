//! The arguments, as people type them.

mod dlq;
mod doctor;
mod span;

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use consumer::{effect::EffectState, outbox::Standing};
use uuid::Uuid;

pub use self::{
    dlq::{Choice, Dlq, LetterList, Place, Redrive, Rules},
    doctor::Doctor,
};

/// Looks at what waits for a person in the effect ledger, in the outbox and in the dead-letter queues of `consumer`, and acts
/// on it.
///
/// The database is that of DATABASE_URL, or of the file that DATABASE_URL_FILE or --database-url-file names; for dead letters
/// and the doctor, RabbitMQ is that of AMQP_URL, AMQP_URL_FILE or --amqp-url-file. There is no option for a URL itself:
/// everybody on the machine can read the arguments of a process.
///
/// Exit codes: 0 done; 1 there is no such row or letter, or it is in a state in which that cannot be done, or the doctor has
/// found what a start would refuse; 2 wrong arguments; 3 the database or RabbitMQ cannot be used.
#[derive(Debug, Parser)]
#[command(name = "consumer", version, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub broker: Broker,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// Which database.
#[derive(Args, Debug)]
pub struct Database {
    /// Read the database URL from this file, instead of DATABASE_URL
    #[arg(long, global = true, value_name = "PATH")]
    pub database_url_file: Option<PathBuf>,
    /// The schema of the tables (PostgreSQL)
    #[arg(long, global = true, value_name = "NAME")]
    pub schema: Option<String>,
    /// What the names of the tables begin with
    #[arg(long, global = true, value_name = "PREFIX", default_value = "")]
    pub table_prefix: String,
}

/// Which broker.
#[derive(Args, Debug)]
pub struct Broker {
    /// Read the address of RabbitMQ from this file, instead of AMQP_URL
    #[arg(long, global = true, value_name = "PATH")]
    pub amqp_url_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Effects: calls to providers that no transaction covers
    #[command(subcommand)]
    Effects(Effects),
    /// The outbox: events that leave the database after their transaction
    #[command(subcommand)]
    Outbox(Outbox),
    /// Dead letters: events that nobody has processed
    #[command(subcommand)]
    Dlq(Box<Dlq>),
    /// Say all at once what a start would refuse or warn about
    Doctor(Doctor),
}

#[derive(Debug, Subcommand)]
pub enum Effects {
    /// List effects, those that wait for a person unless told otherwise
    List(EffectList),
    /// Show all that is known about one effect
    Show {
        /// Its id
        id: Uuid,
        /// Show the bytes of request and result
        #[arg(long)]
        reveal: bool,
    },
    /// Say what has become of an effect that failed or is unknown, after asking the provider
    #[command(group = clap::ArgGroup::new("found").required(true))]
    Resolve {
        /// Its id
        id: Uuid,
        /// It was done, with this result as JSON, which its handler gets; `-` reads it from the standard input
        #[arg(long, group = "found", value_name = "JSON", allow_hyphen_values = true)]
        done: Option<String>,
        /// It was not done, and is not to be, for this reason
        #[arg(long, group = "found", value_name = "REASON")]
        not_done: Option<String>,
    },
    /// Have effects called again now, with the same key and the same bytes
    Release {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<Uuid>,
        /// Also those of which an earlier call may have worked
        #[arg(long)]
        even_if_done: bool,
    },
}

#[derive(Args, Debug)]
pub struct EffectList {
    /// Only those in this state; may be given several times
    #[arg(long, value_parser = effect_state(), conflicts_with = "all")]
    pub state: Vec<EffectState>,
    /// Those in every state
    #[arg(long)]
    pub all: bool,
    /// Only those of this effect
    #[arg(long, value_name = "NAME")]
    pub effect: Option<String>,
    /// At most so many, the oldest first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Show the bytes of requests and results
    #[arg(long)]
    pub reveal: bool,
}

#[derive(Debug, Subcommand)]
pub enum Outbox {
    /// List rows, refused and parked ones unless told otherwise
    List(OutboxList),
    /// Have refused or parked rows tried again now
    Release {
        /// The ids of their events
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
    /// Give refused or parked rows up: they are never published, and the rows behind them go on
    Discard {
        /// The ids of their events
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
}

#[derive(Args, Debug)]
pub struct OutboxList {
    /// Only those in this state; may be given several times
    #[arg(long, conflicts_with = "all")]
    pub state: Vec<RowState>,
    /// Those in every state
    #[arg(long)]
    pub all: bool,
    /// At most so many, the oldest first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Show the bytes of the events
    #[arg(long)]
    pub reveal: bool,
}

/// [`Standing`], as people type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowState {
    Waiting,
    Refused,
    Parked,
    Sent,
    Discarded,
}

impl From<RowState> for Standing {
    fn from(state: RowState) -> Self {
        match state {
            RowState::Waiting => Self::Waiting,
            RowState::Refused => Self::Refused,
            RowState::Parked => Self::Parked,
            RowState::Sent => Self::Sent,
            RowState::Discarded => Self::Discarded,
        }
    }
}

fn effect_state() -> impl TypedValueParser<Value = EffectState> {
    PossibleValuesParser::new(EffectState::ALL.map(EffectState::as_str))
        .try_map(|text| EffectState::parse(&text).ok_or("no state of an effect"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_contradict_nothing() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_resolution_says_one_thing() {
        let id = Uuid::nil().to_string();
        let parse = |rest: &[&str]| {
            Arguments::try_parse_from([&["consumer", "effects", "resolve", &id], rest].concat())
        };
        assert!(parse(&["--done", "null"]).is_ok());
        assert!(parse(&["--done", "-1"]).is_ok());
        assert!(parse(&["--not-done", "the card was closed"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--done", "null", "--not-done", "why"]).is_err());
    }

    #[test]
    fn who_moves_letters_says_which() {
        let parse = |rest: &[&str]| Arguments::try_parse_from([&["consumer", "dlq"], rest].concat()).is_ok();
        for command in ["redrive", "discard"] {
            assert!(!parse(&[command]) && !parse(&[command, "--consumer", "ledger"]), "{command}");
            assert!(
                parse(&[command, "--all"])
                    && parse(&[command, "--older-than", "2h", "--reason", "permanent"])
            );
        }
        assert!(parse(&["list"]) && !parse(&["list", "--younger-than", "yesterday"]));
    }

    #[test]
    fn no_argument_takes_a_url() {
        let parse = |rest: &[&str]| {
            Arguments::try_parse_from([&["consumer"], rest, &["outbox", "list"]].concat()).is_ok()
        };
        assert!(parse(&[]));
        assert!(!parse(&["--database-url", "postgres://user:password@host/db"]));
        assert!(!parse(&["postgres://user:password@host/db"]));
        assert!(!parse(&["--amqp-url", "amqp://user:password@host"]));
    }
}
