//! Refusals as `application/problem+json` (RFC 9457): each names the thing, the value and the way out.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::engine::NoAnswer;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP's status.
    pub status: StatusCode,
    /// What is wrong, with the thing and its value.
    pub title: String,
    /// The way out.
    pub way_out: String,
    /// Each mistake, where there may be several.
    pub mistakes: Vec<String>,
}

impl Problem {
    /// One mistake.
    pub fn new(status: StatusCode, title: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { status, title: title.into(), way_out: way_out.into(), mistakes: Vec::new() }
    }

    /// Several mistakes at once.
    pub fn several(status: StatusCode, title: impl Into<String>, mistakes: Vec<String>) -> Self {
        Self {
            status,
            title: title.into(),
            way_out: "mend all of them and send it again".to_owned(),
            mistakes,
        }
    }

    /// Something does not exist.
    pub fn not_found(thing: &str, way_out: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{thing} does not exist"), way_out)
    }

    /// A value cannot be read.
    pub fn unreadable(thing: &str, value: &str, way_out: impl Into<String>) -> Self {
        let value: String = value.chars().take(80).collect();
        Self::new(StatusCode::BAD_REQUEST, format!("{thing} `{value}` cannot be read"), way_out)
    }
}

impl From<NoAnswer> for Problem {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Stopping => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                why.to_string(),
                "send it again once the server is back",
            ),
            NoAnswer::Late => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                why.to_string(),
                "look at GET /api/v1/health, then at what was asked for, before it is sent again",
            ),
        }
    }
}

impl From<store::ReadError> for Problem {
    fn from(error: store::ReadError) -> Self {
        tracing::error!("{:#}", anyhow::Error::from(error));
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the records cannot be read",
            "the server's log says why; nothing was changed",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "status": self.status.as_u16(),
            "title": self.title,
            "way_out": self.way_out,
            "mistakes": self.mistakes,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}
