//! The live page: the circuits with amperes per phase against their ratings, below each its EVSEs with what limits them,
//! today's energy and euros.
//!
//! The server draws all of it: `picture` asks the engine, `facts` finds what is to be said, `draw` says it in the words
//! of `words` and the figures of `number`. A small script puts parts in place as they change; the style alone filters.

mod draw;
mod explanation_words;
mod facts;
mod number;
mod picture;
mod station;
mod station_words;
mod words;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::Stream;
use units::SiteId;

use crate::http::App;
use draw::Page;
pub use explanation_words::explanation_in_words;
use picture::Picture;
pub use station_words::finding_in_words;
use words::LANGUAGE_COOKIE;
pub use words::Language;

/// How often the page is drawn anew.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// What the live page needs beside the engine.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// How many times faster than true time the site runs, where it is the demo's: the page says so.
    pub speed: Option<u32>,
}

/// The paths of pages.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(first_site))
        .route("/sites/{site}", get(one_site))
        .route("/stations/{station}", get(station::page))
        .route("/live/{site}", get(live))
        .route("/assets/wattery.css", get(|| asset("text/css; charset=utf-8", include_str!("wattery.css"))))
        .route(
            "/assets/wattery.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("wattery.js"))),
        )
        .route("/assets/icon.svg", get(|| asset("image/svg+xml", include_str!("icon.svg"))))
        .route("/favicon.ico", get(|| asset("image/svg+xml", include_str!("icon.svg"))))
}

/// What somebody without a token sees, in the language of the request.
pub fn locked_page(headers: &HeaderMap) -> Html<String> {
    Html(draw::locked(Language::of(headers)).into_string())
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

async fn first_site(State(app): State<Arc<App>>, query: RawQuery, headers: HeaderMap) -> Response {
    let chosen = chosen(query);
    remembering(chosen, page(&app, None, chosen.unwrap_or_else(|| Language::of(&headers))).await)
}

async fn one_site(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    let chosen = chosen(query);
    let language = chosen.unwrap_or_else(|| Language::of(&headers));
    let response = match site.parse() {
        Ok(site) => page(&app, Some(site), language).await,
        Err(_) => no_such_site(&site, language),
    };
    remembering(chosen, response)
}

/// The language that the URL names.
fn chosen(RawQuery(query): RawQuery) -> Option<Language> {
    let query = query?;
    let tag = query.split('&').find_map(|pair| pair.strip_prefix("language="))?;
    Language::of_tag(tag)
}

/// A choice of language holds for the next visit too.
pub(super) fn remembering(chosen: Option<Language>, mut response: Response) -> Response {
    let cookie = chosen.map(|language| {
        format!("{LANGUAGE_COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", language.tag())
    });
    if let Some(Ok(cookie)) = cookie.map(|cookie| HeaderValue::from_str(&cookie)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn page(app: &App, site: Option<SiteId>, language: Language) -> Response {
    match Picture::take(app, site.as_ref()).await {
        Ok(Some(picture)) => Html(Page::of(&picture, language).whole().into_string()).into_response(),
        Ok(None) => match site {
            Some(site) => no_such_site(site.as_str(), language),
            None => Html(draw::no_site(language).into_string()).into_response(),
        },
        Err(why) => {
            let storage = app.engine.health().borrow().storage_failing.clone();
            let page = draw::no_answer(why, storage.as_deref(), language);
            (StatusCode::SERVICE_UNAVAILABLE, Html(page.into_string())).into_response()
        }
    }
}

fn no_such_site(site: &str, language: Language) -> Response {
    (StatusCode::NOT_FOUND, Html(draw::no_such_site(site, language).into_string())).into_response()
}

/// Sends the parts of the page that changed, once a second.
async fn live(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(site) = site.parse() else { return StatusCode::NOT_FOUND.into_response() };
    let language = chosen(query).unwrap_or_else(|| Language::of(&headers));
    let viewer = Viewer { app, site, language, shown: Vec::new(), is_first: true };
    Sse::new(events(viewer)).keep_alive(KeepAlive::default()).into_response()
}

struct Viewer {
    app: Arc<App>,
    site: SiteId,
    language: Language,
    /// The parts as this viewer has them.
    shown: Vec<(String, String)>,
    is_first: bool,
}

fn events(viewer: Viewer) -> impl Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold(viewer, |mut viewer| async move {
        loop {
            if !viewer.is_first {
                tokio::time::sleep(DRAW_EVERY).await;
            }
            viewer.is_first = false;
            if let Some(event) = viewer.next().await {
                return Some((Ok(event), viewer));
            }
        }
    })
}

impl Viewer {
    async fn next(&mut self) -> Option<Event> {
        match Picture::take(&self.app, Some(&self.site)).await {
            Ok(Some(picture)) => {
                let parts = Page::of(&picture, self.language).parts();
                let is_changed = !self.shown.is_empty() && !has_same_ids(&parts, &self.shown);
                if is_changed {
                    return Some(Event::default().event("again").data("the site was changed"));
                }
                let event = self.changed(&parts);
                self.shown = parts;
                event
            }
            Ok(None) => Some(Event::default().event("again").data("the site is gone")),
            Err(why) => {
                let storage = self.app.engine.health().borrow().storage_failing.clone();
                let banner = draw::no_answer_banner(why, storage.as_deref(), self.language).into_string();
                let event = self.changed(&[("banner".to_owned(), banner.clone())]);
                if let Some(shown) = self.shown.iter_mut().find(|(id, _)| id == "banner") {
                    shown.1 = banner;
                }
                event
            }
        }
    }

    /// Those of `parts` that the viewer does not have. Ids come in a fixed order.
    fn changed(&self, parts: &[(String, String)]) -> Option<Event> {
        let is_new = |part: &&(String, String)| {
            let shown = self.shown.iter().find(|(id, _)| *id == part.0);
            shown.is_none_or(|(_, shown)| *shown != part.1)
        };
        let changed: Vec<_> = if has_same_ids(parts, &self.shown) {
            parts
                .iter()
                .zip(&self.shown)
                .filter(|(part, shown)| part != shown)
                .map(|(part, _)| part)
                .collect()
        } else {
            parts.iter().filter(is_new).collect()
        };
        (!changed.is_empty())
            .then(|| Event::default().event("parts").data(serde_json::json!(changed).to_string()))
    }
}

fn has_same_ids(parts: &[(String, String)], others: &[(String, String)]) -> bool {
    parts.iter().map(|(id, _)| id).eq(others.iter().map(|(id, _)| id))
}
