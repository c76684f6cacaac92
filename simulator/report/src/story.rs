//! What a run comes to in sentences: the headline, why it came so, and the moments that mattered.
//!
//! Every figure is the report's own; nothing here judges.

use studies::expect::Verdict;
use studies::report::{Limit, SessionReport};
use studies::{Fidelity, ReplayReport};
use units::civil::Zone;
use units::{Amperes, Phase, TimeSpan, Timestamp, WattHours};

use crate::words::{clock, count, kwh, list, money, span};

/// Below this an EV does not charge.
const DRAWING: Amperes = Amperes::from_amperes(1);
/// A wait below this is not worth a sentence.
const WAIT_WORTH_TELLING: TimeSpan = TimeSpan::from_minutes(10);
/// So many moments can be read beside each other on one axis.
const MOMENTS: usize = 9;

/// What happened, in one sentence.
pub fn headline(report: &ReplayReport, verdicts: &[Verdict]) -> String {
    let broken: Vec<String> =
        report.rules.iter().filter(|rule| !rule.firings.is_empty()).map(|rule| rule.rule.clone()).collect();
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met).count();
    if !broken.is_empty() {
        let firings = report.rules.iter().map(|rule| rule.firings.len()).sum();
        return format!("{} broken: {}", list(&broken), count(firings, "violation", "violations"));
    }
    if missed > 0 {
        return format!("Every rule held, but {missed} of {} expectations were missed", verdicts.len());
    }
    if report.sessions.is_empty() {
        return "Nobody came, and every rule held".to_owned();
    }
    let (wanted, delivered) = report.energy();
    let evs = count(report.sessions.len(), "stay", "stays");
    let served = report.sessions.iter().filter(|stay| share(stay) >= 99).count();
    let fuse = match report.circuits.first() {
        Some(root) if root.over_rating > TimeSpan::ZERO => {
            format!("{} was above its rating for {}", root.name, span(root.over_rating))
        }
        Some(root) => format!("{} was never above its rating", root.name),
        None => "there is no circuit".to_owned(),
    };
    if served == report.sessions.len() {
        format!("{evs} got all they wanted, {}, and {fuse}", kwh(wanted))
    } else {
        format!("{evs} got {} of {} wanted, and {fuse}", kwh(delivered), kwh(wanted))
    }
}

/// Why it came so, and what it cost: a few sentences, the most important first.
pub fn lead(report: &ReplayReport, zone: &Zone) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(what_limited(report));
    sentences.extend(peak(report, zone));
    sentences.extend(longest_wait(report).filter(|wait| wait.span >= WAIT_WORTH_TELLING).map(|wait| {
        let stay = &report.sessions[wait.stay];
        format!(
            "The longest wait for current was {}, at {}, from {} on.",
            span(wait.span),
            evse_name(report, stay),
            clock(wait.from, zone)
        )
    }));
    sentences.extend(worst_served(report));
    sentences.extend(cost(report));
    sentences
}

/// By EV-time: what kept EVs from more.
fn what_limited(report: &ReplayReport) -> Option<String> {
    let shares = limits(report);
    let plugged: TimeSpan = shares.iter().map(|(_, time)| *time).fold(TimeSpan::ZERO, |sum, time| sum + time);
    if plugged == TimeSpan::ZERO {
        return None;
    }
    let holds_back = |limit: &Limit| {
        matches!(limit, Limit::Row(_) | Limit::Turn(_) | Limit::StaleMeter(_) | Limit::Station)
    };
    let held: Vec<&(Limit, TimeSpan)> = shares.iter().filter(|(limit, _)| holds_back(limit)).collect();
    let Some((first, time)) = held.first() else {
        return Some(format!(
            "No circuit kept an EV from more: in {} of transactions each had what it or its EVSE could take.",
            ev_time(plugged)
        ));
    };
    let others: Vec<String> = held
        .iter()
        .skip(1)
        .take(2)
        .map(|(limit, time)| format!("{} for {}", limit_words(limit), ev_time(*time)))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(", then {}", list(&others)) };
    Some(format!(
        "What kept EVs from more was above all this: {}, for {} of {} in transactions{others}.",
        limit_words(first),
        ev_time(*time),
        ev_time(plugged)
    ))
}

fn peak(report: &ReplayReport, zone: &Zone) -> Option<String> {
    let root = report.circuits.first()?;
    let phase = Phase::ALL.into_iter().max_by_key(|&phase| root.peak[phase].current)?;
    let peak = root.peak[phase];
    Some(format!(
        "{} peaked at {} of {} on {phase}, at {}.",
        root.name,
        tenths(peak.current),
        tenths(root.rating[phase]),
        clock(peak.at, zone)
    ))
}

