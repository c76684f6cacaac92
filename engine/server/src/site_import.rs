//! From a site file to the commands that make it so.

use std::collections::BTreeSet;

use billing::cdr::FeeClass;
use billing::contract::{Contract, ContractTerms, SellerRole, SettlementBasis};
use billing::directory::{Access, AccountsAdmitted, EvseTerms};
use billing::fees::PriceLists;
use office::record::{AccessRow, OwnerRow};
use twin::site_file::{AccessKind, Commerce, EvseAccess, SiteFile};
use units::civil::CivilDate;
use units::{Currency, StationId, Timestamp};

/// What a site file asks of the sites and of the business, in order.
#[derive(Debug)]
pub struct Import {
    /// For the sites.
    pub site: csms::Command,
    /// The stations that the file names.
    pub stations: BTreeSet<StationId>,
    /// For the business; empty where the file names no owner.
    pub business: Vec<office::Command>,
}

/// Reads a site file.
///
/// # Errors
///
/// Every mistake, for people.
pub fn read(file: &str, text: &str) -> Result<Import, Vec<String>> {
    let site = twin::site_file::parse(file, text)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let business = match &site.commerce {
        Some(commerce) => business(&site, commerce)?,
        None => Vec::new(),
    };
    let stations = site.config.evses.iter().map(|evse| evse.id.station.clone()).collect();
    Ok(Import { stations, site: csms::Command::ConfigureSite(Box::new(site.config)), business })
}

fn business(site: &SiteFile, commerce: &Commerce) -> Result<Vec<office::Command>, Vec<String>> {
    let zone = &site.config.zone;
    // Terms begin on the first of the month in which the first tariff holds: access before it would have no price.
    let first = commerce.tariffs.iter().map(|tariff| tariff.valid_from).min();
    let first = first.map_or(CivilDate { year: 2024, month: 9, day: 1 }, |date| CivilDate { day: 1, ..date });
    let valid_from = zone.start_of_day(first);
    let mut commands: Vec<office::Command> =
        PriceLists::built_in().0.into_iter().map(office::Command::PutPrices).collect();
    let terms = ContractTerms {
        valid_from: first,
        seller_private: SellerRole::Owner,
        seller_public: SellerRole::Owner,
        owner_vat: commerce.owner.vat,
        plan: commerce.owner.plan,
        settle: SettlementBasis::Collected,
    };
    commands.push(office::Command::PutOwner(OwnerRow {
        owner: commerce.owner.id.clone(),
        name: commerce.owner.name.clone(),
        contract: Contract { owner: commerce.owner.id.clone(), terms: vec![terms] },
    }));
    for tariff in &commerce.tariffs {
        let made = tariff
            .to_tariff(zone, Currency::Eur)
            .map_err(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        commands.push(office::Command::PutTariff(Box::new(made)));
    }
    commands.extend(
        commerce
            .evses
            .iter()
            .map(|access| office::Command::PutAccess(access_row(site, commerce, access, valid_from))),
    );
    Ok(commands)
}

fn access_row(site: &SiteFile, commerce: &Commerce, access: &EvseAccess, valid_from: Timestamp) -> AccessRow {
    let admitted = AccountsAdmitted::AllOfSite;
    let (kind, fee_class) = match access.access {
        AccessKind::Private => (Access::Private(admitted), FeeClass::Plan),
        AccessKind::Public => (Access::Public, FeeClass::Public),
        AccessKind::Both => (Access::Both(admitted), FeeClass::Public),
    };
    let terms = EvseTerms {
        valid_from,
        site: site.config.id.clone(),
        zone: site.config.zone.clone(),
        owner: commerce.owner.id.clone(),
        access: kind,
        fee_class,
        tariff_accounts: Some(access.tariff.clone()),
        tariff_guests: access.tariff_guests.clone(),
    };
    AccessRow { evse: access.evse.clone(), terms: vec![terms], decommissioned_at: None }
}
