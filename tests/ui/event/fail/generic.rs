use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured<T> {
    account: T,
}

fn main() {}
