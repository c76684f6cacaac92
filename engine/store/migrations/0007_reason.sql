-- What has limited each EVSE, as of when it changed: the newest million rows are kept.

CREATE TABLE reason (
    id INTEGER PRIMARY KEY,
    evse TEXT NOT NULL,
    -- When it was seen, up to a minute after it began.
    at_ms INTEGER NOT NULL,
    -- In words, in English.
    why TEXT NOT NULL,
    -- Per phase; none where nothing was told.
    limit_ma INTEGER,
    body TEXT NOT NULL
);

CREATE INDEX reason_of_evse ON reason (evse, id);

-- Counted, not dated: a clock that jumps ahead wipes out nothing.
CREATE TRIGGER reason_kept AFTER INSERT ON reason BEGIN
    DELETE FROM reason WHERE id <= NEW.id - 1000000;
END;
