//! A long history, written straight into a database that autoscan made: a million webhooks would take minutes.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

/// Finished scans over the last 20 days, so that retention leaves them alone. A scan's state 2 is `done`, a delivery's
/// 2 is `sent`, a change's kind 0 is `created`.
const FILL: &str = "
    CREATE TEMP TABLE past AS
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :scans)
        SELECT (SELECT last_scan FROM tally) + n AS scan,
               printf('/tv/The Long Survey %08d (2019)/Season 01', n) AS folder,
               (unixepoch() - 20 * 86400) * 1000 + n * 20 * 86400000 / :scans AS at
        FROM number;";
const COPY: &str = "
    INSERT INTO scan (id, folder, state, priority, first_seen, due_at, generation, finished_at)
        SELECT scan, folder, 2, 0, at - 12000, at - 2000, 1, at FROM past;
    INSERT INTO change (scan, path, position, kind, is_folder, awaited, trigger_name, received_at)
        SELECT scan, folder || '/The Long Survey - S01E01 - Over the Ridge.mkv', 0, 0, 0, 1, 'sonarr', at - 12000
        FROM past;
    INSERT INTO delivery (scan, target, state, attempts, sent_at, priority)
        SELECT scan, 'plex', 2, 1, at, 0 FROM past;
    UPDATE tally SET done = done + (SELECT count(*) FROM past), last_scan = (SELECT max(scan) FROM past);
    DROP TABLE past;";

/// Adds `scans` finished scans to a database that nobody has open.
pub(crate) fn fill(database: &Path, scans: u64) -> Result<()> {
    let mut connection = Connection::open(database).context("cannot open autoscan's database")?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    let transaction = connection.transaction()?;
    let scans = i64::try_from(scans)?;
    transaction.execute(FILL.trim(), [scans]).context("cannot make up a history")?;
    transaction.execute_batch(COPY).context("autoscan's tables are not as this bench knows them")?;
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = include_str!("../../../../crates/autoscan-store/migrations/0001_queue.sql");

    #[test]
    fn a_history_fits_the_tables_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("autoscan.db");
        Connection::open(&file).unwrap().execute_batch(TABLES).unwrap();

        fill(&file, 100).unwrap();

        let database = Connection::open(&file).unwrap();
        let one = |sql| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(one("SELECT count(*) FROM scan JOIN change ON scan = id JOIN delivery USING (scan)"), 100);
        assert_eq!(one("SELECT done FROM tally"), 100);
        assert_eq!(one("SELECT last_scan FROM tally"), one("SELECT max(id) FROM scan"));
    }
}
