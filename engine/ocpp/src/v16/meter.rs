//! Meter values: what was measured, with unit, phase and circumstances.

use std::str::FromStr;

use units::{Amperes, Phase, Volts, WattHours, Watts};

use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::sample::{Kind, Location, ReadingContext, SampleFault, SamplePhase, quantity};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

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
            sampled_value: fields.list("sampledValue", |fields| Ok(SampledValue::read(fields)))?,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.time("timestamp", &self.timestamp);
        if self.sampled_value.is_empty() {
            out.refuse("sampledValue", EncodeFault::Missing);
        }
        out.list("sampledValue", &self.sampled_value, |out, sample| sample.write(out));
    }
}

/// One measured value. What the frame left out is `None`; the methods of the same name apply the standard's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampledValue {
    /// The figure as text, or signed data; empty where none came.
    pub value: String,
    /// Why it was measured.
    pub context: Option<ReadingContext>,
    /// Whether the value is a figure.
    pub format: Option<ValueFormat>,
    /// What was measured.
    pub measurand: Option<Measurand>,
    /// On which conductor; `None` is the total or does not apply.
    pub phase: Option<SamplePhase>,
    /// Where.
    pub location: Option<Location>,
    /// In which unit.
    pub unit: Option<UnitOfMeasure>,
}

impl SampledValue {
    /// A figure in its measurand's own unit.
    #[must_use]
    pub fn new(measurand: Measurand, phase: Option<SamplePhase>, value: String, unit: UnitOfMeasure) -> Self {
        Self { value, measurand: Some(measurand), phase, unit: Some(unit), ..Self::default() }
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

    /// Active energy, register or interval. Positive as the measurand's name says: imported or exported.
    #[must_use]
    pub fn as_energy(&self) -> Option<WattHours> {
        self.energy().ok()
    }

    /// Current, imported, exported or offered.
    #[must_use]
    pub fn as_current(&self) -> Option<Amperes> {
        self.current().ok()
    }

    /// Active power, imported, exported or offered.
    #[must_use]
    pub fn as_power(&self) -> Option<Watts> {
        self.power().ok()
    }

    /// Voltage.
    #[must_use]
    pub fn as_voltage(&self) -> Option<Volts> {
        self.voltage().ok()
    }

    /// Active energy, kWh converted exactly.
    ///
    /// # Errors
    ///
    /// Where the sample is not active energy, or cannot be read.
    pub fn energy(&self) -> Result<WattHours, SampleFault> {
        self.quantity(Kind::Energy)
    }

    /// Current.
    ///
    /// # Errors
    ///
    /// Where the sample is not a current, or cannot be read.
    pub fn current(&self) -> Result<Amperes, SampleFault> {
        self.quantity(Kind::Current)
    }

    /// Active power, kW converted exactly.
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

    /// Whether the figure had to be read in its measurand's own unit, because it came without a unit where the standard
    /// gives none: only energy has a default (Wh). A doubt for money and for plausibility checks.
    #[must_use]
    pub fn is_unit_assumed(&self) -> bool {
        self.unit.is_none() && self.measurand().kind() != Some(Kind::Energy)
    }

    fn quantity<T: FromStr>(&self, kind: Kind) -> Result<T, SampleFault> {
        let measurand = self.measurand();
        if measurand.kind() != Some(kind) {
            return Err(SampleFault::OtherMeasurand { measurand: measurand.to_string() });
        }
        if self.format == Some(ValueFormat::SignedData) {
            return Err(SampleFault::Signed);
        }
        let exponent = match &self.unit {
            None => 0,
            Some(unit) => kind.exponent(unit.as_str()).ok_or_else(|| SampleFault::ForeignUnit {
                measurand: measurand.to_string(),
                unit: unit.to_string(),
            })?,
        };
        quantity(&self.value, exponent)
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let value = fields.text_or_empty("value", usize::MAX);
        if value.is_none() {
            fields.note(Quirk::MissingField { field: "value" });
        }
        let value = value.unwrap_or_default();
        if value.is_empty() {
            fields.note(Quirk::EmptyText { field: "value" });
        } else if value.starts_with(' ') || value.ends_with(' ') {
            fields.note(Quirk::TextAsNumber { field: "value" });
        }
        Self {
            value,
            context: fields.word("context"),
            format: fields.word("format"),
            measurand: fields.word("measurand"),
            phase: fields.word("phase"),
            location: fields.word("location"),
            unit: fields.word("unit"),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.text_required("value", &self.value, usize::MAX);
        out.word_optional("context", self.context.as_ref());
        out.word_optional("format", self.format.as_ref());
        out.word_optional("measurand", self.measurand.as_ref());
        out.word_optional("phase", self.phase.as_ref());
        out.word_optional("location", self.location.as_ref());
        out.word_optional("unit", self.unit.as_ref());
    }
}

words! {
    /// Whether a value is a figure.
    ValueFormat {
        /// A figure.
        Raw = "Raw",
        /// Signed binary data.
        SignedData = "SignedData",
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
        /// Reactive energy out of the EV in an interval, varh or kvarh.
        EnergyReactiveExportInterval = "Energy.Reactive.Export.Interval",
        /// Reactive energy into the EV in an interval, varh or kvarh.
        EnergyReactiveImportInterval = "Energy.Reactive.Import.Interval",
        /// Frequency, Hz; OCPP 1.6 has no unit for it.
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
        /// Fan speed, 1/min.
        FanSpeed = "RPM",
        /// State of charge of the EV's battery, percent.
        StateOfCharge = "SoC",
        /// Temperature in the station.
        Temperature = "Temperature",
        /// Voltage, V.
        Voltage = "Voltage",
    }
}

impl Measurand {
    const fn kind(&self) -> Option<Kind> {
        match self {
            Self::EnergyActiveImportRegister
            | Self::EnergyActiveExportRegister
            | Self::EnergyActiveImportInterval
            | Self::EnergyActiveExportInterval => Some(Kind::Energy),
            Self::PowerActiveImport | Self::PowerActiveExport | Self::PowerOffered => Some(Kind::Power),
            Self::CurrentImport | Self::CurrentExport | Self::CurrentOffered => Some(Kind::Current),
            Self::Voltage => Some(Kind::Voltage),
            Self::EnergyReactiveExportRegister
            | Self::EnergyReactiveImportRegister
            | Self::EnergyReactiveExportInterval
            | Self::EnergyReactiveImportInterval
            | Self::PowerReactiveExport
            | Self::PowerReactiveImport
            | Self::PowerFactor
            | Self::Frequency
            | Self::Temperature
            | Self::StateOfCharge
            | Self::FanSpeed
            | Self::Other(_) => None,
        }
    }
}

words! {
    /// The unit of a value.
    UnitOfMeasure {
        /// Wh.
        WattHours = "Wh",
        /// kWh.
        KilowattHours = "kWh",
        /// varh.
        VarHours = "varh",
        /// kvarh.
        KilovarHours = "kvarh",
        /// W.
        Watts = "W",
        /// kW.
        Kilowatts = "kW",
        /// VA.
        VoltAmperes = "VA",
        /// kVA.
        KilovoltAmperes = "kVA",
        /// var.
        Vars = "var",
        /// kvar.
        Kilovars = "kvar",
        /// A.
        Amperes = "A",
        /// V.
        Volts = "V",
        /// Degrees Celsius; the first print of OCPP 1.6 has `Celcius`.
        Celsius = "Celsius" | "Celcius",
        /// Degrees Fahrenheit.
        Fahrenheit = "Fahrenheit",
        /// Kelvin.
        Kelvin = "K",
        /// Percent.
        Percent = "Percent",
    }
}
