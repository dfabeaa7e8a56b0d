use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("closed")]
    #[classify(permanant)]
    Closed,
}

fn main() {}
