use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 0)]
struct Captured {
    account: i64,
}

fn main() {}
