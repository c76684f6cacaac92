//! The root: one input after the other, effects in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use billing::cdr::Suggestion;
use billing::finding::Resolution;
use units::civil::CivilMonth;
use units::{EvseId, OwnerId, RequestId, SiteId, StationId, TimeSpan, Timestamp};

use crate::books::Books;
use crate::contract::{Command, CommandAnswer, Effect, Input, Output, Refusal, Restored, StorageHealth};
use crate::outbox::Outbox;
use crate::query::{FindingView, MonthState, OwnerMonth, Query, QueryAnswer, SiteDay};
use crate::record::{AccessRow, AuditRow, FindingRow, Record, SightingRow};
use crate::registry::{Registry, closed};

/// How often at most a new version of the directory is published: importing a thousand tokens makes two versions.
pub const PUBLISH_INTERVAL: TimeSpan = TimeSpan::from_seconds(1);

/// How often at most a station in the lobby is written down again.
const SIGHTING_INTERVAL: TimeSpan = TimeSpan::from_minutes(1);

/// So many stations the lobby holds: who knocks under ever new names fills no disk. A station is adopted by its name
/// whether it is shown or not.
const LOBBY_MAX: usize = 1_000;

/// The business as one value.
#[derive(Debug, Default)]
pub struct Office {
    registry: Registry,
    books: Books,
    lobby: BTreeMap<StationId, SightingRow>,
    directory: DirectoryState,
    out: Outbox,
}

/// Whether the directory that was published last is the present one.
#[derive(Debug, Default)]
struct DirectoryState {
    published_at: Option<Timestamp>,
    is_changed: bool,
}

