//! Why a command could not be carried out.

use std::{
    error::Error as StdError,
    fmt::{self, Write},
    process::ExitCode,
};

use consumer::Error;
use serde_json::json;

/// There is no such row or letter, or it is in another state.
const NOT_POSSIBLE: u8 = 1;
/// Wrong arguments; clap's own.
const USAGE: u8 = 2;
/// The database or the broker cannot be used.
const SERVER: u8 = 3;

/// What is wrong, what to do, and the exit code.
#[derive(Debug)]
pub struct Problem {
    message: String,
    code: u8,
}

impl Problem {
    /// It cannot be done to this row.
    pub fn not_possible(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: NOT_POSSIBLE }
    }

    /// The arguments or the environment are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: USAGE }
    }

    /// Whether other rows may do better.
    pub fn is_of_one_row(&self) -> bool {
        self.code == NOT_POSSIBLE
    }

    pub fn print(&self, json: bool) -> ExitCode {
        match json {
            true => println!("{:#}", json!({ "error": self.message })),
            false => eprintln!("consumer: {}", self.message),
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = if error.is_settings() { USAGE } else { SERVER };
        Self { message: chain(&error), code }
    }
}

/// An error with its causes, each said once.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(cause) = link {
        let said = cause.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        link = cause.source();
    }
    text
}
