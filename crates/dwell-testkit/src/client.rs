//! A client with a cookie jar over any tower service.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use cookie::Cookie;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

/// A client with a cookie jar, over a tower service in the same process. A
/// clone starts with the same cookies; later ones are its own.
///
/// ```
/// use bytes::Bytes;
/// use dwell_testkit::TestClient;
/// use http::{Request, Response};
/// use http_body_util::Full;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let service = tower::service_fn(async |request: Request<Full<Bytes>>| {
///     let seen = request.headers().get("cookie").cloned();
///     let answer = Response::builder().header("set-cookie", "a=1; Path=/");
///     let body = seen.map(|s| Bytes::copy_from_slice(s.as_bytes())).unwrap_or_default();
///     Ok::<_, std::convert::Infallible>(answer.body(Full::new(body)).unwrap_or_default())
/// });
/// let mut client = TestClient::new(service);
/// assert_eq!(client.get("/").await.text(), "");
/// assert_eq!(client.get("/").await.text(), "a=1");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TestClient<S> {
    service: S,
    cookies: BTreeMap<String, String>,
    headers: HeaderMap,
}

/// A whole answer, its body read to the end.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "tests construct it")]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl<S> TestClient<S> {
    /// Creates a client of this service, without cookies.
    pub fn new(service: S) -> Self {
        Self {
            service,
            cookies: BTreeMap::new(),
            headers: HeaderMap::new(),
        }
    }

    /// Sends this header field with every request. Defaults to none.
    ///
    /// # Panics
    /// If name or value is not valid in HTTP.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let (name, value) = field(name, value);
        self.headers.insert(name, value);
        self
    }

    /// Returns the value of the cookie with this name, if the client has it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Adds a cookie, as if a service had set it.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Removes all cookies.
    pub fn clear_cookies(&mut self) {
        self.cookies.clear();
    }

    /// Sends a `GET`.
    ///
    /// # Panics
    /// If the service or the body fails, or the path is not valid.
    pub async fn get<B, R>(&mut self, path: &str) -> TestResponse
    where
        S: Service<Request<B>, Response = http::Response<R>> + Clone,
        S::Error: fmt::Debug,
        B: From<Bytes>,
        R: Body,
        R::Error: fmt::Debug,
    {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends a `POST` with a JSON body, as a page of the same origin does.
    ///
    /// # Panics
    /// If the service or the body fails, or the path is not valid.
    pub async fn post<B, R>(&mut self, path: &str, json: &str) -> TestResponse
    where
        S: Service<Request<B>, Response = http::Response<R>> + Clone,
        S::Error: fmt::Debug,
        B: From<Bytes>,
        R: Body,
        R::Error: fmt::Debug,
    {
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, path, &headers, json).await
    }

    /// Sends a request with these header fields besides the client's own.
    ///
    /// # Panics
    /// If the service or the body fails, or if the path or a field is not
    /// valid.
    #[allow(clippy::expect_used, reason = "a test helper fails the test")]
    pub async fn send<B, R>(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> TestResponse
    where
        S: Service<Request<B>, Response = http::Response<R>> + Clone,
        S::Error: fmt::Debug,
        B: From<Bytes>,
        R: Body,
        R::Error: fmt::Debug,
    {
        let body = B::from(Bytes::copy_from_slice(body.as_bytes()));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("the path is valid");
        request.headers_mut().clone_from(&self.headers);
        for (name, value) in headers {
            let (name, value) = field(name, value);
            request.headers_mut().append(name, value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self
                .cookies
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            let (name, value) = field("cookie", &pairs.join("; "));
            request.headers_mut().append(name, value);
        }
        let answer = self.service.clone().oneshot(request).await;
        let (parts, body) = answer.expect("the service answers").into_parts();
        self.keep_cookies(&parts.headers);
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("the body arrives").to_bytes(),
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let cookie = line.to_str().ok().and_then(|line| Cookie::parse(line).ok());
            let Some(cookie) = cookie else { continue };
            let name = cookie.name().to_owned();
            match cookie.max_age() {
                Some(age) if age.is_zero() => self.cookies.remove(&name),
                _ => self.cookies.insert(name, cookie.value().to_owned()),
            };
        }
    }
}

impl TestResponse {
    /// Returns the header field with this name, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the body as text. Invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the `reason` of a refusal (`application/problem+json`), if there
    /// is one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(r#""reason":""#)?;
        let (reason, _) = rest.split_once('"')?;
        Some(reason.to_owned())
    }
}

#[allow(clippy::expect_used, reason = "a test helper fails the test")]
fn field(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::try_from(name).expect("the field's name is valid");
    let value = HeaderValue::try_from(value).expect("the field's value is valid");
    (name, value)
}

impl<S> fmt::Debug for TestClient<S> {
    /// Shows the names of cookies only: their values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.cookies.keys().collect();
        f.debug_struct("TestClient")
            .field("cookies", &names)
            .finish_non_exhaustive()
    }
}
