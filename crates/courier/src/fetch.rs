//! The rows of a claim, as objects.

use logmill_queue::{Class, QueueError};

use crate::claim::{Claim, Place};
use crate::clickhouse::{ClickHouse, Statement};
use crate::columns::{Columns, quoted};
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
        let taken = rows.push(&piece, |row| {
            builder.take(row).into_iter().for_each(&mut built);
            Ok::<(), Malformed>(())
        });
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
    let [at, time, id] = columns.place();
    let [bucket, session] = columns.stream();
    let place = format!("({at}, {time}, ifNull({id}, ''))");
    let sql = format!(
        "SELECT {} FROM {}.access_logs_federated\n\
         WHERE {session} = {{session:UInt16}} AND {bucket} = {{bucket:String}}\n\
         AND {at} >= toDateTime({{from_at:UInt32}}) AND {at} <= toDateTime({{to_at:UInt32}})\n\
         AND {place} > {} AND {place} <= {}\n\
         ORDER BY 2, 3, {time}, {id}, 1 FORMAT RowBinary",
        claim.columns,
        quoted(clickhouse.database()),
        bound("from"),
        bound("to"),
    );
    let statement = Statement::new(sql)
        .setting("prefer_column_name_to_alias", "1")
        .setting("enable_positional_arguments", "1");
    let statement =
        statement.with("bucket", &claim.stream.bucket).with("session", &claim.stream.session.to_string());
    with(with(statement, "from", &claim.from), "to", &claim.to)
}

/// A place as parameters of a statement.
pub(crate) fn bound(name: &str) -> String {
    format!(
        "(toDateTime({{{name}_at:UInt32}}), fromUnixTimestamp64Milli({{{name}_time:Int64}}), base64Decode({{{name}_id:String}}))"
    )
}

/// The values of [`bound`].
pub(crate) fn with(statement: Statement, name: &str, place: &Place) -> Statement {
    let statement = statement.with(&format!("{name}_at"), &place.inserted_at.to_string());
    let statement = statement.with(&format!("{name}_time"), &place.start_time.to_string());
    statement.with(&format!("{name}_id"), &place.id())
}
