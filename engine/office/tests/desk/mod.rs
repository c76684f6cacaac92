//! An office with a desk: commands go in, what was committed piles up, and answers are read back.

#![expect(dead_code, reason = "each test file uses a part of the desk")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billing::cdr::{Cdr, Doubt, Driver, FeeClass, ReadingContext, RegisterReading};
use billing::contract::{Contract, ContractTerms, FeePlan, SellerRole, SettlementBasis};
use billing::directory::{
    Access, AccountsAdmitted, Directory, EvseTerms, TokenEntry, TokenHolder, TokenStatus,
};
use billing::ledger::{DocumentKey, PaymentMethod};
use billing::settlement::Settlement;
use billing::tariff::Tariff;
use billing::vat::VatStatus;
use office::record::{AccessRow, AccountRow, BooksRow, DocumentRow, LedgerSum, OwnerRow, Record, TokenRow};
use office::{
    ClosedMonth, Command, CommandAnswer, Effect, Input, Office, Output, Query, QueryAnswer, Restored,
    ledger_class,
};
use units::civil::{CivilMonth, Zone};
use units::{
    CdrId, Currency, Money, OwnerId, RecordSeq, RequestId, SessionId, TimeSpan, Timestamp, TransactionId,
    UnitPrice, WattHours,
};

pub struct Desk {
    pub office: Office,
    pub now: Timestamp,
    /// All that was committed, in order.
    pub records: Vec<Record>,
    pub directories: Vec<Arc<Directory>>,
    pub outputs: Vec<Output>,
    seq: RecordSeq,
}

impl Desk {
    /// Opened with nothing, at the beginning of `date`.
    pub fn new(at: &str) -> Self {
        let mut desk = Self::closed(at.parse().unwrap());
        desk.input(Input::Restored(Box::default()));
        desk
    }

    /// A desk whose office was restarted on what `self` has committed.
    pub fn restarted(&self, restored: Restored) -> Self {
        let mut desk = Self::closed(self.now);
        desk.records = self.records.clone();
        desk.input(Input::Restored(Box::new(restored)));
        desk
    }

    fn closed(now: Timestamp) -> Self {
        Self {
            office: Office::new(),
            now,
            records: vec![],
            directories: vec![],
            outputs: vec![],
            seq: RecordSeq(0),
        }
    }

    pub fn at(&mut self, instant: &str) -> &mut Self {
        let instant: Timestamp = instant.parse().unwrap();
        assert!(self.now <= instant, "time never goes back");
        self.now = instant;
        self
    }

    /// Feeds one input and drains the office; returns the effects that are no records.
    pub fn input(&mut self, input: Input) -> Vec<Effect> {
        self.office.handle(self.now, input);
        let mut effects = Vec::new();
        while let Some(output) = self.office.poll_output() {
            self.outputs.push(output.clone());
            match output.effect {
                Effect::Persist { seq, record } => {
                    assert_eq!(seq, self.seq.next(), "records are numbered without gaps");
                    self.seq = seq;
                    self.records.push(*record);
                }
                effect => {
                    assert_eq!(output.after, self.seq, "an effect waits for every record before it");
                    if let Effect::PublishDirectory(directory) = &effect {
                        self.directories.push(Arc::clone(directory));
                    }
                    effects.push(effect);
                }
            }
        }
        effects
    }

    pub fn command_by(&mut self, actor: &str, command: Command) -> CommandAnswer {
        let input = Input::Command { request: RequestId(7), actor: actor.into(), command };
        let mut answers = self.input(input).into_iter().filter_map(|effect| match effect {
            Effect::Answer { request, answer } => {
                assert_eq!(request, RequestId(7));
                Some(answer)
            }
            _other => None,
        });
        let answer = answers.next().expect("each command is answered");
        assert!(answers.next().is_none(), "once");
        answer
    }

    pub fn command(&mut self, command: Command) -> CommandAnswer {
        self.command_by("ann", command)
    }

    pub fn done(&mut self, command: Command) {
        let answer = self.command(command);
        assert_eq!(answer, CommandAnswer::Done);
    }

    /// The refusals, as people read them.
    pub fn refused(&mut self, command: Command) -> Vec<String> {
        match self.command(command) {
            CommandAnswer::Refused(refusals) => refusals.iter().map(ToString::to_string).collect(),
            answer => panic!("expected a refusal, not {answer:?}"),
        }
    }

    pub fn ask(&mut self, query: Query) -> QueryAnswer {
        let effects = self.input(Input::Query { request: RequestId(8), query });
        match effects.into_iter().next() {
            Some(Effect::QueryAnswer { answer, .. }) => *answer,
            other => panic!("expected an answer, not {other:?}"),
        }
    }

