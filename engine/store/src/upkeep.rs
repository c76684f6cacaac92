//! Upkeep in SQL: its tables, what a start reads back of it, and lists of it.

use csms::upkeep::{
    AvailabilityRow, ErrandRow, JobRow, LocalListRow, ReservationRow, SettingsRow, TemplateRow, UpkeepRow,
    UploadRow,
};
use sqlx::{QueryBuilder, SqliteConnection};
use units::StationId;

use crate::list::{Page, narrow, parse};
use crate::restore::bodies;
use crate::row::{Table, Value, json, text};
use crate::{ReadError, Store};

static JOB: Table =
    Table::states("job", &["job", "name", "actor", "begun_at_ms", "ended_at_ms", "state", "body"]);
static ERRAND: Table =
    Table::states("errand", &["errand", "job", "station", "wave", "state", "at_ms", "word", "body"]);
static TEMPLATE: Table = Table::states("template", &["template", "is_removed", "changed_at_ms", "body"]);
static SETTINGS: Table =
    Table::states("station_settings", &["station", "checked_at_ms", "needs_reboot", "body"]);
static LOCAL_LIST: Table =
    Table::states("local_list", &["station", "is_kept", "version", "at_ms", "word", "body"]);
static RESERVATION: Table =
    Table::states("reservation", &["reservation", "evse", "token", "until_ms", "state", "body"]);
static AVAILABILITY: Table =
    Table::states("availability", &["place", "station", "is_operative", "at_ms", "word", "body"]);
static UPLOAD: Table = Table::states(
    "upload",
    &["upload", "station", "site", "job", "until_ms", "received_at_ms", "name", "bytes", "body"],
);

/// The table of a row, and what stands in its columns.
pub(crate) fn row(row: &UpkeepRow) -> (&'static Table, Vec<Value>) {
    match row {
        UpkeepRow::Job(row) => (
            &JOB,
            vec![
                row.job.into(),
                text(&row.name),
                text(&row.actor),
                row.begun_at.into(),
                row.ended_at.into(),
                word(&row.state),
                json(row),
            ],
        ),
        UpkeepRow::Errand(errand) => (
            &ERRAND,
            vec![
                text(row.key()),
                errand.job.into(),
                text(&errand.station),
                i64::from(errand.wave).into(),
                word(&errand.state),
                errand.at.into(),
                text(&errand.word),
                json(errand),
            ],
        ),
        UpkeepRow::Template(row) => {
            (&TEMPLATE, vec![text(&row.template.id), row.is_removed.into(), row.changed_at.into(), json(row)])
        }
        UpkeepRow::Settings(row) => {
            (&SETTINGS, vec![text(&row.station), row.checked_at.into(), row.needs_reboot.into(), json(row)])
        }
        UpkeepRow::LocalList(row) => (
            &LOCAL_LIST,
            vec![
                text(&row.station),
                row.is_kept.into(),
                i64::from(row.version).into(),
                row.at.into(),
                text(&row.word),
                json(row),
            ],
        ),
        UpkeepRow::Reservation(row) => (
            &RESERVATION,
            vec![
                i64::from(row.reservation).into(),
                text(&row.evse),
                text(&row.token),
                row.until.into(),
                word(&row.state),
                json(row),
            ],
        ),
        UpkeepRow::Availability(place) => (
            &AVAILABILITY,
            vec![
                text(row.key()),
                text(&place.station),
                place.is_operative.into(),
                place.at.into(),
                text(&place.word),
                json(place),
            ],
        ),
        UpkeepRow::Upload(row) => {
            let received = row.received.as_ref();
            (
                &UPLOAD,
                vec![
                    row.upload.into(),
                    text(&row.station),
                    text(&row.site),
                    row.job.into(),
                    row.until.into(),
                    received.map(|received| received.at).into(),
                    received.map(|received| received.name.clone()).into(),
                    received.map(|received| received.bytes).into(),
                    json(row),
                ],
            )
        }
    }
}

/// A unit variant as it stands in JSON, without its quotes.
fn word(variant: &impl serde::Serialize) -> Value {
    match json(variant) {
        Value::Text(quoted) => Value::Text(quoted.trim_matches('"').to_owned()),
        other @ (Value::Null | Value::Integer(_) | Value::Bytes(_)) => other,
    }
}

