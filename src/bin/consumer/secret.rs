//! Secrets: addresses with passwords in them, which come from the environment or from files.

use std::{fs, path::Path};

use consumer::runtime::{Secret, optional_secret};

use crate::problem::Problem;

/// How an address is named.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    variable: &'static str,
    option: &'static str,
    what: &'static str,
}

pub const DATABASE: Name =
    Name { variable: "DATABASE_URL", option: "--database-url-file", what: "no database" };
pub const AMQP: Name = Name { variable: "AMQP_URL", option: "--amqp-url-file", what: "no RabbitMQ" };

/// The address in the file that the option names, else that of the environment.
pub fn read(name: Name, file: Option<&Path>) -> Result<Secret, Problem> {
    let Name { variable, option, what } = name;
    let Some(path) = file else {
        return optional_secret(variable)?.ok_or_else(|| {
            Problem::usage(format!(
                "{what}: set {variable} or {variable}_FILE, or name a file that holds the URL with {option}"
            ))
        });
    };
    let read = fs::read_to_string(path).map_err(|error| {
        Problem::usage(format!("{option} names {}, which cannot be read: {error}", path.display()))
    })?;
    Ok(Secret::from(read.trim_end_matches(['\r', '\n']).to_owned()))
}
