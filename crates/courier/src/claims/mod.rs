//! The table of claims: who comes first is right.

mod wire;

use logmill_queue::{Class, QueueError};

use crate::claim::{Claim, Stream};
use crate::clickhouse::{ClickHouse, Statement};

/// The claims of all streams, in `logs.batches`.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'c> {
    clickhouse: &'c ClickHouse,
    /// Who claims, for people who look at the table.
    instance: &'c str,
}

impl<'c> Claims<'c> {
    /// Those of a server.
    #[must_use]
    pub fn new(clickhouse: &'c ClickHouse, instance: &'c str) -> Self {
        Self { clickhouse, instance }
    }

    /// Claims, unless somebody has claimed this number of the stream: then nothing happens. Either way [`Self::winner`] says what stands. An attempt
    /// above 0 is for a number whose token is known though no row of it is there.
    ///
    /// # Errors
    /// Nobody knows whether it was inserted.
    pub async fn propose(&self, claim: &Claim, attempt: u8) -> Result<(), QueueError> {
        let sql = format!(
            "INSERT INTO {} ({}) FORMAT RowBinary\n",
            self.clickhouse.table("batches"),
            wire::INSERTED
        );
        let body = [sql.as_bytes(), &wire::row(claim, attempt, self.instance)].concat();
        let statement = Statement::new(body);
        let statement = statement.setting("insert_deduplication_token", &token(claim, attempt));
        let statement = statement.setting("insert_deduplicate", "1").setting("async_insert", "0");
        self.clickhouse.run(&statement).await
    }

    /// What stands as this number of a stream. Should there be several rows, the first of them in the server's time.
    ///
    /// # Errors
    /// The table cannot be read, or says what no claim can say.
    pub async fn winner(&self, stream: &Stream, seq: u64) -> Result<Option<Claim>, QueueError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE raftSessionID = {{session:UInt16}} AND bucketName = {{bucket:String}} AND seq = {{seq:UInt64}}\n\
             ORDER BY attempt, claimed_at, id LIMIT 1",
            wire::SELECTED,
            self.clickhouse.table("batches")
        );
        let statement = Statement::new(sql).stream(stream).with("seq", &seq.to_string());
        let found: Vec<wire::Found> = self.clickhouse.rows(&statement).await?;
        let claim = found.into_iter().next().map(|found| found.claim(stream, seq)).transpose();
        claim.map_err(|reason| {
            let name = format!(
                "claim {seq} of {}/{} in {}",
                stream.bucket,
                stream.session,
                self.clickhouse.table("batches")
            );
            QueueError::new(Class::Corrupt, format!("{name} cannot be read: {reason}"))
        })
    }
}

/// What two claims of the same number have in common, whatever they say.
fn token(claim: &Claim, attempt: u8) -> String {
    let Stream { bucket, session } = &claim.stream;
    format!("{session}/{}/{attempt}/{bucket}", claim.seq)
}
