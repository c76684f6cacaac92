//! Meters: how each is read, what it shows, and what is wrong with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;
use super::api::{Answer, site_view};

/// All meters of all sites.
pub async fn list(State(app): State<Arc<App>>) -> Answer {
    let configs = app.engine.watch_configs().borrow().clone();
    let now = app.engine.now();
    let mut rows = Vec::new();
    for (site, config) in configs {
        let view = site_view(&app, site.as_str()).await?;
        for circuit in &config.circuits {
            let Some(meter) = &circuit.meter else { continue };
            let shown = view.circuits.iter().find(|shown| shown.circuit == circuit.id);
            rows.push(json!({
                "meter": meter.id,
                "site": site,
                "circuit": circuit.id,
                "timeout_ms": meter.timeout.milliseconds(),
                "source": meter.source,
                "metered": shown.and_then(|shown| shown.metered),
                "is_stale": shown.is_some_and(|shown| shown.is_stale),
                "reader": app.meters.status(&meter.id, now, meter.timeout),
            }));
        }
    }
    Ok(Json(Value::from(rows)))
}
