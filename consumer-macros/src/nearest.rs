//! The nearest word: what somebody who mistyped has probably meant.

/// The candidate that takes the fewest edits to become, if it takes few enough to be a slip of the finger.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = 1 + word.len() / 4;
    let near = |candidate: &&'a str| (distance(word, candidate), *candidate);
    let (edits, found) = candidates.iter().map(near).min()?;
    (edits <= limit).then_some(found)
}

/// Levenshtein's distance, two neighbours swapped counted as one edit.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            table[i][j] = cell(&table, &from[..i], &to[..j]);
        }
    }
    table[from.len()][to.len()]
}

fn cell(table: &[Vec<usize>], from: &[char], to: &[char]) -> usize {
    let (i, j) = (from.len(), to.len());
    if i == 0 || j == 0 {
        return i + j;
    }
    let replaced = table[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
    let best = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
    let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
    if swapped { best.min(table[i - 2][j - 2] + 1) } else { best }
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn counts_edits() {
        assert_eq!(distance("queue", "queue"), 0);
        assert_eq!(distance("quee", "queue"), 1);
        assert_eq!(distance("qeuue", "queue"), 1);
        assert_eq!(distance("", "name"), 4);
    }

    #[test]
    fn offers_a_slip_but_not_another_word() {
        let words = ["name", "queue", "timeout"];
        assert_eq!(nearest("quue", &words), Some("queue"));
        assert_eq!(nearest("time_out", &words), Some("timeout"));
        assert_eq!(nearest("prefetch", &words), None);
    }
}
