//! The audit: what must be true of the books, whatever happened to the messages.

mod books;
mod day;
mod gateway;
mod remains;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::remains::Remains;
use crate::{books::Books, day::Log, figure::count, gateway::Tally};

/// Figures to look at, and statements that hold or do not.
pub struct Audit {
    figures: Vec<Figure>,
    checks: Vec<Check>,
}

struct Figure {
    name: &'static str,
    value: i64,
    remark: String,
}

struct Check {
    statement: &'static str,
    proof: String,
    holds: bool,
}

impl Audit {
    /// Of what a database holds, and what the gateway says that it has done.
    pub fn of_books(books: &Books, tally: &Tally, remains: &Remains) -> Self {
        let figures = [books::figures(books), gateway::figures(tally)];
        let checks = [books::checks(books), gateway::checks(books, tally), remains::checks(remains)];
        Self {
            figures: figures.into_iter().flatten().collect(),
            checks: checks.into_iter().flatten().collect(),
        }
    }

    /// Of a day whose messages, dead letters and accidents were counted as well.
    pub fn of_day(books: &Books, tally: &Tally, remains: &Remains, log: &Log) -> Self {
        let Self { mut figures, mut checks } = Self::of_books(books, tally, remains);
        figures.splice(..0, day::traffic(log));
        figures.extend(day::accidents(log));
        checks.extend(day::checks(books, log));
        Self { figures, checks }
    }

    pub fn passes(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

fn figure(name: &'static str, value: i64, remark: String) -> Figure {
    Figure { name, value, remark }
}

fn check(statement: &'static str, holds: bool, proof: String) -> Check {
    Check { statement, proof, holds }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = "─".repeat(86);
        writeln!(f, "{line}")?;
        for Figure { name, value, remark } in &self.figures {
            writeln!(f, "  {name:<24} {:>9}   {remark}", count(*value))?;
        }
        writeln!(f, "{line}")?;
        for Check { statement, proof, holds } in &self.checks {
            writeln!(f, "{} {statement:<40} {proof}", if *holds { "✓" } else { "✗" })?;
        }
        writeln!(f, "{line}")?;
        write!(f, "The audit {}.", if self.passes() { "passes" } else { "FAILS" })
    }
}
