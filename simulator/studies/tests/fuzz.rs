//! Random sites, people and faults: a few seeds in every run, and all that once found something.

use std::sync::atomic::{AtomicUsize, Ordering};

use studies::fuzz::{SeedReport, fuzz, fuzz_seed};
use twin::fuzz::FaultChoice;

/// Seeds that once failed, with what they found. What a seed draws changes as more is drawn: they stay for what they
/// draw now.
const FOUND: [(u64, &str, &str); 109] = [
    (2, "all", "S2: a limit that a station refused counted as in force"),
    (10, "all", "S2: a limit was resent after a boot although the row was full"),
    (19, "all", "S5: a limit was resent after a restart although the meter was stale"),
    (20, "all", "S2: base load rose between decision and dispatch"),
    (27, "all", "S1: a link ten seconds old"),
    (29, "all", "recovery: a meter that shows the same while nobody draws was held frozen"),
    (32, "all", "recovery: as 29"),
    (35, "all", "M1: a transaction whose id came after its end"),
    (116, "all", "belief: limits lapsed while the disk was full"),
    (152, "all", "S5: readings from before a restart"),
    (197, "all", "S1: a shed under way"),
    (50, "all", "S7: beside an EVSE that counts at its hardware maximum nobody got a turn"),
    (427, "all", "S7: as 50"),
    (887, "all", "S7: as 50"),
    (901, "all", "S7: as 50"),
    (87, "all", "S7: a restart sent who waited to the end of the queue"),
    (155, "all", "S7: as 87"),
    (264, "all", "S7: as 87"),
    (461, "all", "belief: a limit decided a moment ago, on its way"),
    (279, "all", "S7: a frozen meter's rows"),
    (2012, "all", "S1: what one took that disobeyed was shared out among the others"),
    (488, "all", "S2: two limits of one decision that were raises"),
    (2130, "all", "S5: an impossible reading that came out of order"),
    (325, "all", "recovery: an alarm for the limits of a transaction that was over"),
    (710, "all", "S2: schedules stood still without power"),
    (70, "all", "S1: an EV that followed its raise after the rating was lowered"),
    (375, "all", "S1: a rise that nobody could foresee"),
    (2278, "all", "S1: a station that followed its limits again, before its EV did"),
    (748, "all", "S2: a limit that another overtook within the reaction time"),
    (794, "all", "S2: base load by a frozen meter"),
    (338, "all", "S5: a reading that came while a raise waited for its record"),
    (217, "all", "S5: a limit told to the transaction before"),
    (826, "all", "S5: as 217"),
    (459, "all", "S7: a meter with a clock of its own, after a jump of the machine's by less than an hour"),
    (476, "all", "S7: as 459"),
    (788, "all", "S7: as 459"),
    (928, "all", "S7: the draw that a raise began was held to be base load"),
    (79, "all", "S2: one reading of a frozen meter below what its EVSEs drew"),
    (949, "all", "S7: more base load held likely than there can be"),
    (2046, "all", "S7: a bound promised beside an EVSE that is wired to another line"),
    (383, "all", "M8: limits ran out while a full disk kept their renewals back"),
    (879, "all", "M8: as 383"),
    (2128, "all", "M8: as 383"),
    (2392, "all", "M8: as 383"),
    (382, "all", "S2: an EV that followed a shed late hid a rise of base load"),
    (315, "all", "S5: as 382"),
    (
        7639,
        "all",
        "S2: a transaction that began offline, while its station's link was up and it had told nothing yet",
    ),
    (7414, "all", "S5: after a boot a higher limit than before it was told although the meter was stale"),
    (2266, "all", "S5: as 7414"),
    (465, "all", "S5: a limit that waited for its record at the end of the run left at the end of the month"),
    (
        857,
        "all",
        "belief: the clock of a station of 2.0.1 that was set back, so that its limits were over at once",
    ),
    (7194, "all", "belief: as 857"),
    (2122, "all", "S1: a doubted meter that showed more than the rating"),
    (112, "all", "S7: the least that makes an EV charge was sought in steps that did not fit"),
    (625, "all", "belief: a station that took a new time and its limits by the old"),
    (737, "all", "S7: one measurement told twice was two witnesses of disobedience"),
    (3330, "all", "S7: a draw that ended after an anchor was base load at it"),
    (7450, "all", "S7: beside a station that is locked up"),
    (9316, "all", "S7: between the likely and the highest base there was no room for a minimum"),
    (7686, "all", "S7: as 9316"),
    (2912, "all", "S7: an EV that stopped under a limit that was never in force was held to be full"),
    (3662, "all", "S7: limits of a transaction that was over were refused"),
    (3006, "all", "S2: a limit that left after its transaction"),
    (7833, "all", "belief: a clock that was set back, behind a link of a few minutes"),
    (8933, "all", "S5: a first limit, on other lines than the full ones"),
    (9240, "all", "S7: a station that accepts a limit and stays at 0 A"),
    (7930, "all", "a site with more base load than its rating leaves"),
    (1609, "all", "S1: a limit that was not answered on a row above its rating"),
    (2700, "all", "S1: a station without power that was held to draw on"),
    (1232, "all", "S2: an EV that left and one that came in a transaction whose end was told late"),
    (819, "all", "S1: a shed of one that did not load the line that was full"),
    (234, "all", "S7: an EV that stopped when its limit had run out was held to be full"),
    (1956, "all", "S7: as 234, by our clock that was wrong"),
    (1510, "all", "S2: a limit that waited for its station's boot and was decided before it"),
    (2048, "all", "S7: beside a draw on another line than stated, which its meter contradicted"),
    (10416, "all", "S1: a second rise of base load while the shed for the first was not reported yet"),
    (11035, "all", "S1: as 10416"),
    (5715, "all", "S8: the machine's clock was a day ahead, and no link grew old enough to show it"),
    (6985, "all", "S7: limits of a transaction that a boot had ended were refused"),
    (4029, "all", "S7: as 6985"),
    (2322, "all", "S1: after a restart an EV counted on lines on which it did not draw"),
    (1097, "all", "S2: what an EV drew before it paused lowered the base when it went on"),
    (1832, "all", "S7: what a station refused for a transaction that was over counted against it"),
    (3193, "all", "M8: what an EV declined while its station was away was told as of now"),
    (959, "all", "nobody stated a derating again to an engine that died before it kept it"),
    (1160, "all", "a shed waits up to three seconds for the answer to the call before it"),
    (5592, "all", "without a meter nobody knows of a wrong wiring what a derating must shed"),
    (1324, "all", "belief: a limit waited for the call before it, and the one before had left meanwhile"),
    (2016, "all", "S1: a call decided just before the reading left when its record was on the disk"),
    (881, "all", "S8: a station had forgotten its profiles while its quirk lasted"),
    (2709, "all", "belief: a limit that had run out was told again a moment ago"),
    (2660, "all", "S7: an EV that was a little late was held to disobey by two readings of one moment"),
    (20994, "all", "S2: a limit that was decided before its station could be called, and left later"),
    (91614, "all", "S7: an engine that dies every other minute gives no turns"),
    (92066, "all", "belief: a clock that jumped while the disk was full is learned ten minutes after"),
    (92200, "all", "S5: the first limit of a transaction, after one that named the transaction before"),
    (92738, "all", "belief: as 92066, of a clock that is never set"),
    (92997, "all", "S7: what waited behind a backlog was taken for a clock that lags"),
    (93692, "all", "M8: what was declined went on until the message came that had told of its end"),
    (95353, "all", "S7: as 92997"),
    (20624, "all", "S7: what was drawn until a limit left was held to be base load"),
    (1677, "all", "S7: on IT, what a draw might have hidden was held to be base load after it"),
    (6020, "all", "S7: a meter that had frozen hid the room, and was held to tell the truth by the checker"),
    (5754, "all", "belief: our clock jumped, and stations were told limits that began in their future"),
    (6158, "all", "belief: as 5754"),
    (
        505,
        "all",
        "S1: an excess of a thousandth was hidden by its meter's noise, which no engine sees through",
    ),
    (949, "all", "S7: what an EV drew under a limit was held to be what it drew before it"),
    (
        3482,
        "all",
        "S7: on IT, beside one that cannot be told, base load cannot be told apart, says the checker now",
    ),
    (320_318, "all", "recovery: on IT, where lines carry sums out of step, a wiring was doubted"),
];

