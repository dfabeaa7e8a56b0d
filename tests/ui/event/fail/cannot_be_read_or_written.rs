use consumer::prelude::*;

#[derive(Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

fn main() {}
