//! Text that a shell reads back as it was.

/// One word, whatever it holds.
pub(crate) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A line that sets a variable.
pub(crate) fn export(name: &str, value: &str) -> String {
    format!("export {name}={}\n", quote(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_survives() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
