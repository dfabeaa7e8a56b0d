use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event]
struct Captured {
    account: i64,
}

fn main() {}
