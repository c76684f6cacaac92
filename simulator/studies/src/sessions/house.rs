//! The shell of the replay: both roots, a store that commits at once, and one virtual client per EVSE that writes OCPP
//! text by hand.
//!
//! Each EVSE is a station and a site of its own, for nothing is to be allocated; the file's sites are the owners. Time
//! passes from one message to the next: deadlines between them are ticked once, late, which no bill may depend on.

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::{Doubt, FeeClass};
use billing::contract::{Contract, ContractTerms, FeePlan, SellerRole, SettlementBasis};
use billing::directory::{Access, AccountsAdmitted, EvseTerms, TokenEntry, TokenHolder, TokenStatus};
use billing::fees::PriceLists;
use billing::ledger::{DocumentKey, PaymentMethod};
use billing::tariff::Tariff;
use billing::vat::VatStatus;
use charging::network::{CircuitConfig, EvseConfig, SiteConfig, Supply, Wiring};
use charging::plan::Strategy;
use csms::Csms;
use ocpp::Version;
use office::record::{AccessRow, AccountRow, OwnerRow, TokenRow};
use office::{CommandAnswer, Office};
use units::civil::{CivilDate, CivilMonth, Zone};
use units::{
    Amperes, CdrId, Currency, IdToken, LinkId, Money, OwnerId, PerPhase, Phase, RecordSeq, RequestId,
    StationId, TimeSpan, Timestamp, TransactionId, UnitPrice, Volts, WattHours, Watts,
};

use super::told::{Event, Told};
use super::{SessionRow, SessionsReport, zone_of};
use crate::audit::{Committed, audit, last_instant};

/// Longer transactions are to be findings: the flag `over_7_days` of the files.
const TRANSACTION_LONGEST: TimeSpan = TimeSpan::from_hours(7 * 24);
/// What an EVSE is rated at least: the publisher's rating is a guess, and a bill is not held for a guess.
const POWER_RATED_LEAST: Watts = Watts::from_watts(50_000);
/// No station is called silent in the gaps between its rows.
const HEARTBEAT: TimeSpan = TimeSpan::from_hours(24 * 366 * 20);
/// What a driver with an account pays per kWh, and a guest, in millionths of a euro.
const PRICES: [i64; 2] = [200_000, 350_000];
const TOKEN_GUEST: &str = "GUEST";

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Billed(WattHours),
    Held(Vec<Doubt>),
}

/// A start that was answered.
pub(super) struct Started {
    pub transaction: TransactionId,
    pub is_accepted: bool,
}

pub(super) struct House {
    /// What the stations speak.
    version: Version,
    csms: Csms,
    office: Office,
    now: Timestamp,
    places: Vec<Place>,
    owners: Vec<OwnerId>,
    zone: Zone,
    month_first: CivilMonth,
    month_last: CivilMonth,
    frames: u64,
    messages: u64,
    requests: u64,
    csms_seq: RecordSeq,
    office_seq: RecordSeq,
    books: Books,
    tokens: BTreeMap<String, IdToken>,
}

/// The virtual client at an EVSE.
struct Place {
    station: StationId,
    link: LinkId,
    /// Texts from the engine that it has not dealt with.
    inbox: Vec<Box<str>>,
}

/// What was committed, as far as it is judged.
#[derive(Default)]
struct Books {
    /// Transactions by what their stations call them (OCPP 2.0.1).
    named: BTreeMap<(StationId, String), TransactionId>,
    cdr_of: BTreeMap<TransactionId, CdrId>,
    fates: BTreeMap<CdrId, Fate>,
    /// Frames kept as evidence that no sealed CDR rests on yet.
    evidence: BTreeMap<u64, [u8; 32]>,
    without_energy: BTreeSet<TransactionId>,
    after_seal: BTreeSet<TransactionId>,
    lines_minor: i64,
    documents_minor: i64,
    documents: usize,
    /// The settlement made last, where it is to be paid out.
    settled_positive: Option<(OwnerId, CivilMonth)>,
    /// The ledger by account; what is at zero is left out.
    ledger: BTreeMap<String, i64>,
    entries_unbalanced: usize,
    answers: Vec<CommandAnswer>,
    problems: Vec<String>,
    /// What an audit looks at.
    committed: Committed,
}

