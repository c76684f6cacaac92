//! Stations' own mains meters: values of connector 0 (OCPP 1.6) or EVSE 0 (2.0.1), where a site file says that they are a
//! circuit's meter. They pass the same judge as every meter.

use charging::network::MeterConfig;
use charging::site::SiteEvent;
use meters::figures::Figures;
use meters::judge::{Expected, Judge};
use units::Timestamp;

use crate::core::Core;
use crate::message::Sample;
use crate::station::Station;

impl Station {
    /// Values that the station states of itself, not of one of its EVSEs.
    pub fn mains_values(&self, core: &mut Core, now: Timestamp, samples: &[Sample]) {
        let Some(site) = self.site else { return };
        let config = core.sites.config(site);
        let is_of_this = |meter: &&MeterConfig| meter.source.way.station() == Some(self.id());
        let mut meters = config.circuits.iter().filter_map(|circuit| circuit.meter.as_ref());
        let Some(meter) = meters.find(is_of_this) else { return };
        let (id, expected) = (meter.id.clone(), Expected::of(config, meter));
        for sample in samples {
            let figures = figures(sample);
            // A register alone says nothing of currents: for those the meter is silent.
            if figures == (Figures { energy: figures.energy, ..Figures::default() }) {
                continue;
            }
            let taken_at = self.engine_time(core, now, sample.at);
            let judge = core.judges.entry(id.clone()).or_insert_with(|| Judge::new(expected.clone()));
            if *judge.expected() != expected {
                *judge = Judge::new(expected.clone());
            }
            let event = match judge.take(taken_at, &figures) {
                Ok(reading) => {
                    SiteEvent::GridReading { meter: id.clone(), taken_at, current: reading.current }
                }
                Err(_) => SiteEvent::MeterDoubted(id.clone()),
            };
            core.sites.apply(now, site, event);
        }
    }
}

fn figures(sample: &Sample) -> Figures {
    Figures {
        current: sample.current,
        voltage: sample.measured_voltage,
        power: sample.power,
        power_total: sample.power_total,
        energy: sample.register.map(|(register, _)| register),
    }
}
