//! The `traceparent` of W3C Trace Context, strictly parsed: anybody can write one.

/// The length of version 00, and of what a later version has to begin with.
const LENGTH: usize = 55;

/// `traceparent` as version 00, the only one we can write; `None` if it is none.
///
/// A later version may append fields, which are not ours to pass on (Trace Context, section 3.2.4).
pub(super) fn parse(text: &str) -> Option<String> {
    let (version, rest) = text.get(..LENGTH)?.split_once('-')?;
    let mut fields = rest.split('-');
    let (trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?);
    let ends = text.len() == LENGTH || version != "00" && text[LENGTH..].starts_with('-');
    let valid = ends
        && fields.next().is_none()
        && is_hex(version, 2)
        && version != "ff"
        && is_id(trace, 32)
        && is_id(parent, 16)
        && is_hex(flags, 2);
    valid.then(|| format!("00-{rest}"))
}

fn is_id(field: &str, length: usize) -> bool {
    is_hex(field, length) && field.bytes().any(|digit| digit != b'0')
}

fn is_hex(field: &str, length: usize) -> bool {
    field.len() == length && field.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_one_is_kept() {
        assert_eq!(parse(VALID).as_deref(), Some(VALID));
    }

    #[test]
    fn a_later_version_is_read_as_the_one_we_know() {
        assert_eq!(parse(&VALID.replacen("00", "cc", 1)).as_deref(), Some(VALID));
        assert_eq!(parse(&format!("{}-what-ever", VALID.replacen("00", "cc", 1))).as_deref(), Some(VALID));
        assert_eq!(parse(&format!("{}.x", VALID.replacen("00", "cc", 1))), None);
    }

    #[test]
    fn a_forged_one_is_ignored() {
        let forged = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7--01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\n1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b77-01",
        ];
        for text in forged {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
