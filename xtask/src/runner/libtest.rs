//! What `cargo test` printed, read back: its exit code does not tell a failed test from a failed build.

use super::Verdict;

/// What the test of this name did. Where several share it, one that failed decides.
pub(super) fn verdict(output: &str, test: &str) -> Verdict {
    let results: Vec<_> = output.lines().filter_map(|line| result(line, test)).collect();
    match results.as_slice() {
        [] if output.lines().any(|line| line.starts_with("test result: ")) => Verdict::Absent,
        [] => Verdict::Broken,
        results if results.contains(&"FAILED") => Verdict::Failed,
        results if results.iter().all(|result| *result == "ok") => Verdict::Passed,
        _ => Verdict::Broken,
    }
}

fn result<'a>(line: &'a str, test: &str) -> Option<&'a str> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let named = name == test || name.strip_suffix(test).is_some_and(|path| path.ends_with("::"));
    named.then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: &str = "test result: ok. 0 passed; 0 failed; 0 ignored";

    #[test]
    fn a_test_is_found_by_its_last_name_alone() {
        let output = format!("test postgres::no_guard ... FAILED\ntest no_guard_at_all ... ok\n{BUILT}");
        assert_eq!(verdict(&output, "no_guard"), Verdict::Failed);
        assert_eq!(verdict(&output, "no_guard_at_all"), Verdict::Passed);
        assert_eq!(verdict(&output, "guard"), Verdict::Absent);
    }

    #[test]
    fn a_build_that_failed_is_not_a_test_that_failed() {
        assert_eq!(verdict("error[E0425]: cannot find value", "no_guard"), Verdict::Broken);
    }

    #[test]
    fn an_ignored_test_proves_nothing() {
        assert_eq!(verdict(&format!("test no_guard ... ignored\n{BUILT}"), "no_guard"), Verdict::Broken);
    }
}
