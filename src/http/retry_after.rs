//! The wait that a provider asks for.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// A longer wait is a mistake, or outlasts the provider's memory of our key.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait of `Retry-After`: seconds, or a date, which is read by the provider's own clock.
///
/// A date without a `Date` beside it is not understood: whose clock would it be?
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            let now = httpdate::parse_http_date(self::text(headers, &DATE)?).ok()?;
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const NOW: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

    fn wait(retry_after: &'static str, date: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        super::retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(wait("7", None), Some(7));
        assert_eq!(wait(" 0 ", None), Some(0));
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:30 GMT", Some(NOW)), Some(30));
        assert_eq!(wait("Wednesday, 21-Oct-26 07:29:00 GMT", Some(NOW)), Some(60));
        assert_eq!(wait("Wed Oct 21 07:28:05 2026", Some(NOW)), Some(5));
    }

    #[test]
    fn a_date_that_has_passed_is_now() {
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT", Some(NOW)), Some(0));
    }

    #[test]
    fn no_wait_outlasts_a_day() {
        assert_eq!(wait("18446744073709551615", None), Some(86_400));
        assert_eq!(wait("Wed, 21 Oct 2099 07:28:00 GMT", Some(NOW)), Some(86_400));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for nonsense in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(wait(nonsense, Some(NOW)), None, "{nonsense:?}");
        }
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:30 GMT", None), None);
    }
}
