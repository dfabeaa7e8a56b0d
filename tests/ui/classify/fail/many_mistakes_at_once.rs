use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
#[classify(permanent)]
enum LedgerError {
    #[error("closed")]
    #[classify(permanant)]
    Closed,
    #[error("busy")]
    #[classify(retry_after = "soon")]
    Busy,
}

fn main() {}
