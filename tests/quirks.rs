//! Every quirk of real stations (FIELD section 4) is met: by an entry of the shipped table, or by a tolerance that needs
//! none. Each row names the test that shows it; a name that no test bears, and an entry that covers another row than it
//! says, is found here.

use std::collections::BTreeMap;

use tests::{files, root};

use By::{Entry, Tolerance};

/// How a quirk is met.
enum By {
    /// Entries of `engine/csms/src/quirks.toml`.
    Entry(&'static [&'static str]),
    /// Whatever the model.
    Tolerance(&'static str),
}

/// Row of FIELD section 4, how it is met, and the test that shows it.
#[rustfmt::skip]
const ROWS: [(u16, By, &str); 68] = [
    (1, Entry(&["go-e-forgets-limits"]), "field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum"),
    (2, Entry(&["go-e"]), "field_4b_who_misbehaves_after_0_a_is_told_and_counted_at_its_minimum"),
    (3, Entry(&["schneider-holds-when-silent"]), "field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum"),
    (4, Entry(&["wallbox-pulsar-6.4-ignores-limits"]), "field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum"),
    (5, Entry(&["wallbox-pulsar-pro-6.13.3-ignores-limits"]), "field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum"),
    (6, Tolerance("a limit that is rounded down is obeyed"), "field_4a_6_a_station_that_rounds_its_limit_down_obeys_it"),
    (7, Entry(&["heidelberg-ignores-limits"]), "field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum"),
    (8, Tolerance("limits of others are cleared on adoption, whatever their level"), "field_4b_8_and_12_limits_of_others_are_cleared_at_every_level_and_nothing_to_clear_is_no_failure"),
    (9, Tolerance("a limit in watts counts as if it flowed in one phase"), "field_4a_9_a_limit_in_watts_may_all_flow_in_one_phase"),
    (10, Entry(&["abb-terra-ac"]), "field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases"),
    (11, Tolerance("stack level 0 where nothing else is known"), "field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases"),
    (12, Entry(&["go-e"]), "field_4b_8_and_12_limits_of_others_are_cleared_at_every_level_and_nothing_to_clear_is_no_failure"),
    (13, Entry(&["go-e"]), "field_4b_limits_come_in_the_unit_that_the_model_understands"),
    (14, Tolerance("numberPhases is never sent"), "field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases"),
    (15, Entry(&["huawei"]), "field_4b_limits_come_in_the_unit_that_the_model_understands"),
    (16, Entry(&["homecharge-efr"]), "field_4b_limits_come_in_the_unit_that_the_model_understands"),
    (17, Entry(&["huawei"]), "field_4b_who_misbehaves_after_0_a_is_told_and_counted_at_its_minimum"),
    (18, Entry(&["huawei-kt22-freezes"]), "field_4b_18_what_freezes_a_model_is_refused_to_operators_too"),
    (19, Entry(&["evbox-elvi"]), "field_4b_who_misbehaves_after_0_a_is_told_and_counted_at_its_minimum"),
    (20, Entry(&["evbox-elvi"]), "field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases"),
    (21, Tolerance("who rejects its limits counts at its worst"), "field_4b_21_and_27_who_rejects_its_limits_or_answers_nonsense_counts_at_its_worst_and_is_named"),
    (22, Tolerance("no profile of ours goes to connector 0"), "field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases"),
    (23, Entry(&["timxon-a0"]), "field_4b_23_live_limits_are_relative_defaults_where_nothing_else_is_taken"),
    (24, Entry(&["wallbox-pulsar-plus"]), "field_4b_18_and_24_who_takes_no_profile_before_a_transaction_gets_none"),
    (25, Entry(&["foxess-a-series"]), "field_4b_25_a_version_that_a_model_only_claims_is_not_spoken_where_another_is_offered"),
    (26, Entry(&["zaptec"]), "field_4b_who_misbehaves_after_0_a_is_told_and_counted_at_its_minimum"),
    (27, Tolerance("an answer that cannot be read is a refusal"), "field_4b_21_and_27_who_rejects_its_limits_or_answers_nonsense_counts_at_its_worst_and_is_named"),
    (28, Tolerance("an odd id serves control, and is held from billing"), "trap_3_a_stop_with_an_odd_id_ends_the_connectors_transaction_and_is_held_from_billing"),
    (29, Tolerance("words that the standard does not know, and a clock that is off"), "field_4c_29_and_45_a_clock_that_is_off_is_a_finding_and_in_1970_it_is_no_clock"),
    (30, Tolerance("JSON that is known to be broken is mended"), "field_4c_30_and_4d_57_json_that_is_known_to_be_broken_is_mended"),
    (31, Tolerance("an odd id serves control, and is held from billing"), "trap_3_meter_values_with_odd_ids_serve_control_only"),
    (32, Tolerance("values of a sealed transaction are found once"), "field_4c_32_an_ended_transaction_that_goes_on_being_named_is_answered_and_found_once"),
    (33, Tolerance("an odd id serves control, and is held from billing"), "trap_3_a_stop_with_an_odd_id_ends_the_connectors_transaction_and_is_held_from_billing"),
    (34, Tolerance("a register that ends below its begin is a doubt"), "field_4c_34_to_36_registers_that_end_below_their_begin_or_nowhere_bill_nothing_by_themselves"),
    (35, Tolerance("a register below zero is none"), "field_4c_34_to_36_registers_that_end_below_their_begin_or_nowhere_bill_nothing_by_themselves"),
    (36, Tolerance("a register that starts anew is a doubt"), "field_4c_34_to_36_registers_that_end_below_their_begin_or_nowhere_bill_nothing_by_themselves"),
    (37, Tolerance("what comes after sealing is a finding"), "what_comes_after_sealing_is_a_finding"),
    (38, Tolerance("registers are compared with currents"), "field_4c_38_kilowatt_hours_that_are_called_watt_hours_are_found_by_the_currents"),
    (39, Tolerance("power of no unit is left out"), "signed_data_and_power_of_no_unit_are_left_out"),
    (40, Tolerance("empty and impossible values are left out"), "field_4c_odd_values_beside_good_ones_hide_nothing_and_mean_nothing"),
    (41, Entry(&["abl-emh2"]), "field_4c_41_what_a_model_rejects_is_not_asked_for"),
    (42, Tolerance("currents are enough"), "field_4c_odd_values_beside_good_ones_hide_nothing_and_mean_nothing"),
    (43, Tolerance("a measurand in another's unit is left out"), "field_4c_odd_values_beside_good_ones_hide_nothing_and_mean_nothing"),
    (44, Tolerance("units that the standard does not know"), "field_4c_odd_values_beside_good_ones_hide_nothing_and_mean_nothing"),
    (45, Tolerance("a time without a zone is the site's own"), "a_time_without_a_zone_is_the_sites_own"),
    (46, Tolerance("a stop repeated seals nothing twice"), "m1_a_stop_repeated_seals_nothing_twice"),
    (47, Tolerance("a transaction message always has its answer"), "trap_3_absurd_transaction_messages_have_their_answer_and_stay_out_of_billing"),
    (48, Entry(&["keba-m20-p40"]), "field_4c_48_a_meter_of_energy_alone_is_asked_for_nothing_else"),
    (49, Tolerance("a stop needs no token"), "m2_a_transaction_becomes_one_cdr_that_rests_on_its_frames"),
    (50, Entry(&["abb-terra-ac-reboots"]), "field_4d_50_and_54_who_reboots_when_asked_for_settings_is_never_asked"),
    (51, Entry(&["wallbox-called-after-boot"]), "field_4d_51_who_loops_when_called_before_its_boot_is_given_two_minutes"),
    (52, Entry(&["mg-starcharge-boots-on-trigger"]), "field_4d_52_who_loops_when_asked_for_its_boot_is_never_asked"),
    (53, Tolerance("registration belongs to the station"), "a_registered_station_that_does_not_boot_is_called_after_ten_seconds"),
    (54, Entry(&["wallbox-copper-few-words"]), "field_4d_50_and_54_who_reboots_when_asked_for_settings_is_never_asked"),
    (55, Tolerance("no Close frame is sent to a station"), "field_4d_55_a_graceful_stop_drops_tcp_without_a_close_frame_and_loses_nothing"),
    (56, Tolerance("no subprotocol is OCPP 1.6, and a list is closed"), "field_4d_56_without_any_subprotocol_1_6_is_assumed"),
    (57, Tolerance("JSON that is known to be broken is mended"), "field_4c_30_and_4d_57_json_that_is_known_to_be_broken_is_mended"),
    (58, Tolerance("the header is not looked at"), "field_4d_58_a_missing_connection_header_is_tolerated"),
    (59, Tolerance("a link's trouble is its own"), "field_4d_59_reserved_bits_end_their_own_link_only_and_the_station_may_return"),
    (60, Tolerance("an unanswered ping closes nothing"), "field_4d_60_a_station_that_never_answers_pings_keeps_its_link"),
    (61, Entry(&["rarely-pinged"]), "field_4d_61_who_reboots_under_pings_is_not_pinged"),
    (62, Tolerance("a silent link is asked for a sign of life, then closed"), "a_silent_link_is_asked_for_a_sign_of_life_and_then_closed"),
    (63, Entry(&["evbox-elvi", "vestel-evc04"]), "field_4d_63_who_tells_one_setting_at_a_time_is_asked_one_by_one"),
    (64, Tolerance("who tells no settings is told what transactions need"), "field_4d_64_who_tells_no_settings_is_told_only_what_transactions_need"),
    (65, Entry(&["alfen"]), "field_4d_65_a_start_from_afar_bears_a_token_that_the_model_takes"),
    (66, Entry(&["go-e-starts-alone"]), "field_4d_66_s1_who_starts_without_asking_counts_as_able_to_at_any_time"),
    (67, Tolerance("a station is recognised at each boot"), "field_4d_67_another_firmware_is_another_station_from_its_boot_on"),
    (68, Tolerance("an EV that does not survive a pause keeps its place"), "evs_that_do_not_survive_a_pause_are_not_paused_while_others_take_turns"),
];

