//! The client, which behaves like a browser.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::answer::Answer;
use crate::form::Form;
use crate::jar::{Initiator, Jar};

/// How many redirects in a row are followed.
const MAX_REDIRECTS: usize = 5;

/// A browser with one open window. Clones are further tabs: they share
/// cookies and connections.
#[derive(Clone, Debug)]
pub struct Browser {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    jar: Arc<Mutex<Jar>>,
}

impl Browser {
    /// Opens a browser for this server, without cookies.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self::with_jar(address, Jar::of_loopback())
    }

    /// Opens a browser with these cookies and new connections: a copied profile,
    /// or a thief.
    #[must_use]
    pub fn with_jar(address: SocketAddr, jar: Jar) -> Self {
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            jar: Arc::new(Mutex::new(jar)),
        }
    }

    /// Returns a copy of the browser's cookies.
    #[must_use]
    pub fn jar(&self) -> Jar {
        self.lock().clone()
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.lock().get(name).map(|c| c.value().to_owned())
    }

    /// Requests a page, without following redirects.
    pub async fn visit(&self, path: &str) -> Answer {
        self.navigate(Method::GET, path).send().await
    }

    /// Requests a page and follows redirects.
    pub async fn open(&self, path: &str) -> Answer {
        self.follow(self.visit(path).await).await
    }

    /// Sends a form, without following redirects.
    pub async fn submit(&self, form: &Form) -> Answer {
        let request = self.navigate(Method::POST, form.action());
        let media_type = "application/x-www-form-urlencoded";
        request.body(media_type, &form.encoded()).send().await
    }

    /// Follows the redirects of an answer.
    ///
    /// # Panics
    /// When a redirect leaves this origin, or there are too many.
    pub async fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..MAX_REDIRECTS {
            if !answer.status.is_redirection() {
                return answer;
            }
            let to = answer.location().to_owned();
            assert!(to.starts_with('/') && !to.starts_with("//"), "{to:?}");
            answer = self.visit(&to).await;
        }
        panic!("redirected in circles, last to {:?}", answer.location())
    }

    /// Sends a `GET` as a page's script.
    pub async fn fetch(&self, path: &str) -> Answer {
        self.script(Method::GET, path).send().await
    }

    /// Sends JSON as a page's script.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let request = self.script(Method::POST, path);
        request.body("application/json", json).send().await
    }

    /// Prepares a request as a navigation makes it.
    pub fn navigate(&self, method: Method, path: &str) -> Request<'_> {
        self.request(method, path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    /// Prepares a request as a page's script makes it.
    pub fn script(&self, method: Method, path: &str) -> Request<'_> {
        self.request(method, path)
            .header("accept", "*/*")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
    }

    fn request(&self, method: Method, path: &str) -> Request<'_> {
        let origin = format!("http://{}", self.address);
        let is_safe = method.is_safe();
        let mut request = http::Request::new(Full::default());
        let uri = format!("{origin}{path}");
        *request.uri_mut() = uri.parse().expect("a path");
        *request.method_mut() = method;
        let request = Request {
            browser: self,
            path: path.to_owned(),
            initiator: Initiator::Same,
            request,
        };
        let request = request.header("sec-fetch-site", "same-origin");
        match is_safe {
            true => request,
            false => request.header("origin", &origin),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of a [`Browser`] that is not yet sent.
#[derive(Debug)]
#[must_use = "a request is not sent by itself"]
pub struct Request<'a> {
    browser: &'a Browser,
    path: String,
    initiator: Initiator,
    request: http::Request<Full<Bytes>>,
}

impl Request<'_> {
    /// Replaces a header field.
    ///
    /// # Panics
    /// When name or value is invalid.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a field name");
        let value = HeaderValue::try_from(value).expect("a field value");
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Removes a header field.
    pub fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// Sets the body.
    pub fn body(mut self, media_type: &str, text: &str) -> Self {
        *self.request.body_mut() = Full::new(Bytes::copy_from_slice(text.as_bytes()));
        self.header("content-type", media_type)
    }

    /// Lets another site send the request: cookies are sent as `SameSite` allows.
    pub fn from_elsewhere(mut self, initiator: Initiator) -> Self {
        self.initiator = initiator;
        if self.request.headers().contains_key(header::ORIGIN) {
            self = self.header("origin", "https://evil.example");
        }
        self.header("sec-fetch-site", "cross-site")
    }

    /// Lets another site send the request, in a browser without `SameSite`: all
    /// cookies are sent.
    pub fn from_elsewhere_with_all_cookies(self) -> Self {
        Self {
            initiator: Initiator::Same,
            ..self.from_elsewhere(Initiator::OtherSubresource)
        }
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn send(mut self) -> Answer {
        let cookies = {
            let jar = self.browser.lock();
            jar.header(
                self.request.method(),
                self.request.uri().path(),
                self.initiator,
            )
        };
        if let Some(cookies) = cookies {
            self = self.header("cookie", &cookies);
        }
        let answer = self.browser.client.request(self.request).await;
        let (parts, body) = answer.expect("the server answers").into_parts();
        self.browser.lock().keep(&parts.headers);
        Answer {
            path: self.path,
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("the body arrives").to_bytes(),
        }
    }
}
