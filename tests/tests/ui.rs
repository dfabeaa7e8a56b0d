//! What the macros answer to each mistake, word for word, and each shape they accept.
//!
//! The words around ours are rustc's and change with its version: elsewhere the test says that it was skipped.
//! After a change of words, read the difference and run `TRYBUILD=overwrite cargo test -p consumer-tests --test ui`.

use std::process::Command;

/// The version whose words are checked in.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn every_mistake_has_its_answer() {
    let version = rustc_version();
    if !version.starts_with(RUSTC) {
        println!("skipped: the expected words are those of {RUSTC}x, this is {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    for item in ["consumer", "effect", "event", "classify"] {
        cases.compile_fail(format!("ui/{item}/fail/*.rs"));
    }
}

fn rustc_version() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output =
        Command::new(rustc).arg("--version").output().expect("cargo found a rustc to build this with");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
