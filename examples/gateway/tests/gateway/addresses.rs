//! The client's address: by headers through chains of proxies, and by the PROXY protocol.

use std::net::SocketAddr;

use dwell_servers::{Gateway, GatewayKind};
use dwell_test_support::page::{blocks, read};
use dwell_tests::{Browser, Wire, status};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service;
use crate::site::{POLICY, Site};

const PUBLIC: &str = "[[route]]\npath = \"/**\"\naccess = \"public\"\n";

/// Trusts 127.0.0.1 and the proxies of 10.0.0.0/8 to say the address in this way.
async fn site(source: &str) -> Site {
    let trust = format!(
        "[client_ip]\nsource = \"{source}\"\ntrusted_proxies = [\"127.0.0.1/32\", \"10.0.0.0/8\"]\n"
    );
    Site::before(service::start().await, PUBLIC, &format!("{POLICY}{trust}")).await
}

/// The client's address as the service gets it; `none` if it is unknown.
fn client(answer: &str) -> String {
    assert_eq!(status(answer), "200", "{answer}");
    let found = answer.split(r#""x-forwarded-for":[""#).nth(1);
    let found = found.and_then(|rest| rest.split('"').next());
    found.unwrap_or("none").to_owned()
}

/// Sends these bytes before a request with these fields, and reads the answer.
async fn send(address: SocketAddr, before: &[u8], fields: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(before).await.unwrap();
    let mut wire = Wire::from(stream);
    wire.say(&format!(
        "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n{fields}\r\n"
    ))
    .await;
    wire.rest().await
}

/// A header of version 2: command, family and the rest (§2.2).
fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let begin = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family]].concat();
    [&begin, length.as_slice(), rest].concat()
}

