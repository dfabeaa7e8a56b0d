//! The shapes in which a handler hands over a database's error.

use consumer_core::{Class, Storage, storage::StorageError};

use crate::unit::class;

#[derive(Debug, thiserror::Error)]
enum Wrapped {
    #[error("the ledger")]
    Source(#[from] sqlx::Error),
}

#[derive(Debug, thiserror::Error)]
enum Transparent {
    #[error(transparent)]
    Source(#[from] sqlx::Error),
}

/// Each shape around an error; one and the same error cannot be cloned, so it is made anew for each.
pub(crate) async fn assert_each_shape<S: Storage>(
    store: &S,
    expected: Class,
    mut fail: impl AsyncFnMut() -> sqlx::Error,
) {
    let shapes: [(&str, StorageError); 6] = [
        ("plain", fail().await.into()),
        ("source", Wrapped::from(fail().await).into()),
        ("transparent", Transparent::from(fail().await).into()),
        ("anyhow", anyhow::Error::from(fail().await).into()),
        ("anyhow context", anyhow::Error::from(fail().await).context("while posting").into()),
        ("boxed twice", Wrapped::from(sqlx::Error::Configuration(Box::new(fail().await))).into()),
    ];
    for (shape, error) in shapes {
        assert_eq!(class(store, &error), Some(expected), "{shape}: {error}");
    }
}
