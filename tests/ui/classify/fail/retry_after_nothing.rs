use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("closed")]
    #[classify(retry_after = 0)]
    Closed,
}

fn main() {}
