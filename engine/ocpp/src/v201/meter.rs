//! Meter values: what was measured, with unit, phase and circumstances.

use std::str::FromStr;

use units::{Amperes, Phase, Volts, WattHours, Watts};

use crate::fields::{Fields, PayloadError};
use crate::figure::Figure;
use crate::member::structures;
use crate::message::Message;
use crate::quirk::Quirk;
use crate::sample::{Kind, Location, ReadingContext, SampleFault, SamplePhase, quantity};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::Writer;

/// Values measured at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterValue {
    /// When, by the station's clock.
    pub timestamp: StationTime,
    /// What was measured, in the order of the frame.
    pub sampled_value: Vec<SampledValue>,
}

impl MeterValue {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            timestamp: fields.time_expected("timestamp"),
            sampled_value: fields.list("sampledValue", SampledValue::read)?,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.time("timestamp", &self.timestamp);
        out.list_required("sampledValue", &self.sampled_value, |out, sample| sample.write(out));
    }
}

/// One measured value. What the frame left out is `None`; the methods of the same name apply the standard's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampledValue {
    /// The figure, in its unit times ten to the power of its multiplier; empty where none came.
    pub value: Figure,
    /// Why it was measured.
    pub context: Option<ReadingContext>,
    /// What was measured.
    pub measurand: Option<Measurand>,
    /// On which conductor; `None` is the total or does not apply.
    pub phase: Option<SamplePhase>,
    /// Where.
    pub location: Option<Location>,
    /// The meter's own signed data: evidence, which we do not read.
    pub signed_meter_value: Option<SignedMeterValue>,
    /// In which unit.
    pub unit_of_measure: Option<UnitOfMeasure>,
}

/// A unit with a power of ten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitOfMeasure {
    /// The unit; at most 20 characters. `None` is Wh for energy, and unsaid for anything else.
    pub unit: Option<String>,
    /// The power of ten that the figure is to be multiplied by, a whole number; `None` is 0.
    pub multiplier: Option<Figure>,
}

structures! {
    /// What a meter signed, as it came.
    SignedMeterValue {
        /// The data, in Base64; at most 2500 characters, in OCPP 2.1 32768.
        signed_meter_data: String = required "signedMeterData" [chars(2500).chars_v21(32768)],
        /// How it was signed, may be empty; at most 50 characters. `None` only in OCPP 2.1.
        signing_method: Option<String> = required "signingMethod" [optional_in_v21().chars(50).or_empty()],
        /// How it was encoded before, may be empty; at most 50 characters.
        encoding_method: String = required "encodingMethod" [chars(50).or_empty()],
        /// The key to check it with, in Base64, may be empty; at most 2500 characters. `None` only in OCPP 2.1.
        public_key: Option<String> = required "publicKey" [optional_in_v21().chars(2500).or_empty()],
    }
}

impl SampledValue {
    /// A figure in its measurand's own unit.
    #[must_use]
    pub fn new(measurand: Measurand, phase: Option<SamplePhase>, value: Figure, unit: &str) -> Self {
        let unit_of_measure = Some(UnitOfMeasure::new(unit));
        Self { value, measurand: Some(measurand), phase, unit_of_measure, ..Self::default() }
    }

    /// What was measured; by default the register of active energy imported.
    #[must_use]
    pub const fn measurand(&self) -> &Measurand {
        match &self.measurand {
            Some(measurand) => measurand,
            None => &Measurand::EnergyActiveImportRegister,
        }
    }

    /// Why it was measured; by default periodically.
    #[must_use]
    pub const fn context(&self) -> &ReadingContext {
        match &self.context {
            Some(context) => context,
            None => &ReadingContext::SamplePeriodic,
        }
    }

    /// Where it was measured; by default at the outlet.
    #[must_use]
    pub const fn location(&self) -> &Location {
        match &self.location {
            Some(location) => location,
            None => &Location::Outlet,
        }
    }

    /// The line it was measured on: L1 for `L1` and `L1-N` alike.
    #[must_use]
    pub fn line(&self) -> Option<Phase> {
        self.phase.as_ref().and_then(SamplePhase::line)
    }

    /// Active energy, register, interval or net, unit and multiplier applied exactly. Positive as the measurand's name
    /// says: imported or exported.
    ///
    /// # Errors
    ///
    /// Where the sample is not active energy, or cannot be read.
    pub fn energy(&self) -> Result<WattHours, SampleFault> {
        self.quantity(Kind::Energy)
    }

