//! Asks and prints.

use std::io::{self, Write};

use logmill_query::format::{Form, Writer};
use logmill_query::{Answer, Engine, Figures, QueryError, Question};
use logmill_world::World;
use prometheus::Registry;

use crate::cli::{QueryArgs, QueryFormat};
use crate::exit::{Failure, INTERNAL, UNAVAILABLE, USAGE};
use crate::serve::query::Queries;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, args: &QueryArgs) -> anyhow::Result<()> {
    let queries = Queries::threads()?;
    let engine = queries.engine(&World::real(), settings, &Registry::new())?;
    let done = queries.wait(ask(&engine, args, &mut io::stdout().lock()));
    queries.end();
    match done {
        // Who reads the answer, `head` for example, has enough.
        Err(error) if is_closed(&error) => Ok(()),
        done => done,
    }
}

async fn ask(engine: &std::sync::Arc<Engine>, args: &QueryArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let question = Question { sql: args.sql.clone(), first: args.limit };
    let mut answer = engine.ask(question).await.map_err(|error| failure(&error))?;
    print(&mut answer, args.format, out).await?;
    if args.stats {
        eprintln!("{}", stats(answer.figures()));
    }
    Ok(())
}

async fn print(answer: &mut Answer, format: QueryFormat, out: &mut impl Write) -> anyhow::Result<()> {
    let form = match format {
        QueryFormat::Table => Form::Table,
        QueryFormat::Json => Form::Ndjson,
        QueryFormat::Csv => Form::Csv,
        QueryFormat::Arrow => Form::Arrow,
    };
    let mut writer = Writer::new(form, answer.schema()).map_err(|error| failure(&error))?;
    while let Some(rows) = answer.next().await.map_err(|error| failure(&error))? {
        out.write_all(&writer.rows(&rows).map_err(|error| failure(&error))?)?;
    }
    out.write_all(&writer.end().map_err(|error| failure(&error))?)?;
    Ok(out.flush()?)
}

fn stats(figures: Figures) -> String {
    let Figures { matched, skipped, opened, bytes } = figures;
    format!("files: {matched} matched, {skipped} skipped, {opened} opened; {bytes} bytes read")
}

fn failure(error: &QueryError) -> Failure {
    let code = match error {
        QueryError::Statement(_) | QueryError::NotAQuery(_) | QueryError::Limit { .. } => USAGE,
        QueryError::Busy(_) | QueryError::Unavailable(_) => UNAVAILABLE,
        QueryError::Failed(_) => INTERNAL,
    };
    Failure::new(code, format!("query: {error}"))
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