/// What the sites need of upkeep at a start: what is open, and what is to be so.
pub(crate) async fn open(connection: &mut SqliteConnection) -> Result<Vec<UpkeepRow>, ReadError> {
    let mut rows = Vec::new();
    let sql = "SELECT body FROM job WHERE ended_at_ms IS NULL ORDER BY job";
    rows.extend(bodies(connection, "job", sql).await?.into_iter().map(UpkeepRow::Job));
    let sql = "SELECT errand.body FROM job JOIN errand ON errand.job = job.job WHERE job.ended_at_ms IS NULL \
               ORDER BY errand.job, errand.station";
    rows.extend(bodies(connection, "errand", sql).await?.into_iter().map(UpkeepRow::Errand));
    let sql = "SELECT body FROM template WHERE is_removed = 0 ORDER BY template";
    rows.extend(bodies(connection, "template", sql).await?.into_iter().map(UpkeepRow::Template));
    let sql = "SELECT body FROM station_settings ORDER BY station";
    rows.extend(bodies(connection, "station_settings", sql).await?.into_iter().map(UpkeepRow::Settings));
    let sql = "SELECT body FROM local_list ORDER BY station";
    rows.extend(bodies(connection, "local_list", sql).await?.into_iter().map(UpkeepRow::LocalList));
    let sql = "SELECT body FROM reservation WHERE state IN ('asked', 'held') ORDER BY reservation";
    rows.extend(bodies(connection, "reservation", sql).await?.into_iter().map(UpkeepRow::Reservation));
    let sql = "SELECT body FROM availability ORDER BY place";
    rows.extend(bodies(connection, "availability", sql).await?.into_iter().map(UpkeepRow::Availability));
    let sql = "SELECT body FROM upload WHERE received_at_ms IS NULL ORDER BY upload";
    rows.extend(bodies(connection, "upload", sql).await?.into_iter().map(UpkeepRow::Upload));
    Ok(rows)
}

impl Store {
    /// Jobs, the newest first; pages go on after a job's number.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn jobs(&self, page: Page) -> Result<Vec<JobRow>, ReadError> {
        let query = QueryBuilder::new("SELECT body FROM job WHERE TRUE");
        self.page_of_bodies("job", query, "job", page).await
    }

    /// One job, with its errands in the order of waves and stations.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn job(&self, job: u64) -> Result<Option<(JobRow, Vec<ErrandRow>)>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM job WHERE TRUE");
        narrow(&mut query, "job =", Some(job.cast_signed()));
        let Some(row) = self.page_of_bodies("job", query, "job", Page::first(1)).await?.pop() else {
            return Ok(None);
        };
        let sql = "SELECT body FROM errand WHERE job = ? ORDER BY wave, station";
        let errands = sqlx::query(sql).bind(job.cast_signed()).fetch_all(&self.readers).await?;
        let errands = errands.iter().map(|row| parse("errand", sqlx::Row::try_get(row, 0)?));
        Ok(Some((row, errands.collect::<Result<_, ReadError>>()?)))
    }

    /// Templates that hold.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn templates(&self) -> Result<Vec<TemplateRow>, ReadError> {
        let mut connection = self.readers.acquire().await?;
        bodies(
            &mut connection,
            "template",
            "SELECT body FROM template WHERE is_removed = 0 ORDER BY template",
        )
        .await
    }

    /// How a station took what templates want of it.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn settings(&self, station: &StationId) -> Result<Option<SettingsRow>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM station_settings WHERE TRUE");
        narrow(&mut query, "station =", Some(station.to_string()));
        Ok(self.page_of_bodies("station_settings", query, "station", Page::first(1)).await?.pop())
    }

    /// All local lists.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn local_lists(&self) -> Result<Vec<LocalListRow>, ReadError> {
        let mut connection = self.readers.acquire().await?;
        bodies(&mut connection, "local_list", "SELECT body FROM local_list ORDER BY station").await
    }

    /// Reservations, the newest first.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn reservations(&self, page: Page) -> Result<Vec<ReservationRow>, ReadError> {
        let query = QueryBuilder::new("SELECT body FROM reservation WHERE TRUE");
        self.page_of_bodies("reservation", query, "reservation", page).await
    }

    /// What operators took out of service, and back.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn availability(&self) -> Result<Vec<AvailabilityRow>, ReadError> {
        let mut connection = self.readers.acquire().await?;
        bodies(&mut connection, "availability", "SELECT body FROM availability ORDER BY place").await
    }

    /// Uploads, the newest first; pages go on after an upload's number.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn uploads(&self, page: Page) -> Result<Vec<UploadRow>, ReadError> {
        let query = QueryBuilder::new("SELECT body FROM upload WHERE TRUE");
        self.page_of_bodies("upload", query, "upload", page).await
    }

    /// One upload.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn upload(&self, upload: u64) -> Result<Option<UploadRow>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM upload WHERE TRUE");
        narrow(&mut query, "upload =", Some(upload.cast_signed()));
        Ok(self.page_of_bodies("upload", query, "upload", Page::first(1)).await?.pop())
    }
}