impl House {
    /// Owners, drivers, tariffs, EVSEs and stations of a file, all online, before its first row.
    pub(super) fn furnished(rows: &[SessionRow], told: &[Told], version: Version) -> Self {
        let begin = told.iter().map(|told| told.start_sent).min().unwrap_or(Timestamp::EPOCH);
        let zone = zone_of(rows.first().map_or("", |row| &row.source));
        let first = zone.month(begin - TimeSpan::from_hours(24));
        let policy = csms::Policy {
            heartbeat: HEARTBEAT,
            transaction_longest: TRANSACTION_LONGEST,
            ..csms::Policy::default()
        };
        let mut house = Self {
            version,
            csms: Csms::with_policy(policy),
            office: Office::new(),
            now: begin - TimeSpan::from_hours(24),
            places: Vec::new(),
            owners: Vec::new(),
            zone: zone.clone(),
            month_first: first,
            month_last: first,
            frames: 0,
            messages: 0,
            requests: 0,
            csms_seq: RecordSeq(0),
            office_seq: RecordSeq(0),
            books: Books::default(),
            tokens: BTreeMap::new(),
        };
        house.csms(csms::Input::Restored(Vec::new()));
        house.office(office::Input::Restored(Box::default()));
        let first_day = CivilDate { year: first.year, month: first.month, day: 1 };
        house.furnish_prices(first_day);
        let accounts = house.furnish_drivers(rows);
        house.furnish_places(rows, told, first_day, &accounts);
        // The directory is out one interval after the last change.
        house.now += office::PUBLISH_INTERVAL;
        house.office(office::Input::Tick);
        house.connect();
        house
    }

    fn furnish_prices(&mut self, first_day: CivilDate) {
        for mut list in PriceLists::built_in().0 {
            list.valid_from = list.valid_from.min(first_day);
            self.order(office::Command::PutPrices(list));
        }
        let valid_from = self.zone.start_of_day(first_day);
        for (name, millionths) in ["accounts", "guests"].into_iter().zip(PRICES) {
            let price = UnitPrice::from_millionths(millionths);
            match Tariff::per_kilowatt_hour(id(name), Currency::Eur, valid_from, price) {
                Ok(tariff) => self.order(office::Command::PutTariff(Box::new(tariff))),
                Err(refusals) => self.books.problems.push(format!("tariff {name}: {refusals:?}")),
            }
        }
    }

    fn furnish_drivers(&mut self, rows: &[SessionRow]) -> BTreeSet<units::AccountId> {
        let users: BTreeSet<&str> =
            rows.iter().map(|row| row.user.as_str()).filter(|user| !user.is_empty()).collect();
        let mut accounts = BTreeSet::new();
        for (number, user) in (1..).zip(users) {
            let account: units::AccountId = id(&format!("user-{number}"));
            let row = AccountRow { account: account.clone(), name: user.to_owned(), sites: BTreeSet::new() };
            self.order(office::Command::PutAccount(row));
            let token: IdToken = id(&format!("U{number:07}"));
            let entry =
                TokenEntry { holder: TokenHolder::Account(account.clone()), status: TokenStatus::Valid };
            self.order(office::Command::PutToken(TokenRow { token: token.clone(), entry }));
            self.tokens.insert(user.to_owned(), token);
            accounts.insert(account);
        }
        let entry = TokenEntry { holder: TokenHolder::Guest, status: TokenStatus::Valid };
        self.order(office::Command::PutToken(TokenRow { token: id(TOKEN_GUEST), entry }));
        self.tokens.insert(String::new(), id(TOKEN_GUEST));
        accounts
    }

