-- Times are UTC milliseconds (`_ms`), energy milliwatt-hours (`_mwh`), money minor units (`_minor`).
-- State rows are replaced by key; facts are inserted and never changed. `body` is the whole row as JSON.

CREATE TABLE schema_migration (
    version INTEGER PRIMARY KEY
);

-- One row per start of the program.
CREATE TABLE run (
    run INTEGER PRIMARY KEY
);

-- The last record of each root that is committed, written with it: an ambiguous COMMIT is told by it.
CREATE TABLE commit_mark (
    root TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL
);

-- Sites: state.

CREATE TABLE site (
    site TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE station (
    station TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    firmware TEXT NOT NULL,
    serial TEXT NOT NULL,
    booted_at_ms INTEGER,
    body TEXT NOT NULL
);

CREATE TABLE evse (
    evse TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE session (
    session INTEGER PRIMARY KEY,
    evse TEXT NOT NULL,
    began_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER
);
CREATE INDEX session_open ON session (session) WHERE ended_at_ms IS NULL;

CREATE TABLE transaction_state (
    transaction_id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    evse TEXT NOT NULL,
    token TEXT,
    started_at_ms INTEGER NOT NULL,
    stopped_at_ms INTEGER,
    register_start_mwh INTEGER,
    register_end_mwh INTEGER,
    is_sealed INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX transaction_open ON transaction_state (transaction_id) WHERE is_sealed = 0;
CREATE INDEX transaction_by_stop ON transaction_state (stopped_at_ms);

CREATE TABLE counters (
    root TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

-- Sites: facts.

CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    frame INTEGER NOT NULL,
    station TEXT NOT NULL,
    transaction_id INTEGER,
    received_at_ms INTEGER NOT NULL,
    action TEXT NOT NULL,
    text TEXT NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE INDEX evidence_by_frame ON evidence (frame);
CREATE INDEX evidence_by_transaction ON evidence (transaction_id);

-- `register_mwh` is the last register of the message; `samples` is a list of
-- [at ms, [at ms, register mWh, context], [L1, L2, L3 mA], offered mA, power mW].
CREATE TABLE meter_values (
    id INTEGER PRIMARY KEY,
    evse TEXT NOT NULL,
    transaction_id INTEGER,
    received_at_ms INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    register_mwh INTEGER,
    samples TEXT NOT NULL
);
CREATE INDEX meter_values_by_transaction ON meter_values (transaction_id);

CREATE TABLE cdr (
    cdr INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    owner TEXT NOT NULL,
    evse TEXT NOT NULL,
    fee_class TEXT NOT NULL,
    transaction_id INTEGER NOT NULL,
    session INTEGER NOT NULL,
    token TEXT,
    driver TEXT NOT NULL,
    account TEXT,
    tariff TEXT,
    started_at_ms INTEGER NOT NULL,
    stopped_at_ms INTEGER NOT NULL,
    -- Null where a doubt holds it.
    energy_mwh INTEGER,
    doubts INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX cdr_by_site ON cdr (site, stopped_at_ms);
CREATE INDEX cdr_by_account ON cdr (account, stopped_at_ms);

-- Doubts that belong to no CDR.
CREATE TABLE doubt (
    id INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    transaction_id INTEGER,
    at_ms INTEGER NOT NULL,
    frame INTEGER,
    doubt TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    root TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL
);

-- Business: state.

CREATE TABLE owner (
    owner TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE account (
    account TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE token (
    token TEXT PRIMARY KEY,
    account TEXT,
    status TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE tariff (
    tariff TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Site and owner are those of the latest terms.
CREATE TABLE access (
    evse TEXT PRIMARY KEY,
    site TEXT,
    owner TEXT,
    body TEXT NOT NULL
);

CREATE TABLE prices (
    valid_from TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE lobby (
    station TEXT PRIMARY KEY,
    first_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE books (
    owner TEXT PRIMARY KEY,
    first TEXT NOT NULL,
    closed_through TEXT,
    settled_through TEXT,
    body TEXT NOT NULL
);

CREATE TABLE stated (
    account TEXT PRIMARY KEY,
    through TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE payout (
    payout TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    approved_by TEXT,
    body TEXT NOT NULL
);

-- Business: facts. Primary keys here are M1's last line: what would bill twice is not committed.

CREATE TABLE priced_cdr (
    cdr INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    driver TEXT NOT NULL,
    account TEXT,
    tariff TEXT NOT NULL,
    energy_mwh INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX priced_cdr_by_owner ON priced_cdr (owner, month);
CREATE INDEX priced_cdr_by_account ON priced_cdr (account, month);

CREATE TABLE charging_line (
    cdr INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    energy_mwh INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX charging_line_by_owner ON charging_line (owner, month);

-- CDRs that are held.
CREATE TABLE finding (
    cdr INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    site TEXT NOT NULL,
    raised_at_ms INTEGER NOT NULL,
    why TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE resolution (
    cdr INTEGER PRIMARY KEY,
    decided_by TEXT NOT NULL,
    decided_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    is_written_off INTEGER NOT NULL,
    body TEXT NOT NULL
);

-- Statements and receipts; `document` is their key as JSON.
CREATE TABLE document (
    document TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    account TEXT,
    month TEXT NOT NULL,
    issued_at_ms INTEGER NOT NULL,
    total_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX document_by_account ON document (account, month);

CREATE TABLE collection (
    document TEXT PRIMARY KEY,
    payment INTEGER NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE settlement (
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    collected_minor INTEGER NOT NULL,
    fees_minor INTEGER NOT NULL,
    total_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (owner, month)
);

CREATE TABLE ledger_entry (
    entry INTEGER PRIMARY KEY,
    entry_key TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    month TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX ledger_entry_by_month ON ledger_entry (month);

-- Positive debits the account, negative credits it. `class` is the kind of the entry, as settlements count it.
CREATE TABLE ledger_posting (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    class TEXT NOT NULL,
    month TEXT NOT NULL,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL
);
CREATE INDEX ledger_posting_sums ON ledger_posting (month, class, account, currency, amount_minor);
