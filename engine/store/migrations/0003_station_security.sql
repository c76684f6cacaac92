-- What stations must prove on their links.

CREATE TABLE station_security (
    station TEXT PRIMARY KEY,
    -- OCPP's security profile, 0 to 3.
    profile INTEGER NOT NULL,
    -- A salted, slow hash; none where there is no password.
    password_hash TEXT,
    changed_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
);
