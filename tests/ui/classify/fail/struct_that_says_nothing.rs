use consumer::prelude::*;

#[derive(Debug, thiserror::Error, Classify)]
#[error("closed")]
struct Closed;

fn main() {}
