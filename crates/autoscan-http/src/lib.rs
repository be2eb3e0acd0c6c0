//! Outward HTTP: one pooled client, timeouts, size cap, status to fault, redaction. The only user of reqwest.
