use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("closed")]
    #[classify(retry_after)]
    Closed,
}

fn main() {}
