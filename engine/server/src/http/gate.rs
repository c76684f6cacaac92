//! Who may ask: the Host must be ours, the Origin the same, and the token one that is known.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{App, Problem};

/// The cookie that the console's URL sets.
const COOKIE: &str = "wattery";
/// The path of the console's URL: `?token=…` opens the console.
const OPEN_PATH: &str = "/open";

/// Who asks: the name of the token, for the audit.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

/// Lets a request through, or answers it.
pub async fn check(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Err(problem) = check_host(&app, headers).and_then(|()| check_origin(request.method(), headers)) {
        return guarded(problem.into_response());
    }
    let path = request.uri().path();
    if path == OPEN_PATH {
        return guarded(open(&app, request.headers(), request.uri().query().unwrap_or_default()));
    }
    // What is served from the binary to everybody is no secret.
    let is_public = path.starts_with("/assets/");
    match token(request.headers()).and_then(|token| app.credentials.token_name(token)) {
        Some(name) => {
            request.extensions_mut().insert(Actor(name));
        }
        None if is_public => {}
        None => return guarded(unauthorised(request.headers())),
    }
    guarded(next.run(request).await)
}

fn check_host(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host_name(host);
    if app.hosts.contains(&name) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!("`{name}` is not a name of this server"),
        "if it should be one, add it with --hosts",
    ))
}

/// A page of another origin may not act in a person's name.
fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = origin.to_str().unwrap_or_default();
    let origin_host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let is_reading = matches!(*method, Method::GET | Method::HEAD);
    if is_reading || origin_host.eq_ignore_ascii_case(host) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        format!("origin `{origin}` is not this server `{host}`"),
        "send the request from a page of this server, or without an Origin header",
    ))
}

/// The host without its port, lower case.
fn host_name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.to_ascii_lowercase()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(value) = bearer {
        let (scheme, token) = value.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

fn open(app: &App, headers: &HeaderMap, query: &str) -> Response {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    if app.credentials.token_name(token).is_none() {
        return unauthorised_page(headers);
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    let Ok(cookie) = HeaderValue::from_str(&cookie) else { return unauthorised_page(headers) };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    response
}

fn unauthorised(headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        return unauthorised_page(headers);
    }
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "the token is missing or wrong",
        "send `Authorization: Bearer TOKEN`; the first token was printed at the first start and stands in the file \
         `token` of the data directory",
    );
    let mut response = problem.into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn unauthorised_page(headers: &HeaderMap) -> Response {
    (StatusCode::UNAUTHORIZED, crate::web::locked_page(headers)).into_response()
}

/// Nothing of ours is framed, cached, sniffed, or run from elsewhere.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_port_and_case() {
        for (host, name) in
            [("LocalHost:8080", "localhost"), ("[::1]:8080", "::1"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(host_name(host), name);
        }
    }

    #[test]
    fn a_page_of_another_origin_may_read_nothing_into_being() {
        let headers = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            headers
        };
        assert!(check_origin(&Method::POST, &headers("http://127.0.0.1:8080")).is_ok());
        assert!(check_origin(&Method::POST, &headers("http://127.0.0.1:9090")).is_err());
        assert!(check_origin(&Method::POST, &headers("https://evil.example")).is_err());
        assert!(check_origin(&Method::POST, &headers("null")).is_err());
        assert!(check_origin(&Method::POST, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn the_token_comes_as_bearer_or_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; wattery=secret"));
        assert_eq!(token(&headers), Some("secret"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer other"));
        assert_eq!(token(&headers), Some("other"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic other"));
        assert_eq!(token(&headers), None, "a wrong header is not made up for by a cookie");
    }
}
