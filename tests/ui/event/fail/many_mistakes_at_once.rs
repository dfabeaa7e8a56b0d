use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "Payment captured", version = 0)]
struct Captured<T> {
    #[event(key)]
    account: i64,
    #[event(key)]
    tenant: T,
}

fn main() {}
