use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured")]
struct Captured {
    account: i64,
}

fn main() {}
