//! What the binary said.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use crate::place::Place;

pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: output.status.code().expect("an exit code"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// The binary, without anything from our environment that it would look at.
pub fn consumer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    for variable in ["DATABASE_URL", "DATABASE_URL_FILE", "AMQP_URL", "AMQP_URL_FILE", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// The binary on a place.
fn on<S>(place: &Place<S>, arguments: &[&str]) -> Command {
    let mut command = consumer();
    command.env("DATABASE_URL", &place.url).args(&place.options).args(arguments);
    command
}

/// Runs it on a place.
pub fn run<S>(place: &Place<S>, arguments: &[&str]) -> Said {
    on(place, arguments).output().expect("it runs").into()
}

/// Runs it on a place, with this broker.
#[cfg(feature = "rabbitmq")]
pub fn run_at<S>(place: &Place<S>, broker: &str, arguments: &[&str]) -> Said {
    on(place, arguments).env("AMQP_URL", broker).output().expect("it runs").into()
}

/// Starts it on a place, with this broker.
#[cfg(feature = "rabbitmq")]
pub fn start_at<S>(place: &Place<S>, broker: &str, arguments: &[&str]) -> Child {
    let mut command = on(place, arguments);
    command.env("AMQP_URL", broker).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Runs it on a place, with this on its standard input.
pub fn run_with<S>(place: &Place<S>, arguments: &[&str], input: &str) -> Said {
    fed(&mut on(place, arguments), input)
}

/// Likewise, with this broker.
#[cfg(feature = "rabbitmq")]
pub fn run_at_with<S>(place: &Place<S>, broker: &str, arguments: &[&str], input: &str) -> Said {
    fed(on(place, arguments).env("AMQP_URL", broker), input)
}

fn fed(command: &mut Command, input: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends").into()
}
