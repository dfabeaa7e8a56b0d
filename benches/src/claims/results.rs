//! What was measured, as it is kept between two runs of the command.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{database::Size, ids::Ids, rate::Rates, retention::Retention};
use crate::{kept, machine::Machine, servers::Backend};

/// One database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The database.
    pub backend: Backend,
    /// Where and when.
    pub machine: Machine,
    /// What to type to measure it again.
    pub command: String,
    /// How long one measurement took.
    pub seconds: f64,
    /// How much the database keeps in memory, in words.
    pub memory: String,
    /// Which part of the machine other processes used.
    pub others: f64,
    /// Each kind of ids.
    pub measured: Vec<Measured>,
}

/// One kind of ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub ids: Ids,
    /// Each size, in rising order.
    pub growth: Vec<Growth>,
    /// At the largest size; nothing where no row could expire.
    pub retention: Option<Retention>,
}

/// One size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Growth {
    /// Rows before.
    pub before: u64,
    /// Rows after: what was claimed has stayed.
    pub after: u64,
    /// Claims per second.
    pub rates: Rates,
    /// Bytes, after.
    pub size: Size,
}

impl Results {
    /// Keeps them in a directory, instead of those of the same database.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, dir: &Path) -> Result<()> {
        kept::save(self, dir, self.backend.as_str())
    }

    /// All that a directory holds, in the order of the databases.
    ///
    /// # Errors
    /// When one cannot be read, such as one of another version.
    pub fn load_all(dir: &Path) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = kept::load_all(dir)?;
        all.sort_by_key(|results| results.backend);
        Ok(all)
    }
}
