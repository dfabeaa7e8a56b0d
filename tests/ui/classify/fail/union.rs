use consumer::prelude::*;

#[derive(Classify)]
union LedgerError {
    code: u8,
}

fn main() {}
