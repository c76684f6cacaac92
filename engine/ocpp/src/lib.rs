//! ocpp.
