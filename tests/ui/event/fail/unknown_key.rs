use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(typ = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

fn main() {}
