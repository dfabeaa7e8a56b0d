use consumer::prelude::*;

#[consumer(name = "ledger")]
struct Ledger;

fn main() {}
