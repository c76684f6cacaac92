//! Explanations in words: what limits an EVSE, who shares its conductor, when it gets more, what the plan intends.

use charging::site::{Explanation, Intent, LimitedBy, More, RowShare};
use units::civil::Zone;
use units::{EvseId, Timestamp};

use super::number::{tenths, time_of_day, whole, whole_floor};
use super::words::{Language, fill};

/// An explanation as sentences: what limits comes first. Times of day are the site's.
pub fn explanation_in_words(told: &Explanation, zone: &Zone, language: Language) -> Vec<String> {
    let words = Wording { zone, language };
    let mut sentences = vec![words.reason(told)];
    if let Some(row) = &told.row {
        sentences.extend([words.row(row), words.sharers(row)]);
    }
    if let Some(at) = told.lowered_at {
        sentences.push(words.say(["It was told less at {}.", "Rajaa laskettiin klo {}."], &[&words.at(at)]));
    }
    sentences.extend(words.more(&told.more).filter(|_| told.reason != LimitedBy::Free));
    sentences.extend(told.plan.as_ref().map(|plan| words.plan(plan)));
    sentences
}

/// When there is more, in one sentence; none where it has all.
pub fn more_in_words(more: &More, zone: &Zone, language: Language) -> Option<String> {
    Wording { zone, language }.more(more)
}

/// What limits, in one sentence.
pub fn reason_in_words(told: &Explanation, zone: &Zone, language: Language) -> String {
    Wording { zone, language }.reason(told)
}

struct Wording<'a> {
    zone: &'a Zone,
    language: Language,
}

