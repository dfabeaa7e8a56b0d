//! The names of our tables.

use consumer_core::{Error, Result};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The longest name of ours, without its prefix, has 23 bytes; databases take 63.
const LONGEST_PREFIX: usize = 40;
const LONGEST_SCHEMA: usize = 63;

/// Where our tables are, and what their names begin with.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Tables {
    schema: String,
    prefix: String,
}

impl Tables {
    /// Our tables in a schema (or wherever the connection looks first), with a prefix (or none).
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) where a name would have to be quoted.
    pub(crate) fn new(schema: Option<&str>, prefix: &str) -> Result<Self> {
        let schema = match schema {
            Some(name) => format!("\"{}\".", checked("schema", name, LONGEST_SCHEMA)?),
            None => String::new(),
        };
        let prefix = match prefix {
            "" => String::new(),
            prefix => checked("table prefix", prefix, LONGEST_PREFIX)?.to_owned(),
        };
        Ok(Self { schema, prefix })
    }

    /// The name of a table as SQL writes it.
    pub(crate) fn name(&self, table: &str) -> String {
        format!("{}{}{table}", self.schema, self.prefix)
    }

    /// The schema as SQL writes it, if there is one.
    #[cfg(feature = "postgres")]
    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.strip_suffix('.')
    }

    /// A text with `{schema}` and `{prefix}` filled in.
    pub(crate) fn fill(&self, template: &str) -> String {
        template.replace("{schema}", &self.schema).replace("{prefix}", &self.prefix)
    }

    /// A statement with the names filled in and the remarks left out: they are for readers, not for the server.
    pub(crate) fn sql(&self, template: &str) -> SqlStr {
        let text: String =
            template.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        // Every value travels as a parameter; the two names consist of `[a-z0-9_]`.
        AssertSqlSafe(self.fill(&text)).into_sql_str()
    }
}

fn checked<'a>(what: &str, name: &'a str, longest: usize) -> Result<&'a str> {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if plain
        && !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.len() <= longest
    {
        return Ok(name);
    }
    Err(Error::settings(format!(
        "the {what} {name:?} cannot be used: at most {longest} of a-z, 0-9 and _ are allowed, the first no digit"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_quotes_are_refused() {
        for name in ["", "1st", "Upper", "a-b", "a b", "a\"b", "a.b", "ä", "a;drop"] {
            let error = Tables::new(Some(name), "").expect_err("refused");
            assert!(error.is_settings(), "{name:?}: {error}");
        }
        assert!(Tables::new(None, &"p".repeat(41)).is_err());
        assert!(Tables::new(Some(&"s".repeat(63)), &"p".repeat(40)).is_ok());
    }

    #[test]
    fn a_statement_has_names_and_no_remarks() {
        let tables = Tables::new(Some("inbox"), "acme_").expect("names");
        let sql = tables.sql("-- Lock: none.\nSELECT 1 FROM {schema}{prefix}consumers\nWHERE 1 = 0");
        assert_eq!(sql.as_str(), "SELECT 1 FROM \"inbox\".acme_consumers\nWHERE 1 = 0");
        assert_eq!(tables.name("consumers"), "\"inbox\".acme_consumers");
    }
}
