//! Finds the client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use dwell_core::{ClientIp, ClientIpSource};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use super::forwarded;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most header entries that are read. Behind more proxies than this the
/// address is unknown.
const MAX_ENTRIES: usize = 32;

/// Returns the client's address by the configured source, or `None` if it is
/// not known for certain.
///
/// `peer` is the address of the connection's other end. IPv4-mapped addresses
/// (`::ffff:192.0.2.1`) are returned as IPv4. With [`ClientIpSource::ProxyProtocol`]
/// the client of a trusted proxy is not known here: it is in a [`Proxied`](super::Proxied).
///
/// ```
/// use dwell_core::{ClientIp, ClientIpSource};
/// use dwell_tower::network::client_ip;
/// use http::HeaderMap;
///
/// let source = ClientIp::new(ClientIpSource::XForwardedFor, ["127.0.0.1/32"])?;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 10.20.1.1".parse()?);
/// let client = client_ip(&source, Some("127.0.0.1".parse()?), &headers);
/// assert_eq!(client, Some("10.20.1.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn client_ip(source: &ClientIp, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    let header = match source.source() {
        ClientIpSource::Peer => return Some(peer),
        // What a trusted proxy said stands in no header.
        ClientIpSource::ProxyProtocol => return (!source.trusts(peer)).then_some(peer),
        ClientIpSource::XForwardedFor => &X_FORWARDED_FOR,
        ClientIpSource::Forwarded => &FORWARDED,
    };
    if !source.trusts(peer) {
        return Some(peer);
    }
    walk(source, peer, headers, header)
}

fn walk(
    source: &ClientIp,
    peer: IpAddr,
    headers: &HeaderMap,
    header: &HeaderName,
) -> Option<IpAddr> {
    let mut client = peer;
    let mut entries = 0;
    // Proxies append: the last line's last entry is the nearest.
    for line in headers.get_all(header).iter().rev() {
        let line = line.to_str().ok()?;
        let quotes = source.source() == ClientIpSource::Forwarded;
        let list = forwarded::elements(line, quotes)?;
        for entry in list.into_iter().rev() {
            entries += 1;
            if entries > MAX_ENTRIES {
                return None;
            }
            let address = match source.source() {
                ClientIpSource::Forwarded => forwarded::node(entry)?,
                _ => address(entry.trim_ascii())?,
            };
            client = address.to_canonical();
            if !source.trusts(client) {
                return Some(client);
            }
        }
    }
    Some(client)
}

/// Parses an address of `X-Forwarded-For`: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xff(peer: &str, lines: &[&str]) -> Option<String> {
        walk(
            ClientIpSource::XForwardedFor,
            "x-forwarded-for",
            peer,
            lines,
        )
    }

    fn walk(
        source: ClientIpSource,
        header: &'static str,
        peer: &str,
        lines: &[&str],
    ) -> Option<String> {
        let source = ClientIp::new(source, ["127.0.0.0/8", "10.0.0.0/8", "::1/128"]).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header, line.parse().unwrap());
        }
        client_ip(&source, peer.parse().ok(), &headers).map(|a| a.to_string())
    }

    #[test]
    fn n32_headers_are_believed_from_trusted_proxies_only() {
        assert_eq!(xff("9.9.9.9", &["1.2.3.4"]).unwrap(), "9.9.9.9");
        assert_eq!(xff("127.0.0.1", &["1.2.3.4"]).unwrap(), "1.2.3.4");
        assert_eq!(xff("::ffff:127.0.0.1", &["1.2.3.4"]).unwrap(), "1.2.3.4");
    }

    #[test]
    fn n32_list_is_read_from_right_over_all_lines() {
        assert_eq!(xff("127.0.0.1", &["6.6.6.6, 1.2.3.4"]).unwrap(), "1.2.3.4");
        assert_eq!(
            xff("127.0.0.1", &["6.6.6.6", "1.2.3.4"]).unwrap(),
            "1.2.3.4"
        );
        let two_proxies = ["6.6.6.6, 1.2.3.4", "10.1.1.1"];
        assert_eq!(xff("127.0.0.1", &two_proxies).unwrap(), "1.2.3.4");
        assert_eq!(
            xff("127.0.0.1", &["10.1.1.1, 10.1.1.2"]).unwrap(),
            "10.1.1.1"
        );
        assert_eq!(xff("127.0.0.1", &[]).unwrap(), "127.0.0.1");
        assert_eq!(xff("127.0.0.1", &["::ffff:1.2.3.4"]).unwrap(), "1.2.3.4");
    }

    #[test]
    fn n32_unreadable_entry_makes_address_unknown() {
        for bad in [
            "1.2.3.4, nonsense",
            "1.2.3.4, ",
            "1.2.3.4, unknown",
            "1.2.3.4, 300.1.1.1",
            "",
        ] {
            assert_eq!(xff("127.0.0.1", &[bad]), None, "{bad:?}");
        }
        // Entries left of the client are not read.
        assert_eq!(xff("127.0.0.1", &["nonsense, 1.2.3.4"]).unwrap(), "1.2.3.4");
        assert_eq!(xff("unknown", &["1.2.3.4"]), None);
    }

    #[test]
    fn ports_and_brackets_are_read() {
        assert_eq!(xff("::1", &["1.2.3.4:5678"]).unwrap(), "1.2.3.4");
        assert_eq!(xff("::1", &["[2001:db8::1]:443"]).unwrap(), "2001:db8::1");
        assert_eq!(xff("::1", &["[2001:db8::1]"]).unwrap(), "2001:db8::1");
        assert_eq!(xff("::1", &["2001:db8::1"]).unwrap(), "2001:db8::1");
    }

    #[test]
    fn n32_forwarded_follows_rfc_7239_and_rejects_nginx_form() {
        let forwarded = |lines: &[&str]| walk(ClientIpSource::Forwarded, "forwarded", "::1", lines);
        assert_eq!(forwarded(&["for=1.2.3.4"]).unwrap(), "1.2.3.4");
        assert_eq!(
            forwarded(&["for=6.6.6.6, For=\"1.2.3.4:80\";proto=https"]).unwrap(),
            "1.2.3.4"
        );
        assert_eq!(
            forwarded(&["for=\"[2001:db8::1]:4711\""]).unwrap(),
            "2001:db8::1"
        );
        assert_eq!(forwarded(&["for=\"::1\""]), None);
        assert_eq!(forwarded(&["for=1.2.3.4, for=_hidden"]), None);
        assert_eq!(forwarded(&["for=1.2.3.4, proto=https"]), None);
        assert_eq!(forwarded(&["for=1.2.3.4;for=5.6.7.8"]), None);
        assert_eq!(forwarded(&["for=\"1.2.3.4"]), None);
        assert_eq!(forwarded(&["for=\"6.6.6.6, for=1.2.3.4\""]), None);
    }

    #[test]
    fn overlong_list_is_not_read() {
        let many = vec!["10.0.0.1"; 1_000].join(",");
        assert_eq!(xff("127.0.0.1", &[&many]), None);
    }
}
