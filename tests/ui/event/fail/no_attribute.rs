use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
struct Captured {
    account: i64,
}

fn main() {}
