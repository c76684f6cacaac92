//! Records as rows: typed columns that a person can query, and for what no column tells a `body` of JSON.

use serde::Serialize;
use units::{Amperes, Timestamp, TransactionId, WattHours};

/// A table that is written.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// The key column of state rows, which replace each other; none for facts.
    pub(crate) key: Option<&'static str>,
}

impl Table {
    const fn facts(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, key: None }
    }

    /// State rows are keyed by their first column.
    pub(crate) const fn states(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, key: Some(columns[0]) }
    }

    /// The INSERT of `rows` rows.
    pub(crate) fn insert(&self, rows: usize) -> String {
        let one = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let values = vec![one; rows].join(", ");
        let insert = format!("INSERT INTO {} ({}) VALUES {values}", self.name, self.columns.join(", "));
        let Some(key) = self.key else { return insert };
        let updates: Vec<String> = self
            .columns
            .iter()
            .filter(|&&column| column != key)
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {}", updates.join(", "))
    }
}

/// One row to insert.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) table: &'static Table,
    /// One per column of the table.
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// What tells a state row from others of its table: its first column. None for facts.
    pub(crate) fn key(&self) -> Option<String> {
        self.table.key?;
        match self.values.first()? {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(count) => Some(count.to_string()),
            Value::Null | Value::Bytes(_) => None,
        }
    }
}

/// What a column holds. Counts that are unsigned keep their bits.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(count: i64) -> Self {
        Self::Integer(count)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Integer(count.cast_signed())
    }
}

