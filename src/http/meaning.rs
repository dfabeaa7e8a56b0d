//! What a status says about the call: a plain rule.

/// What a status says about the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It worked.
    Done,
    /// It did not, and the same call never will.
    Refused,
    /// It did not, and a later call may.
    NotDone,
    /// It may have worked.
    Unknown,
}

impl Meaning {
    /// By RFC 9110, the draft of the `Idempotency-Key` header, and what the big providers say about their answers.
    pub(super) fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            // The method and the body were not looked at, by definition, and would have to go elsewhere.
            307 | 308 => Self::Refused,
            // Who we are, or where a proxy has sent us: it says nothing about this call.
            401 | 403 | 407 | 421 => Self::NotDone,
            // A lock, an early handshake, a limit: these stand before whatever does the work.
            423 | 425 | 429 => Self::NotDone,
            // 408: it gave up on reading, perhaps; 409: the first call with this key is still being processed.
            408 | 409 => Self::Unknown,
            400..=499 => Self::Refused,
            // Whoever says so has not understood the request.
            501 | 505 => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_so_means_that_nothing_was_done() {
        for status in [100, 300, 301, 302, 303, 304, 408, 409, 500, 502, 503, 504, 507, 520, 599, 600, 999] {
            assert_eq!(Meaning::of(status), Meaning::Unknown, "{status}");
        }
    }

    #[test]
    fn what_will_never_work_is_not_tried_again() {
        for status in [307, 308, 400, 402, 404, 405, 406, 410, 411, 413, 414, 415, 422, 424, 451, 501, 505] {
            assert_eq!(Meaning::of(status), Meaning::Refused, "{status}");
        }
    }

    #[test]
    fn our_credentials_and_their_limits_are_not_the_calls_fault() {
        for status in [401, 403, 407, 421, 423, 425, 429] {
            assert_eq!(Meaning::of(status), Meaning::NotDone, "{status}");
        }
    }
}
