//! What energy and power cost at a site, what is expected beside EVs, and what others command.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use charging::terms::Terms;
use serde_json::{Value, json};
use units::SiteId;

use super::App;
use super::api::{Answer, body_of, command, known_site, no_site, parsed};
use super::gate::Actor;

/// What there is.
pub(super) const PATHS: &[(&str, &str)] = &[
    (
        "GET /api/v1/sites/{site}/forecasts",
        "how far off the base current of each row was forecast a day ahead, beside the value of a week before, since the server \
         started: {\"row\", \"slots\", \"off_by\", \"per_mille_of_naive\"}; empty where nobody plans. A plan goes by a forecast \
         after a day of slots in which it was better",
    ),
    (
        "GET /api/v1/sites/{site}/terms, PUT /api/v1/sites/{site}/terms",
        "for plans, hints: {\"energy\": [{\"from\", \"until\", \"price\"}], \"missing\", \"power_fee\": {\"price\", \"window\": quarter | \
     hour, \"paid\"}, \"power_limit\": {\"limit\", \"window\", \"price_over\"}, \"beside\": [{\"from\", \"until\", \"base\", \
     \"photovoltaics\"}]}; in every decision: {\"commands\": [{\"from\", \"until\", \"circuit\", \"limit\"}], mA per phase with base \
     load}. Each PUT replaces all. Prices are millionths per kWh or kW, power is mW; where no price is told, that of a day \
     before stands, and GET says up to when prices are known",
    ),
];

const EXAMPLE: &str = "{\"energy\": [{\"from\": 1767225600000, \"until\": 1767229200000, \"price\": 52000}]}, as GET tells them";

/// The paths of terms.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/sites/{site}/terms", get(show).put(put))
        .route("/api/v1/sites/{site}/forecasts", get(forecasts))
}

async fn show(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id: SiteId = parsed("site", &site)?;
    match app.engine.query(csms::Query::Terms(id)).await? {
        csms::QueryAnswer::Terms(Some(view)) => Ok(Json(json!(view))),
        csms::QueryAnswer::Terms(None)
        | csms::QueryAnswer::Site(_)
        | csms::QueryAnswer::Sites(_)
        | csms::QueryAnswer::Stations(_)
        | csms::QueryAnswer::Sessions(_)
        | csms::QueryAnswer::Alarms(_)
        | csms::QueryAnswer::Station(_)
        | csms::QueryAnswer::Plan(_) => Err(no_site(&site)),
    }
}

async fn forecasts(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id = known_site(&app, &site)?;
    let errors = app.engine.forecasts.errors(&id);
    let told = errors.iter().map(|error| {
        json!({
            "row": error.row,
            "slots": error.slots,
            "off_by": error.off_by,
            "per_mille_of_naive": error.per_mille_of_naive,
        })
    });
    Ok(Json(Value::from(told.collect::<Vec<_>>())))
}

async fn put(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(site): Path<String>,
    body: Bytes,
) -> Answer {
    let site: SiteId = parsed("site", &site)?;
    let terms: Terms = body_of(&body, EXAMPLE)?;
    command(&app, &actor, csms::Command::Terms { site, terms: Box::new(terms) }).await
}