    /// Current, imported, exported or offered.
    ///
    /// # Errors
    ///
    /// Where the sample is not a current, or cannot be read.
    pub fn current(&self) -> Result<Amperes, SampleFault> {
        self.quantity(Kind::Current)
    }

    /// Active power, imported, exported or offered.
    ///
    /// # Errors
    ///
    /// Where the sample is not active power, or cannot be read.
    pub fn power(&self) -> Result<Watts, SampleFault> {
        self.quantity(Kind::Power)
    }

    /// Voltage.
    ///
    /// # Errors
    ///
    /// Where the sample is not a voltage, or cannot be read.
    pub fn voltage(&self) -> Result<Volts, SampleFault> {
        self.quantity(Kind::Voltage)
    }

    /// [`Self::energy`], where it can be read.
    #[must_use]
    pub fn as_energy(&self) -> Option<WattHours> {
        self.energy().ok()
    }

    /// [`Self::current`], where it can be read.
    #[must_use]
    pub fn as_current(&self) -> Option<Amperes> {
        self.current().ok()
    }

    /// [`Self::power`], where it can be read.
    #[must_use]
    pub fn as_power(&self) -> Option<Watts> {
        self.power().ok()
    }

    /// [`Self::voltage`], where it can be read.
    #[must_use]
    pub fn as_voltage(&self) -> Option<Volts> {
        self.voltage().ok()
    }

    /// Whether the figure had to be read in its measurand's own unit, because it came without a unit where the standard
    /// gives none: only energy has a default (Wh). A doubt for money and for plausibility checks (FIELD 4c 39).
    #[must_use]
    pub fn is_unit_assumed(&self) -> bool {
        self.unit().is_none() && self.measurand().kind() != Some(Kind::Energy)
    }

    fn unit(&self) -> Option<&str> {
        self.unit_of_measure.as_ref().and_then(|unit| unit.unit.as_deref())
    }

