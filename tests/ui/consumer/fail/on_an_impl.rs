use consumer::prelude::*;

struct Ledger;

#[consumer(name = "ledger")]
impl Ledger {}

fn main() {}
