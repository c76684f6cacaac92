-- Stations that number their transactions and events themselves.

-- What the station spoke on its last link, such as 2.0.1.
ALTER TABLE station ADD COLUMN ocpp_version TEXT;

-- The station's own id of the transaction.
ALTER TABLE transaction_state ADD COLUMN reported_id TEXT;

-- The number of the event that the values came in.
ALTER TABLE meter_values ADD COLUMN seq_no INTEGER;
