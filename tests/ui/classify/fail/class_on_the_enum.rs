use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
#[classify(transient)]
enum LedgerError {
    #[error("closed")]
    Closed,
}

fn main() {}
