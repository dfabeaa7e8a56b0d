use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[derive(Event)]
#[event(type = "money", version = 1)]
enum Money {
    Captured(Captured),
}

fn main() {}