impl Wording<'_> {
    /// English or Finnish, with its blanks filled.
    fn say(&self, [english, finnish]: [&'static str; 2], values: &[&str]) -> String {
        let phrase = match self.language {
            Language::English => english,
            Language::Finnish => finnish,
        };
        fill(phrase, values)
    }

    fn at(&self, at: Timestamp) -> String {
        time_of_day(&self.zone.civil(at))
    }

    fn reason(&self, told: &Explanation) -> String {
        match &told.reason {
            LimitedBy::OutOfService => self.say(["It is out of service.", "Se on poissa käytöstä."], &[]),
            LimitedBy::NeverConnected => {
                self.say(["Its station has never connected.", "Asema ei ole vielä ollut yhteydessä."], &[])
            }
            LimitedBy::Offline => self.say(
                [
                    "Its station is out of reach: it goes by its fallback, {} A at most.",
                    "Asemaan ei ole yhteyttä: se noudattaa varavirtaansa, enintään {} A.",
                ],
                &[&whole(told.ceiling)],
            ),
            LimitedBy::StationFault => {
                self.say(["Its station reports a fault.", "Asema ilmoittaa viasta."], &[])
            }
            LimitedBy::Free => self.say(["Nothing is plugged in.", "Latauspiste on vapaa."], &[]),
            LimitedBy::NotStarted => self.say(
                [
                    "An EV is plugged in, and charging has not begun.",
                    "Auto on kytketty, mutta lataus ei ole alkanut.",
                ],
                &[],
            ),
            LimitedBy::Disobedience => self.say(
                [
                    "It does not follow its limit: it counts at its highest current.",
                    "Se ei noudata rajaansa: se lasketaan suurimmalla virrallaan.",
                ],
                &[],
            ),
            LimitedBy::Ev => self.say(["The EV takes no more.", "Auto ei ota enempää."], &[]),
            LimitedBy::Undecided => self.say(["Its limit is being worked out.", "Rajaa lasketaan."], &[]),
            LimitedBy::EvseMaximum => {
                self.say(["It has the highest current that it knows.", "Se saa suurimman virtansa."], &[])
            }
            LimitedBy::Rising => self.say(
                ["More is decided: its limit is on its way up.", "Lisää on myönnetty: raja nousee."],
                &[],
            ),
            LimitedBy::Row { name, phase, .. } => {
                self.say(["{} is full.", "{} on täynnä."], &[&format!("{name} {phase}")])
            }
            LimitedBy::Plan => self.say(
                ["The plan keeps the current for later.", "Suunnitelma säästää virran myöhemmäksi."],
                &[],
            ),
            LimitedBy::UnprovenShed => self.say(
                [
                    "Others have not shown yet that they made room.",
                    "Muut eivät ole vielä osoittaneet antaneensa tilaa.",
                ],
                &[],
            ),
            LimitedBy::Turn { name, phase, .. } => self.say(
                [
                    "{} cannot carry everybody's minimum: it waits for its turn.",
                    "{} ei kanna kaikkien vähimmäisvirtaa: se odottaa vuoroaan.",
                ],
                &[&format!("{name} {phase}")],
            ),
            LimitedBy::StaleMeter { name, .. } => self.say(
                [
                    "The meter of {} is silent or doubtful: nothing is raised.",
                    "{}: mittari on vaiti tai epäluotettava, mitään ei nosteta.",
                ],
                &[name],
            ),
        }
    }

    fn row(&self, row: &RowShare) -> String {
        let [rating, base, evs, reserve] =
            [row.rating, row.base, row.ceilings, row.reserve].map(|current| tenths(current, self.language));
        let values = [rating.as_str(), &base, &evs, &reserve];
        if let Some((limit, until)) = row.commanded {
            let values = [tenths(limit, self.language), self.at(until), base, evs];
            return self.say(
                [
                    "It is commanded to carry {} A at most until {}: everything else takes {} A at most, EVs may take {} A.",
                    "Sen sallitaan kuormittua enintään {} A klo {} asti: muu kulutus vie enintään {} A, autot saavat ottaa {} A.",
                ],
                &values.each_ref().map(String::as_str),
            );
        }
        if row.is_stale {
            return self.say(
                [
                    "It may carry {} A; its meter is not believed, and EVs share what is safe without it.",
                    "Se kestää {} A; sen mittariin ei luoteta, ja autot jakavat sen, mikä on ilman sitä turvallista.",
                ],
                &[&rating],
            );
        }
        let phrase = if row.is_metered {
            [
                "It may carry {} A: everything else takes {} A at most, EVs may take {} A, {} A are reserve.",
                "Se kestää {} A: muu kulutus vie enintään {} A, autot saavat ottaa {} A, varalla on {} A.",
            ]
        } else {
            [
                "It may carry {} A: everything else is stated to take {} A, EVs may take {} A, {} A are reserve.",
                "Se kestää {} A: muulle on ilmoitettu {} A, autot saavat ottaa {} A, varalla on {} A.",
            ]
        };
        self.say(phrase, &values)
    }

    fn sharers(&self, row: &RowShare) -> String {
        let names = listed(&row.sharers);
        let others = row.sharers_count.saturating_sub(row.sharers.len()).to_string();
        if row.sharers.is_empty() {
            return self.say(["Nobody else charges on it.", "Muita ei lataa siitä."], &[]);
        }
        if others == "0" {
            return self.say(["It is shared with {}.", "Sen jakavat myös {}."], &[&names]);
        }
        let phrase = ["It is shared with {} and {} more.", "Sen jakavat myös {} ja {} muuta."];
        self.say(phrase, &[&names, &others])
    }

    fn more(&self, more: &More) -> Option<String> {
        Some(match more {
            More::HasAll => return None,
            More::Person => self.say(["A person must see to it.", "Jonkun on katsottava sitä."], &[]),
            More::Station => {
                self.say(["More once its station is back.", "Lisää, kun asema on taas yhteydessä."], &[])
            }
            More::Driver => self.say(
                [
                    "It begins once a driver shows a token.",
                    "Lataus alkaa, kun kuljettaja näyttää tunnisteensa.",
                ],
                &[],
            ),
            More::Ev { offered_at: Some(at) } => self.say(
                [
                    "At {} more is offered, to see whether the EV takes it.",
                    "Klo {} sille tarjotaan lisää ja katsotaan, ottaako auto sen.",
                ],
                &[&self.at(*at)],
            ),
            More::Ev { offered_at: None } => {
                self.say(["More once the EV takes more.", "Lisää, kun auto ottaa enemmän."], &[])
            }
            More::Raise { at: Some(at) } => {
                self.say(["More from {} on.", "Lisää klo {} alkaen."], &[&self.at(*at)])
            }
            More::Raise { at: None } => {
                self.say(["More with the next decision.", "Lisää seuraavalla kierroksella."], &[])
            }
            More::Proof { of } if of.is_empty() => self.say(
                ["More once the measured current leaves room.", "Lisää, kun mitattu virta jättää tilaa."],
                &[],
            ),
            More::Proof { of } => self.say(
                [
                    "More once these are seen to draw less: {}.",
                    "Lisää, kun näiden nähdään ottavan vähemmän: {}.",
                ],
                &[&listed(of)],
            ),
            More::Room { departs: Some(departure) } => self.say(
                [
                    "More when others take less; {} leaves first, at {}.",
                    "Lisää, kun muut ottavat vähemmän; ensimmäisenä lähtee {}, klo {}.",
                ],
                &[&departure.evse.to_string(), &self.at(departure.at)],
            ),
            More::Room { departs: None } => self.say(
                [
                    "More when others take less or leave, or everything else takes less.",
                    "Lisää, kun muut autot tai muu kulutus ottavat vähemmän.",
                ],
                &[],
            ),
            More::Plan { at: Some(at) } => self
                .say(["The plan gives it more at {}.", "Suunnitelma antaa lisää klo {}."], &[&self.at(*at)]),
            More::Plan { at: None } => {
                self.say(["No slot of this plan gives it more.", "Tämä suunnitelma ei anna lisää."], &[])
            }
            More::Turn { at, waits_since, by } => self.turn(*at, *waits_since, *by),
            More::Meter { meter } => self.say(
                [
                    "More once meter {} has shown three fresh readings.",
                    "Lisää, kun mittari {} on näyttänyt kolme tuoretta lukemaa.",
                ],
                &[meter.as_ref().map_or("?", |meter| meter.as_str())],
            ),
        })
    }

    fn turn(&self, at: Timestamp, waits_since: Option<Timestamp>, by: Option<Timestamp>) -> String {
        let mut told = self.say(["Turns change at {}", "Vuorot vaihtuvat klo {}"], &[&self.at(at)]);
        if let Some(since) = waits_since {
            told += &self.say(["; it waits since {}", "; se on odottanut klo {} alkaen"], &[&self.at(since)]);
        }
        told += &match by {
            Some(by) => self.say(
                ["; its turn comes by {} at the latest.", "; vuoro tulee viimeistään klo {}."],
                &[&self.at(by)],
            ),
            None => {
                self.say(["; how long it waits cannot be promised.", "; odotusaikaa ei voi luvata."], &[])
            }
        };
        told
    }

    fn plan(&self, plan: &Intent) -> String {
        let phrase = ["{} A from {}", "{} A klo {} alkaen"];
        let caps: Vec<String> =
            plan.caps.iter().map(|&(at, cap)| self.say(phrase, &[&whole_floor(cap), &self.at(at)])).collect();
        let mut told = self.say(["The plan: {}", "Suunnitelma: {}"], &[&caps.join(", ")]);
        if let Some(at) = plan.departs_at {
            told += &self.say(["; it leaves at {}", "; lähtö klo {}"], &[&self.at(at)]);
        }
        if !plan.caps_now {
            told += &self.say(
                [
                    "; with no time to spare it sets the order only",
                    "; kun aikaa ei ole odottaa, se antaa vain järjestyksen",
                ],
                &[],
            );
        }
        told + &self.say(
            ["; it is made anew by {}.", "; uusi tehdään viimeistään klo {}."],
            &[&self.at(plan.next_slot_at)],
        )
    }
}

