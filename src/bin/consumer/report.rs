//! What a command has found or changed.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::Value;

/// For people, and for programs.
#[derive(Debug)]
pub struct Report {
    pub text: String,
    pub json: Value,
    /// Whether all that was asked for was done.
    pub complete: bool,
}

impl Report {
    /// Of a question.
    pub fn of(text: String, json: Value) -> Self {
        Self { text, json, complete: true }
    }

    /// Prints it; a reader that has left, such as `head`, is no error.
    pub fn print(&self, json: bool) -> ExitCode {
        let text = if json { format!("{:#}", self.json) } else { self.text.trim_end().to_owned() };
        let _ = writeln!(io::stdout(), "{text}");
        if self.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
