use consumer::prelude::*;

#[derive(Event)]
#[event(type = "payment.captured", version = 1)]
union Captured {
    account: i64,
}

fn main() {}
