//! The rows of a claim, as objects.

use logmill_queue::{Class, QueueError};

use crate::claim::Claim;
use crate::clickhouse::{ClickHouse, Statement, place};
use crate::columns::Columns;
use crate::line::Format;
use crate::object::{Builder, Built};
use crate::rows::{Malformed, Rows};

/// Reads the rows between the ends of a claim, with the expressions that it was made with, and hands over what becomes of each target, in their order.
/// `columns` are those of today: they say where a record's place and stream stand.
///
/// # Errors
/// The rows cannot be read to their end. What was handed over is complete all the same.
pub async fn fetch(
    clickhouse: &ClickHouse,
    columns: &Columns,
    claim: &Claim,
    mut built: impl FnMut(Built),
) -> Result<(), QueueError> {
    let format = Format::of(claim.format).ok_or_else(|| {
        let reason =
            format!("claim {} of {:?} has lines of {} fields", claim.seq, claim.stream, claim.format);
        QueueError::new(Class::Invalid, reason)
    })?;
    let mut answer = clickhouse.ask(&statement(clickhouse, columns, claim)).await?;
    let (mut builder, mut rows) = (Builder::new(claim, format), Rows::default());
    while let Some(piece) = answer.piece().await? {
        let taken = rows.push(&piece, |row| builder.take(row).into_iter().for_each(&mut built));
        taken.map_err(malformed)?;
    }
    rows.end().map_err(malformed)?;
    builder.end().into_iter().for_each(built);
    Ok(())
}

fn malformed(error: Malformed) -> QueueError {
    QueueError::caused(Class::Unavailable, "an object cannot be built", error)
}

/// The hash ends the order: without it rows alike in everything else would come in any order, and an object would not always have the same bytes.
fn statement(clickhouse: &ClickHouse, columns: &Columns, claim: &Claim) -> Statement {
    let [at, time, id] = ["inserted_at", "time", "request_id"].map(|name| columns.of(name));
    let place_of = columns.place();
    let sql = format!(
        "SELECT {} FROM {}\n\
         WHERE {of_stream} AND {at} >= toDateTime({{from_at:UInt32}}) AND {at} <= toDateTime({{to_at:UInt32}})\n\
         AND {place_of} > {} AND {place_of} <= {}\n\
         ORDER BY 2, 3, {time}, {id}, 1 FORMAT RowBinary",
        claim.columns,
        clickhouse.table("access_logs_federated"),
        place("from"),
        place("to"),
        of_stream = columns.is_of_stream(),
    );
    let statement = Statement::new(sql)
        .setting("prefer_column_name_to_alias", "1")
        .setting("enable_positional_arguments", "1");
    statement.stream(&claim.stream).place("from", &claim.from).place("to", &claim.to)
}
