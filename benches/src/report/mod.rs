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
use crate::results::Results;

const PAGE: &str = "benchmarks.md";
const PICTURE: &str = "benchmarks.svg";

/// Writes the page and its picture.
///
/// # Errors
/// When the file system refuses.
pub fn write(docs: &Path, all: &[Results]) -> Result<()> {
    for (name, text) in [(PAGE, page::page(all, PICTURE)), (PICTURE, plot::plot(all))] {
        let file = docs.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
