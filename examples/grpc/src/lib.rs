//! A gRPC service whose sessions time out. Nothing in it speaks of time: the layers
//! around it do.

use std::pin::Pin;
use std::time::Duration;

use dwell_core::{CommandError, NewSession, RouteMark, SessionManager, SessionState};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::session::TokenSource;
use futures_util::Stream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::IntervalStream;
use tonic::{Request, Response, Status};

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod proto {
    tonic::include_proto!("bank");
}

use proto::accounts_server::Accounts;
use proto::*;

/// The calls that a client makes by itself.
const PASSIVE: [&str; 1] = ["/bank.Accounts/News"];

/// Returns the layers for these sessions.
pub fn sessions(manager: &SessionManager) -> SessionTimeoutLayer {
    SessionTimeoutLayer::new(manager)
        .with_source(TokenSource::bearer())
        .with_requirement(SessionRequirement::Required)
        .add_exempt_path("/bank.Accounts/SignIn")
}

/// Marks a call by its method's name. Stands inside the session layers.
pub fn mark<B>(call: http::Request<B>) -> http::Request<B> {
    if let Some(state) = call.extensions().get::<SessionState>()
        && PASSIVE.contains(&call.uri().path())
    {
        state.mark_route(RouteMark::Passive);
    }
    call
}

/// The service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bank;

/// Returns the session of a call. The layers have refused those without one.
fn session<T>(call: &Request<T>) -> Result<&SessionState, Status> {
    let state = call.extensions().get::<SessionState>();
    state.ok_or_else(|| Status::internal("the session layers are missing"))
}

fn failed(error: CommandError) -> Status {
    Status::unavailable(error.to_string())
}

#[tonic::async_trait]
impl Accounts for Bank {
    async fn sign_in(&self, call: Request<SignInRequest>) -> Result<Response<SignInReply>, Status> {
        let state = session(&call)?.clone();
        // … after checking the password:
        let new = NewSession::new(call.into_inner().name);
        let token = state.start(new).await.map_err(failed)?;
        let token = token.expose().to_owned();
        Ok(Response::new(SignInReply { token }))
    }

    async fn balance(
        &self,
        call: Request<BalanceRequest>,
    ) -> Result<Response<BalanceReply>, Status> {
        let owner = session(&call)?.subject();
        let owner = owner.ok_or_else(|| Status::unauthenticated("session_required"))?;
        Ok(Response::new(BalanceReply {
            owner: owner.to_string(),
            cents: 12_345,
        }))
    }

    async fn news(&self, _: Request<NewsRequest>) -> Result<Response<NewsReply>, Status> {
        Ok(Response::new(NewsReply { unread: 3 }))
    }

    type MovementsStream = Pin<Box<dyn Stream<Item = Result<Movement, Status>> + Send>>;

    async fn movements(
        &self,
        _: Request<MovementsRequest>,
    ) -> Result<Response<Self::MovementsStream>, Status> {
        let ticks = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
        let movements = ticks.map(|_| Ok(Movement { cents: 1 }));
        Ok(Response::new(Box::pin(movements)))
    }

    async fn sign_out(
        &self,
        call: Request<SignOutRequest>,
    ) -> Result<Response<SignOutReply>, Status> {
        session(&call)?.sign_out().await.map_err(failed)?;
        Ok(Response::new(SignOutReply {}))
    }
}
