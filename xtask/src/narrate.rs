//! What the user reads: one line per step with the seconds since the command began, and answers.

use std::fmt::Display;
use std::io::Write;
use std::sync::LazyLock;
use std::time::Instant;

static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Starts the clock that every line shows.
pub(crate) fn begin() {
    LazyLock::force(&BEGUN);
}

/// Says one line on stderr: stdout belongs to what a shell evaluates and to the test runner.
pub(crate) fn say(line: impl Display) {
    let seconds = BEGUN.elapsed().as_secs_f32();
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "[{seconds:6.1}s] {line}");
}

/// Writes what was asked for on stdout.
///
/// # Errors
/// When nobody reads it.
pub(crate) fn answer(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}