impl Office {
    /// An office that knows nothing yet but the first price list and Finland's VAT.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one input. `now` never decreases.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Restored(restored) => self.restore(now, *restored),
            Input::Cdr(cdr) => self.books.take_cdr(now, *cdr, &self.registry, &mut self.out),
            Input::Sighted { station, at } => self.sight(station, at),
            Input::Command { request, actor, command } => self.command(now, request, &actor, command),
            Input::Query { request, query } => {
                let answer = Box::new(self.answer(now, query));
                self.out.emit(Effect::QueryAnswer { request, answer });
            }
            Input::Tick => {}
            // Effects wait in the shell until their records are committed: there is nothing else to hold back here.
            Input::Storage(StorageHealth::Failing | StorageHealth::Well) => {}
        }
        self.publish_if_due(now);
    }

    /// The next effect, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.poll()
    }

    /// When an [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.directory.published_at.filter(|_| self.directory.is_changed).map(|at| at + PUBLISH_INTERVAL)
    }

    fn restore(&mut self, now: Timestamp, restored: Restored) {
        for record in &restored.records {
            match record {
                Record::Owner(row) => drop(self.registry.owners.insert(row.owner.clone(), row.clone())),
                Record::Account(row) => drop(self.registry.accounts.insert(row.account.clone(), row.clone())),
                Record::Token(row) => drop(self.registry.tokens.insert(row.token.clone(), row.clone())),
                Record::Tariff(tariff) => {
                    self.registry.tariffs.insert(tariff.id().clone(), tariff.as_ref().clone());
                }
                Record::Access(row) => drop(self.registry.access.insert(row.evse.clone(), row.clone())),
                Record::Prices(list) => self.registry.put_prices(*list),
                Record::Sighting(row) => drop(self.lobby.insert(row.station.clone(), row.clone())),
                Record::Counters(_)
                | Record::Books(_)
                | Record::Stated(_)
                | Record::Payout(_)
                | Record::PricedCdr(_)
                | Record::Line(_)
                | Record::Finding(_)
                | Record::Resolution(_)
                | Record::Document(_)
                | Record::Collection(_)
                | Record::Settlement(_)
                | Record::Entry(_)
                | Record::Audit(_) => {}
            }
        }
        restored.sums.into_iter().for_each(|sum| self.books.sums.add_sum(sum));
        self.books.restore(restored.records);
        // Rows may have changed after the last version was published: a number never stands for two contents.
        self.publish_next(now);
    }

    fn sight(&mut self, station: StationId, at: Timestamp) {
        let row = match self.lobby.get(&station) {
            Some(known) if at.since(known.last_at) < SIGHTING_INTERVAL => return,
            Some(known) => SightingRow { last_at: at, ..known.clone() },
            None if self.lobby.len() >= LOBBY_MAX => return,
            None => SightingRow { station: station.clone(), first_at: at, last_at: at },
        };
        self.out.persist(Record::Sighting(row.clone()));
        self.lobby.insert(station, row);
    }

    fn command(&mut self, now: Timestamp, request: RequestId, actor: &str, command: Command) {
        let what = describe(&command);
        let answer = self.carry_out(now, actor, command).unwrap_or_else(CommandAnswer::Refused);
        let outcome = match &answer {
            CommandAnswer::Done | CommandAnswer::Closed(_) | CommandAnswer::Settled(_) => "done".to_owned(),
            CommandAnswer::Refused(refusals) => {
                let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                format!("refused: {}", reasons.join("; "))
            }
        };
        let actor = actor.to_owned();
        self.out.persist(Record::Audit(AuditRow { at: now, actor, what, outcome }));
        self.out.emit(Effect::Answer { request, answer });
    }

    fn carry_out(
        &mut self,
        now: Timestamp,
        actor: &str,
        command: Command,
    ) -> Result<CommandAnswer, Vec<Refusal>> {
        let Self { registry, books, out, directory, .. } = self;
        match command {
            Command::PutOwner(row) => {
                all_clear(registry.check_owner(&row, books.first_open(&row.owner)))?;
                out.persist(Record::Owner(row.clone()));
                registry.owners.insert(row.owner.clone(), row);
            }
            Command::PutAccount(row) => {
                out.persist(Record::Account(row.clone()));
                registry.accounts.insert(row.account.clone(), row);
                directory.is_changed = true;
            }
            Command::PutToken(row) => {
                all_clear(registry.check_account_of(&row))?;
                out.persist(Record::Token(row.clone()));
                registry.tokens.insert(row.token.clone(), row);
                directory.is_changed = true;
            }
            Command::PutTariff(tariff) => {
                all_clear(registry.check_tariff(&tariff))?;
                if !registry.tariffs.contains_key(tariff.id()) {
                    out.persist(Record::Tariff(tariff.clone()));
                    registry.tariffs.insert(tariff.id().clone(), *tariff);
                }
            }
            Command::PutAccess(row) => {
                let mut refusals = registry.check_access(&row);
                refusals.extend(closed_access(registry, books, &row));
                all_clear(refusals)?;
                out.persist(Record::Access(row.clone()));
                registry.access.insert(row.evse.clone(), row);
                directory.is_changed = true;
            }
            Command::PutPrices(list) => {
                let first_open = books.owners.keys().filter_map(|owner| books.first_open(owner)).max();
                all_clear(registry.check_prices(&list, first_open))?;
                out.persist(Record::Prices(list));
                registry.put_prices(list);
            }
            Command::Resolve { cdr, decision, reason } => {
                let decided_by = actor.to_owned();
                let resolution = Resolution { cdr, decided_by, decided_at: now, reason, decision };
                books.resolve(resolution, registry, out).map_err(|refusal| vec![refusal])?;
            }
            Command::CloseMonth { owner, month } => {
                return books.close_month(now, &owner, month, registry, out).map(CommandAnswer::Closed);
            }
            Command::Settle { owner, month } => {
                let settlement = books.settle(now, &owner, month, registry, out);
                return settlement
                    .map(|settlement| CommandAnswer::Settled(Box::new(settlement)))
                    .map_err(|refusal| vec![refusal]);
            }
            Command::Collect { document, method } => {
                books.collect(now, &document, method, out).map_err(|refusal| vec![refusal])?;
            }
            Command::ProposePayout { owner, month } => {
                books.propose_payout(actor, &owner, month, out).map_err(|refusal| vec![refusal])?;
            }
            Command::ApprovePayout { owner, month } => {
                books.approve_payout(now, actor, &owner, month, out).map_err(|refusal| vec![refusal])?;
            }
        }
        Ok(CommandAnswer::Done)
    }

    fn publish_if_due(&mut self, now: Timestamp) {
        let is_due = self.directory.published_at.is_none_or(|at| at + PUBLISH_INTERVAL <= now);
        if self.directory.is_changed && is_due {
            self.publish_next(now);
        }
    }

    fn publish_next(&mut self, now: Timestamp) {
        self.books.counters.directory += 1;
        self.out.persist(Record::Counters(self.books.counters.clone()));
        let directory = self.registry.directory(self.books.counters.directory);
        self.directory = DirectoryState { published_at: Some(now), is_changed: false };
        self.out.emit(Effect::PublishDirectory(Arc::new(directory)));
    }

    fn answer(&self, now: Timestamp, query: Query) -> QueryAnswer {
        let Self { registry, books, .. } = self;
        match query {
            Query::Owners => QueryAnswer::Owners(registry.owners.values().cloned().collect()),
            Query::Accounts => QueryAnswer::Accounts(registry.accounts.values().cloned().collect()),
            Query::Tokens => QueryAnswer::Tokens(registry.tokens.values().cloned().collect()),
            Query::Tariffs => QueryAnswer::Tariffs(registry.tariffs.values().cloned().collect()),
            Query::Access => QueryAnswer::Access(registry.access.values().cloned().collect()),
            Query::Prices => QueryAnswer::Prices(registry.prices.0.clone()),
            Query::Lobby => QueryAnswer::Lobby(self.lobby()),
            Query::Findings => QueryAnswer::Findings(books.findings.values().map(view).collect()),
            Query::SiteToday(site) => QueryAnswer::SiteToday(self.site_today(now, site)),
            Query::OwnerMonth { owner, month } => {
                QueryAnswer::OwnerMonth(self.owner_month(owner, month).map(Box::new))
            }
            Query::AccountMonth { account, month } => {
                QueryAnswer::AccountMonth(books.by_owner(&account, month))
            }
            Query::OpenDocuments => QueryAnswer::OpenDocuments(books.documents.values().cloned().collect()),
            Query::Ledger => QueryAnswer::Ledger(books.sums.balances()),
        }
    }

    fn lobby(&self) -> Vec<SightingRow> {
        let is_adopted = |station: &StationId| {
            let first = EvseId { station: station.clone(), number: 0 };
            let mut from_there = self.registry.access.range(first..);
            from_there.next().is_some_and(|(evse, _)| evse.station == *station)
        };
        self.lobby.values().filter(|row| !is_adopted(&row.station)).cloned().collect()
    }

    fn site_today(&self, now: Timestamp, site: SiteId) -> Option<SiteDay> {
        let date = self.registry.zone_of(&site)?.civil(now).date;
        let day = self.books.day(&site, date);
        let amounts = day.amounts.into_values().collect();
        Some(SiteDay { site, date, cdrs: day.cdrs, energy: day.energy, amounts })
    }

    fn owner_month(&self, owner: OwnerId, month: CivilMonth) -> Option<OwnerMonth> {
        self.registry.owners.get(&owner)?;
        let books = &self.books;
        let settlement = books.settlements.get(&(owner.clone(), month)).cloned();
        let is_closed = books.first_open(&owner).is_some_and(|open| month < open);
        let state = match (&settlement, is_closed) {
            (Some(_), _) => MonthState::Settled,
            (None, true) => MonthState::Closed,
            (None, false) => MonthState::Open,
        };
        Some(OwnerMonth {
            month,
            state,
            total: books.total_of_month(&owner, month),
            drivers: books.by_driver(&owner, month).into_iter().collect(),
            held: books.held_of(&owner).collect(),
            settlement,
            owner,
        })
    }
}

