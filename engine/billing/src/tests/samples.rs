//! Small CDRs, tariffs and contracts for tests.

use units::{CdrId, Currency, Money, SessionId, Timestamp, TransactionId, UnitPrice, WattHours};

use crate::cdr::{Cdr, Driver, FeeClass, ReadingContext, RegisterReading};
use crate::contract::{Contract, ContractTerms, FeePlan, SellerRole, SettlementBasis};
use crate::tariff::{
    ComponentKind, ParkingTerms, PriceComponent, Restrictions, Tariff, TariffElement, TariffParts, TimeWindow,
};
use crate::vat::VatStatus;

pub fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Eur)
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn reading(at: Timestamp, milliwatt_hours: i64, context: ReadingContext) -> RegisterReading {
    RegisterReading { at, register: WattHours::from_milliwatt_hours(milliwatt_hours), context }
}

/// A CDR of account `a` on tariff `t` in Helsinki, with its begin and end reading at its own start and end.
pub fn cdr(id: u64, from: Timestamp, until: Timestamp, watt_hours: i64) -> Cdr {
    Cdr {
        id: CdrId(id),
        site: "site".parse().unwrap(),
        owner: "owner".parse().unwrap(),
        zone: "Europe/Helsinki".parse().unwrap(),
        evse: "CP1/1".parse().unwrap(),
        fee_class: FeeClass::Plan,
        transaction: TransactionId(id),
        session: SessionId(id),
        token: None,
        driver: Driver::Account("a".parse().unwrap()),
        tariff: Some("t".parse().unwrap()),
        started_at: from,
        stopped_at: until,
        readings: vec![
            reading(from, 7_000_000, ReadingContext::Begin),
            reading(until, 7_000_000 + watt_hours * 1000, ReadingContext::End),
        ],
        activity: vec![],
        doubts: vec![],
        evidence: vec![],
        stop_reason: "EVDisconnected".to_owned(),
    }
}

pub fn component(kind: ComponentKind, millionths: i64) -> PriceComponent {
    PriceComponent { kind, price: UnitPrice::from_millionths(millionths) }
}

pub fn element(components: &[PriceComponent], restrictions: Restrictions) -> TariffElement {
    TariffElement { components: components.to_vec(), restrictions }
}

pub fn between(from: &str, until: &str) -> Restrictions {
    let window = TimeWindow { from: from.parse().unwrap(), until: until.parse().unwrap() };
    Restrictions { time: Some(window), ..Restrictions::default() }
}

pub fn tariff(id: &str, elements: Vec<TariffElement>) -> Tariff {
    Tariff::new(TariffParts {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        currency: Currency::Eur,
        valid_from: Timestamp::EPOCH,
        elements,
        gap_limit: None,
        parking: ParkingTerms::default(),
    })
    .unwrap()
}

pub fn energy_tariff(id: &str, millionths: i64) -> Tariff {
    tariff(id, vec![element(&[component(ComponentKind::Energy, millionths)], Restrictions::default())])
}

pub fn contract(owner: &str, seller: SellerRole, owner_vat: VatStatus) -> Contract {
    Contract {
        owner: owner.parse().unwrap(),
        terms: vec![ContractTerms {
            valid_from: "2013-01-01".parse().unwrap(),
            seller_private: seller,
            seller_public: seller,
            owner_vat,
            plan: FeePlan::PerKilowattHour,
            settle: SettlementBasis::Collected,
        }],
    }
}
