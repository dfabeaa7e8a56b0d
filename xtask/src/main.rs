//! The tooling of the project.

fn main() {}