    fn furnish_places(
        &mut self,
        rows: &[SessionRow],
        told: &[Told],
        first_day: CivilDate,
        accounts: &BTreeSet<units::AccountId>,
    ) {
        let mut owners: BTreeMap<&str, OwnerId> = BTreeMap::new();
        let mut of_place: BTreeMap<usize, (&SessionRow, Watts)> = BTreeMap::new();
        for (row, told) in rows.iter().zip(told) {
            let rated = row.power_rated.unwrap_or(POWER_RATED_LEAST);
            let known = of_place.entry(told.place).or_insert((row, POWER_RATED_LEAST));
            known.1 = known.1.max(rated);
            let number = owners.len() + 1;
            owners.entry(&row.site).or_insert_with(|| id(&format!("owner-{number}")));
        }
        for (site, owner) in &owners {
            let terms = ContractTerms {
                valid_from: first_day,
                seller_private: SellerRole::Owner,
                seller_public: SellerRole::Owner,
                owner_vat: VatStatus::NotRegistered,
                plan: FeePlan::PerKilowattHour,
                settle: SettlementBasis::Collected,
            };
            let contract = Contract { owner: owner.clone(), terms: vec![terms] };
            let name = (*site).to_owned();
            self.order(office::Command::PutOwner(OwnerRow { owner: owner.clone(), name, contract }));
        }
        let valid_from = self.zone.start_of_day(first_day);
        for (place, (row, rated)) in &of_place {
            let site: units::SiteId = id(&format!("site-{place}"));
            let zone = zone_of(&row.source);
            let owner = owners.get(row.site.as_str()).cloned().unwrap_or_else(|| id("owner-1"));
            let terms = EvseTerms {
                valid_from,
                site: site.clone(),
                zone: zone.clone(),
                owner,
                access: Access::Both(AccountsAdmitted::Named(accounts.clone())),
                fee_class: FeeClass::Public,
                tariff_accounts: Some(id("accounts")),
                tariff_guests: Some(id("guests")),
            };
            let evse: units::EvseId = id(&format!("S{place}/1"));
            let row = AccessRow { evse: evse.clone(), terms: vec![terms], decommissioned_at: None };
            self.order(office::Command::PutAccess(row));
            let station = evse.station.clone();
            self.order_csms(csms::Command::ConfigureSite(Box::new(site_config(site, zone, evse, *rated))));
            let link = LinkId(u64::try_from(*place).unwrap_or(u64::MAX) + 1);
            self.places.push(Place { station, link, inbox: Vec::new() });
        }
        self.owners = owners.into_values().collect();
    }

    fn connect(&mut self) {
        for place in 0..self.places.len() {
            let Place { station, link, .. } = &self.places[place];
            let (station, link) = (station.clone(), *link);
            let version = self.version;
            self.csms(csms::Input::LinkUp {
                link,
                station,
                version,
                security: csms::SecurityProfile::Unauthenticated,
            });
            let boot = match version {
                Version::V16 => r#"{"chargePointVendor":"Wattery","chargePointModel":"replayed"}"#,
                Version::V201 | Version::V21 => {
                    r#"{"reason":"PowerUp","chargingStation":{"vendorName":"Wattery","model":"replayed"}}"#
                }
            };
            if !self.call(place, "BootNotification", boot).is_some_and(|reply| reply.contains("Accepted")) {
                self.books.problems.push(format!("station {place} was not accepted"));
            }
        }
    }

    // What stations say.

