//! The client is always the peer or an entry of the headers, and never one to
//! the left of an untrusted or unreadable entry.
#![no_main]

use std::net::IpAddr;

use dwell_core::{ClientIp, ClientIpSource};
use dwell_tower::network::client_ip;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: Vec<Vec<u8>>| {
    let trusted = ["127.0.0.0/8", "10.0.0.0/8", "::1/128"];
    let sources = [
        (ClientIpSource::XForwardedFor, "x-forwarded-for"),
        (ClientIpSource::Forwarded, "forwarded"),
    ];
    let peer: IpAddr = [127, 0, 0, 1].into();
    let stranger: IpAddr = [9, 9, 9, 9].into();
    for (source, name) in sources {
        let config = ClientIp::new(source, trusted).expect("the ranges are good");
        let mut headers = HeaderMap::new();
        for line in &lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name, value);
            }
        }
        assert_eq!(client_ip(&config, Some(stranger), &headers), Some(stranger));
        assert_eq!(client_ip(&config, None, &headers), None);
        let found = client_ip(&config, Some(peer), &headers);
        // One more proxy that appends a valid address hides everything before
        // it.
        let honest = match source {
            ClientIpSource::Forwarded => "for=203.0.113.7",
            _ => "203.0.113.7",
        };
        headers.append(name, HeaderValue::from_static(honest));
        let client = client_ip(&config, Some(peer), &headers);
        assert_eq!(client, Some([203, 0, 113, 7].into()), "{found:?}");
    }
});