impl From<bool> for Value {
    fn from(is_true: bool) -> Self {
        Self::Integer(i64::from(is_true))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Value {
    fn from(instant: Timestamp) -> Self {
        Self::Integer(instant.milliseconds())
    }
}

impl From<WattHours> for Value {
    fn from(energy: WattHours) -> Self {
        Self::Integer(energy.milliwatt_hours())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

pub(crate) mod table {
    use super::Table;

    pub(crate) static SITE: Table = Table::states("site", &["site", "name", "body"]);
    pub(crate) static SITE_TERMS: Table = Table::states("site_terms", &["site", "body"]);
    pub(crate) static STATION: Table = Table::states(
        "station",
        &["station", "site", "vendor", "model", "firmware", "serial", "booted_at_ms", "ocpp_version", "body"],
    );
    pub(crate) static STATION_SECURITY: Table =
        Table::states("station_security", &["station", "profile", "password_hash", "changed_at_ms", "body"]);
    pub(crate) static STATION_FACTS: Table = Table::states("station_facts", &["station", "body"]);
    pub(crate) static EVSE: Table = Table::states("evse", &["evse", "body"]);
    pub(crate) static SESSION: Table =
        Table::states("session", &["session", "evse", "began_at_ms", "ended_at_ms"]);
    pub(crate) static TRANSACTION: Table = Table::states(
        "transaction_state",
        &[
            "transaction_id",
            "session",
            "evse",
            "token",
            "started_at_ms",
            "stopped_at_ms",
            "register_start_mwh",
            "register_end_mwh",
            "is_sealed",
            "reported_id",
            "body",
        ],
    );
    pub(crate) static COUNTERS: Table = Table::states("counters", &["root", "body"]);
    pub(crate) static EVIDENCE: Table = Table::facts(
        "evidence",
        &["frame", "station", "transaction_id", "received_at_ms", "action", "text", "sha256"],
    );
    pub(crate) static METER_VALUES: Table = Table::facts(
        "meter_values",
        &["evse", "transaction_id", "received_at_ms", "frame", "register_mwh", "seq_no", "samples"],
    );
    pub(crate) static CDR: Table = Table::facts(
        "cdr",
        &[
            "cdr",
            "site",
            "owner",
            "evse",
            "fee_class",
            "transaction_id",
            "session",
            "token",
            "driver",
            "account",
            "tariff",
            "started_at_ms",
            "stopped_at_ms",
            "energy_mwh",
            "doubts",
            "body",
        ],
    );
    pub(crate) static DOUBT: Table =
        Table::facts("doubt", &["station", "transaction_id", "at_ms", "frame", "doubt", "body"]);
    pub(crate) static NOTICE: Table = Table::facts(
        "notice",
        &[
            "station",
            "evse",
            "received_at_ms",
            "reported_at_ms",
            "frame",
            "subject",
            "number",
            "word",
            "detail",
        ],
    );
    pub(crate) static REASON: Table = Table::facts("reason", &["evse", "at_ms", "why", "limit_ma", "body"]);
    pub(crate) static AUDIT: Table =
        Table::facts("audit", &["root", "at_ms", "actor", "station", "what", "outcome"]);

    pub(crate) static OWNER: Table = Table::states("owner", &["owner", "name", "body"]);
    pub(crate) static ACCOUNT: Table = Table::states("account", &["account", "name", "body"]);
    pub(crate) static TOKEN: Table = Table::states("token", &["token", "account", "status", "body"]);
    pub(crate) static TARIFF: Table = Table::states("tariff", &["tariff", "name", "currency", "body"]);
    pub(crate) static ACCESS: Table = Table::states("access", &["evse", "site", "owner", "body"]);
    pub(crate) static PRICES: Table = Table::states("prices", &["valid_from", "body"]);
    pub(crate) static LOBBY: Table =
        Table::states("lobby", &["station", "first_at_ms", "last_at_ms", "body"]);
    pub(crate) static BOOKS: Table =
        Table::states("books", &["owner", "first", "closed_through", "settled_through", "body"]);
    pub(crate) static STATED: Table = Table::states("stated", &["account", "through", "body"]);
    pub(crate) static PAYOUT: Table = Table::states(
        "payout",
        &["payout", "owner", "month", "amount_minor", "currency", "proposed_by", "approved_by", "body"],
    );
    pub(crate) static PRICED_CDR: Table = Table::facts(
        "priced_cdr",
        &[
            "cdr",
            "site",
            "owner",
            "month",
            "driver",
            "account",
            "tariff",
            "energy_mwh",
            "amount_minor",
            "currency",
            "body",
        ],
    );
    pub(crate) static CHARGING_LINE: Table = Table::facts(
        "charging_line",
        &["cdr", "owner", "month", "energy_mwh", "amount_minor", "currency", "body"],
    );
    pub(crate) static FINDING: Table =
        Table::facts("finding", &["cdr", "owner", "site", "raised_at_ms", "why", "body"]);
    pub(crate) static RESOLUTION: Table = Table::facts(
        "resolution",
        &["cdr", "decided_by", "decided_at_ms", "reason", "is_written_off", "body"],
    );
    pub(crate) static DOCUMENT: Table = Table::facts(
        "document",
        &["document", "number", "account", "month", "issued_at_ms", "total_minor", "currency", "body"],
    );
    pub(crate) static COLLECTION: Table =
        Table::facts("collection", &["document", "payment", "at_ms", "amount_minor", "currency", "body"]);
    pub(crate) static SETTLEMENT: Table = Table::facts(
        "settlement",
        &["owner", "month", "at_ms", "collected_minor", "fees_minor", "total_minor", "currency", "body"],
    );
    pub(crate) static LEDGER_ENTRY: Table =
        Table::facts("ledger_entry", &["entry", "entry_key", "at_ms", "month", "body"]);
    pub(crate) static LEDGER_POSTING: Table =
        Table::facts("ledger_posting", &["entry", "class", "month", "account", "amount_minor", "currency"]);
}

/// The row of a record of the sites.
pub(crate) fn of_csms(record: &csms::Record) -> Row {
    use csms::Record;
    let (table, values) = match record {
        Record::Site(row) => (&table::SITE, vec![text(&row.config.id), text(&row.config.name), json(row)]),
        Record::Station(row) => (
            &table::STATION,
            vec![
                text(&row.station),
                text(&row.site),
                text(&row.vendor),
                text(&row.model),
                text(&row.firmware),
                text(&row.serial),
                row.booted_at.into(),
                row.ocpp_version.map(|version| version.number().to_owned()).into(),
                json(row),
            ],
        ),
        Record::Security(row) => (
            &table::STATION_SECURITY,
            vec![
                text(&row.station),
                i64::from(row.profile.number()).into(),
                row.password.as_ref().map(|password| password.hash.to_string()).into(),
                row.changed_at.into(),
                json(row),
            ],
        ),
        Record::Terms(row) => (&table::SITE_TERMS, vec![text(&row.site), json(row)]),
        Record::Facts(row) => (&table::STATION_FACTS, vec![text(&row.station), json(row)]),
        Record::Evse(row) => (&table::EVSE, vec![text(&row.evse), json(row)]),
        Record::Session(row) => (
            &table::SESSION,
            vec![row.session.0.into(), text(&row.evse), row.began_at.into(), row.ended_at.into()],
        ),
        Record::Transaction(row) => (
            &table::TRANSACTION,
            vec![
                row.transaction.0.into(),
                row.session.0.into(),
                text(&row.evse),
                row.token.as_ref().map(ToString::to_string).into(),
                row.started_at.into(),
                row.stop.as_ref().map(|stop| stop.at).into(),
                row.register_start.into(),
                row.stop.as_ref().and_then(|stop| stop.register).into(),
                row.is_sealed.into(),
                row.reported_id.as_ref().map(ToString::to_string).into(),
                json(row),
            ],
        ),
        Record::Upkeep(row) => crate::upkeep::row(row),
        Record::Counters(row) => (&table::COUNTERS, vec![text("csms"), json(row)]),
        Record::Evidence(row) => (
            &table::EVIDENCE,
            vec![
                row.frame.into(),
                text(&row.station),
                transaction(row.transaction),
                row.received_at.into(),
                text(&row.action),
                text(&row.text),
                Value::Bytes(row.sha256.to_vec()),
            ],
        ),
        Record::MeterValues(row) => (
            &table::METER_VALUES,
            vec![
                text(&row.evse),
                transaction(row.transaction),
                row.received_at.into(),
                row.frame.into(),
                row.samples.iter().rev().find_map(|sample| sample.register).map(|read| read.register).into(),
                row.seq_no.map(u64::from).into(),
                json(&row.samples.iter().map(crate::sample::pack).collect::<Vec<_>>()),
            ],
        ),
        Record::Cdr(cdr) => (&table::CDR, cdr_values(cdr)),
        Record::Finding(row) => (
            &table::DOUBT,
            vec![
                text(&row.station),
                transaction(row.transaction),
                row.at.into(),
                row.frame.into(),
                text(&row.doubt),
                json(row),
            ],
        ),
        Record::Notice(row) => {
            let notice = &row.notice;
            (
                &table::NOTICE,
                vec![
                    text(&row.station),
                    notice.evse.map(u64::from).into(),
                    row.received_at.into(),
                    notice.reported.map(|reported| reported.0).into(),
                    row.frame.into(),
                    text(notice.subject.name()),
                    notice.number.into(),
                    text(&notice.word),
                    notice.detail.clone().into(),
                ],
            )
        }
        Record::Reason(row) => {
            let explanation = &row.explanation;
            (
                &table::REASON,
                vec![
                    text(&explanation.evse),
                    row.at.into(),
                    text(&explanation.reason),
                    explanation.limit.map(Amperes::milliamperes).into(),
                    json(row),
                ],
            )
        }
        Record::Audit(row) => (
            &table::AUDIT,
            vec![
                text("csms"),
                row.at.into(),
                text(&row.actor),
                row.station.as_ref().map(ToString::to_string).into(),
                text(&row.what),
                text(&row.outcome),
            ],
        ),
    };
    Row { table, values }
}

/// The rows of a record of the business: one, and for a ledger entry one more for each posting.
pub(crate) fn of_office(record: &office::Record) -> Vec<Row> {
    use office::Record;
    let (table, values) = match record {
        Record::Owner(row) => (&table::OWNER, vec![text(&row.owner), text(&row.name), json(row)]),
        Record::Account(row) => (&table::ACCOUNT, vec![text(&row.account), text(&row.name), json(row)]),
        Record::Token(row) => {
            let (account, status) = token(&row.entry);
            (&table::TOKEN, vec![text(&row.token), account, text(status), json(row)])
        }
        Record::Tariff(tariff) => {
            let parts = tariff.parts();
            (&table::TARIFF, vec![text(&parts.id), text(&parts.name), text(parts.currency), json(tariff)])
        }
        Record::Access(row) => {
            let last = row.terms.last();
            let site = last.map(|terms| terms.site.to_string());
            let owner = last.map(|terms| terms.owner.to_string());
            (&table::ACCESS, vec![text(&row.evse), site.into(), owner.into(), json(row)])
        }
        Record::Prices(list) => (&table::PRICES, vec![text(list.valid_from), json(list)]),
        Record::Sighting(row) => {
            (&table::LOBBY, vec![text(&row.station), row.first_at.into(), row.last_at.into(), json(row)])
        }
        Record::Counters(row) => (&table::COUNTERS, vec![text("office"), json(row)]),
        Record::Books(row) => (
            &table::BOOKS,
            vec![
                text(&row.owner),
                text(row.first),
                row.closed_through.map(|month| month.to_string()).into(),
                row.settled_through.map(|month| month.to_string()).into(),
                json(row),
            ],
        ),
        Record::Stated(row) => (&table::STATED, vec![text(&row.account), text(row.through), json(row)]),
        Record::Payout(row) => (
            &table::PAYOUT,
            vec![
                Value::Text(record.key().unwrap_or_default()),
                text(&row.owner),
                text(row.month),
                row.amount.minor().into(),
                text(row.amount.currency()),
                text(&row.proposed_by),
                row.approved_by.clone().into(),
                json(row),
            ],
        ),
        Record::PricedCdr(priced) => {
            let (driver, account) = driver(&priced.driver);
            let values = vec![
                priced.cdr.0.into(),
                text(&priced.site),
                text(&priced.owner),
                text(priced.month),
                driver,
                account,
                text(&priced.tariff),
                priced.energy.into(),
                priced.amount.minor().into(),
                text(priced.currency),
                json(priced),
            ];
            (&table::PRICED_CDR, values)
        }
        Record::Line(row) => (
            &table::CHARGING_LINE,
            vec![
                row.line.cdr.0.into(),
                text(&row.line.owner),
                text(row.line.month),
                row.line.energy.into(),
                row.line.amount.minor().into(),
                text(row.line.amount.currency()),
                json(row),
            ],
        ),
        Record::Finding(row) => {
            let doubts = row.doubts.iter().map(ToString::to_string);
            let why: Vec<String> = doubts.chain(row.unbillable.clone()).collect();
            let values = vec![
                row.cdr.id.0.into(),
                text(&row.cdr.owner),
                text(&row.cdr.site),
                row.raised_at.into(),
                Value::Text(why.join("; ")),
                json(row),
            ];
            (&table::FINDING, values)
        }
        Record::Resolution(row) => (
            &table::RESOLUTION,
            vec![
                row.cdr.0.into(),
                text(&row.decided_by),
                row.decided_at.into(),
                text(&row.reason),
                (row.decision == billing::finding::Decision::WriteOff).into(),
                json(row),
            ],
        ),
        Record::Document(row) => (
            &table::DOCUMENT,
            vec![
                json(&row.key),
                row.number.into(),
                debtor_account(&row.debtor),
                text(row.month),
                row.issued_at.into(),
                row.total.minor().into(),
                text(row.total.currency()),
                json(row),
            ],
        ),
        Record::Collection(row) => (
            &table::COLLECTION,
            vec![
                json(&row.document),
                row.payment.0.into(),
                row.at.into(),
                row.amount.minor().into(),
                text(row.amount.currency()),
                json(row),
            ],
        ),
        Record::Settlement(row) => (
            &table::SETTLEMENT,
            vec![
                text(&row.settlement.owner),
                text(row.settlement.month),
                row.at.into(),
                row.settlement.collected.minor().into(),
                row.settlement.fees.minor().into(),
                row.settlement.total.minor().into(),
                text(row.settlement.total.currency()),
                json(row),
            ],
        ),
        Record::Entry(row) => return entry_rows(row),
        Record::Audit(row) => (
            &table::AUDIT,
            vec![
                text("office"),
                row.at.into(),
                text(&row.actor),
                Value::Null,
                text(&row.what),
                text(&row.outcome),
            ],
        ),
    };
    vec![Row { table, values }]
}

fn entry_rows(row: &office::record::EntryRow) -> Vec<Row> {
    let parts = row.entry.parts();
    let entry = Row {
        table: &table::LEDGER_ENTRY,
        values: vec![row.number.into(), json(&parts.key), parts.at.into(), text(parts.month), json(row)],
    };
    let class = office::ledger_class(&parts.key);
    let postings = parts.postings.iter().map(|posting| Row {
        table: &table::LEDGER_POSTING,
        values: vec![
            row.number.into(),
            json(&class),
            text(parts.month),
            json(&posting.account),
            posting.amount.minor().into(),
            text(posting.amount.currency()),
        ],
    });
    std::iter::once(entry).chain(postings).collect()
}

fn token(entry: &billing::directory::TokenEntry) -> (Value, &'static str) {
    use billing::directory::{TokenHolder, TokenStatus};
    let account = match &entry.holder {
        TokenHolder::Account(account) => text(account),
        TokenHolder::Guest => Value::Null,
    };
    let status = match entry.status {
        TokenStatus::Valid => "valid",
        TokenStatus::ValidUntil(_) => "valid_until",
        TokenStatus::Blocked => "blocked",
    };
    (account, status)
}

fn debtor_account(debtor: &billing::invoice::Debtor) -> Value {
    use billing::invoice::Debtor;
    match debtor {
        Debtor::Account(account) => text(account),
        Debtor::Guest(_) | Debtor::Owner(_) => Value::Null,
    }
}

fn cdr_values(cdr: &billing::cdr::Cdr) -> Vec<Value> {
    let (driver, account) = driver(&cdr.driver);
    vec![
        cdr.id.0.into(),
        text(&cdr.site),
        text(&cdr.owner),
        text(&cdr.evse),
        text(fee_class(cdr.fee_class)),
        cdr.transaction.0.into(),
        cdr.session.0.into(),
        cdr.token.as_ref().map(ToString::to_string).into(),
        driver,
        account,
        cdr.tariff.as_ref().map(ToString::to_string).into(),
        cdr.started_at.into(),
        cdr.stopped_at.into(),
        cdr.energy().ok().into(),
        i64::try_from(cdr.doubts.len()).unwrap_or(i64::MAX).into(),
        json(cdr),
    ]
}

fn driver(driver: &billing::cdr::Driver) -> (Value, Value) {
    use billing::cdr::Driver;
    match driver {
        Driver::Account(account) => (text("account"), text(account)),
        Driver::Guest => (text("guest"), Value::Null),
        Driver::Unknown => (text("unknown"), Value::Null),
    }
}

const fn fee_class(class: billing::cdr::FeeClass) -> &'static str {
    match class {
        billing::cdr::FeeClass::Plan => "plan",
        billing::cdr::FeeClass::Public => "public",
    }
}

fn transaction(transaction: Option<TransactionId>) -> Value {
    transaction.map(|transaction| transaction.0).into()
}

pub(crate) fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

pub(crate) fn json(value: &impl Serialize) -> Value {
    #[expect(
        clippy::expect_used,
        reason = "records are structs and enums with text keys, which JSON can always hold"
    )]
    let text = serde_json::to_string(value).expect("a record is JSON");
    Value::Text(text)
}