    fn quantity<T: FromStr>(&self, kind: Kind) -> Result<T, SampleFault> {
        let measurand = self.measurand();
        if measurand.kind() != Some(kind) {
            return Err(SampleFault::OtherMeasurand { measurand: measurand.to_string() });
        }
        let exponent = match self.unit() {
            None => 0,
            Some(unit) => kind.exponent(unit).ok_or_else(|| SampleFault::ForeignUnit {
                measurand: measurand.to_string(),
                unit: unit.to_owned(),
            })?,
        };
        let multiplier = self.unit_of_measure.as_ref().map_or(Ok(0), UnitOfMeasure::exponent)?;
        quantity(self.value.as_str(), exponent.saturating_add(multiplier))
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let value = fields.figure("value").unwrap_or_else(|| {
            fields.note(Quirk::MissingField { field: "value" });
            Figure::default()
        });
        Ok(Self {
            value,
            context: fields.word("context"),
            measurand: fields.word("measurand"),
            phase: fields.word("phase"),
            location: fields.word("location"),
            signed_meter_value: fields.object("signedMeterValue", SignedMeterValue::read)?,
            unit_of_measure: fields.object("unitOfMeasure", UnitOfMeasure::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.decimal("value", &self.value);
        out.word_optional("context", self.context.as_ref());
        out.word_optional("measurand", self.measurand.as_ref());
        out.word_optional("phase", self.phase.as_ref());
        out.word_optional("location", self.location.as_ref());
        if let Some(signed) = &self.signed_meter_value {
            out.object("signedMeterValue", |out| signed.write(out));
        }
        if let Some(unit) = &self.unit_of_measure {
            out.object("unitOfMeasure", |out| unit.write(out));
        }
    }
}

impl UnitOfMeasure {
    /// A unit without power of ten; at most 20 characters.
    #[must_use]
    pub fn new(unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), multiplier: None }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let multiplier = match fields.figure("multiplier") {
            // Without its power of ten the figure would be another one.
            None if fields.has("multiplier") => Some(Figure::new("?")),
            multiplier => multiplier,
        };
        Ok(Self { unit: fields.text("unit", 20), multiplier })
    }

    /// The power of ten; the text at fault where it cannot be read.
    fn exponent(&self) -> Result<i32, SampleFault> {
        match &self.multiplier {
            None => Ok(0),
            Some(figure) => figure
                .as_str()
                .trim()
                .parse()
                .map_err(|_| SampleFault::NotAFigure { text: figure.as_str().chars().take(64).collect() }),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.text_optional("unit", self.unit.as_ref(), 20);
        if let Some(multiplier) = &self.multiplier {
            if self.exponent().is_err() {
                out.refuse_number("multiplier", multiplier);
            }
            out.decimal("multiplier", multiplier);
        }
    }
}

words! {
    /// What is measured. Import is into the EV, export out of it.
    Measurand {
        /// Current out of the EV, A.
        CurrentExport = "Current.Export",
        /// Current into the EV, A.
        CurrentImport = "Current.Import",
        /// Highest current offered to the EV, A.
        CurrentOffered = "Current.Offered",
        /// Register of active energy out of the EV, Wh or kWh.
        EnergyActiveExportRegister = "Energy.Active.Export.Register",
        /// Register of active energy into the EV, Wh or kWh.
        EnergyActiveImportRegister = "Energy.Active.Import.Register",
        /// Register of reactive energy out of the EV, varh or kvarh.
        EnergyReactiveExportRegister = "Energy.Reactive.Export.Register",
        /// Register of reactive energy into the EV, varh or kvarh.
        EnergyReactiveImportRegister = "Energy.Reactive.Import.Register",
        /// Active energy out of the EV in an interval, Wh or kWh.
        EnergyActiveExportInterval = "Energy.Active.Export.Interval",
        /// Active energy into the EV in an interval, Wh or kWh.
        EnergyActiveImportInterval = "Energy.Active.Import.Interval",
        /// Active energy into the EV less that out of it, Wh or kWh.
        EnergyActiveNet = "Energy.Active.Net",
        /// Reactive energy out of the EV in an interval, varh or kvarh.
        EnergyReactiveExportInterval = "Energy.Reactive.Export.Interval",
        /// Reactive energy into the EV in an interval, varh or kvarh.
        EnergyReactiveImportInterval = "Energy.Reactive.Import.Interval",
        /// Reactive energy into the EV less that out of it, varh or kvarh.
        EnergyReactiveNet = "Energy.Reactive.Net",
        /// Apparent energy, in less out, VAh.
        EnergyApparentNet = "Energy.Apparent.Net",
        /// Apparent energy into the EV, VAh.
        EnergyApparentImport = "Energy.Apparent.Import",
        /// Apparent energy out of the EV, VAh.
        EnergyApparentExport = "Energy.Apparent.Export",
        /// Frequency, Hz.
        Frequency = "Frequency",
        /// Active power out of the EV, W or kW.
        PowerActiveExport = "Power.Active.Export",
        /// Active power into the EV, W or kW.
        PowerActiveImport = "Power.Active.Import",
        /// Power factor.
        PowerFactor = "Power.Factor",
        /// Highest power offered to the EV, W or kW.
        PowerOffered = "Power.Offered",
        /// Reactive power out of the EV, var or kvar.
        PowerReactiveExport = "Power.Reactive.Export",
        /// Reactive power into the EV, var or kvar.
        PowerReactiveImport = "Power.Reactive.Import",
        /// State of charge of the EV's battery, percent.
        StateOfCharge = "SoC",
        /// Voltage, V.
        Voltage = "Voltage",
    } since_v21 {
        /// Lowest current out of the EV, A.
        CurrentExportMinimum = "Current.Export.Minimum",
        /// Highest current out of the EV, A.
        CurrentExportOffered = "Current.Export.Offered",
        /// Lowest current into the EV, A.
        CurrentImportMinimum = "Current.Import.Minimum",
        /// Highest current into the EV, A.
        CurrentImportOffered = "Current.Import.Offered",
        /// What the battery holds, Wh.
        DisplayBatteryEnergyCapacity = "Display.BatteryEnergyCapacity",
        /// Whether the EV has all it wants.
        DisplayChargingComplete = "Display.ChargingComplete",
        /// Whether the EV's inlet is hot.
        DisplayInletHot = "Display.InletHot",
        /// How full the battery may be, percent.
        DisplayMaximumSoc = "Display.MaximumSOC",
        /// How full the battery must be, percent.
        DisplayMinimumSoc = "Display.MinimumSOC",
        /// How full the battery is, percent.
        DisplayPresentSoc = "Display.PresentSOC",
        /// Time until it is as full as it may be, s.
        DisplayRemainingTimeToMaximumSoc = "Display.RemainingTimeToMaximumSOC",
        /// Time until it is as full as it must be, s.
        DisplayRemainingTimeToMinimumSoc = "Display.RemainingTimeToMinimumSOC",
        /// Time until it is as full as it should be, s.
        DisplayRemainingTimeToTargetSoc = "Display.RemainingTimeToTargetSOC",
        /// How full the battery should be, percent.
        DisplayTargetSoc = "Display.TargetSOC",
        /// Energy lost in the cable, Wh.
        EnergyActiveImportCableLoss = "Energy.Active.Import.CableLoss",
        /// Register of energy that was generated on the spot, Wh.
        EnergyActiveImportLocalGeneration = "Energy.Active.Import.LocalGeneration.Register",
        /// Energy in an interval as it was set, Wh.
        EnergyActiveSetpointInterval = "Energy.Active.Setpoint.Interval",
        /// Energy until it charges slowly, Wh.
        EnergyRequestBulk = "EnergyRequest.Bulk",
        /// Energy that the battery can take, Wh.
        EnergyRequestMaximum = "EnergyRequest.Maximum",
        /// Energy to where it must have ceased to give, Wh.
        EnergyRequestMaximumV2x = "EnergyRequest.Maximum.V2X",
        /// Energy that the driver needs, Wh.
        EnergyRequestMinimum = "EnergyRequest.Minimum",
        /// Energy to where it may begin to give, Wh.
        EnergyRequestMinimumV2x = "EnergyRequest.Minimum.V2X",
        /// Energy that the driver wants, Wh.
        EnergyRequestTarget = "EnergyRequest.Target",
        /// Active power that is left after what was set, W.
        PowerActiveResidual = "Power.Active.Residual",
        /// Active power as it was set, W.
        PowerActiveSetpoint = "Power.Active.Setpoint",
        /// Lowest power out of the EV, W.
        PowerExportMinimum = "Power.Export.Minimum",
        /// Highest power out of the EV, W.
        PowerExportOffered = "Power.Export.Offered",
        /// Lowest power into the EV, W.
        PowerImportMinimum = "Power.Import.Minimum",
        /// Highest power into the EV, W.
        PowerImportOffered = "Power.Import.Offered",
        /// Highest voltage, V.
        VoltageMaximum = "Voltage.Maximum",
        /// Lowest voltage, V.
        VoltageMinimum = "Voltage.Minimum",
    }
}

impl Measurand {
    const fn kind(&self) -> Option<Kind> {
        match self {
            Self::EnergyActiveImportRegister
            | Self::EnergyActiveExportRegister
            | Self::EnergyActiveImportInterval
            | Self::EnergyActiveExportInterval
            | Self::EnergyActiveNet => Some(Kind::Energy),
            Self::PowerActiveImport | Self::PowerActiveExport | Self::PowerOffered => Some(Kind::Power),
            Self::CurrentImport | Self::CurrentExport | Self::CurrentOffered => Some(Kind::Current),
            Self::Voltage => Some(Kind::Voltage),
            Self::EnergyReactiveExportRegister
            | Self::EnergyReactiveImportRegister
            | Self::EnergyReactiveExportInterval
            | Self::EnergyReactiveImportInterval
            | Self::EnergyReactiveNet
            | Self::EnergyApparentNet
            | Self::EnergyApparentImport
            | Self::EnergyApparentExport
            | Self::PowerReactiveExport
            | Self::PowerReactiveImport
            | Self::PowerFactor
            | Self::Frequency
            | Self::StateOfCharge
            // What OCPP 2.1 adds is told to drivers, or by others' control: it is no quantity of ours.
            | Self::CurrentExportMinimum
            | Self::CurrentExportOffered
            | Self::CurrentImportMinimum
            | Self::CurrentImportOffered
            | Self::DisplayBatteryEnergyCapacity
            | Self::DisplayChargingComplete
            | Self::DisplayInletHot
            | Self::DisplayMaximumSoc
            | Self::DisplayMinimumSoc
            | Self::DisplayPresentSoc
            | Self::DisplayRemainingTimeToMaximumSoc
            | Self::DisplayRemainingTimeToMinimumSoc
            | Self::DisplayRemainingTimeToTargetSoc
            | Self::DisplayTargetSoc
            | Self::EnergyActiveImportCableLoss
            | Self::EnergyActiveImportLocalGeneration
            | Self::EnergyActiveSetpointInterval
            | Self::EnergyRequestBulk
            | Self::EnergyRequestMaximum
            | Self::EnergyRequestMaximumV2x
            | Self::EnergyRequestMinimum
            | Self::EnergyRequestMinimumV2x
            | Self::EnergyRequestTarget
            | Self::PowerActiveResidual
            | Self::PowerActiveSetpoint
            | Self::PowerExportMinimum
            | Self::PowerExportOffered
            | Self::PowerImportMinimum
            | Self::PowerImportOffered
            | Self::VoltageMaximum
            | Self::VoltageMinimum
            | Self::Other(_) => None,
        }
    }
}
