use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 4294967296)]
struct Captured {
    account: i64,
}

fn main() {}
