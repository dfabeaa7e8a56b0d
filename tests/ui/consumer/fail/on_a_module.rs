use consumer::prelude::*;

#[consumer(name = "ledger")]
mod ledger {}

fn main() {}
