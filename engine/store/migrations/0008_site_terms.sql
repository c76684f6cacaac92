-- What energy and power cost at each site, and what others command there.

CREATE TABLE site_terms (
    site TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
