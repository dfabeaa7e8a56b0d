//! An exchange: which queues a message goes to.

/// How an exchange compares routing keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeKind {
    /// The routing key has to be the binding's.
    Direct,
    /// The binding's key is a pattern of words between dots: `*` is one word, `#` any number of them.
    Topic,
    /// Routing keys do not matter.
    Fanout,
}

pub(super) struct Exchange {
    kind: ExchangeKind,
    bindings: Vec<(String, usize)>,
}

impl Exchange {
    pub(super) fn new(kind: ExchangeKind) -> Self {
        Self { kind, bindings: Vec::new() }
    }

    pub(super) fn bind(&mut self, routing_key: &str, queue: usize) {
        let binding = (routing_key.to_owned(), queue);
        if !self.bindings.contains(&binding) {
            self.bindings.push(binding);
        }
    }

    /// The queues for a routing key, each of them once.
    pub(super) fn route(&self, routing_key: &str) -> Vec<usize> {
        let matching = self.bindings.iter().filter(|(bound, _)| self.matches(bound, routing_key));
        let mut queues: Vec<_> = matching.map(|(_, queue)| *queue).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    fn matches(&self, bound: &str, routing_key: &str) -> bool {
        match self.kind {
            ExchangeKind::Direct => bound == routing_key,
            ExchangeKind::Topic => matches_topic(bound, routing_key),
            ExchangeKind::Fanout => true,
        }
    }
}

/// Whether a pattern of words matches a routing key. An empty key has no words.
fn matches_topic(pattern: &str, routing_key: &str) -> bool {
    matches_words(&words(pattern), &words(routing_key))
}

fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

/// Tries the shortest run for each `#`, and on a mismatch lets the last one take a word more.
fn matches_words(pattern: &[&str], words: &[&str]) -> bool {
    let (mut at, mut word) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while word < words.len() {
        match pattern.get(at) {
            Some(&"#") => {
                at += 1;
                retry = Some((at, word));
            }
            Some(&wanted) if wanted == "*" || wanted == words[word] => {
                at += 1;
                word += 1;
            }
            _ => {
                let Some((after, taken)) = retry else { return false };
                retry = Some((after, taken + 1));
                (at, word) = (after, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == "#")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_words() {
        let matching =
            [("a.b", "a.b"), ("*.b", "a.b"), ("#", ""), ("#", "a.b.c"), ("a.#", "a"), ("#.b.#.b", "b.b")];
        assert!(matching.iter().all(|(pattern, key)| matches_topic(pattern, key)));
        let other = [
            ("a.b", "a"),
            ("*", ""),
            ("*", "a.b"),
            ("a.*", "a"),
            ("#.b", "b.c"),
            ("a.#.b.b", "a.b"),
            ("", "a"),
        ];
        assert!(!other.iter().any(|(pattern, key)| matches_topic(pattern, key)));
    }

    /// The rule as one would say it.
    fn by_definition(pattern: &[&str], words: &[&str]) -> bool {
        match (pattern, words) {
            ([], []) => true,
            (["#", rest @ ..], _) => (0..=words.len()).any(|taken| by_definition(rest, &words[taken..])),
            (["*", rest @ ..], [_, words @ ..]) => by_definition(rest, words),
            ([wanted, rest @ ..], [word, words @ ..]) => wanted == word && by_definition(rest, words),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_follows_its_definition(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "#"]), 0..7),
            key in prop::collection::vec(prop::sample::select(vec!["a", "b"]), 0..7),
        ) {
            prop_assert_eq!(matches_words(&pattern, &key), by_definition(&pattern, &key));
        }
    }
}
