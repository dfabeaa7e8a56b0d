//! The database of a day: a new one.

use std::path::Path;

use anyhow::{Context, ensure};
use consumer::runtime::{Secret, optional_secret};
use tempfile::TempDir;

use crate::{
    books::Books,
    store::{self, Store},
};

/// A folder in memory. Processes crash during the day, the machine does not, so nothing has to reach a disk.
const MEMORY: &str = "/dev/shm";

/// A file that is gone in the evening, or an empty database that `DATABASE_URL` names.
pub struct Database {
    url: Secret,
    _folder: Option<TempDir>,
}

impl Database {
    pub async fn open() -> anyhow::Result<Self> {
        let database = match optional_secret("DATABASE_URL")? {
            Some(url) => Self { url, _folder: None },
            None => Self::in_folder()?,
        };
        ensure!(database.books().await?.are_empty(), "the database has books already; a day needs new ones");
        Ok(database)
    }

    fn in_folder() -> anyhow::Result<Self> {
        let folder = if Path::new(MEMORY).is_dir() { TempDir::new_in(MEMORY) } else { TempDir::new() }?;
        let missing = || format!("this build uses {}, which needs a server: set DATABASE_URL", store::NAME);
        let url = store::in_folder(folder.path()).with_context(missing)?;
        Ok(Self { url: url.into(), _folder: Some(folder) })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A store with a pool of its own.
    pub async fn store(&self) -> anyhow::Result<Store> {
        store::connect(self.url()).await
    }

    pub async fn books(&self) -> anyhow::Result<Books> {
        let store = self.store().await?;
        let mut conn = store.pool().acquire().await?;
        Ok(Books::read(&mut conn).await?)
    }
}
