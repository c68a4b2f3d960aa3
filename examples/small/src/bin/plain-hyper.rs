//! Serves by hyper alone: the layers work around any tower service.

use std::error::Error;

use bytes::Bytes;
use dwell_core::{NewSession, PolicySet, SessionManager, SessionState, Timeouts, hours, minutes};
use dwell_memory::MemoryStore;
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::open::SessionBody;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let service = SessionTimeoutLayer::new(&sessions)
        .with_login("/login")
        .with_requirement(SessionRequirement::Required) // on every path but /login
        .layer(service_fn(answer));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("connection: {error:?}");
            }
        });
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

async fn answer(
    request: Request<SessionBody<Incoming>>,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let session = request.extensions().get::<SessionState>();
    let session = session.ok_or("SessionTimeoutLayer is around this service")?;
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/login") => {
            let form = r#"<form method="post" action="/login"><button>Sign in</button></form>"#;
            let page = Response::builder().header("content-type", "text/html");
            page.body(form.into())?
        }
        (&Method::POST, "/login") => {
            // … after checking the password:
            session.start(NewSession::new("alice")).await?;
            redirect("/")?
        }
        (&Method::POST, "/logout") => {
            session.sign_out().await?;
            redirect("/login")?
        }
        _ => {
            let subject = session.subject().ok_or("a session is required here")?;
            Response::new(format!("Hello {subject}").into())
        }
    })
}

fn redirect(to: &str) -> http::Result<Response<Full<Bytes>>> {
    let response = Response::builder().status(StatusCode::SEE_OTHER);
    response.header("location", to).body(Full::default())
}
