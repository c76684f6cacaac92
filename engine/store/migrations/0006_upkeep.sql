-- What operators want done at stations, and how they want them to be.

-- Work at one or more stations.
CREATE TABLE job (
    job INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    actor TEXT NOT NULL,
    begun_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX job_open ON job (job) WHERE ended_at_ms IS NULL;

-- A job at one station; the key is job/station.
CREATE TABLE errand (
    errand TEXT PRIMARY KEY,
    job INTEGER NOT NULL,
    station TEXT NOT NULL,
    wave INTEGER NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    word TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX errand_of_job ON errand (job);

-- How stations of a model are to be set.
CREATE TABLE template (
    template TEXT PRIMARY KEY,
    is_removed INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
);

-- How a station took that.
CREATE TABLE station_settings (
    station TEXT PRIMARY KEY,
    checked_at_ms INTEGER NOT NULL,
    needs_reboot INTEGER NOT NULL,
    body TEXT NOT NULL
);

-- Local authorization lists.
CREATE TABLE local_list (
    station TEXT PRIMARY KEY,
    is_kept INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    word TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE reservation (
    reservation INTEGER PRIMARY KEY,
    evse TEXT NOT NULL,
    token TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX reservation_open ON reservation (reservation) WHERE state IN ('asked', 'held');

-- EVSEs, and whole stations, in or out of service as an operator said.
CREATE TABLE availability (
    place TEXT PRIMARY KEY,
    station TEXT NOT NULL,
    is_operative INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    word TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Files that stations were asked to send.
CREATE TABLE upload (
    upload INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    site TEXT NOT NULL,
    job INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    received_at_ms INTEGER,
    name TEXT,
    bytes INTEGER,
    body TEXT NOT NULL
);
CREATE INDEX upload_open ON upload (upload) WHERE received_at_ms IS NULL;

-- The one station that an entry of the audit concerns.
ALTER TABLE audit ADD COLUMN station TEXT;
CREATE INDEX audit_of_station ON audit (station, id) WHERE station IS NOT NULL;
