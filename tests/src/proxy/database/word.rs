//! COMMIT as a word of SQL.

/// Whether a text commits: `autocommit` and `commit_log` do not.
pub(super) fn commits(sql: &[u8]) -> bool {
    let part_of_word = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte == b'_');
    sql.split(part_of_word).any(|word| word.eq_ignore_ascii_case(b"COMMIT"))
}

#[cfg(test)]
mod tests {
    use super::commits;

    #[test]
    fn a_commit_is_a_word_of_its_own() {
        assert!(commits(b"COMMIT") && commits(b"select 1; commit and chain"));
        assert!(!commits(b"SET autocommit = 0") && !commits(b"SELECT 1 FROM commit_log"));
    }
}
