use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
#[event(type = "payment.taken")]
struct Captured {
    account: i64,
}

fn main() {}
