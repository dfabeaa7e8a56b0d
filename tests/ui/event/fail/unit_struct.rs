use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "day.closed", version = 1)]
struct DayClosed;

fn main() {}