const CAFE: [u8; 12] = [198, 51, 100, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

#[tokio::test(flavor = "multi_thread")]
async fn n32_proxy_header_says_client_address() {
    let site = site("proxy-protocol").await;
    let v6 = [
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7].as_slice(),
        &[0; 20],
    ]
    .concat();
    let mapped = [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7].as_slice(),
        &[0; 20],
    ]
    .concat();
    // Types and lengths of extensions, up to the longest header there is.
    let long = [CAFE.as_slice(), &[0xe0, 0xff, 0xf0], &[7; 65_520]].concat();
    for (header, expected) in [
        (
            b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\r\n".to_vec(),
            "198.51.100.7",
        ),
        (
            b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n".to_vec(),
            "2001:db8::7",
        ),
        (
            b"PROXY TCP6 ::ffff:198.51.100.7 ::1 4711 80\r\n".to_vec(),
            "198.51.100.7",
        ),
        // The address is not known: not that of the proxy.
        (b"PROXY UNKNOWN\r\n".to_vec(), "none"),
        (
            b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(),
            "none",
        ),
        (version_2(0x21, 0x11, &CAFE), "198.51.100.7"),
        (version_2(0x21, 0x21, &v6), "2001:db8::7"),
        (version_2(0x21, 0x21, &mapped), "198.51.100.7"),
        (version_2(0x21, 0x11, &long), "198.51.100.7"),
        // `LOCAL`, unspecified, a Unix socket.
        (version_2(0x20, 0x11, &CAFE), "none"),
        (version_2(0x21, 0x00, &[]), "none"),
        (version_2(0x21, 0x31, &[b'a'; 216]), "none"),
    ] {
        // Headers of HTTP are not believed besides.
        let forged = "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";
        let answer = send(site.address, &header, forged).await;
        assert_eq!(client(&answer), expected, "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_proxy_header_closes_connection() {
    let site = site("proxy-protocol").await;
    let long = format!("PROXY TCP4 {} ", "1".repeat(200));
    for header in [
        b"".to_vec(),
        b"PROXY\r\n".to_vec(),
        b"PROXY TCP4 198.51.100.7\r\n\r\n".to_vec(),
        b"PROXY TCP4 300.51.100.7 10.0.0.1 4711 80\r\n".to_vec(),
        b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 99999\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 80\r\n".to_vec(),
        b"PROXY UDP4 198.51.100.7 10.0.0.1 4711 80\r\n".to_vec(),
        b"proxy TCP4 198.51.100.7 10.0.0.1 4711 80\r\n".to_vec(),
        long.into_bytes(),
        version_2(0x11, 0x11, &CAFE),
        version_2(0x22, 0x11, &CAFE),
        version_2(0x21, 0x41, &CAFE),
        version_2(0x21, 0x11, &CAFE[..8]),
    ] {
        let answer = send(site.address, &header, "").await;
        assert_eq!(answer, "", "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_proxy_header_reaches_nobody() {
    let site = site("proxy-protocol").await;
    let whole = [
        b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\r\n".to_vec(),
        version_2(0x21, 0x11, &CAFE),
    ];
    for header in whole {
        for length in 0..header.len() {
            let mut stream = TcpStream::connect(site.address).await.unwrap();
            stream.write_all(&header[..length]).await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(Wire::from(stream).rest().await, "", "{length}");
        }
        // In pieces it is whole.
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in header {
            stream.write_all(&[byte]).await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut wire = Wire::from(stream);
        wire.say("GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(client(&wire.rest().await), "198.51.100.7");
    }
}

/// Time stands still here while anything happens, and passes at once while all wait.
#[tokio::test(start_paused = true)]
async fn proxy_header_that_never_ends_closes_connection() {
    let site = site("proxy-protocol").await;
    for begin in [
        b"".to_vec(),
        b"PROXY TCP4 ".to_vec(),
        version_2(0x21, 0x11, &CAFE)[..20].to_vec(),
    ] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(&begin).await.unwrap();
        assert_eq!(Wire::from(stream).rest().await, "", "{begin:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n32_proxy_header_of_untrusted_peer_is_no_http() {
    let trust = "[client_ip]\nsource = \"proxy-protocol\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
    let site = Site::before(service::start().await, PUBLIC, &format!("{POLICY}{trust}")).await;
    for header in [
        b"PROXY TCP4 10.20.1.1 10.0.0.1 4711 80\r\n".to_vec(),
        version_2(0x21, 0x11, &CAFE),
    ] {
        let answer = send(site.address, &header, "").await;
        assert_eq!(status(&answer), "400", "{answer}");
    }
    assert_eq!(client(&send(site.address, b"", "").await), "127.0.0.1");
}

/// Starts HAProxy with the page's lines, or with another version of the header.
async fn haproxy(site: &Site, send: &str) -> Gateway {
    let [block] = blocks(&read("docs/gateway.md"), "haproxy,proxy-protocol")
        .try_into()
        .unwrap();
    let block = block.replace("send-proxy-v2", send);
    chain(site.address, &block).await
}

/// Starts HAProxy with these lines in front of something else.
async fn chain(behind: SocketAddr, block: &str) -> Gateway {
    let block = block.replace("127.0.0.1:3000", &behind.to_string());
    let config = move |port| block.replace("bind :80", &format!("bind 127.0.0.1:{port}"));
    Gateway::start(GatewayKind::HaProxy, config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n32_haproxy_passes_client_address_on() {
    let site = site("proxy-protocol").await;
    for version in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"] {
        let haproxy = haproxy(&site, version).await;
        // HAProxy says the address of its own client, which is this test.
        let answer = send(haproxy.address(), b"", "X-Forwarded-For: 6.6.6.6\r\n").await;
        assert_eq!(client(&answer), "127.0.0.1", "{version}");
        // Another proxy in front, which takes the client's word for this test.
        let block = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\nlisten web\n  bind :80 accept-proxy\n  server next 127.0.0.1:3000 VERSION\n";
        let first = chain(site.address, &block.replace("VERSION", version)).await;
        let header = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n";
        let answer = send(first.address(), header, "").await;
        assert_eq!(client(&answer), "2001:db8::7", "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_keeps_session_and_logs_it_out() {
    let mut site = site("proxy-protocol").await;
    let haproxy = haproxy(&site, "send-proxy-v2").await;
    site.front = haproxy.address();
    let alice = site.alice().await;
    assert_eq!(
        alice.visit("/").await.json()["headers"]["remote-user"][0],
        "alice"
    );
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    let nobody = Browser::with_jar(site.front, alice.jar());
    assert_eq!(nobody.fetch("/session").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn n32_forwarded_for_is_read_from_right_over_all_lines() {
    let site = site("x-forwarded-for").await;
    for (lines, expected) in [
        (&["198.51.100.7"][..], "198.51.100.7"),
        // A chain of two proxies, and a forged left end.
        (&["6.6.6.6, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        (&["6.6.6.6", "198.51.100.7", "10.1.1.1"], "198.51.100.7"),
        (&["nonsense, 198.51.100.7"], "198.51.100.7"),
        (&["[2001:db8::7]:4711"], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["2001:db8::7"], "2001:db8::7"),
        (&["198.51.100.7:4711"], "198.51.100.7"),
        (&["::ffff:198.51.100.7"], "198.51.100.7"),
        (&["198.51.100.7, unknown"], "none"),
        (&["198.51.100.7, "], "none"),
        (&["198.51.100.7", ""], "none"),
        (&[], "127.0.0.1"),
    ] {
        let fields: String = lines
            .iter()
            .map(|line| format!("X-Forwarded-For: {line}\r\n"))
            .collect();
        let answer = send(site.address, b"", &fields).await;
        assert_eq!(client(&answer), expected, "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n32_forwarded_is_read_by_rfc_7239() {
    let site = site("forwarded").await;
    for (lines, expected) in [
        (&["for=198.51.100.7"][..], "198.51.100.7"),
        (
            &["for=6.6.6.6, for=198.51.100.7;proto=https, for=10.1.1.1"],
            "198.51.100.7",
        ),
        (
            &["for=6.6.6.6", "For=198.51.100.7", "for=10.1.1.1"],
            "198.51.100.7",
        ),
        (&["for=\"[2001:db8::7]:4711\""], "2001:db8::7"),
        (&["for=\"[2001:db8::7]\""], "2001:db8::7"),
        (&["for=\"2001:db8::7\""], "none"),
        (&["for=198.51.100.7, for=_x"], "none"),
        (&["for=198.51.100.7, for=unknown"], "none"),
        (&["for=_x, for=198.51.100.7"], "198.51.100.7"),
    ] {
        let fields: String = lines
            .iter()
            .map(|line| format!("Forwarded: {line}\r\n"))
            .collect();
        let answer = send(site.address, b"", &fields).await;
        assert_eq!(client(&answer), expected, "{lines:?}");
    }
}
