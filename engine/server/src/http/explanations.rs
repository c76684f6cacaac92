//! What limits each EVSE, now and before, as values and in words.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use charging::site::Explanation;
use serde_json::{Value, json};
use units::civil::Zone;
use units::{EvseId, SiteId};

use super::api::{Answer, parsed, site_view};
use super::upkeep::Paged;
use super::{App, Problem};
use crate::web::{Language, explanation_in_words};

/// What there is.
pub(super) const PATHS: &[(&str, &str)] = &[
    (
        "GET /api/v1/sites/{site}/explanations",
        "why each EVSE has the current that it has: what limits it, the conductor's amperes and who shares it, when it gets \
         more, what the plan intends; as values, and as sentences in English and Finnish",
    ),
    (
        "GET /api/v1/evses/{station}/{number}/reasons",
        "what limited the EVSE before, the newest first; each holds until the next; `?limit=` up to 1000, `?after=` a number",
    ),
];

/// The paths of explanations.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/sites/{site}/explanations", get(explanations))
        .route("/api/v1/evses/{station}/{number}/reasons", get(reasons))
}

async fn explanations(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let view = site_view(&app, &site).await?;
    let id: SiteId = parsed("site", &site)?;
    let zone = app.engine.site_config(&id).map_or_else(Zone::utc, |config| config.zone);
    let told = view.evses.iter().map(|line| with_words(json!(line.explanation), &line.explanation, &zone));
    Ok(Json(Value::from(told.collect::<Vec<_>>())))
}

async fn reasons(
    State(app): State<Arc<App>>,
    Path((station, number)): Path<(String, String)>,
    Query(paged): Query<Paged>,
) -> Answer {
    let evse: EvseId = parsed("EVSE", &format!("{station}/{number}"))?;
    let Some(zone) = app.engine.zone_of(&evse) else {
        let way_out = "GET /api/v1/sites lists sites, GET /api/v1/sites/{site} its EVSEs";
        return Err(Problem::not_found(&format!("EVSE `{evse}`"), way_out));
    };
    let rows = app.store.reasons(&evse, paged.page()).await?;
    let told = rows.iter().map(|(number, row)| {
        let line = json!({"number": number, "at": row.at, "explanation": row.explanation});
        with_words(line, &row.explanation, &zone)
    });
    Ok(Json(Value::from(told.collect::<Vec<_>>())))
}

fn with_words(mut line: Value, told: &Explanation, zone: &Zone) -> Value {
    let words: serde_json::Map<String, Value> = Language::ALL
        .into_iter()
        .map(|language| (language.tag().to_owned(), Value::from(explanation_in_words(told, zone, language))))
        .collect();
    if let Some(line) = line.as_object_mut() {
        line.insert("words".to_owned(), Value::Object(words));
    }
    line
}
