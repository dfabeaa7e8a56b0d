//! What was measured, as it is kept between two runs of the command.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{
    broker::QueueKind,
    contestants::{Contestant, Side, Workload},
    kept,
    machine::Machine,
    servers::Backend,
};

/// One database, near or far, and all who ran on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The database.
    pub backend: Backend,
    /// How the queues were stored.
    pub queue_kind: QueueKind,
    /// What a round trip was made longer by, and what it took, measured; nothing on the loopback.
    pub distance: Option<Distance>,
    /// Where and when.
    pub machine: Machine,
    /// What to type to measure it again.
    pub command: String,
    /// How many rounds counted.
    pub rounds: usize,
    /// All who ran.
    pub figures: Vec<Figure>,
}

/// How far away the database is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Distance {
    /// What was asked for, in microseconds.
    pub rtt_us: u64,
    /// A statement that does nothing, on the loopback.
    pub near_ping_us: u64,
    /// The same through the proxy.
    pub far_ping_us: u64,
}

/// One contestant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What it is called.
    pub name: String,
    /// Whose code it is.
    pub side: Side,
    /// What its messages were like.
    pub workload: Workload,
    /// Whether it is there to show what happens where workers meet at the same rows.
    pub meets: bool,
    /// Messages of each round.
    pub messages: u64,
    /// Its rounds, in order.
    pub samples: Vec<Sample>,
    /// From publish to commit.
    pub latency: Option<Latency>,
}

/// One round of one contestant.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Messages per second.
    pub rate: f64,
    /// CPU time per message of this process, in microseconds.
    pub client_us: f64,
    /// Of the database.
    pub database_us: Option<f64>,
    /// Of the broker.
    pub broker_us: Option<f64>,
    /// Which part of the machine other processes used meanwhile.
    pub others: f64,
    /// Deadlocks that the database counted.
    pub deadlocks: u64,
    /// Batches of ours that came to nothing.
    pub undone: u64,
}

/// From publish to commit, at half the throughput.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Messages per second that were published.
    pub rate: f64,
    /// Half were faster, in microseconds.
    pub p50_us: u64,
    /// One in twenty was slower.
    pub p95_us: u64,
    /// One in a hundred was slower.
    pub p99_us: u64,
}

/// A median with what was around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The lowest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// Of some values; `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { min, median: f64::midpoint(low, high), max })
    }
}

impl Figure {
    /// A contestant that has not run yet.
    pub fn of(contestant: &Contestant, messages: u64) -> Self {
        let Contestant { name, side, workload, meets, .. } = *contestant;
        Self { name: name.to_owned(), side, workload, meets, messages, samples: Vec::new(), latency: None }
    }

    /// Messages per second.
    pub fn rate(&self) -> Option<Spread> {
        Spread::of(self.samples.iter().map(|sample| sample.rate))
    }

    /// How many times as fast as another, each round with the same round of the other.
    pub fn ratio(&self, other: &Self) -> Option<Spread> {
        Spread::of(self.samples.iter().zip(&other.samples).map(|(own, other)| own.rate / other.rate))
    }

    /// The sum of a count over all rounds.
    pub fn sum(&self, count: impl Fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(count).sum()
    }

    /// The median of a part of the samples.
    pub fn median(&self, part: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        Spread::of(self.samples.iter().filter_map(part)).map(|spread| spread.median)
    }
}

impl Results {
    /// The one that all are compared with.
    pub fn baseline(&self) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.side == Side::Baseline)
    }

    /// Those of the comparison, without those that only show what happens where workers meet.
    pub fn compared(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| !figure.meets)
    }

    /// The textbook.
    pub fn textbook(&self) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == "textbook")
    }

    /// As headings say it.
    pub fn title(&self) -> String {
        match self.distance {
            None => self.backend.title().to_owned(),
            Some(distance) => {
                format!("{}, {} ms away", self.backend.title(), distance.rtt_us as f64 / 1_000.0)
            }
        }
    }

    /// Keeps them in a directory, instead of those of the same database at the same distance.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let rtt = self.distance.map_or(0, |distance| distance.rtt_us);
        kept::save(self, dir, &format!("{}-{rtt}us", self.backend.as_str()))
    }

    /// All that a directory holds: near ones first, each in the order of the databases.
    ///
    /// # Errors
    /// When one cannot be read, such as one of another version.
    pub fn load_all(dir: &Path) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = kept::load_all(dir)?;
        all.sort_by_key(|r| (r.distance.map_or(0, |distance| distance.rtt_us), r.backend));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!(Spread::of([2.0]), Some(Spread { min: 2.0, median: 2.0, max: 2.0 }));
        assert_eq!(Spread::of([]), None);
    }
}
