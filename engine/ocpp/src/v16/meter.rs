//! Meter values: what was measured, with unit, phase and circumstances.

use std::str::FromStr;

use units::{Amperes, Phase, Volts, WattHours, Watts};

use super::words::words;
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::time::StationTime;
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

/// Why a sample is not the quantity asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleFault {
    /// It is a sample of something else.
    #[error("measures {measurand}")]
    OtherMeasurand {
        /// What it is a sample of.
        measurand: Measurand,
    },
    /// Its unit does not belong to its measurand, such as power in V.
    #[error("{measurand} in {unit}")]
    ForeignUnit {
        /// What was measured.
        measurand: Measurand,
        /// The unit it came with.
        unit: UnitOfMeasure,
    },
    /// The value is empty.
    #[error("no value")]
    Empty,
    /// The value is signed data, which only its own reader understands.
    #[error("signed data")]
    Signed,
    /// The value is no figure, or one beyond what we hold.
    #[error("`{text}` is not a figure")]
    NotAFigure {
        /// The value, cut at 64 characters.
        text: String,
    },
}

/// Kinds of quantities, each with its unit and, where there is one, the unit of a thousand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Energy,
    Power,
    Current,
    Voltage,
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
        self.unit.is_none() && Kind::of(self.measurand()) != Some(Kind::Energy)
    }

    fn quantity<T: FromStr>(&self, kind: Kind) -> Result<T, SampleFault> {
        let measurand = self.measurand();
        if Kind::of(measurand) != Some(kind) {
            return Err(SampleFault::OtherMeasurand { measurand: measurand.clone() });
        }
        if self.format == Some(ValueFormat::SignedData) {
            return Err(SampleFault::Signed);
        }
        let thousands = match &self.unit {
            None => 0,
            Some(unit) => kind.thousands(unit).ok_or_else(|| SampleFault::ForeignUnit {
                measurand: measurand.clone(),
                unit: unit.clone(),
            })?,
        };
        figure(self.value.trim(), thousands)
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

impl Kind {
    fn of(measurand: &Measurand) -> Option<Self> {
        match measurand {
            Measurand::EnergyActiveImportRegister
            | Measurand::EnergyActiveExportRegister
            | Measurand::EnergyActiveImportInterval
            | Measurand::EnergyActiveExportInterval => Some(Self::Energy),
            Measurand::PowerActiveImport | Measurand::PowerActiveExport | Measurand::PowerOffered => {
                Some(Self::Power)
            }
            Measurand::CurrentImport | Measurand::CurrentExport | Measurand::CurrentOffered => {
                Some(Self::Current)
            }
            Measurand::Voltage => Some(Self::Voltage),
            Measurand::EnergyReactiveExportRegister
            | Measurand::EnergyReactiveImportRegister
            | Measurand::EnergyReactiveExportInterval
            | Measurand::EnergyReactiveImportInterval
            | Measurand::PowerReactiveExport
            | Measurand::PowerReactiveImport
            | Measurand::PowerFactor
            | Measurand::Frequency
            | Measurand::Temperature
            | Measurand::StateOfCharge
            | Measurand::FanSpeed
            | Measurand::Other(_) => None,
        }
    }

    /// The power of ten from `unit` to the kind's own unit; `None` where the unit is of another kind.
    fn thousands(self, unit: &UnitOfMeasure) -> Option<i32> {
        let (kind, thousands) = match unit {
            UnitOfMeasure::WattHours => (Self::Energy, 0),
            UnitOfMeasure::KilowattHours => (Self::Energy, 3),
            UnitOfMeasure::Watts => (Self::Power, 0),
            UnitOfMeasure::Kilowatts => (Self::Power, 3),
            UnitOfMeasure::Amperes => (Self::Current, 0),
            UnitOfMeasure::Volts => (Self::Voltage, 0),
            UnitOfMeasure::VarHours
            | UnitOfMeasure::KilovarHours
            | UnitOfMeasure::VoltAmperes
            | UnitOfMeasure::KilovoltAmperes
            | UnitOfMeasure::Vars
            | UnitOfMeasure::Kilovars
            | UnitOfMeasure::Celsius
            | UnitOfMeasure::Fahrenheit
            | UnitOfMeasure::Kelvin
            | UnitOfMeasure::Percent
            | UnitOfMeasure::Other(_) => return None,
        };
        (kind == self).then_some(thousands)
    }
}

/// `text` times ten to the power of `exponent`, exactly, to the thousandth.
fn figure<T: FromStr>(text: &str, exponent: i32) -> Result<T, SampleFault> {
    if text.is_empty() {
        return Err(SampleFault::Empty);
    }
    let read = if exponent == 0 {
        text.parse().ok()
    } else {
        let (mantissa, own) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        own.parse::<i32>()
            .ok()
            .and_then(|own| own.checked_add(exponent))
            .and_then(|sum| format!("{mantissa}e{sum}").parse().ok())
    };
    read.ok_or_else(|| SampleFault::NotAFigure { text: text.chars().take(64).collect() })
}

words! {
    /// Why a value was measured.
    ReadingContext {
        /// At the start of an interruption.
        InterruptionBegin = "Interruption.Begin",
        /// At the end of an interruption.
        InterruptionEnd = "Interruption.End",
        /// At a time of the clock.
        SampleClock = "Sample.Clock",
        /// At an interval within a transaction.
        SamplePeriodic = "Sample.Periodic",
        /// At the start of a transaction.
        TransactionBegin = "Transaction.Begin",
        /// At the end of a transaction.
        TransactionEnd = "Transaction.End",
        /// Because we asked.
        Trigger = "Trigger",
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

words! {
    /// Between which conductors something is measured, at the station's terminals or its supply: that is learned.
    SamplePhase {
        /// L1.
        L1 = "L1",
        /// L2.
        L2 = "L2",
        /// L3.
        L3 = "L3",
        /// Neutral.
        N = "N",
        /// L1 to neutral.
        L1N = "L1-N",
        /// L2 to neutral.
        L2N = "L2-N",
        /// L3 to neutral.
        L3N = "L3-N",
        /// L1 to L2.
        L1L2 = "L1-L2",
        /// L2 to L3.
        L2L3 = "L2-L3",
        /// L3 to L1.
        L3L1 = "L3-L1",
    }
}

impl SamplePhase {
    /// The line, where it is a single one.
    #[must_use]
    pub const fn line(&self) -> Option<Phase> {
        match self {
            Self::L1 | Self::L1N => Some(Phase::L1),
            Self::L2 | Self::L2N => Some(Phase::L2),
            Self::L3 | Self::L3N => Some(Phase::L3),
            Self::N | Self::L1L2 | Self::L2L3 | Self::L3L1 | Self::Other(_) => None,
        }
    }
}

impl From<Phase> for SamplePhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::L1 => Self::L1,
            Phase::L2 => Self::L2,
            Phase::L3 => Self::L3,
        }
    }
}

words! {
    /// Where something is measured.
    Location {
        /// In the station's body.
        Body = "Body",
        /// At the cable.
        Cable = "Cable",
        /// In the EV.
        Ev = "EV",
        /// At the station's supply.
        Inlet = "Inlet",
        /// At the connector.
        Outlet = "Outlet",
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
