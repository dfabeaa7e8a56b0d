use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[derive(Event)]
enum Money {
    Captured(Captured),
    Refunded { account: i64 },
}

fn main() {}