fn all_clear(refusals: Vec<Refusal>) -> Result<(), Vec<Refusal>> {
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// What a closed month of any owner concerned rests on stays.
fn closed_access(registry: &Registry, books: &Books, row: &AccessRow) -> Option<Refusal> {
    let change = registry.first_access_change(row)?;
    let known = registry.access.get(&row.evse).map(|known| known.terms.as_slice()).unwrap_or_default();
    let first_open =
        known.iter().chain(&row.terms).filter_map(|terms| books.first_open(&terms.owner)).max()?;
    let zone = &known.first().or(row.terms.first())?.zone;
    closed(zone.civil(change).date, first_open, || format!("the terms of EVSE {}", row.evse))
}

fn view(row: &FindingRow) -> FindingView {
    let cdr = &row.cdr;
    let suggestions: Vec<Suggestion> = row.doubts.iter().map(billing::cdr::Doubt::suggestion).collect();
    FindingView {
        cdr: cdr.id,
        evse: cdr.evse.clone(),
        owner: cdr.owner.clone(),
        driver: cdr.driver.clone(),
        stopped_at: cdr.stopped_at,
        raised_at: row.raised_at,
        doubts: row.doubts.clone(),
        unbillable: row.unbillable.clone(),
        suggestions,
    }
}

/// A command as the audit names it. Contents are in the records that follow from it.
fn describe(command: &Command) -> String {
    match command {
        Command::PutOwner(row) => format!("put owner {}", row.owner),
        Command::PutAccount(row) => format!("put account {}", row.account),
        Command::PutToken(row) => format!("put token {}: {:?}", row.token, row.entry.status),
        Command::PutTariff(tariff) => format!("put tariff {}", tariff.id()),
        Command::PutAccess(row) => format!("put access of EVSE {}", row.evse),
        Command::PutPrices(list) => format!("put prices from {}", list.valid_from),
        Command::Resolve { cdr, decision, reason } => {
            let decision = match decision {
                billing::finding::Decision::BillAsCorrected(_) => "bill as corrected",
                billing::finding::Decision::WriteOff => "write off",
            };
            format!("resolve CDR {cdr}: {decision}, because {reason}")
        }
        Command::CloseMonth { owner, month } => format!("close {month} of owner {owner}"),
        Command::Settle { owner, month } => format!("settle {month} of owner {owner}"),
        Command::Collect { document, method } => {
            format!("collect {} by {method:?}", crate::books::document_name(document))
        }
        Command::ProposePayout { owner, month } => format!("propose payout of {month} to owner {owner}"),
        Command::ApprovePayout { owner, month } => format!("approve payout of {month} to owner {owner}"),
    }
}
