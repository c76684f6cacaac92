//! HTTP: who may ask (`gate`), what can be asked (`api`), how a refusal reads (`problem`), and the live page.

mod adoption;
pub mod api;
mod explanations;
mod gate;
mod meters;
mod metrics;
mod problem;
mod security;
pub mod station;
mod terms;
mod upkeep;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use csms::SecurityProfile;
use store::Store;
use tokio::net::TcpListener;

use crate::credentials::Credentials;
use crate::door::Door;
use crate::engine::EngineHandle;
use crate::meters::Meters;
use crate::uploads::Uploads;
use crate::web::Live;

pub use problem::Problem;

/// What all requests share.
#[derive(Debug)]
pub struct App {
    /// The engine.
    pub engine: EngineHandle,
    /// Lists of what is past.
    pub store: Arc<Store>,
    /// Where the frame log is.
    pub frames: std::path::PathBuf,
    /// Who may ask.
    pub credentials: Arc<Credentials>,
    /// What is kept of stations, to know them by.
    pub door: Arc<Door>,
    /// Files that stations send.
    pub uploads: Arc<Uploads>,
    /// The most that a station can prove on the listeners there are.
    pub security_most: SecurityProfile,
    /// Names of this server, lower case, without port.
    pub hosts: Vec<String>,
    /// How meters that are read here are.
    pub meters: Arc<Meters>,
    /// The live page's pictures.
    pub live: Live,
}

/// Serves until the future is dropped.
///
/// # Errors
///
/// Where the listener breaks.
pub async fn run(listener: TcpListener, app: Arc<App>) -> std::io::Result<()> {
    axum::serve(listener, router(app)).await
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(station::routes())
        .merge(metrics::routes())
        .merge(upkeep::routes())
        .merge(explanations::routes())
        .merge(terms::routes())
        .merge(crate::web::routes())
        .fallback(|| async { Problem::not_found("this path", "see GET /api/v1 for what there is") })
        .layer(from_fn_with_state(Arc::clone(&app), gate::check))
        .with_state(app)
}
