//! Who there is, what was agreed, and what charging costs: the dated terms that the books and the directory rest on.

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::FeeClass;
use billing::directory::{Access, AccountsAdmitted, Directory, DirectoryParts, EvseTerms};
use billing::fees::{PriceList, PriceLists, ServiceSpan, charging_points};
use billing::tariff::Tariff;
use billing::vat::VatTable;
use units::civil::{CivilDate, CivilMonth, Zone};
use units::{AccountId, EvseId, IdToken, OwnerId, SiteId, TariffId, Timestamp};

use crate::contract::Refusal;
use crate::record::{AccessRow, AccountRow, OwnerRow, TokenRow};

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) owners: BTreeMap<OwnerId, OwnerRow>,
    pub(crate) accounts: BTreeMap<AccountId, AccountRow>,
    pub(crate) tokens: BTreeMap<IdToken, TokenRow>,
    pub(crate) tariffs: BTreeMap<TariffId, Tariff>,
    pub(crate) access: BTreeMap<EvseId, AccessRow>,
    pub(crate) prices: PriceLists,
    pub(crate) vat: VatTable,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            owners: BTreeMap::new(),
            accounts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            tariffs: BTreeMap::new(),
            access: BTreeMap::new(),
            prices: PriceLists::built_in(),
            vat: VatTable::finland(),
        }
    }
}

impl Registry {
    pub(crate) fn put_prices(&mut self, list: PriceList) {
        self.prices.0.retain(|other| other.valid_from != list.valid_from);
        self.prices.0.push(list);
        self.prices.0.sort_by_key(|list| list.valid_from);
    }

    /// What speaks against an owner's row; `first_open` is the owner's first month that is not closed, where one is.
    pub(crate) fn check_owner(&self, row: &OwnerRow, first_open: Option<CivilMonth>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if row.contract.owner != row.owner {
            let (owner, named) = (row.owner.clone(), row.contract.owner.clone());
            refusals.push(Refusal::ContractOfAnotherOwner { owner, named });
        }
        if row.contract.terms.is_empty() {
            refusals.push(Refusal::ContractWithoutTerms(row.owner.clone()));
        }
        if let (Some(first_open), Some(known)) = (first_open, self.owners.get(&row.owner)) {
            let change = first_change(&known.contract.terms, &row.contract.terms, |terms| terms.valid_from);
            let what = || format!("the contract's terms of owner {}", row.owner);
            refusals.extend(change.and_then(|date| closed(date, first_open, what)));
        }
        refusals
    }

    pub(crate) fn check_account_of(&self, row: &TokenRow) -> Vec<Refusal> {
        use billing::directory::TokenHolder;
        match &row.entry.holder {
            TokenHolder::Account(account) if !self.accounts.contains_key(account) => {
                vec![Refusal::UnknownAccount(account.clone())]
            }
            TokenHolder::Account(_) | TokenHolder::Guest => Vec::new(),
        }
    }

    pub(crate) fn check_tariff(&self, tariff: &Tariff) -> Vec<Refusal> {
        match self.tariffs.get(tariff.id()) {
            Some(known) if known != tariff => vec![Refusal::TariffIsFrozen(tariff.id().clone())],
            Some(_) | None => Vec::new(),
        }
    }

    pub(crate) fn check_access(&self, row: &AccessRow) -> Vec<Refusal> {
        let alone = DirectoryParts {
            evses: BTreeMap::from([(row.evse.clone(), row.terms.clone())]),
            ..DirectoryParts::default()
        };
        let mut refusals: Vec<Refusal> =
            Directory::new(alone).err().into_iter().flatten().map(Refusal::Directory).collect();
        for terms in &row.terms {
            if !self.owners.contains_key(&terms.owner) {
                refusals.push(Refusal::UnknownOwner(terms.owner.clone()));
            }
            let tariffs = [&terms.tariff_accounts, &terms.tariff_guests].into_iter().flatten();
            let unknown = tariffs.filter(|tariff| !self.tariffs.contains_key(tariff));
            refusals.extend(unknown.map(|tariff| Refusal::UnknownTariff(tariff.clone())));
        }
        refusals
    }

    /// The first instant at which `row` differs from what is known of its EVSE, where anything was known.
    pub(crate) fn first_access_change(&self, row: &AccessRow) -> Option<Timestamp> {
        let known = self.access.get(&row.evse)?;
        let of_terms = first_change(&known.terms, &row.terms, |terms| terms.valid_from);
        let of_end = (known.decommissioned_at != row.decommissioned_at)
            .then(|| [known.decommissioned_at, row.decommissioned_at].into_iter().flatten().min())
            .flatten();
        [of_terms, of_end].into_iter().flatten().min()
    }

