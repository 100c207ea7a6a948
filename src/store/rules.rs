//! The rules of the record that the schema cannot state, each as one query that lists what breaks it. A sound database
//! answers every one of them with nothing.

use futures_util::{StreamExt, TryStreamExt};

use super::StoreError;
use super::snapshot::Snapshot;
use crate::store::runs::Status;

/// A rule of the record.
pub struct Rule {
    /// What always holds, in words.
    pub holds: &'static str,
    /// One text per violation: what is wrong, and where.
    sql: &'static str,
}

/// Violations told per rule; a database broken everywhere needs no longer list.
const SHOWN: usize = 50;

/// Every rule, in the order of reading.
pub const RULES: &[Rule] = &[
    Rule {
        holds: "the events of a run are numbered from 1 without gaps, up to the number in its row",
        sql: "SELECT printf('run %s has %d events numbered %d to %d, and its row says the last is %d', r.id, COALESCE(e.n, 0),
                     COALESCE(e.low, 0), COALESCE(e.high, 0), r.last_seq)
              FROM runs r LEFT JOIN (SELECT run_id, COUNT(*) AS n, MIN(seq) AS low, MAX(seq) AS high FROM events GROUP BY run_id) e
                   ON e.run_id = r.id
              WHERE e.n IS NULL OR e.low <> 1 OR e.high <> e.n OR e.high <> r.last_seq",
    },
    Rule {
        holds: "the status of a run is the one its last state event tells",
        sql: "SELECT printf('run %s is %s in its row and %s by its last state event', r.id, r.status, COALESCE(told, 'nothing'))
              FROM (SELECT id, status, (SELECT json_extract(body, '$.status') FROM events WHERE run_id = runs.id AND kind = 'state'
                                        ORDER BY seq DESC LIMIT 1) AS told FROM runs) r
              WHERE r.status IS NOT told",
    },
    Rule {
        holds: "every state event begins where the one before ended",
        sql: "SELECT printf('event %d of run %s leaves %s, but the run was %s', seq, run_id, COALESCE(previous, 'nothing'),
                     COALESCE(was, 'nothing'))
              FROM (SELECT run_id, seq, json_extract(body, '$.previous') AS previous,
                           LAG(json_extract(body, '$.status')) OVER (PARTITION BY run_id ORDER BY seq) AS was
                    FROM events WHERE kind = 'state')
              WHERE previous IS NOT was",
    },
    Rule {
        holds: "a run that is over has exactly one final state event and one `done` event, which is its last; another run has neither",
        sql: "SELECT printf('run %s is %s and has %d final state events and %d done events, the last event being of kind %s',
                     id, status, finals, dones, COALESCE(last, 'nothing'))
              FROM (SELECT id, status, status IN ('succeeded', 'failed', 'cancelled') AS over,
                           (SELECT COUNT(*) FROM events e WHERE e.run_id = r.id AND kind = 'state'
                             AND json_extract(body, '$.status') IN ('succeeded', 'failed', 'cancelled')) AS finals,
                           (SELECT COUNT(*) FROM events e WHERE e.run_id = r.id AND kind = 'done') AS dones,
                           (SELECT kind FROM events e WHERE e.run_id = r.id ORDER BY seq DESC LIMIT 1) AS last
                    FROM runs r)
              WHERE finals <> over OR dones <> over OR (over AND last IS NOT 'done')",
    },
    Rule {
        holds: "a run that is over says when, and nobody holds it; another says nothing",
        sql: "SELECT printf('run %s is %s, finished at %s, held by %s', id, status, COALESCE(finished_at_ms, 'no time'),
                     COALESCE(worker, 'nobody'))
              FROM runs WHERE (status IN ('succeeded', 'failed', 'cancelled')) <> (finished_at_ms IS NOT NULL)
                 OR (status IN ('queued', 'paused', 'succeeded', 'failed', 'cancelled') AND worker IS NOT NULL)",
    },
    Rule {
        holds: "the bytes a run trained on are those of its dataset",
        sql: "SELECT printf('run %s was submitted for bytes %s, its dataset %s has %s', r.id, r.dataset_sha256, d.id, d.sha256)
              FROM runs r JOIN datasets d ON d.id = r.dataset_id WHERE d.sha256 <> r.dataset_sha256",
    },
    Rule {
        holds: "sizes told about a blob are the blob's",
        sql: "SELECT printf('%s says %d bytes, its blob %s has %d', what, told, sha256, size_bytes)
              FROM (SELECT 'dataset ' || id AS what, size_bytes AS told, sha256 AS hash FROM datasets
                    UNION ALL SELECT printf('the checkpoint of run %s at step %d', run_id, step), size_bytes, sha256 FROM checkpoints
                    UNION ALL SELECT printf('version %d of model %s', version, name), size_bytes, weights FROM models)
                   JOIN blobs ON blobs.sha256 = hash
              WHERE told <> size_bytes",
    },
    Rule {
        holds: "a small blob is as long as its row says",
        sql: "SELECT printf('blob %s has %d bytes instead of %d', sha256, length(bytes), size_bytes)
              FROM blobs WHERE bytes IS NOT NULL AND length(bytes) <> size_bytes",
    },
    Rule {
        holds: "a succeeded run names the model it became, and no other run does",
        sql: "SELECT printf('run %s is %s and names model %s version %s with weights %s', id, status, COALESCE(model_name, 'none'),
                     COALESCE(model_version, 'none'), COALESCE(weights_sha256, 'none'))
              FROM runs WHERE (status = 'succeeded') <> (model_name IS NOT NULL AND model_version IS NOT NULL AND weights_sha256 IS NOT NULL)",
    },
    Rule {
        holds: "a run registers one model, once, and only by succeeding; the two agree",
        sql: "SELECT printf('run %s (%s) named version %s of model %s; registered under it: %s', r.id, r.status,
                     COALESCE(r.model_version, 'none'), COALESCE(r.model_name, 'none'), group_concat(m.name || ' version ' || m.version))
              FROM models m JOIN runs r ON r.id = m.run_id GROUP BY r.id
              HAVING COUNT(*) > 1 OR r.status <> 'succeeded' OR MAX(m.name) IS NOT r.model_name OR MAX(m.version) IS NOT r.model_version
                  OR MAX(m.weights) IS NOT r.weights_sha256",
    },
    Rule {
        holds: "the model of a succeeded run is registered, unless somebody deleted it",
        sql: "SELECT printf('run %s became version %d of model %s, which is not there and nobody deleted it', id, model_version, model_name)
              FROM runs r WHERE status = 'succeeded' AND NOT EXISTS (SELECT 1 FROM models m WHERE m.run_id = r.id)
                 AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.owner = r.owner AND a.action = 'model.delete'
                     AND a.subject IN (r.model_name, r.model_name || '@' || r.model_version))",
    },
    Rule {
        holds: "metrics belong to the `metric` event that announced them",
        sql: "SELECT DISTINCT printf('metrics of run %s refer to event %d, which is %s', c.run_id, c.seq,
                     COALESCE('of kind ' || e.kind, 'missing'))
              FROM metric_chunks c LEFT JOIN events e ON e.run_id = c.run_id AND e.seq = c.seq WHERE e.kind IS NOT 'metric'",
    },
    Rule {
        holds: "every event has one place in the order of all events, in the order of its run",
        sql: "SELECT printf('event %d of run %s has %d places in the order of all events', e.seq, e.run_id, COUNT(o.place))
              FROM events e LEFT JOIN event_order o ON o.run_id = e.run_id AND o.seq = e.seq GROUP BY e.run_id, e.seq HAVING COUNT(o.place) <> 1
              UNION ALL
              SELECT printf('place %d in the order of all events goes to event %d of run %s, which is missing or comes too late', place, seq, run_id)
              FROM (SELECT *, LAG(seq, 1, 0) OVER (PARTITION BY run_id ORDER BY place) AS before FROM event_order) o
              WHERE before >= seq OR NOT EXISTS (SELECT 1 FROM events e WHERE e.run_id = o.run_id AND e.seq = o.seq)",
    },
    Rule {
        holds: "stored documents are JSON",
        sql: "SELECT what || ' is not JSON'
              FROM (SELECT 'a document of dataset ' || id AS what, json_valid(format) AND json_valid(schema) AND json_valid(profile) AS valid
                      FROM datasets
                    UNION ALL SELECT 'a document of run ' || id, json_valid(dataset_schema) AND json_valid(spec) AND json_valid(metadata)
                      AND COALESCE(json_valid(resolved_spec), 1) AND COALESCE(json_valid(result), 1) FROM runs
                    UNION ALL SELECT printf('a document of version %d of model %s', version, name), json_valid(document) AND json_valid(metrics)
                      FROM models
                    UNION ALL SELECT printf('event %d of run %s', seq, run_id), json_valid(body) FROM events
                    UNION ALL SELECT 'the description of the path of run ' || run_id, json_valid(document) FROM trajectories
                    UNION ALL SELECT 'a document of landscape ' || id, json_valid(request) AND COALESCE(json_valid(result), 1) FROM landscapes)
              WHERE NOT valid",
    },
    Rule {
        holds: "the trials of a sweep are numbered from 0 without gaps, and every run of a sweep is one of them",
        sql: "SELECT printf('sweep %s has %d trials, the last of them with number %d', sweep_id, n, high)
              FROM (SELECT sweep_id, COUNT(*) AS n, MAX(number) AS high FROM trials GROUP BY sweep_id) WHERE high <> n - 1
              UNION ALL
              SELECT printf('run %s belongs to sweep %s and to no trial of it', id, sweep_id) FROM runs r
              WHERE sweep_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trials t WHERE t.run_id = r.id AND t.sweep_id = r.sweep_id)",
    },
    Rule {
        holds: "the points of a path follow each other, and each has as many numbers as the others",
        sql: "SELECT printf('the path of run %s has %d bytes of points and %d bytes of numbers from step %d to step %d', run_id, length(points),
                     length(numbers), first_step, last_step)
              FROM (SELECT *, LAG(last_step) OVER own AS before,
                           length(numbers) * length(FIRST_VALUE(points) OVER own) <> length(FIRST_VALUE(numbers) OVER own) * length(points) AS uneven
                    FROM trajectory_chunks WINDOW own AS (PARTITION BY run_id ORDER BY first_step))
              WHERE length(points) = 0 OR length(points) % 56 <> 0 OR length(numbers) % (4 * length(points) / 56) <> 0 OR uneven
                 OR last_step < first_step OR first_step <= before",
    },
];

