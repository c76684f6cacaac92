//! What the live page shows, as values.

use csms::query::{SiteBrief, SiteView};
use csms::{Alarm, Query, QueryAnswer};
use office::query::SiteDay;
use units::SiteId;
use units::civil::Zone;

use crate::engine::{Health, NoAnswer};
use crate::http::App;

/// All that one drawing of the page rests on.
#[derive(Debug)]
pub struct Picture {
    /// Times true time, in the demo.
    pub speed: Option<u32>,
    pub zone: Zone,
    pub site: SiteView,
    pub sites: Vec<SiteBrief>,
    pub today: Option<SiteDay>,
    pub alarms: Vec<Alarm>,
    pub health: Health,
    /// By EVSE, in order: its station has no password.
    pub is_unauthenticated: Vec<bool>,
}

impl Picture {
    /// Asks the engine. `None` where there is no such site, or no site at all.
    pub async fn take(app: &App, site: Option<&SiteId>) -> Result<Option<Self>, NoAnswer> {
        let sites = match app.engine.query(Query::Sites).await? {
            QueryAnswer::Sites(sites) => sites,
            QueryAnswer::Site(_)
            | QueryAnswer::Stations(_)
            | QueryAnswer::Sessions(_)
            | QueryAnswer::Station(_)
            | QueryAnswer::Plan(_)
            | QueryAnswer::Terms(_)
            | QueryAnswer::Alarms(_) => Vec::new(),
        };
        let Some(id) = site.or_else(|| sites.first().map(|brief| &brief.site)).cloned() else {
            return Ok(None);
        };
        let site = match app.engine.query(Query::Site(id.clone())).await? {
            QueryAnswer::Site(Some(site)) => site,
            QueryAnswer::Site(None)
            | QueryAnswer::Sites(_)
            | QueryAnswer::Stations(_)
            | QueryAnswer::Sessions(_)
            | QueryAnswer::Station(_)
            | QueryAnswer::Plan(_)
            | QueryAnswer::Terms(_)
            | QueryAnswer::Alarms(_) => return Ok(None),
        };
        let alarms = match app.engine.query(Query::Alarms).await? {
            QueryAnswer::Alarms(alarms) => alarms.into_iter().map(|view| view.alarm).collect(),
            QueryAnswer::Sites(_)
            | QueryAnswer::Plan(_)
            | QueryAnswer::Terms(_)
            | QueryAnswer::Site(_)
            | QueryAnswer::Stations(_)
            | QueryAnswer::Station(_)
            | QueryAnswer::Sessions(_) => Vec::new(),
        };
        let answer = app.engine.office_query(office::Query::SiteToday(id.clone())).await?;
        let today = if let office::QueryAnswer::SiteToday(today) = answer { today } else { None };
        let is_unauthenticated =
            site.evses.iter().map(|line| !app.door.is_secured(&line.evse.station)).collect();
        Ok(Some(Self {
            speed: app.live.speed,
            zone: app.engine.site_config(&id).map_or_else(Zone::utc, |config| config.zone),
            site,
            sites,
            today,
            alarms,
            health: app.engine.health().borrow().clone(),
            is_unauthenticated,
        }))
    }
}
