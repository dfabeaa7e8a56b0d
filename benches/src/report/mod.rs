//! What people read: a table on the terminal, a page, a picture.

mod meetings;
mod page;
mod plot;
mod row;
mod table;

use std::{fs, path::Path};

use anyhow::{Context, Result};

pub use self::table::table;
pub(crate) use self::{
    page::{here, markdown},
    row::{NOTHING, thousands},
    table::aligned,
};
use crate::{backlog::Backlog, results::Results};

const PAGE: &str = "benchmarks.md";
const PICTURE: &str = "benchmarks.svg";

/// Writes the page and its picture, of all that a directory holds.
///
/// # Errors
/// When the file system refuses, or something cannot be read, such as what another version has kept.
pub fn write(docs: &Path, kept: &Path) -> Result<()> {
    let (all, backlog) = (Results::load_all(kept)?, Backlog::load(kept)?);
    for (name, text) in [(PAGE, page::page(&all, backlog.as_ref(), PICTURE)), (PICTURE, plot::plot(&all))] {
        let file = docs.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
