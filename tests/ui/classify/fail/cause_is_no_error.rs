use consumer::prelude::*;

#[derive(Debug, Classify)]
enum LedgerError {
    Db(#[source] String),
    Busy { source: u8 },
}

fn main() {}
