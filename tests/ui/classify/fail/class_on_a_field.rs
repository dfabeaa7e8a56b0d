use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("database")]
    Db(#[from] #[classify(permanent)] sqlx::Error),
}

fn main() {}
