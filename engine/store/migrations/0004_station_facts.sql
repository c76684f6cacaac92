-- What stations have shown, how they are set, what was wrong with them.

CREATE TABLE station_facts (
    station TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
