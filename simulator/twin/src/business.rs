//! What an operator does before and after a run: furnishes the site, its owner, tariffs, drivers and access; and at the
//! end closes, collects and settles each month.

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::FeeClass;
use billing::contract::{Contract, ContractTerms, SellerRole, SettlementBasis};
use billing::directory::{Access, AccountsAdmitted, EvseTerms, TokenEntry, TokenHolder, TokenStatus};
use billing::fees::PriceLists;
use billing::ledger::{DocumentKey, PaymentMethod};
use billing::pricing::PricedCdr;
use billing::tariff::Tariff;
use office::record::{
    AccessRow, AccountRow, DocumentRow, EntryRow, FindingRow, OwnerRow, SettlementRow, TokenRow,
};
use office::{Command, CommandAnswer};
use units::civil::{CivilDate, CivilMonth};
use units::{IdToken, OwnerId, TimeSpan, Timestamp};

use crate::scenario::{Driver, Scenario, Stay};
use crate::site_file::{AccessKind, EvseAccess};
use crate::tariff_file::StatedTariff;

/// What the books say once every month is closed, collected and settled.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Sealed CDRs, in order.
    pub cdrs: Vec<billing::cdr::Cdr>,
    /// Priced CDRs.
    pub priced: Vec<PricedCdr>,
    /// CDRs that are held.
    pub held: Vec<FindingRow>,
    /// Doubts of the sites that belong to no CDR.
    pub findings: Vec<csms::record::FindingRow>,
    /// Documents: statements and receipts.
    pub documents: Vec<DocumentRow>,
    /// Settlements.
    pub settlements: Vec<SettlementRow>,
    /// The ledger.
    pub entries: Vec<EntryRow>,
    /// What an operator was refused on the way.
    pub refusals: Vec<String>,
}

/// The commands that make the business of a scenario, in order.
#[must_use]
pub fn furnishing(scenario: &Scenario, stays: &[Stay]) -> Vec<Command> {
    let commerce = &scenario.commerce;
    let config = &scenario.site.config;
    let zone = &config.zone;
    let began = zone.civil(scenario.starts_at).date;
    let first_day = CivilDate { day: 1, ..began };
    let contract = Contract {
        owner: commerce.owner.id.clone(),
        terms: vec![ContractTerms {
            valid_from: first_day,
            seller_private: SellerRole::Owner,
            seller_public: SellerRole::Owner,
            owner_vat: commerce.owner.vat,
            plan: commerce.owner.plan,
            settle: SettlementBasis::Collected,
        }],
    };
    let mut commands: Vec<Command> = price_lists(scenario).into_iter().map(Command::PutPrices).collect();
    commands.push(Command::PutOwner(OwnerRow {
        owner: commerce.owner.id.clone(),
        name: commerce.owner.name.clone(),
        contract,
    }));
    for tariff in &commerce.tariffs {
        commands.extend(self::tariff(scenario, tariff).map(|tariff| Command::PutTariff(Box::new(tariff))));
    }
    let mut tokens: BTreeMap<&IdToken, &Driver> = BTreeMap::new();
    for stay in stays {
        tokens.insert(&stay.token, &stay.driver);
    }
    let accounts: BTreeSet<&units::AccountId> = tokens
        .values()
        .filter_map(|driver| match driver {
            Driver::Account(account) => Some(account),
            Driver::Guest => None,
        })
        .collect();
    for account in accounts {
        commands.push(Command::PutAccount(AccountRow {
            account: account.clone(),
            name: account.to_string(),
            sites: BTreeSet::from([config.id.clone()]),
        }));
    }
    for (token, driver) in tokens {
        let holder = match driver {
            Driver::Account(account) => TokenHolder::Account(account.clone()),
            Driver::Guest => TokenHolder::Guest,
        };
        let entry = TokenEntry { holder, status: TokenStatus::Valid };
        commands.push(Command::PutToken(TokenRow { token: token.clone(), entry }));
    }
    let valid_from = zone.start_of_day(first_day);
    for access in &commerce.evses {
        commands.push(Command::PutAccess(access_row(scenario, access, valid_from)));
    }
    commands
}

/// A tariff of the site file as billing knows it.
pub(crate) fn tariff(scenario: &Scenario, stated: &StatedTariff) -> Option<Tariff> {
    stated.to_tariff(&scenario.site.config.zone, scenario.currency).ok()
}

/// The service's own prices: the built-in list, from the month of the scenario on where that is earlier.
fn price_lists(scenario: &Scenario) -> Vec<billing::fees::PriceList> {
    let mut lists = PriceLists::built_in().0;
    let began = scenario.site.config.zone.civil(scenario.starts_at).date;
    if let Some(first) = lists.first_mut() {
        first.valid_from = first.valid_from.min(CivilDate { day: 1, ..began });
    }
    lists
}

fn access_row(scenario: &Scenario, access: &EvseAccess, valid_from: Timestamp) -> AccessRow {
    let config = &scenario.site.config;
    let admitted = AccountsAdmitted::AllOfSite;
    let terms = EvseTerms {
        valid_from,
        site: config.id.clone(),
        zone: config.zone.clone(),
        owner: scenario.commerce.owner.id.clone(),
        access: match access.access {
            AccessKind::Private => Access::Private(admitted),
            AccessKind::Public => Access::Public,
            AccessKind::Both => Access::Both(admitted),
        },
        fee_class: if access.access.admits_guests() { FeeClass::Public } else { FeeClass::Plan },
        tariff_accounts: Some(access.tariff.clone()),
        tariff_guests: access.tariff_guests.clone(),
    };
    AccessRow { evse: access.evse.clone(), terms: vec![terms], decommissioned_at: None }
}