    /// What speaks against a price list where months of some owner are closed.
    pub(crate) fn check_prices(&self, list: &PriceList, first_open: Option<CivilMonth>) -> Vec<Refusal> {
        let known = self.prices.0.iter().find(|known| known.valid_from == list.valid_from);
        let is_same = known == Some(list);
        let what = || "the service's prices".to_owned();
        first_open
            .filter(|_| !is_same)
            .and_then(|first_open| closed(list.valid_from, first_open, what))
            .into_iter()
            .collect()
    }

    pub(crate) fn directory(&self, version: u64) -> Directory {
        let mut accounts: BTreeMap<SiteId, BTreeSet<AccountId>> = BTreeMap::new();
        for row in self.accounts.values() {
            for site in &row.sites {
                accounts.entry(site.clone()).or_default().insert(row.account.clone());
            }
        }
        let parts = DirectoryParts {
            version,
            tokens: self.tokens.values().map(|row| (row.token.clone(), row.entry.clone())).collect(),
            accounts,
            evses: self.access.values().map(|row| (row.evse.clone(), published_terms(row))).collect(),
        };
        match Directory::new(parts) {
            Ok(directory) => directory,
            Err(defects) => panic!("each row was checked before it was taken in: {defects:?}"),
        }
    }

    /// The zone of a site, by the terms of any of its EVSEs.
    pub(crate) fn zone_of(&self, site: &SiteId) -> Option<&Zone> {
        let mut terms = self.access.values().flat_map(|row| &row.terms);
        terms.find(|terms| terms.site == *site).map(|terms| &terms.zone)
    }

    /// The zones in which an owner has EVSEs.
    pub(crate) fn zones_of(&self, owner: &OwnerId) -> impl Iterator<Item = &Zone> {
        let terms = self.access.values().flat_map(|row| &row.terms);
        terms.filter(move |terms| terms.owner == *owner).map(|terms| &terms.zone)
    }

    /// The charging points of each of an owner's sites in `month`; sites without any are named as well.
    pub(crate) fn points_of(&self, owner: &OwnerId, month: CivilMonth) -> BTreeMap<SiteId, u32> {
        let lives = self.access.values().map(|row| (row.evse.clone(), service_spans(row))).collect();
        let points = charging_points(&lives, month);
        self.sites_of(owner, month)
            .into_iter()
            .map(|site| (site.clone(), points.get(&site).copied().unwrap_or(0)))
            .collect()
    }

    /// The sites that are an owner's at the end of `month`.
    fn sites_of(&self, owner: &OwnerId, month: CivilMonth) -> BTreeSet<SiteId> {
        let mut last: BTreeMap<&SiteId, &EvseTerms> = BTreeMap::new();
        let terms = self.access.values().flat_map(|row| &row.terms);
        for terms in terms.filter(|terms| terms.valid_from < terms.zone.start_of_month(month.next())) {
            let latest = last.entry(&terms.site).or_insert(terms);
            if latest.valid_from < terms.valid_from {
                *latest = terms;
            }
        }
        last.into_iter().filter(|(_, terms)| terms.owner == *owner).map(|(site, _)| site.clone()).collect()
    }
}

/// A refusal where `date` lies before the first open month.
pub(crate) fn closed(date: CivilDate, first_open: CivilMonth, what: impl Fn() -> String) -> Option<Refusal> {
    let earliest = CivilDate { year: first_open.year, month: first_open.month, day: 1 };
    (date < earliest).then(|| Refusal::MonthIsClosed { what: what(), date, earliest })
}

/// Where two dated lists begin to differ.
fn first_change<T: PartialEq, D: Ord + Copy>(old: &[T], new: &[T], date: impl Fn(&T) -> D) -> Option<D> {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    [old.get(same), new.get(same)].into_iter().flatten().map(date).min()
}

/// The terms as the directory has them: from the end of service on nobody is admitted.
fn published_terms(row: &AccessRow) -> Vec<EvseTerms> {
    let Some(end) = row.decommissioned_at else { return row.terms.clone() };
    let mut terms: Vec<EvseTerms> =
        row.terms.iter().filter(|terms| terms.valid_from < end).cloned().collect();
    if let Some(last) = terms.last().or(row.terms.first()) {
        terms.push(EvseTerms {
            valid_from: end,
            access: Access::Private(AccountsAdmitted::Named(BTreeSet::new())),
            fee_class: FeeClass::Plan,
            tariff_accounts: None,
            tariff_guests: None,
            ..last.clone()
        });
    }
    terms
}

fn service_spans(row: &AccessRow) -> Vec<ServiceSpan> {
    let ends = row.terms.iter().skip(1).map(|next| Some(next.valid_from)).chain([None]);
    let spans = row.terms.iter().zip(ends).map(|(terms, next)| ServiceSpan {
        site: terms.site.clone(),
        zone: terms.zone.clone(),
        fee_class: terms.fee_class,
        from: terms.valid_from,
        until: [next, row.decommissioned_at].into_iter().flatten().min(),
    });
    spans.filter(|span| span.until.is_none_or(|until| span.from < until)).collect()
}
