//! The live page: the circuits with amperes per phase against their ratings, each EVSE with what limits it, today's
//! energy and euros. The server draws all of it; a small script puts parts in place as they change.

mod draw;
mod picture;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::Stream;
use units::SiteId;

use crate::http::App;
use picture::Picture;

/// How often the page is drawn anew.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// What the live page needs beside the engine.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Shown beside the name, such as `demo · 20 ×`; empty in production.
    pub mark: String,
    /// The file that is served as the page's icon, style and script carries this version.
    pub version: &'static str,
}

/// The paths of pages.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(first_site))
        .route("/sites/{site}", get(one_site))
        .route("/live/{site}", get(live))
        .route("/assets/wattery.css", get(|| asset("text/css; charset=utf-8", include_str!("wattery.css"))))
        .route(
            "/assets/wattery.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("wattery.js"))),
        )
        .route("/assets/icon.svg", get(|| asset("image/svg+xml", include_str!("icon.svg"))))
        .route("/favicon.ico", get(|| asset("image/svg+xml", include_str!("icon.svg"))))
}

/// What somebody without a token sees.
pub fn locked_page() -> Html<String> {
    Html(draw::locked().into_string())
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

async fn first_site(State(app): State<Arc<App>>) -> Response {
    page(&app, None).await
}

async fn one_site(State(app): State<Arc<App>>, Path(site): Path<String>) -> Response {
    match site.parse() {
        Ok(site) => page(&app, Some(site)).await,
        Err(_) => {
            (axum::http::StatusCode::NOT_FOUND, Html(draw::no_such_site(&site).into_string())).into_response()
        }
    }
}

async fn page(app: &App, site: Option<SiteId>) -> Response {
    match Picture::take(app, site.as_ref()).await {
        Ok(Some(picture)) => Html(draw::page(&picture).into_string()).into_response(),
        Ok(None) => match site {
            Some(site) => {
                let page = draw::no_such_site(site.as_str());
                (axum::http::StatusCode::NOT_FOUND, Html(page.into_string())).into_response()
            }
            None => Html(draw::no_site(&app.live.mark).into_string()).into_response(),
        },
        Err(why) => {
            let page =
                draw::no_answer(&why.to_string(), app.engine.health().borrow().storage_failing.as_deref());
            (axum::http::StatusCode::SERVICE_UNAVAILABLE, Html(page.into_string())).into_response()
        }
    }
}

/// Sends the parts of the page that changed, once a second.
async fn live(State(app): State<Arc<App>>, Path(site): Path<String>) -> Response {
    let Ok(site) = site.parse() else { return axum::http::StatusCode::NOT_FOUND.into_response() };
    let viewer = Viewer { app, site, shown: Vec::new(), is_first: true };
    Sse::new(events(viewer)).keep_alive(KeepAlive::default()).into_response()
}

struct Viewer {
    app: Arc<App>,
    site: SiteId,
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
        let parts = match Picture::take(&self.app, Some(&self.site)).await {
            Ok(Some(picture)) => draw::parts(&picture),
            Ok(None) => return Some(Event::default().event("again").data("the site is gone")),
            Err(why) => {
                let storage = self.app.engine.health().borrow().storage_failing.clone();
                vec![(
                    "banner".to_owned(),
                    draw::no_answer_banner(&why.to_string(), storage.as_deref()).into_string(),
                )]
            }
        };
        let is_whole = parts.len() > 1;
        let names = |parts: &[(String, String)]| parts.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        if is_whole && !self.shown.is_empty() && names(&parts) != names(&self.shown) {
            return Some(Event::default().event("again").data("the site was changed"));
        }
        let changed: Vec<&(String, String)> =
            parts.iter().filter(|part| !self.shown.contains(part)).collect();
        let event = (!changed.is_empty())
            .then(|| Event::default().event("parts").data(serde_json::json!(changed).to_string()));
        if is_whole {
            self.shown = parts;
        } else if let Some((id, html)) = parts.into_iter().next()
            && let Some(place) = self.shown.iter_mut().find(|(shown, _)| *shown == id)
        {
            place.1 = html;
        }
        event
    }
}
