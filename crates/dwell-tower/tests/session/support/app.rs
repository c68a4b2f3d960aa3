//! The inner service: the last part of the path names the command, the first the
//! layers, and the query has details.
//!
//! | path | does |
//! |---|---|
//! | `…/login?subject=bob` | starts a session; the body is the token |
//! | `…/reauthenticate?acr=aal2&amr=otp`, `?fail=1` | records a re-authentication |
//! | `…/rotate`, `…/extend`, `…/logout` | the command |
//! | `…/end?reason=revoked`, `…/end-others` | the command |
//! | `…/open` | nothing, also without a session |
//! | anything else | nothing; like all others it needs a session |
//! | `/passive/…`, `/active/…` | is marked |
//! | `/fresh/…`, `/strong/…`, `/otp/…`, `/by-policy/…` | demands authentication |
//! | `/admin/…` | has the policy `admin` |
//!
//! `wait=before` and `wait=after` hold the request before and after its command,
//! `yield=1` makes it pending once before and once after it, `status=500` sets the
//! status, `cache=1` makes the answer cacheable.

use std::convert::Infallible;

use dwell_core::{
    AuthenticationContext, AuthenticationRequirement, CommandError, EndReason, NewSession,
    SessionState, Which, minutes, seconds,
};
use dwell_tower::activity::MarkLayer;
use dwell_tower::idle::PolicyLayer;
use dwell_tower::rejection::{demand_session, session_state};
use dwell_tower::step_up::StepUpLayer;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{Body, Pause};

type Answer = Result<Response<Body>, Infallible>;

pub(super) async fn answer(pause: Pause, demands: bool, request: Request<Body>) -> Answer {
    let handler = service_fn(|request| handler(&pause, demands, request));
    let path = request.uri().path().to_owned();
    let group = path.split('/').nth(1).unwrap_or_default();
    let step_up = |requirement| StepUpLayer::new(requirement);
    match group {
        "passive" => through(MarkLayer::passive().layer(handler), request).await,
        "active" => through(MarkLayer::active().layer(handler), request).await,
        "admin" => through(PolicyLayer::new("admin").layer(handler), request).await,
        "fresh" => {
            let requirement = AuthenticationRequirement::within(minutes(5));
            through(step_up(requirement).layer(handler), request).await
        }
        "strong" => {
            let requirement =
                AuthenticationRequirement::within(minutes(5)).with_acr(["aal2", "aal3"]);
            through(step_up(requirement).layer(handler), request).await
        }
        "otp" => {
            let requirement = AuthenticationRequirement::within(minutes(5)).with_amr(["otp"]);
            through(step_up(requirement).layer(handler), request).await
        }
        "by-policy" => {
            let requirement = AuthenticationRequirement::by_policy();
            through(step_up(requirement).layer(handler), request).await
        }
        _ => through(handler, request).await,
    }
}

async fn through<S>(service: S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    service.oneshot(request).await
}

async fn handler(pause: &Pause, demands: bool, request: Request<Body>) -> Answer {
    let (parts, _) = request.into_parts();
    let uri = &parts.uri;
    let is_open = ["login", "reauthenticate", "logout", "open"];
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let state = match demands && !is_open.contains(&last) {
        true => demand_session(&parts),
        false => session_state(&parts),
    };
    let state = match state {
        Ok(state) => state,
        Err(refused) => return Ok(refused.map(Body::from)),
    };
    if last != "open" {
        state.mark_personal();
    }
    if param(uri, "wait") == Some("before") {
        pause.here().await;
    }
    if param(uri, "yield").is_some() {
        tokio::task::yield_now().await;
    }
    let done = command(state, uri).await;
    if param(uri, "yield").is_some() {
        tokio::task::yield_now().await;
    }
    if param(uri, "wait") == Some("after") {
        pause.here().await;
    }
    let (status, body) = match done {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (StatusCode::CONFLICT, error.to_string()),
    };
    let mut response = Response::new(Body::from(body));
    let wanted = param(uri, "status").map(|status| status.parse().unwrap());
    *response.status_mut() = wanted.unwrap_or(status);
    if param(uri, "cache").is_some() {
        let public = HeaderValue::from_static("public, max-age=3600");
        response.headers_mut().insert("cache-control", public);
    }
    Ok(response)
}

async fn command(state: &SessionState, uri: &Uri) -> Result<String, CommandError> {
    Ok(match uri.path().rsplit('/').next().unwrap_or_default() {
        "login" => {
            let subject = param(uri, "subject").unwrap_or("alice");
            let mut new = NewSession::new(subject).with_authentication(authentication(uri));
            let now = state.manager().store().now().await?;
            if let Some(ago) = number(uri, "authenticated_ago") {
                new = new.with_authenticated_at(now - seconds(ago));
            }
            if let Some(ahead) = number(uri, "authenticated_ahead") {
                new = new.with_authenticated_at(now + seconds(ahead));
            }
            if let Some(limit) = number(uri, "provider_limit") {
                new = new.with_provider_deadline(now + seconds(limit));
            }
            if let Some(policy) = param(uri, "policy") {
                new = new.with_policy(policy);
            }
            state.start(new).await?.expose().to_owned()
        }
        "begin" => state.begin_reauthentication().await?.to_string(),
        "reauthenticate"
            if param(uri, "begin").is_some() && !state.begin_reauthentication().await? =>
        {
            "unchecked".to_owned()
        }
        "reauthenticate" if param(uri, "fail").is_some() => {
            state.reauthentication_failed().await?.to_string()
        }
        "reauthenticate" => {
            state.reauthenticated(authentication(uri)).await?;
            String::new()
        }
        "rotate" => {
            state.rotate().await?;
            String::new()
        }
        "extend" => {
            state.extend().await?;
            String::new()
        }
        "logout" => state.sign_out().await?.to_string(),
        "end" => {
            let reason = param(uri, "reason").and_then(EndReason::parse);
            state.end(reason.expect("a reason")).await?.to_string()
        }
        "end-all" => state.revoke(Which::All).await?.to_string(),
        "end-others" => state.revoke(Which::Others).await?.to_string(),
        _ => state.subject().map_or("nobody", |s| s.as_str()).to_owned(),
    })
}

fn authentication(uri: &Uri) -> AuthenticationContext {
    let mut authentication = AuthenticationContext::none();
    if let Some(acr) = param(uri, "acr") {
        authentication = authentication.with_acr(acr);
    }
    if let Some(amr) = param(uri, "amr") {
        authentication = authentication.with_amr([amr]);
    }
    authentication
}

fn number(uri: &Uri, name: &str) -> Option<u64> {
    param(uri, name).map(|value| value.parse().unwrap())
}

fn param<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