fn worst_served(report: &ReplayReport) -> Option<String> {
    let worst =
        report.sessions.iter().filter(|stay| stay.departed_at.is_some()).min_by_key(|stay| share(stay))?;
    let stayed = worst.departed_at?.since(worst.arrived_at);
    (share(worst) < 99).then(|| {
        format!(
            "Served worst was a stay of {} at {}: {} of {}.",
            span(stayed),
            evse_name(report, worst),
            kwh(worst.delivered),
            kwh(worst.wanted)
        )
    })
}

fn cost(report: &ReplayReport) -> Option<String> {
    if report.fidelity == Fidelity::Decisions {
        return Some("This run knew no money.".to_owned());
    }
    let charged =
        report.money.drivers.iter().map(|driver| driver.charging + driver.fees).reduce(|a, b| a + b)?;
    let paid_out = report.money.owners.iter().map(|owner| owner.payout).reduce(|a, b| a + b);
    let owners = paid_out.map_or(String::new(), |payout| format!("; the owner is paid {}", money(payout)));
    let held = match report.money.held {
        0 => String::new(),
        held => format!("; {} for a person to decide", count(held, "CDR is held", "CDRs are held")),
    };
    Some(format!(
        "Drivers were charged {} in {}{owners}{held}.",
        money(charged),
        count(report.money.cdrs, "CDR", "CDRs")
    ))
}

/// EV-time by what limited, the longest first.
pub fn limits(report: &ReplayReport) -> Vec<(Limit, TimeSpan)> {
    let time = |evs: &[u32]| report.step * evs.iter().map(|&evs| i64::from(evs)).sum::<i64>();
    let mut shares: Vec<(Limit, TimeSpan)> =
        report.limits.iter().map(|limit| (limit.limit.clone(), time(&limit.evs))).collect();
    shares.sort_by_key(|(limit, time)| (std::cmp::Reverse(*time), limit.clone()));
    shares
}

/// What limited, in words that follow "because".
pub fn limit_words(limit: &Limit) -> String {
    match limit {
        Limit::EvseMaximum => "the EVSE gives no more".to_owned(),
        Limit::Ev => "the EV takes no more".to_owned(),
        Limit::Row(row) => format!("{row} is full"),
        Limit::Turn(row) => format!("others have their turn on {row}"),
        Limit::Raise => "a raise is under way".to_owned(),
        Limit::Plan => "the plan keeps it for later".to_owned(),
        Limit::StaleMeter(circuit) => format!("the meter of {circuit} is silent or doubtful"),
        Limit::Station => "the station is offline, at fault or does not obey".to_owned(),
    }
}

/// A stretch without current in a stay.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// The stay's place in the report.
    pub stay: usize,
    /// Since when.
    pub from: Timestamp,
    /// For how long.
    pub span: TimeSpan,
}

/// The longest stretch without current, to the step of the series: before an EV last charged, or in a stay that wanted
/// energy and never got any.
pub fn longest_wait(report: &ReplayReport) -> Option<Wait> {
    let waits = report.sessions.iter().enumerate().filter_map(|(place, stay)| {
        let evse = report.evses.iter().find(|evse| evse.evse == stay.evse)?;
        let end = stay.departed_at.unwrap_or(report.ends_at);
        let steps = || {
            let first = step_of(report, stay.arrived_at);
            (first..step_of(report, end)).map(|step| {
                let draws = |phase| evse.current[phase].get(step).is_some_and(|&current| current >= DRAWING);
                (step, Phase::ALL.into_iter().any(draws))
            })
        };
        let last = steps().rev().find(|(_, draws)| *draws).map(|(step, _)| step);
        let until = match last {
            Some(last) => last,
            None if stay.wanted > WattHours::ZERO => step_of(report, end),
            None => return None,
        };
        let (mut longest, mut since) = ((0, 0), None);
        for (step, draws) in steps().take_while(|(step, _)| *step <= until) {
            if draws {
                since = None;
                continue;
            }
            let since = *since.get_or_insert(step);
            longest = longest.max((step + 1 - since, since));
        }
        let (steps, since) = longest;
        let steps = i64::try_from(steps).ok().filter(|steps| *steps > 0)?;
        let from = report.starts_at + report.step * i64::try_from(since).ok()?;
        Some(Wait { stay: place, from, span: report.step * steps })
    });
    waits.max_by_key(|wait| (wait.span, std::cmp::Reverse(wait.stay)))
}