fn listed(evses: &[EvseId]) -> String {
    evses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use charging::site::Departure;
    use units::{Amperes, Phase, TimeSpan};

    use super::*;

    fn told(reason: LimitedBy, more: More) -> Explanation {
        Explanation {
            evse: "P01/1".parse().unwrap(),
            reason,
            limit: Some(Amperes::from_amperes(8)),
            ceiling: Amperes::from_amperes(8),
            lowered_at: None,
            row: None,
            more,
            plan: None,
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_minutes(17 * 60 + minutes)
    }

    fn both(told: &Explanation) -> [String; 2] {
        [Language::English, Language::Finnish]
            .map(|language| explanation_in_words(told, &Zone::utc(), language).join(" "))
    }

    #[test]
    fn a_full_row_says_its_amperes_who_shares_it_and_who_leaves_first() {
        let main = || "main".parse().unwrap();
        let reason = LimitedBy::Row { circuit: main(), name: "Main".to_owned(), phase: Phase::L2 };
        let departure = Departure { evse: "P02/1".parse().unwrap(), at: at(30) };
        let mut full = told(reason, More::Room { departs: Some(departure) });
        full.lowered_at = Some(at(0));
        full.row = Some(RowShare {
            circuit: main(),
            name: "Main".to_owned(),
            phase: Phase::L2,
            rating: Amperes::from_amperes(63),
            commanded: None,
            reserve: Amperes::from_amperes(2),
            base: Amperes::from_milliamperes(20_400),
            is_metered: true,
            is_stale: false,
            ceilings: Amperes::from_amperes(40),
            sharers: vec!["P02/1".parse().unwrap()],
            sharers_count: 3,
        });
        assert_eq!(
            both(&full),
            [
                "Main L2 is full. It may carry 63.0 A: everything else takes 20.4 A at most, EVs may take 40.0 A, 2.0 A \
                 are reserve. It is shared with P02/1 and 2 more. It was told less at 17:00. More when others take less; \
                 P02/1 leaves first, at 17:30.",
                "Main L2 on täynnä. Se kestää 63,0 A: muu kulutus vie enintään 20,4 A, autot saavat ottaa 40,0 A, varalla \
                 on 2,0 A. Sen jakavat myös P02/1 ja 2 muuta. Rajaa laskettiin klo 17:00. Lisää, kun muut ottavat \
                 vähemmän; ensimmäisenä lähtee P02/1, klo 17:30.",
            ]
        );
    }

    #[test]
    fn a_turn_and_a_plan_say_their_times() {
        let reason = LimitedBy::Turn {
            circuit: "main".parse().unwrap(),
            name: "Main".to_owned(),
            phase: Phase::L1,
            changes_at: at(15),
        };
        let more = More::Turn { at: at(15), waits_since: Some(at(1)), by: Some(at(60)) };
        let mut waits = told(reason, more);
        waits.plan = Some(Intent {
            made_at: at(0),
            caps_now: true,
            caps: vec![(at(0), Amperes::ZERO), (at(30), Amperes::from_amperes(16))],
            laxity: TimeSpan::from_hours(3),
            departs_at: Some(at(600)),
            next_slot_at: at(15),
        });
        assert_eq!(
            both(&waits),
            [
                "Main L1 cannot carry everybody's minimum: it waits for its turn. Turns change at 17:15; it waits since \
                 17:01; its turn comes by 18:00 at the latest. The plan: 0 A from 17:00, 16 A from 17:30; it leaves at \
                 03:00; it is made anew by 17:15.",
                "Main L1 ei kanna kaikkien vähimmäisvirtaa: se odottaa vuoroaan. Vuorot vaihtuvat klo 17:15; se on \
                 odottanut klo 17:01 alkaen; vuoro tulee viimeistään klo 18:00. Suunnitelma: 0 A klo 17:00 alkaen, 16 A \
                 klo 17:30 alkaen; lähtö klo 03:00; uusi tehdään viimeistään klo 17:15.",
            ]
        );
    }

    #[test]
    fn every_reason_and_every_way_to_more_has_words_without_blanks_in_both_languages() {
        let (circuit, name, phase) = (|| "main".parse().unwrap(), || "Main".to_owned(), Phase::L3);
        let reasons = [
            LimitedBy::OutOfService,
            LimitedBy::NeverConnected,
            LimitedBy::Offline,
            LimitedBy::StationFault,
            LimitedBy::Free,
            LimitedBy::NotStarted,
            LimitedBy::Disobedience,
            LimitedBy::Ev,
            LimitedBy::Undecided,
            LimitedBy::EvseMaximum,
            LimitedBy::Rising,
            LimitedBy::Row { circuit: circuit(), name: name(), phase },
            LimitedBy::Plan,
            LimitedBy::UnprovenShed,
            LimitedBy::StaleMeter { circuit: circuit(), name: name() },
        ];
        let ways = [
            More::HasAll,
            More::Person,
            More::Station,
            More::Driver,
            More::Ev { offered_at: None },
            More::Ev { offered_at: Some(at(0)) },
            More::Raise { at: None },
            More::Raise { at: Some(at(0)) },
            More::Proof { of: Vec::new() },
            More::Proof { of: vec!["P02/1".parse().unwrap()] },
            More::Room { departs: None },
            More::Plan { at: None },
            More::Plan { at: Some(at(0)) },
            More::Turn { at: at(0), waits_since: None, by: None },
            More::Meter { meter: Some("grid".parse().unwrap()) },
        ];
        for reason in &reasons {
            for more in &ways {
                let [english, finnish] = both(&told(reason.clone(), more.clone()));
                assert!(
                    english != finnish && !english.contains("{}") && !finnish.contains("{}"),
                    "{english}"
                );
                assert!(english.ends_with('.') && finnish.ends_with('.'), "{english} {finnish}");
            }
        }
    }
}
