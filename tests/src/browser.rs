//! The client.

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
use crate::jar::{Jar, RequestContext};

/// The most redirects that are followed in a row.
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
    /// A browser at this server's pages, without cookies.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self::with_jar(address, Jar::of_loopback())
    }

    /// A browser with these cookies, and connections of its own: another
    /// browser that started from a copy, or a thief.
    #[must_use]
    pub fn with_jar(address: SocketAddr, jar: Jar) -> Self {
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            jar: Arc::new(Mutex::new(jar)),
        }
    }

    /// A copy of its cookies.
    #[must_use]
    pub fn jar(&self) -> Jar {
        self.lock().clone()
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.lock().get(name).map(|c| c.value().to_owned())
    }

    /// Goes to a page, and no further when it is sent elsewhere.
    pub async fn visit(&self, path: &str) -> Answer {
        self.navigate(Method::GET, path).send().await
    }

    /// Goes to a page, and on to wherever it is sent.
    pub async fn open(&self, path: &str) -> Answer {
        self.follow(self.visit(path).await).await
    }

    /// Sends a form, and goes no further when it is sent elsewhere.
    pub async fn submit(&self, form: &Form) -> Answer {
        let request = self.navigate(Method::POST, form.action());
        let media_type = "application/x-www-form-urlencoded";
        request.body(media_type, &form.encoded()).send().await
    }

    /// Goes on to wherever an answer sends it.
    ///
    /// # Panics
    /// When that is no path of this origin, or goes round in circles.
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

    /// A page's script asks for something.
    pub async fn fetch(&self, path: &str) -> Answer {
        self.script(Method::GET, path).send().await
    }

    /// A page's script sends JSON.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let request = self.script(Method::POST, path);
        request.body("application/json", json).send().await
    }

    /// A request as a navigation makes it, to be changed.
    pub fn navigate(&self, method: Method, path: &str) -> Request<'_> {
        self.request(method, path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    /// A request as a page's script makes it, to be changed.
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
            site: RequestContext::Same,
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

/// A request of a [`Browser`], not yet sent.
#[derive(Debug)]
#[must_use = "a request is not sent by itself"]
pub struct Request<'a> {
    browser: &'a Browser,
    path: String,
    site: RequestContext,
    request: http::Request<Full<Bytes>>,
}

impl Request<'_> {
    /// Replaces a header field.
    ///
    /// # Panics
    /// When it is none.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a field name");
        let value = HeaderValue::try_from(value).expect("a field value");
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Leaves a header field out.
    pub fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// Sends this body.
    pub fn body(mut self, media_type: &str, text: &str) -> Self {
        *self.request.body_mut() = Full::new(Bytes::copy_from_slice(text.as_bytes()));
        self.header("content-type", media_type)
    }

    /// Lets another site send it: cookies go along as their `SameSite` allows.
    pub fn from_elsewhere(mut self, site: RequestContext) -> Self {
        self.site = site;
        if self.request.headers().contains_key(header::ORIGIN) {
            self = self.header("origin", "https://evil.example");
        }
        self.header("sec-fetch-site", "cross-site")
    }

    /// The same, in a browser that knows no `SameSite`: all cookies go along.
    pub fn from_elsewhere_with_all_cookies(self) -> Self {
        Self {
            site: RequestContext::Same,
            ..self.from_elsewhere(RequestContext::OtherSubresource)
        }
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn send(mut self) -> Answer {
        let cookies = {
            let jar = self.browser.lock();
            jar.header(self.request.method(), self.request.uri().path(), self.site)
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