fn step_of(report: &ReplayReport, at: Timestamp) -> usize {
    usize::try_from(at.since(report.starts_at).milliseconds() / report.step.milliseconds().max(1))
        .unwrap_or(0)
}

/// A moment that mattered: to be marked on the axes of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When it began.
    pub at: Timestamp,
    /// When it was over, where it lasted.
    pub until: Option<Timestamp>,
    /// What, in words.
    pub text: String,
}

/// The moments that mattered, in order of time. Where there are more than an axis can show, the first alarms stay.
pub fn moments(report: &ReplayReport, zone: &Zone) -> Vec<Moment> {
    let mut moments = Vec::new();
    if let Some(root) = report.circuits.first()
        && let Some(phase) = Phase::ALL.into_iter().max_by_key(|&phase| root.peak[phase].current)
    {
        let peak = root.peak[phase];
        let text = format!("{} {phase} peaks at {}", root.name, tenths(peak.current));
        moments.push(Moment { at: peak.at, until: None, text });
    }
    if let Some(wait) = longest_wait(report).filter(|wait| wait.span >= WAIT_WORTH_TELLING) {
        let place = evse_name(report, &report.sessions[wait.stay]);
        let text = format!("the longest wait begins, at {place}");
        moments.push(Moment { at: wait.from, until: Some(wait.from + wait.span), text });
    }
    moments.extend(clock_changes(report, zone));
    let crashes = report.counts.crashes_at.iter();
    let crashes = crashes.map(|&at| Moment { at, until: None, text: "the engine's process dies".to_owned() });
    let alarms = report.alarms.iter().map(|alarm| Moment {
        at: alarm.raised_at,
        until: alarm.cleared_at,
        text: alarm.text.clone(),
    });
    let mut events: Vec<Moment> = crashes.chain(alarms).collect();
    events.sort();
    // The same at many places at once is one moment.
    let mut gathered: Vec<(Moment, usize)> = Vec::new();
    for event in events {
        match gathered.last_mut() {
            Some((last, more)) if event.at.since(last.at) < TimeSpan::from_minutes(1) => *more += 1,
            _ => gathered.push((event, 0)),
        }
    }
    let room = MOMENTS.saturating_sub(moments.len());
    moments.extend(gathered.into_iter().take(room).map(|(moment, more)| {
        let text = if more == 0 { moment.text } else { format!("{}, and {more} more", moment.text) };
        Moment { text, ..moment }
    }));
    moments.sort();
    moments
}

/// When the site's clocks were set.
fn clock_changes(report: &ReplayReport, zone: &Zone) -> Option<Moment> {
    let hours = report.ends_at.since(report.starts_at).milliseconds() / 3_600_000;
    let offset = |hour: i64| zone.civil(report.starts_at + TimeSpan::from_hours(hour)).offset_minutes;
    let changed = (1..=hours).find(|&hour| offset(hour) != offset(hour - 1))?;
    let minutes = offset(changed) - offset(changed - 1);
    let text =
        format!("clocks are set {} min {}", minutes.abs(), if minutes > 0 { "forward" } else { "back" });
    Some(Moment { at: report.starts_at + TimeSpan::from_hours(changed), until: None, text })
}

/// What was delivered of what was wanted, in whole percent, at most 100.
pub fn share(session: &SessionReport) -> i64 {
    let wanted = session.wanted.milliwatt_hours();
    if wanted == 0 { 100 } else { (session.delivered.milliwatt_hours() * 100 / wanted).clamp(0, 100) }
}

/// The EVSE's name for people.
pub fn evse_name(report: &ReplayReport, session: &SessionReport) -> String {
    let evse = report.evses.iter().find(|evse| evse.evse == session.evse);
    evse.map_or_else(|| session.evse.to_string(), |evse| evse.name.clone())
}

/// `41.5 EV-hours`.
pub fn ev_time(time: TimeSpan) -> String {
    let tenths = time.milliseconds() / 360_000;
    format!("{}.{} EV-hours", tenths / 10, tenths % 10)
}

/// `98.4 A`, rounded half up.
pub fn tenths(current: Amperes) -> String {
    let tenths = (current.milliamperes() + 50).div_euclid(100);
    if tenths % 10 == 0 {
        format!("{} A", tenths / 10)
    } else {
        format!("{}.{} A", tenths / 10, (tenths % 10).abs())
    }
}
