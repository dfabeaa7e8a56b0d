use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("closed")]
    #[classify(permanent = true)]
    Closed,
}

fn main() {}