    pub(super) fn start(&mut self, at: Timestamp, told: &Told) -> Option<Started> {
        self.pass(at);
        let token = self.tokens.get(&told.user)?.as_str().to_owned();
        let register = told.register_start;
        match self.version {
            Version::V16 => {
                let register = register.watt_hours_floor();
                let mut payload = format!(r#"{{"connectorId":1,"idTag":"{token}","meterStart":{register}"#);
                payload += &stamp(told.start_claimed);
                payload.push('}');
                let reply = self.call(told.place, "StartTransaction", &payload)?;
                let transaction = number_after(&reply, r#""transactionId":"#)?;
                let is_accepted = reply.contains(r#""status":"Accepted""#);
                Some(Started { transaction: TransactionId(transaction), is_accepted })
            }
            Version::V201 | Version::V21 => {
                let token = format!(r#","idToken":{{"idToken":"{token}","type":"ISO14443"}}"#);
                let claimed = told.start_claimed;
                let payload =
                    event(told, ("Started", "Authorized", 0), claimed, (Some(register), "Begin"), &token);
                let reply = self.call(told.place, "TransactionEvent", &payload)?;
                let key = (self.places[told.place].station.clone(), name_of(told));
                let transaction = *self.books.named.get(&key)?;
                Some(Started { transaction, is_accepted: reply.contains(r#""status":"Accepted""#) })
            }
        }
    }

    /// Whether what follows a start was answered.
    pub(super) fn goes_on(
        &mut self,
        at: Timestamp,
        told: &Told,
        transaction: TransactionId,
        what: Event,
    ) -> bool {
        self.pass(at);
        let reply = match (what, told.register_stop) {
            (Event::Start, _) | (Event::ChargeEnd, None) => return true,
            (Event::ChargeEnd | Event::Stop, _) if self.version >= Version::V201 => {
                // Numbers of events have no gap: the end of charging is told where it is known, with the register.
                let is_end_told = told.charge_end.is_some() && told.register_stop.is_some();
                let ended_as = if is_end_told { 2 } else { 1 };
                let (kind, claimed, context) = match what {
                    Event::Stop => (("Ended", "EVDeparted", ended_as), told.stop_claimed, "End"),
                    Event::Start | Event::ChargeEnd => {
                        (("Updated", "ChargingStateChanged", 1), Some(at), "Periodic")
                    }
                };
                let payload = event(told, kind, claimed, (told.register_stop, context), "");
                self.call(told.place, "TransactionEvent", &payload)
            }
            (Event::ChargeEnd, Some(register)) => {
                let register = register.watt_hours_floor();
                let payload = format!(
                    r#"{{"connectorId":1,"transactionId":{transaction},"meterValue":[{{"timestamp":"{at}","sampledValue":[{{"value":"{register}","unit":"Wh"}}]}}]}}"#
                );
                self.call(told.place, "MeterValues", &payload)
            }
            (Event::Stop, register) => {
                let mut payload = format!(r#"{{"transactionId":{transaction},"reason":"EVDisconnected""#);
                let register = register.map(WattHours::watt_hours_floor);
                payload += &register.map_or_else(String::new, |wh| format!(r#","meterStop":{wh}"#));
                payload += &stamp(told.stop_claimed);
                payload.push('}');
                self.call(told.place, "StopTransaction", &payload)
            }
        };
        reply.is_some_and(|reply| reply.starts_with("[3,"))
    }

    /// Every owner's months, in order, once the last is over.
    pub(super) fn close_months(&mut self) {
        self.month_last = self.zone.month(self.now);
        self.pass(self.zone.start_of_month(self.month_last.next().next()));
        for month in self.months() {
            for owner in self.owners.clone() {
                self.order(office::Command::CloseMonth { owner, month });
            }
        }
    }

    fn months(&self) -> Vec<CivilMonth> {
        std::iter::successors(Some(self.month_first), |month| Some(month.next()))
            .take_while(|month| *month <= self.month_last)
            .collect()
    }

    // What came of it.

    pub(super) fn fate_of(&self, transaction: TransactionId) -> Option<&Fate> {
        self.books.fates.get(self.books.cdr_of.get(&transaction)?)
    }

    pub(super) fn is_told_without_energy(&self, transaction: TransactionId) -> bool {
        self.books.without_energy.contains(&transaction)
    }

    pub(super) fn is_found_after_seal(&self, transaction: TransactionId) -> bool {
        self.books.after_seal.contains(&transaction)
    }

    /// Collects every document, settles every month and pays the owners.
    pub(super) fn settle_months(&mut self) {
        let due: Vec<DocumentKey> = self.books.committed.office.iter().filter_map(due_document).collect();
        for document in due {
            self.order(office::Command::Collect { document, method: PaymentMethod::Bank });
        }
        for month in self.months() {
            for owner in self.owners.clone() {
                self.order(office::Command::Settle { owner: owner.clone(), month });
                if self.books.settled_positive.take() == Some((owner.clone(), month)) {
                    self.order(office::Command::ProposePayout { owner: owner.clone(), month });
                    self.order_as("another person", office::Command::ApprovePayout { owner, month });
                }
            }
        }
    }

    /// All that was committed, as an audit looks at it.
    pub(super) fn into_committed(self) -> Committed {
        self.books.committed
    }

    /// What must hold of all that was committed.
    pub(super) fn reconcile(&self, report: &mut SessionsReport) {
        let books = &self.books;
        let audited = audit(&books.committed, last_instant(&books.committed));
        for finding in audited.findings {
            report.breach(format!("audit, {}: {}", finding.rule, finding.what));
        }
        report.frames = self.frames;
        report.records = self.csms_seq.0 + self.office_seq.0;
        report.documents = books.documents;
        report.revenue_minor = books.lines_minor;
        for problem in &books.problems {
            report.breach(problem.clone());
        }
        let off_by: i64 = books.ledger.values().sum();
        if off_by != 0 || books.entries_unbalanced != 0 {
            report.breach(format!("the ledger is off by {off_by} cents"));
        }
        if books.documents_minor != books.lines_minor {
            report.breach(format!(
                "documents charge {} cents, charging lines {}",
                books.documents_minor, books.lines_minor
            ));
        }
        // What came after sealing may not have been billed before.
        for transaction in &books.after_seal {
            let is_held = matches!(self.fate_of(*transaction), Some(Fate::Held(_)));
            if !is_held && !self.is_told_without_energy(*transaction) {
                report.breach(format!("transaction {transaction} was billed before its last message"));
            }
        }
        if books.fates.len() != report.transactions {
            report.breach(format!("{} CDRs of {} transactions", books.fates.len(), report.transactions));
        }
    }

    // The shell.

    fn pass(&mut self, until: Timestamp) {
        self.now = self.now.max(until);
        if self.csms.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.csms(csms::Input::Tick);
            self.answer_engine();
        }
    }

    /// A station's call; the engine's reply. The station then answers whatever the engine asked of it.
    fn call(&mut self, place: usize, action: &str, payload: &str) -> Option<Box<str>> {
        self.messages += 1;
        let id = format!("m{}", self.messages);
        self.frame(place, format!(r#"[2,"{id}","{action}",{payload}]"#));
        let quoted = format!(r#""{id}","#);
        let is_reply = |text: &str| text.get(3..).is_some_and(|rest| rest.starts_with(&quoted));
        let inbox = &mut self.places[place].inbox;
        let at = inbox.iter().position(|text| is_reply(text))?;
        let reply = inbox.remove(at);
        self.answer_engine();
        Some(reply)
    }

    fn answer_engine(&mut self) {
        while let Some(place) = self.places.iter().position(|place| !place.inbox.is_empty()) {
            for text in std::mem::take(&mut self.places[place].inbox) {
                let mut parts = text.split('"').skip(1).step_by(2);
                let (Some(id), Some(action)) = (parts.next(), parts.next()) else { continue };
                if !text.starts_with("[2,") {
                    self.books.problems.push(format!("an answer to nothing: {text}"));
                    continue;
                }
                let payload = match action {
                    "GetConfiguration" => r#"{"configurationKey":[],"unknownKey":[]}"#,
                    "GetVariables" => r#"{"getVariableResult":[]}"#,
                    "SetVariables" => r#"{"setVariableResult":[]}"#,
                    _ => r#"{"status":"Accepted"}"#,
                };
                self.frame(place, format!(r#"[3,"{id}",{payload}]"#));
            }
        }
    }

    fn frame(&mut self, place: usize, text: String) {
        self.frames += 1;
        let link = self.places[place].link;
        self.csms(csms::Input::Frame { link, frame: self.frames, text: text.into() });
    }

    fn order(&mut self, command: office::Command) {
        self.order_as("replay", command);
    }

    fn order_as(&mut self, actor: &str, command: office::Command) {
        let shown = format!("{command:?}");
        self.requests += 1;
        let request = RequestId(self.requests);
        self.office(office::Input::Command { request, actor: actor.into(), command });
        match self.books.answers.pop() {
            Some(CommandAnswer::Done | CommandAnswer::Closed(_)) => {}
            Some(CommandAnswer::Settled(settlement)) => {
                let key = (settlement.owner.clone(), settlement.month);
                self.books.settled_positive = (settlement.total.minor() > 0).then_some(key);
            }
            answer => self.books.problems.push(format!("{shown}: {answer:?}")),
        }
    }

    fn order_csms(&mut self, command: csms::Command) {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.csms(csms::Input::Command { request, actor: "replay".into(), command });
    }

    fn csms(&mut self, input: csms::Input) {
        self.csms.handle(self.now, input);
        while let Some(csms::Output { after, effect }) = self.csms.poll_output() {
            if let csms::Effect::Persist { seq, record } = effect {
                assert!(seq == self.csms_seq.next(), "record {seq} follows record {}", self.csms_seq);
                self.csms_seq = seq;
                self.books.take_csms(*record);
                continue;
            }
            assert!(after <= self.csms_seq, "an effect waits for record {after}, beyond {}", self.csms_seq);
            match effect {
                csms::Effect::SealedCdr(cdr) => self.office(office::Input::Cdr(cdr)),
                csms::Effect::SendFrame { link, text } => {
                    let place = usize::try_from(link.0 - 1).unwrap_or(usize::MAX);
                    if let Some(place) = self.places.get_mut(place) {
                        place.inbox.push(text);
                    }
                }
                csms::Effect::CloseLink { link, reason } => {
                    self.books.problems.push(format!("link {link} was closed: {reason:?}"));
                }
                csms::Effect::Answer { answer: csms::CommandAnswer::Done, .. } => {}
                csms::Effect::Answer { answer, .. } => {
                    self.books.problems.push(format!("the sites refuse: {answer:?}"));
                }
                csms::Effect::Persist { .. }
                | csms::Effect::Withdraw { .. }
                | csms::Effect::QueryAnswer { .. }
                | csms::Effect::Sighted(_)
                | csms::Effect::StartRefused(_)
                | csms::Effect::FrameUnreadable { .. }
                | csms::Effect::PlanWanted(_)
                | csms::Effect::AskWiring { .. }
                | csms::Effect::AlarmRaised(_)
                | csms::Effect::AlarmCleared(_) => {}
            }
        }
    }

    fn office(&mut self, input: office::Input) {
        self.office.handle(self.now, input);
        while let Some(office::Output { after, effect }) = self.office.poll_output() {
            if let office::Effect::Persist { seq, record } = effect {
                assert!(seq == self.office_seq.next(), "record {seq} follows record {}", self.office_seq);
                self.office_seq = seq;
                self.books.take_office(*record);
                continue;
            }
            assert!(
                after <= self.office_seq,
                "an effect waits for record {after}, beyond {}",
                self.office_seq
            );
            match effect {
                office::Effect::PublishDirectory(directory) => {
                    self.csms(csms::Input::Directory(directory));
                }
                office::Effect::Answer { answer, .. } => self.books.answers.push(answer),
                office::Effect::Persist { .. } | office::Effect::QueryAnswer { .. } => {}
            }
        }
    }
}

impl Books {
    fn take_csms(&mut self, record: csms::Record) {
        if record.key().is_none() && record.table() != "meter_values" {
            self.committed.csms.push(record.clone());
        }
        match record {
            csms::Record::Evidence(row) => drop(self.evidence.insert(row.frame, row.sha256)),
            csms::Record::Finding(row) => {
                let is_told = matches!(row.doubt, Doubt::NoEnergy { .. });
                // Its end came a day after the next began at the EVSE, or it is told a second time.
                let is_late = matches!(row.doubt, Doubt::AfterSeal { .. });
                match row.transaction {
                    Some(transaction) if is_told => {
                        self.without_energy.insert(transaction);
                    }
                    Some(transaction) if is_late => {
                        self.after_seal.insert(transaction);
                    }
                    Some(_) | None => {
                        self.problems.push(format!("a finding that no row explains: {}", row.doubt));
                    }
                }
            }
            csms::Record::Cdr(cdr) => {
                if cdr.evidence.is_empty() {
                    self.problems.push(format!("CDR {} rests on no frame", cdr.id));
                }
                for evidence in &cdr.evidence {
                    if self.evidence.remove(&evidence.frame) != Some(evidence.sha256) {
                        self.problems
                            .push(format!("CDR {}: no evidence of frame {}", cdr.id, evidence.frame));
                    }
                }
                if self.cdr_of.insert(cdr.transaction, cdr.id).is_some() {
                    self.problems.push(format!("transaction {} has two CDRs", cdr.transaction));
                }
            }
            csms::Record::Transaction(row) => {
                if let Some(name) = row.reported_id {
                    self.named.insert((row.evse.station, name.0), row.transaction);
                }
            }
            csms::Record::Site(_)
            | csms::Record::Station(_)
            | csms::Record::Security(_)
            | csms::Record::Facts(_)
            | csms::Record::Terms(_)
            | csms::Record::Upkeep(_)
            | csms::Record::Evse(_)
            | csms::Record::Session(_)
            | csms::Record::Counters(_)
            | csms::Record::MeterValues(_)
            | csms::Record::Notice(_)
            | csms::Record::Reason(_)
            | csms::Record::Audit(_) => {}
        }
    }

    fn take_office(&mut self, record: office::Record) {
        if record.key().is_none() || record.table() == "tariff" {
            self.committed.office.push(record.clone());
        }
        match record {
            office::Record::Line(row) => {
                self.lines_minor += row.line.amount.minor();
                self.settle_fate(row.line.cdr, Fate::Billed(row.line.energy));
            }
            office::Record::Finding(row) => {
                if let Some(reason) = row.unbillable {
                    self.problems.push(format!("CDR {}: {reason}", row.cdr.id));
                }
                self.settle_fate(row.cdr.id, Fate::Held(row.doubts));
            }
            office::Record::Document(row) => {
                self.documents += 1;
                self.documents_minor += charged_in(&row.document).minor();
            }
            office::Record::Entry(row) => {
                let postings = &row.entry.parts().postings;
                self.entries_unbalanced +=
                    usize::from(postings.iter().map(|posting| posting.amount.minor()).sum::<i64>() != 0);
                for posting in postings {
                    let account = format!("{:?}", std::mem::discriminant(&posting.account));
                    *self.ledger.entry(account).or_default() += posting.amount.minor();
                }
            }
            office::Record::Owner(_)
            | office::Record::Account(_)
            | office::Record::Token(_)
            | office::Record::Tariff(_)
            | office::Record::Access(_)
            | office::Record::Prices(_)
            | office::Record::Sighting(_)
            | office::Record::Counters(_)
            | office::Record::Books(_)
            | office::Record::Stated(_)
            | office::Record::Payout(_)
            | office::Record::PricedCdr(_)
            | office::Record::Resolution(_)
            | office::Record::Collection(_)
            | office::Record::Settlement(_)
            | office::Record::Audit(_) => {}
        }
    }

    fn settle_fate(&mut self, cdr: CdrId, fate: Fate) {
        if self.fates.insert(cdr, fate).is_some() {
            self.problems.push(format!("CDR {cdr} has two fates"));
        }
    }
}

/// A document that asks for money.
fn due_document(record: &office::Record) -> Option<DocumentKey> {
    if let office::Record::Document(row) = record
        && row.total.minor() > 0
    {
        return Some(row.key.clone());
    }
    None
}

/// What a document charges for charging, without the driver's fees.
fn charged_in(document: &office::record::Document) -> Money {
    let sections = match document {
        office::record::Document::Statement(statement) => &statement.sections,
        office::record::Document::Receipt(receipt) => &receipt.sections,
    };
    let lines = sections.iter().flat_map(|section| &section.charging);
    lines.map(|line| line.amount).fold(Money::zero(Currency::Eur), |sum, amount| sum + amount)
}

/// One EVSE on a circuit of its own that carries it whatever it draws.
fn site_config(site: units::SiteId, zone: Zone, evse: units::EvseId, rated: Watts) -> SiteConfig {
    let voltage_nominal = Volts::from_volts(230);
    let maximum = rated.div_floor(3).current_at_ceil(voltage_nominal).ceil_to(Amperes::from_amperes(1));
    let circuit = CircuitConfig {
        id: id("main"),
        name: "main".to_owned(),
        parent: None,
        rating: PerPhase::splat(maximum + maximum + Amperes::from_amperes(10)),
        reserve: None,
        meter: None,
        worst_base: PerPhase::splat(Amperes::ZERO),
        static_headroom: None,
    };
    let wiring = Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3]);
    let evse =
        EvseConfig { is_fallback_proven: true, ..EvseConfig::new(evse, circuit.id.clone(), wiring, maximum) };
    SiteConfig {
        id: site,
        name: String::new(),
        zone,
        supply: Supply::Tn400,
        voltage_nominal,
        circuits: vec![circuit],
        evses: vec![evse],
        strategy: Strategy::default(),
    }
}

/// What a station of OCPP 2.0.1 calls a row's transaction.
fn name_of(told: &Told) -> String {
    format!("row-{}", told.line)
}

/// A TransactionEvent: its type, trigger and number; the time it names; a register with its context, where there is one.
fn event(
    told: &Told,
    (kind, trigger, seq_no): (&str, &str, u32),
    claimed: Option<Timestamp>,
    (register, context): (Option<WattHours>, &str),
    more: &str,
) -> String {
    let name = name_of(told);
    let (state, reason) = match kind {
        "Ended" => ("Idle", r#","stoppedReason":"EVDisconnected""#),
        _ => ("EVConnected", ""),
    };
    let context = match context {
        "Periodic" => "Sample.Periodic".to_owned(),
        end => format!("Transaction.{end}"),
    };
    let stamp = stamp(claimed);
    let values = register.map_or_else(String::new, |register| {
        let wh = register.watt_hours_floor();
        let stamp = stamp.strip_prefix(',').map_or_else(String::new, |stamp| format!("{stamp},"));
        format!(
            r#","meterValue":[{{{stamp}"sampledValue":[{{"value":{wh},"context":"{context}","unitOfMeasure":{{"unit":"Wh"}}}}]}}]"#
        )
    });
    format!(
        r#"{{"eventType":"{kind}","triggerReason":"{trigger}","seqNo":{seq_no},"evse":{{"id":1,"connectorId":1}},"transactionInfo":{{"transactionId":"{name}","chargingState":"{state}"{reason}}}{stamp}{values}{more}}}"#
    )
}

fn stamp(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(r#","timestamp":"{at}""#))
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = text.split_once(key)?.1;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// An id made here: of letters, digits and hyphens, shorter than every limit.
fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is a valid id"))
}