#[test]
fn every_row_of_field_section_4_is_there_once() {
    let numbers: Vec<u16> = ROWS.iter().map(|(row, ..)| *row).collect();
    assert_eq!(numbers, (1..=68).collect::<Vec<u16>>());
    let page = std::fs::read_to_string(root().join("docs/field.md")).unwrap();
    let (_, section) = page.split_once("\n## 4. ").unwrap();
    let section = section.split("\n## ").next().unwrap();
    for number in numbers {
        assert!(section.contains(&format!("\n{number}. ")), "docs/field.md has no row {number} in section 4");
    }
}

#[test]
fn every_row_names_a_test_that_there_is() {
    let texts: Vec<String> =
        files().into_iter().filter(|file| file.path.ends_with(".rs")).filter_map(|file| file.text).collect();
    for (row, by, test) in &ROWS {
        let heading = format!("fn {test}(");
        let is_there = texts.iter().any(|text| {
            text.split_once(&heading).is_some_and(|(before, _)| {
                // Its attribute stands above it, maybe with another between.
                before.lines().rev().take(3).any(|line| line.contains("test]") || line.contains("test("))
            })
        });
        assert!(is_there, "row {row}: no test is called {test}");
        if let Tolerance(what) = by {
            assert!(!what.is_empty(), "row {row}");
        }
    }
}

#[test]
fn rows_and_entries_of_the_table_name_each_other() {
    let text = std::fs::read_to_string(root().join("engine/csms/src/quirks.toml")).unwrap();
    let mut rows_of: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for entry in text.split("[[entry]]").skip(1) {
        let line = |key: &str| {
            entry.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap_or_default()
        };
        let name = line("name").trim_matches('"').to_owned();
        let rows = line("field").trim_matches(['[', ']']).split(',');
        rows_of.insert(name, rows.map(|row| row.trim().parse().unwrap()).collect());
    }
    let mut named: BTreeMap<String, Vec<u16>> =
        rows_of.keys().map(|name| (name.clone(), Vec::new())).collect();
    for (row, by, _) in &ROWS {
        let Entry(names) = by else { continue };
        for name in *names {
            named.entry((*name).to_owned()).or_default().push(*row);
        }
    }
    assert_eq!(named, rows_of);
}