#[test]
fn random_sites_people_and_faults_break_no_rule() {
    let seeds = if std::env::var_os("WATTERY_FULL").is_some() { 0..24 } else { 0..12 };
    let report = fuzz(seeds, &FaultChoice::All, || false, |_| {});
    let broken: Vec<&SeedReport> = report.broken().collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let idle = report.checked().into_iter().filter(|(_, count)| *count == 0);
    assert_eq!(idle.collect::<Vec<_>>(), [], "a rule that nothing tried judges nothing");
}

#[test]
fn seeds_that_once_failed_break_no_rule() {
    for (seed, faults, found) in FOUND {
        let report = fuzz_seed(seed, &faults.parse().unwrap());
        assert!(report.firings.is_empty(), "{found}: {:#?}", report.firings);
    }
}

#[test]
fn a_seed_is_the_same_run_whoever_runs_beside_it() {
    let alone = fuzz_seed(3, &FaultChoice::All);
    let beside = fuzz(2..5, &FaultChoice::All, || false, |_| {});
    assert_eq!(beside.seeds[1], alone);
}

#[test]
fn no_further_seed_begins_once_it_is_over() {
    let ended = AtomicUsize::new(0);
    let is_over = || ended.load(Ordering::SeqCst) > 0;
    let each = |_: &SeedReport| {
        ended.fetch_add(1, Ordering::SeqCst);
    };
    let report = fuzz(0..1_000, &FaultChoice::None, is_over, each);
    let at_once = rayon::current_num_threads();
    assert!((1..=at_once).contains(&report.seeds.len()), "{} seeds of {at_once} at once", report.seeds.len());
}
