//! What gRPC needs: its statuses are not HTTP's, and a stream says at its end how
//! it went (gRPC over HTTP/2).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// The field of the metadata with the reason.
static SESSION_REASON: HeaderName = HeaderName::from_static("session-reason");

/// The statuses that are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Status {
    ResourceExhausted,
    Internal,
    Unavailable,
    Unauthenticated,
}

/// Whether headers are those of a gRPC message, of a request or of an answer.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    media_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

/// Returns the HTTP status that means what an answer's gRPC status does, if the
/// answer has one in its head: then there is nothing else in it.
pub(crate) fn http_status(headers: &HeaderMap) -> Option<StatusCode> {
    Some(match headers.get(&GRPC_STATUS)?.as_bytes() {
        b"0" => StatusCode::OK,
        b"3" | b"9" | b"11" => StatusCode::BAD_REQUEST,
        b"5" => StatusCode::NOT_FOUND,
        b"7" => StatusCode::FORBIDDEN,
        b"8" => StatusCode::TOO_MANY_REQUESTS,
        b"12" => StatusCode::METHOD_NOT_ALLOWED,
        b"14" => StatusCode::SERVICE_UNAVAILABLE,
        b"16" => StatusCode::UNAUTHORIZED,
        b"6" | b"10" => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// Writes a status, and the reason as message and into the metadata.
pub(crate) fn write(fields: &mut HeaderMap, status: Status, reason: Option<&'static str>) {
    let status = HeaderValue::from_static(match status {
        Status::ResourceExhausted => "8",
        Status::Internal => "13",
        Status::Unavailable => "14",
        Status::Unauthenticated => "16",
    });
    fields.insert(&GRPC_STATUS, status);
    if let Some(reason) = reason {
        let reason = HeaderValue::from_static(reason);
        fields.insert(&GRPC_MESSAGE, reason.clone());
        fields.insert(&SESSION_REASON, reason);
    }
}