/// A row of `metric_chunks`.
#[derive(sqlx::FromRow)]
struct Chunk {
    run_id: String,
    series: String,
    first_step: i64,
    last_step: i64,
    steps: Vec<u8>,
    vals: Vec<u8>,
}

impl Chunk {
    /// What is wrong with this chunk, `before` being the last step of the same series before it.
    fn fault(&self, before: Option<u64>) -> Option<String> {
        if self.steps.is_empty()
            || !self.steps.len().is_multiple_of(8)
            || self.steps.len() != self.vals.len()
        {
            return Some(format!(
                "{} bytes of steps and {} bytes of values",
                self.steps.len(),
                self.vals.len()
            ));
        }
        let steps = self
            .steps
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes));
        let (mut last, mut n_steps) = (before, 0);
        for step in steps {
            if n_steps == 0 && i64::try_from(step) != Ok(self.first_step) {
                return Some(format!(
                    "its first step is {step}, its row says {}",
                    self.first_step
                ));
            }
            if last.is_some_and(|last| step <= last) {
                return Some(format!(
                    "step {step} comes after step {}",
                    last.unwrap_or_default()
                ));
            }
            last = Some(step);
            n_steps += 1;
        }
        (last.and_then(|step| i64::try_from(step).ok()) != Some(self.last_step)).then(|| {
            format!(
                "its last step is {}, its row says {}",
                last.unwrap_or_default(),
                self.last_step
            )
        })
    }
}

