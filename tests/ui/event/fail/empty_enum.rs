use consumer::prelude::*;

#[derive(Event)]
enum Money {}

fn main() {}
