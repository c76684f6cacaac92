-- What stations tell of themselves besides transactions.

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    -- None is the station as a whole.
    evse INTEGER,
    received_at_ms INTEGER NOT NULL,
    -- When it was, as the station says.
    reported_at_ms INTEGER,
    frame INTEGER NOT NULL,
    -- firmware, log, security, limit, ev_needs and so on.
    subject TEXT NOT NULL,
    -- Our number of what it tells of: a request, a reservation, a message.
    number INTEGER,
    -- In the station's own word: a status, the kind of an event, whose limit it is.
    word TEXT NOT NULL,
    detail TEXT
);

CREATE INDEX notice_of_station ON notice (station, id);