impl Snapshot {
    /// What breaks `rule`, in words.
    ///
    /// # Errors
    /// When the query cannot run, which on a damaged file it may not.
    pub async fn violations(&mut self, rule: &Rule) -> Result<Vec<String>, StoreError> {
        let mut found: Vec<String> = sqlx::query_scalar(rule.sql)
            .fetch(self.connection())
            .take(SHOWN + 1)
            .try_collect()
            .await?;
        if found.len() > SHOWN {
            found[SHOWN] = format!("... and more, although {}", rule.holds);
        }
        Ok(found)
    }

    /// What is wrong with the packed metrics: unequal lengths, steps that do not grow, steps other than the row says.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn metric_faults(&mut self) -> Result<Vec<String>, StoreError> {
        let mut chunks = sqlx::query_as::<_, Chunk>(
            "SELECT run_id, series, first_step, last_step, steps, vals FROM metric_chunks ORDER BY run_id, series, first_step",
        )
        .fetch(self.connection());
        let mut found = Vec::new();
        let mut before: Option<Chunk> = None;
        while let Some(chunk) = chunks.try_next().await? {
            let same = before
                .filter(|before| before.run_id == chunk.run_id && before.series == chunk.series);
            if let Some(fault) =
                chunk.fault(same.and_then(|before| u64::try_from(before.last_step).ok()))
            {
                found.push(format!(
                    "metrics {:?} of run {} from step {}: {fault}",
                    chunk.series, chunk.run_id, chunk.first_step
                ));
            }
            if found.len() > SHOWN {
                break;
            }
            before = Some(chunk);
        }
        Ok(found)
    }

    /// Every change of status that was ever recorded, once each: from, to.
    ///
    /// # Errors
    /// When a word is no status, or the table cannot be read.
    pub async fn changes(&mut self) -> Result<Vec<(Status, Status)>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT DISTINCT json_extract(body, '$.previous'), json_extract(body, '$.status') FROM events
             WHERE kind = 'state' AND json_extract(body, '$.previous') IS NOT NULL",
        )
        .fetch_all(self.connection())
        .await?)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    use sqlx::{ConnectOptions, Connection};

    use super::*;
    use crate::store::{DATABASE, Store};

    /// A dataset, a succeeded run with its whole life, and its model: sound.
    const SOUND: &[&str] = &[
        "INSERT INTO blobs VALUES ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0, x'', 1)",
        "INSERT INTO datasets SELECT 'd', 'ada', 'iris', sha256, 0, '{}', 150, 5, '{}', '{}', 1, 1, 1 FROM blobs",
        "INSERT INTO runs (id, owner, name, status, priority, family, dataset_id, dataset_sha256, dataset_schema, spec, model_name, model_version,
             weights_sha256, last_seq, phase_since_ms, created_at_ms, queued_at_ms, finished_at_ms)
         SELECT 'r', 'ada', 'iris', 'succeeded', 0, 'classification', 'd', sha256, '{}', '{}', 'iris', 1, sha256, 4, 1, 1, 1, 2 FROM blobs",
        r#"INSERT INTO events VALUES ('r', 1, 'state', 1, NULL, '{"status": "queued", "previous": null}')"#,
        "INSERT INTO events VALUES ('r', 2, 'metric', 1, 2, '{}')",
        r#"INSERT INTO events VALUES ('r', 3, 'state', 1, NULL, '{"status": "succeeded", "previous": "queued"}')"#,
        "INSERT INTO events VALUES ('r', 4, 'done', 1, NULL, '{}')",
        "INSERT INTO metric_chunks VALUES ('r', 'loss', 1, 2, 2, x'01000000000000000200000000000000', x'00000000000000000000000000000000')",
        "INSERT INTO trajectories VALUES ('r', '{}')",
        "INSERT INTO trajectory_chunks VALUES ('r', 0, 0, zeroblob(56), zeroblob(4))",
        "INSERT INTO landscapes VALUES ('l', 'r', NULL, 'key', '{}', 'ready', NULL, 1, '{}', 1, 2)",
        "INSERT INTO checkpoints SELECT 'r', 2, 1, sha256, 0, 1, 1 FROM blobs",
        "INSERT INTO sweeps (id, owner, name, status, spec, space, strategy, objective, rungs, seed, max_runs, parallel, active_since_ms,
             created_at_ms) VALUES ('s', 'ada', 'iris', 'running', '{}', '{}', '{}', '{}', '[]', 0, 5, 1, 1, 1)",
        "INSERT INTO trials (sweep_id, number, run_id, parameters) VALUES ('s', 0, 'r', '{}')",
        "UPDATE runs SET sweep_id = 's'",
        "INSERT INTO models SELECT 'ada', 'iris', 1, 'r', sha256, 0, '{}', '{}', 'd', 1 FROM blobs",
    ];

    async fn sound() -> (tempfile::TempDir, SqliteConnection) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Default::default())
            .await
            .unwrap();
        store.close().await;
        let mut connection = SqliteConnectOptions::new()
            .filename(folder.path().join(DATABASE))
            .connect()
            .await
            .unwrap();
        for statement in SOUND {
            sqlx::query(*statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        (folder, connection)
    }

    async fn found(folder: &tempfile::TempDir) -> Vec<(usize, String)> {
        let mut snapshot = Snapshot::open(&folder.path().join(DATABASE)).await.unwrap();
        let mut found = Vec::new();
        for (rule_idx, rule) in RULES.iter().enumerate() {
            let broken = snapshot
                .violations(rule)
                .await
                .unwrap_or_else(|e| panic!("{}: {e}", rule.holds));
            found.extend(broken.into_iter().map(|text| (rule_idx, text)));
        }
        found.extend(
            snapshot
                .metric_faults()
                .await
                .unwrap()
                .into_iter()
                .map(|text| (RULES.len(), text)),
        );
        found
    }

    #[tokio::test]
    async fn a_sound_record_breaks_no_rule() {
        let (folder, _connection) = sound().await;
        assert_eq!(found(&folder).await, []);
    }

    /// One row per way to break a rule: the rule's number, the statement that breaks it, words of the violation.
    #[tokio::test]
    async fn every_rule_finds_what_breaks_it() {
        let broken: &[(usize, &'static str, &str)] = &[
            (
                0,
                "DELETE FROM events WHERE seq = 2",
                "run r has 3 events numbered 1 to 4",
            ),
            (
                0,
                "UPDATE runs SET last_seq = 9",
                "its row says the last is 9",
            ),
            (0, "DELETE FROM events", "run r has 0 events"),
            (
                1,
                "UPDATE runs SET status = 'failed'",
                "run r is failed in its row and succeeded by its last state event",
            ),
            (
                2,
                r#"UPDATE events SET body = '{"status": "succeeded", "previous": "running"}' WHERE seq = 3"#,
                "leaves running, but the run was queued",
            ),
            (
                3,
                "UPDATE events SET kind = 'log' WHERE seq = 4",
                "0 done events",
            ),
            (
                3,
                r#"INSERT INTO events VALUES ('r', 5, 'state', 1, NULL, '{"status": "failed", "previous": "succeeded"}')"#,
                "has 2 final state events",
            ),
            (
                4,
                "UPDATE runs SET finished_at_ms = NULL",
                "finished at no time",
            ),
            (4, "UPDATE runs SET worker = 'w1'", "held by w1"),
            (
                5,
                "UPDATE runs SET dataset_sha256 = 'other'",
                "was submitted for bytes other",
            ),
            (
                6,
                "UPDATE datasets SET size_bytes = 7",
                "dataset d says 7 bytes",
            ),
            (
                6,
                "UPDATE checkpoints SET size_bytes = 7",
                "the checkpoint of run r at step 2 says 7 bytes",
            ),
            (
                7,
                "UPDATE blobs SET bytes = x'00'",
                "has 1 bytes instead of 0",
            ),
            (
                8,
                "UPDATE runs SET weights_sha256 = NULL",
                "names model iris version 1 with weights none",
            ),
            (
                9,
                "UPDATE models SET version = 2",
                "named version 1 of model iris; registered under it: iris version 2",
            ),
            (
                9,
                "INSERT INTO models SELECT owner, 'twin', 1, run_id, weights, 0, '{}', '{}', NULL, 1 FROM models",
                "twin version 1",
            ),
            (
                10,
                "DELETE FROM models",
                "run r became version 1 of model iris, which is not there",
            ),
            (
                11,
                "UPDATE metric_chunks SET seq = 3",
                "event 3, which is of kind state",
            ),
            (
                12,
                "DELETE FROM event_order WHERE seq = 3",
                "event 3 of run r has 0 places",
            ),
            (
                12,
                "UPDATE event_order SET seq = 9 WHERE seq = 2",
                "goes to event 9 of run r, which is missing",
            ),
            (
                13,
                "UPDATE runs SET metadata = '{'",
                "a document of run r is not JSON",
            ),
            (
                13,
                "UPDATE landscapes SET result = '{'",
                "a document of landscape l is not JSON",
            ),
            (
                14,
                "UPDATE trials SET number = 1",
                "has 1 trials, the last of them with number 1",
            ),
            (
                14,
                "DELETE FROM trials",
                "run r belongs to sweep s and to no trial of it",
            ),
            (
                15,
                "UPDATE trajectory_chunks SET points = x'00'",
                "1 bytes of points",
            ),
            (
                15,
                "UPDATE trajectory_chunks SET last_step = -1",
                "from step 0 to step -1",
            ),
            (
                15,
                "INSERT INTO trajectory_chunks VALUES ('r', 1, 1, zeroblob(56), zeroblob(8))",
                "8 bytes of numbers from step 1",
            ),
            (
                16,
                "UPDATE metric_chunks SET vals = x'00'",
                "16 bytes of steps and 1 bytes of values",
            ),
            (
                16,
                "UPDATE metric_chunks SET first_step = 0",
                "its first step is 1, its row says 0",
            ),
            (
                16,
                "UPDATE metric_chunks SET last_step = 9",
                "its last step is 2, its row says 9",
            ),
            (
                16,
                "UPDATE metric_chunks SET steps = x'01000000000000000100000000000000'",
                "step 1 comes after step 1",
            ),
            (
                16,
                "INSERT INTO metric_chunks VALUES ('r', 'loss', 2, 2, 2, x'0200000000000000', x'0000000000000000')",
                "step 2 comes after step 2",
            ),
        ];
        for (rule_idx, statement, words) in broken {
            let (folder, mut connection) = sound().await;
            sqlx::query("PRAGMA foreign_keys = OFF")
                .execute(&mut connection)
                .await
                .unwrap();
            sqlx::query(*statement)
                .execute(&mut connection)
                .await
                .unwrap();
            let found = found(&folder).await;
            assert!(
                found
                    .iter()
                    .any(|(idx, text)| idx == rule_idx && text.contains(words)),
                "{statement}: expected rule {rule_idx} to say {words:?}, found {found:#?}"
            );
        }
        for rule_idx in 0..=RULES.len() {
            assert!(
                broken.iter().any(|(idx, ..)| *idx == rule_idx),
                "rule {rule_idx} has no proof"
            );
        }
    }

    #[tokio::test]
    async fn integrity_and_schema_are_looked_at() {
        let (folder, mut connection) = sound().await;
        let open = || async { Snapshot::open(&folder.path().join(DATABASE)).await.unwrap() };
        assert_eq!(
            open().await.integrity().await.unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            open().await.schema_faults().await.unwrap(),
            Vec::<String>::new()
        );

        sqlx::query("PRAGMA foreign_keys = OFF")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query("DELETE FROM blobs")
            .execute(&mut connection)
            .await
            .unwrap();
        let wrong = open().await.integrity().await.unwrap();
        assert!(
            wrong
                .iter()
                .any(|line| line.contains("table datasets refers to a missing row of blobs")),
            "{wrong:?}"
        );

        sqlx::query("INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 1")
            .execute(&mut connection)
            .await
            .unwrap();
        let wrong = open().await.schema_faults().await.unwrap().join("; ");
        assert!(
            wrong.contains("migration 9999 is unknown")
                && wrong.contains("migration 1 is not applied"),
            "{wrong}"
        );
        connection.close().await.unwrap();
    }
}
