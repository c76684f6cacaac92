//! A traction battery: constant current up to a knee, then a taper by state of charge.

use serde::{Deserialize, Serialize};
use units::{WattHours, Watts};

use crate::number::{float, floor};

/// How much power a battery accepts by state of charge.
///
/// With usable energy `C` (Wh) and state of charge `s` (0 to 1): `P(s) = C · c_rate` up to `knee`, then a straight line down
/// to `C · tail` at `s = 1`. At AC powers the line is met late: 11 kW into 60 kWh at about 96 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Taper {
    /// Accepted power below the knee, per hour and usable energy (1/h). About 1 for cars of 2015 to 2026.
    pub c_rate: f64,
    /// State of charge at which constant voltage begins, 0 to 1.
    pub knee: f64,
    /// Accepted power at full, per hour and usable energy (1/h); above 0, so that full is reached in finite time.
    pub tail: f64,
}

impl Default for Taper {
    /// The whole usable energy in an hour up to 80 %, 3 % of that at full: a rounded figure for lithium-ion packs.
    fn default() -> Self {
        Self { c_rate: 1.0, knee: 0.8, tail: 0.03 }
    }
}

/// A battery with its state of charge.
#[derive(Debug, Clone, PartialEq)]
pub struct Battery {
    usable: WattHours,
    stored: WattHours,
    taper: Taper,
}

impl Battery {
    /// A battery of `usable` energy that holds `stored`, which is cut to it.
    ///
    /// # Panics
    ///
    /// Where `usable` is not positive, or the taper's figures are outside their ranges.
    #[must_use]
    pub fn new(usable: WattHours, stored: WattHours, taper: Taper) -> Self {
        assert!(usable > WattHours::ZERO, "a battery needs a positive usable energy, not {usable}");
        assert!(
            taper.c_rate > 0.0 && taper.tail > 0.0 && taper.tail <= taper.c_rate,
            "a taper falls: {taper:?}"
        );
        assert!((0.0..1.0).contains(&taper.knee), "a knee is a state of charge below 1: {taper:?}");
        Self { usable, stored: stored.clamp(WattHours::ZERO, usable), taper }
    }

    /// Puts `energy` in (at the cells, after losses), up to full.
    pub fn store(&mut self, energy: WattHours) {
        self.stored = (self.stored + energy).clamp(WattHours::ZERO, self.usable);
    }

    /// The energy it holds when full.
    #[must_use]
    pub const fn usable(&self) -> WattHours {
        self.usable
    }

    /// Energy held.
    #[must_use]
    pub const fn stored(&self) -> WattHours {
        self.stored
    }

    /// State of charge, 0 to 1.
    #[must_use]
    pub fn state_of_charge(&self) -> f64 {
        float(self.stored.milliwatt_hours()) / float(self.usable.milliwatt_hours())
    }

    /// The power the battery accepts now, at the cells; 0 when full.
    #[must_use]
    pub fn acceptance(&self) -> Watts {
        if self.stored >= self.usable {
            return Watts::ZERO;
        }
        let rate = self.rate(self.state_of_charge());
        Watts::from_milliwatts(floor(rate * float(self.usable.milliwatt_hours())))
    }

    /// The energy the battery still takes at `power` before its acceptance falls below it; zero where it already has.
    #[must_use]
    pub fn until_taper(&self, power: Watts) -> WattHours {
        let usable = float(self.usable.milliwatt_hours());
        let rate = float(power.milliwatts()) / usable;
        let Taper { c_rate, knee, tail } = self.taper;
        let meets_at = if rate >= c_rate {
            0.0
        } else if rate <= tail {
            1.0
        } else {
            1.0 - (1.0 - knee) * (rate - tail) / (c_rate - tail)
        };
        let left = floor(meets_at * usable) - self.stored.milliwatt_hours();
        WattHours::from_milliwatt_hours(left.max(0))
    }

    fn rate(&self, state_of_charge: f64) -> f64 {
        let Taper { c_rate, knee, tail } = self.taper;
        if state_of_charge <= knee {
            c_rate
        } else {
            tail + (c_rate - tail) * (1.0 - state_of_charge) / (1.0 - knee)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn battery(percent: i64) -> Battery {
        let usable = WattHours::from_watt_hours(60_000);
        Battery::new(usable, usable.ratio_floor(percent, 100), Taper::default())
    }

    #[test]
    fn acceptance_is_constant_up_to_the_knee_and_then_falls_to_the_tail() {
        assert_eq!(battery(10).acceptance(), Watts::from_watts(60_000));
        assert_eq!(battery(80).acceptance(), Watts::from_watts(60_000));
        let at_90 = battery(90).acceptance();
        assert!((at_90.milliwatts() - 30_900_000).abs() <= 1, "{at_90}");
        assert_eq!(battery(100).acceptance(), Watts::ZERO);
        let falling: Vec<_> = (80..100).map(|percent| battery(percent).acceptance()).collect();
        assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
    }

    #[test]
    fn the_energy_until_taper_ends_where_acceptance_meets_the_power() {
        let mut battery = battery(50);
        let power = Watts::from_watts(9_900);
        let left = battery.until_taper(power);
        battery.store(left);
        let met = battery.acceptance();
        assert!((met.milliwatts() - power.milliwatts()).abs() < 10_000, "{met} against {power}");
        assert!(battery.state_of_charge() > 0.95 && battery.state_of_charge() < 0.98);
        assert_eq!(battery.until_taper(Watts::from_watts(50_000)), WattHours::ZERO);
    }
}
