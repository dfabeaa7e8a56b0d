use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("closed")]
    #[classify(permanent)]
    #[classify(retry_after = 30)]
    Closed,
}

fn main() {}
