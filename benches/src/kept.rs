//! What was measured, kept in files: a database can be measured by itself, and the page shows all of them.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};

/// Keeps results in a directory, instead of those of the same name.
pub(crate) fn save<T: Serialize>(results: &T, dir: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(dir)?;
    let file = dir.join(format!("{name}.json"));
    fs::write(&file, serde_json::to_vec_pretty(results)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// All results that a directory holds, those below it left out; none if there is no such directory.
pub(crate) fn load_all<T: DeserializeOwned>(dir: &Path) -> Result<Vec<T>> {
    let read = |path: &Path| -> Result<T> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let mut all = Vec::new();
    if !dir.try_exists()? {
        return Ok(all);
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            all.push(read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    Ok(all)
}