    pub fn cdr(&mut self, cdr: &Cdr) {
        let effects = self.input(Input::Cdr(Box::new(cdr.clone())));
        let is_directory = |effect: &Effect| matches!(effect, Effect::PublishDirectory(_));
        assert!(effects.iter().all(is_directory), "a CDR has no effect but records: {effects:?}");
    }

    pub fn close(&mut self, owner: &str, month: &str) -> ClosedMonth {
        let (owner, month) = (id(owner), month.parse().unwrap());
        match self.command(Command::CloseMonth { owner, month }) {
            CommandAnswer::Closed(closed) => closed,
            answer => panic!("{answer:?}"),
        }
    }

    pub fn settle(&mut self, owner: &str, month: &str) -> Settlement {
        let (owner, month) = (id(owner), month.parse().unwrap());
        match self.command(Command::Settle { owner, month }) {
            CommandAnswer::Settled(settlement) => *settlement,
            answer => panic!("{answer:?}"),
        }
    }

    pub fn collect_all(&mut self) {
        for document in self.open_documents() {
            let method = match document.key {
                DocumentKey::Receipt(_) => PaymentMethod::Card,
                DocumentKey::Statement(..) | DocumentKey::Opening(_) => PaymentMethod::Bank,
            };
            self.done(Command::Collect { document: document.key, method });
        }
    }

    pub fn open_documents(&mut self) -> Vec<DocumentRow> {
        match self.ask(Query::OpenDocuments) {
            QueryAnswer::OpenDocuments(documents) => documents,
            answer => panic!("{answer:?}"),
        }
    }

    pub fn documents(&self) -> Vec<&DocumentRow> {
        let documents = self.records.iter().filter_map(|record| match record {
            Record::Document(row) => Some(row.as_ref()),
            _other => None,
        });
        documents.collect()
    }

    /// The balance of every ledger account whose debug text begins with `name`, in cents.
    pub fn balance(&mut self, name: &str) -> i64 {
        let QueryAnswer::Ledger(accounts) = self.ask(Query::Ledger) else { panic!() };
        let total: i64 = accounts.iter().map(|(_, amount)| amount.minor()).sum();
        assert_eq!(total, 0, "the ledger is at zero");
        let named = accounts.iter().filter(|(account, _)| format!("{account:?}").starts_with(name));
        named.map(|(_, amount)| amount.minor()).sum()
    }

    /// A housing company with one site: `PRIVATE/1` and `PRIVATE/2` for accounts at 0.20 €, `PUBLIC/1` at 0.35 €,
    /// residents a and b, and a guest's token.
    pub fn furnish(&mut self, owner: &str, seller: SellerRole, vat: VatStatus, plan: FeePlan) {
        self.done(Command::PutOwner(owner_row(owner, seller, vat, plan)));
        for (tariff, millionths) in [("private", 200_000), ("public", 350_000)] {
            self.done(Command::PutTariff(Box::new(tariff_of(tariff, millionths))));
        }
        for account in ["a", "b"] {
            let sites = BTreeSet::from([id("site")]);
            self.done(Command::PutAccount(AccountRow { account: id(account), name: account.into(), sites }));
            let holder = TokenHolder::Account(id(account));
            let entry = TokenEntry { holder, status: TokenStatus::Valid };
            self.done(Command::PutToken(TokenRow { token: format!("T{account}").parse().unwrap(), entry }));
        }
        let entry = TokenEntry { holder: TokenHolder::Guest, status: TokenStatus::Valid };
        self.done(Command::PutToken(TokenRow { token: "G1".parse().unwrap(), entry }));
        for evse in ["PRIVATE/1", "PRIVATE/2", "PUBLIC/1"] {
            self.done(Command::PutAccess(access(owner, evse)));
        }
    }
}

pub fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Eur)
}

pub fn zone() -> Zone {
    id("Europe/Helsinki")
}

pub fn tariff_of(name: &str, millionths: i64) -> Tariff {
    let valid_from = id("2024-09-01T00:00:00Z");
    Tariff::per_kilowatt_hour(id(name), Currency::Eur, valid_from, UnitPrice::from_millionths(millionths))
        .unwrap()
}

pub fn owner_row(owner: &str, seller: SellerRole, vat: VatStatus, plan: FeePlan) -> OwnerRow {
    let terms = ContractTerms {
        valid_from: id("2024-09-01"),
        seller_private: seller,
        seller_public: seller,
        owner_vat: vat,
        plan,
        settle: SettlementBasis::Collected,
    };
    let contract = Contract { owner: id(owner), terms: vec![terms] };
    OwnerRow { owner: id(owner), name: format!("Housing company {owner}"), contract }
}