impl crate::World {
    /// Furnishes business and sites before the first station connects.
    ///
    /// # Panics
    ///
    /// Where the engine refuses what the loader accepted: a defect of one of them, told with the refusals.
    pub(crate) fn furnish(&mut self, stays: &[Stay]) {
        for command in furnishing(self.scenario(), stays) {
            let shown = format!("{command:?}");
            let request = self.command_office("scenario", command);
            self.flush();
            match self.office_answer(request) {
                Some(CommandAnswer::Done) => {}
                answer => panic!("the business refuses what the loader accepted: {answer:?} to {shown}"),
            }
        }
        let config = self.scenario().site.config.clone();
        let request = self.command_csms(csms::Command::ConfigureSite(Box::new(config)));
        self.flush();
        match self.csms_answer(request) {
            Some(csms::CommandAnswer::Done) => {}
            answer => panic!("the sites refuse what the loader accepted: {answer:?}"),
        }
    }

    /// Closes, collects and settles each month once it is over, in its own time after the run.
    pub(crate) fn close_books(&mut self) -> Books {
        let owner = self.scenario().commerce.owner.id.clone();
        let mut refusals = Vec::new();
        for month in self.months() {
            let zone = self.scenario().site.config.zone.clone();
            self.sleep_until(zone.start_of_month(month.next()) + TimeSpan::from_hours(6));
            self.settle_month(&owner, month, &mut refusals);
        }
        self.read_books(refusals)
    }

    fn settle_month(&mut self, owner: &OwnerId, month: CivilMonth, refusals: &mut Vec<String>) {
        let owner = owner.clone();
        let closed = self.ask(Command::CloseMonth { owner: owner.clone(), month }, refusals);
        if let Some(CommandAnswer::Closed(closed)) = closed {
            let due: Vec<DocumentKey> =
                closed.issued.into_iter().filter(|document| self.is_due(document)).collect();
            for document in due {
                self.ask(Command::Collect { document, method: PaymentMethod::Bank }, refusals);
            }
        }
        let settled = self.ask(Command::Settle { owner: owner.clone(), month }, refusals);
        if let Some(CommandAnswer::Settled(settlement)) = settled
            && settlement.total.minor() > 0
        {
            // A payout needs two persons.
            self.ask(Command::ProposePayout { owner: owner.clone(), month }, refusals);
            let second = Command::ApprovePayout { owner, month };
            self.ask_as("another person", second, refusals);
        }
    }

    /// Whether a document asks for money: one for 0 kWh does not.
    fn is_due(&self, key: &DocumentKey) -> bool {
        self.store().office().iter().any(|record| match record {
            office::Record::Document(row) => row.key == *key && row.total.minor() > 0,
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
            | office::Record::Line(_)
            | office::Record::Finding(_)
            | office::Record::Resolution(_)
            | office::Record::Collection(_)
            | office::Record::Settlement(_)
            | office::Record::Entry(_)
            | office::Record::Audit(_) => false,
        })
    }

    fn ask(&mut self, command: Command, refusals: &mut Vec<String>) -> Option<CommandAnswer> {
        self.ask_as("scenario", command, refusals)
    }

    fn ask_as(&mut self, actor: &str, command: Command, refusals: &mut Vec<String>) -> Option<CommandAnswer> {
        let shown = format!("{command:?}");
        let request = self.command_office(actor, command);
        self.flush();
        let answer = self.office_answer(request);
        match &answer {
            Some(CommandAnswer::Refused(found)) => {
                refusals.extend(found.iter().map(|refusal| format!("{shown}: {refusal}")));
            }
            Some(CommandAnswer::Done | CommandAnswer::Closed(_) | CommandAnswer::Settled(_)) => {}
            None => refusals.push(format!("{shown}: no answer")),
        }
        answer
    }

    /// The months of the run on the site's calendar.
    fn months(&self) -> Vec<CivilMonth> {
        let scenario = self.scenario();
        let zone = &scenario.site.config.zone;
        let last = zone.month(scenario.ends_at - TimeSpan::from_milliseconds(1));
        let first = zone.month(scenario.starts_at);
        std::iter::successors(Some(first), |month| Some(month.next()))
            .take_while(|month| *month <= last)
            .collect()
    }

    fn read_books(&self, refusals: Vec<String>) -> Books {
        let mut books = Books {
            cdrs: self.store().cdrs().to_vec(),
            findings: self.store().findings().to_vec(),
            refusals,
            ..Books::default()
        };
        for record in self.store().office() {
            match record {
                office::Record::PricedCdr(priced) => books.priced.push(priced.as_ref().clone()),
                office::Record::Finding(row) => books.held.push(row.as_ref().clone()),
                office::Record::Document(row) => books.documents.push(row.as_ref().clone()),
                office::Record::Settlement(row) => books.settlements.push(row.as_ref().clone()),
                office::Record::Entry(row) => books.entries.push(row.as_ref().clone()),
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
                | office::Record::Line(_)
                | office::Record::Resolution(_)
                | office::Record::Collection(_)
                | office::Record::Audit(_) => {}
            }
        }
        books
    }
}
