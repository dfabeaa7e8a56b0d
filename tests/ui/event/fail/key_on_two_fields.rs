use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    #[event(key)]
    account: i64,
    #[event(key)]
    tenant: i64,
}

fn main() {}