pub fn access(owner: &str, evse: &str) -> AccessRow {
    let is_public = evse.starts_with("PUBLIC");
    let terms = EvseTerms {
        valid_from: id("2024-09-01T00:00:00Z"),
        site: id("site"),
        zone: zone(),
        owner: id(owner),
        access: if is_public { Access::Public } else { Access::Private(AccountsAdmitted::AllOfSite) },
        fee_class: if is_public { FeeClass::Public } else { FeeClass::Plan },
        tariff_accounts: (!is_public).then(|| id("private")),
        tariff_guests: is_public.then(|| id("public")),
    };
    AccessRow { evse: id(evse), terms: vec![terms], decommissioned_at: None }
}

/// A CDR of `number` with `watt_hours`, that ended at `stopped_at` after an hour.
pub fn cdr(number: u64, driver: &str, evse: &str, watt_hours: i64, stopped_at: &str) -> Cdr {
    let stopped_at: Timestamp = stopped_at.parse().unwrap();
    let started_at = stopped_at - TimeSpan::from_hours(1);
    let is_public = evse.starts_with("PUBLIC");
    let reading = |at, register, context| RegisterReading {
        at,
        register: WattHours::from_watt_hours(register),
        context,
    };
    Cdr {
        id: CdrId(number),
        site: id("site"),
        owner: id("owner"),
        zone: zone(),
        evse: id(evse),
        fee_class: if is_public { FeeClass::Public } else { FeeClass::Plan },
        transaction: TransactionId(number),
        session: SessionId(number),
        token: None,
        driver: if driver == "guest" { Driver::Guest } else { Driver::Account(id(driver)) },
        tariff: Some(id(if is_public { "public" } else { "private" })),
        started_at,
        stopped_at,
        readings: vec![
            reading(started_at, 1_000, ReadingContext::Begin),
            reading(stopped_at, 1_000 + watt_hours, ReadingContext::End),
        ],
        activity: vec![],
        doubts: vec![],
        evidence: vec![],
        stop_reason: "Local".to_owned(),
    }
}

pub fn doubtful(cdr: Cdr) -> Cdr {
    Cdr { doubts: vec![Doubt::MissingEnd { readings: 1 }], ..cdr }
}

/// What a store hands to a restart, found the slow way: from all records. Entries come as sums.
pub fn restored_by_the_book(records: &[Record]) -> Restored {
    let mut states: BTreeMap<(&str, String), Record> = BTreeMap::new();
    let mut order = Vec::new();
    for record in records {
        if let Some(key) = record.key() {
            let place = (record.table(), key);
            if states.insert(place.clone(), record.clone()).is_none() {
                order.push(place);
            }
        }
    }
    let books: BTreeMap<OwnerId, BooksRow> = states
        .values()
        .filter_map(|record| match record {
            Record::Books(row) => Some((row.owner.clone(), row.clone())),
            _other => None,
        })
        .collect();
    let settled = |owner: &OwnerId| books.get(owner).and_then(|books| books.settled_through);
    let resolved: BTreeSet<CdrId> = records
        .iter()
        .filter_map(|record| match record {
            Record::Resolution(resolution) => Some(resolution.cdr),
            _other => None,
        })
        .collect();
    let collected: BTreeSet<DocumentKey> = records
        .iter()
        .filter_map(|record| match record {
            Record::Collection(row) => Some(row.document.clone()),
            _other => None,
        })
        .collect();
    let is_wanted = |record: &&Record| match record {
        Record::Line(row) => settled(&row.line.owner).is_none_or(|settled| settled <= row.line.month),
        Record::Finding(row) => !resolved.contains(&row.cdr.id),
        Record::Document(row) => !collected.contains(&row.key),
        Record::Settlement(_) => true,
        _other => false,
    };
    let mut sums: BTreeMap<(billing::ledger::EntryKey, CivilMonth, billing::ledger::LedgerAccount), Money> =
        BTreeMap::new();
    for record in records {
        if let Record::Entry(row) = record {
            let parts = row.entry.parts();
            for posting in &parts.postings {
                let place = (ledger_class(&parts.key), parts.month, posting.account.clone());
                *sums.entry(place).or_insert(eur(0)) += posting.amount;
            }
        }
    }
    let facts = records.iter().filter(is_wanted).cloned();
    Restored {
        records: order.iter().map(|place| states[place].clone()).chain(facts).collect(),
        sums: sums
            .into_iter()
            .map(|((class, month, account), amount)| LedgerSum { class, month, account, amount })
            .collect(),
    }
}
