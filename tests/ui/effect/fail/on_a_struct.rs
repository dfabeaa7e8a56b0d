use consumer::prelude::*;

#[effect(name = "receipt")]
struct Receipt {
    account: i64,
}

fn main() {
    let _ = Receipt { account: 7 }.account;
}
