use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    #[event(id)]
    payment: String,
    #[event(id)]
    attempt: u32,
}

fn main() {}
