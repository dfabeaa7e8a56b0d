//! The endpoint in a URL: who is called, and how a proxy takes that place.

use std::net::SocketAddr;

/// `host:port` of a URL.
pub(crate) fn of(url: &str) -> String {
    let (start, end) = span(url);
    let host = &url[start..end];
    if host.contains(':') { host.to_owned() } else { format!("{host}:{}", usual_port(url)) }
}

/// The same URL with another endpoint.
pub(crate) fn replaced(url: &str, by: SocketAddr) -> String {
    let (start, end) = span(url);
    format!("{}{by}{}", &url[..start], &url[end..])
}

/// The same URL with one more parameter.
pub fn with_parameter(url: &str, parameter: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{parameter}")
}

fn span(url: &str) -> (usize, usize) {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |slash| authority + slash);
    let start = url[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
    (start, end)
}

fn usual_port(url: &str) -> u16 {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => 5432,
        Some("mysql" | "mariadb") => 3306,
        _ => 5672,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_found_and_replaced() {
        let url = "postgres://u:p@h:5/db?x=y";
        assert_eq!(of(url), "h:5");
        assert_eq!(replaced(url, ([127, 0, 0, 1], 9).into()), "postgres://u:p@127.0.0.1:9/db?x=y");
        assert_eq!(of("amqp://h"), "h:5672");
        assert_eq!(with_parameter(url, "a=b"), "postgres://u:p@h:5/db?x=y&a=b");
    }
}
