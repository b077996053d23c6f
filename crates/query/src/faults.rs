//! The engine's errors in our words: what is wrong, where in the statement, and what there is instead.

use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::TableReference;

use crate::config::Limits;
use crate::error::{Limit, QueryError};

/// Names that are listed.
const LISTED: usize = 40;
/// How like a name must be to be what was meant, 0 to 1.
const LIKE: f64 = 0.75;

/// Errors of a statement's form.
pub(crate) fn syntax(error: &DataFusionError) -> QueryError {
    match error.find_root() {
        DataFusionError::SQL(error, _) => unreadable(&error.to_string()),
        other => unreadable(&other.message()),
    }
}

/// A statement that cannot be read, in the parser's words, which end with the place.
pub(crate) fn unreadable(what: &str) -> QueryError {
    let what = what.strip_prefix("sql parser error: ").unwrap_or(what);
    let what = what.replace(" at Line: ", " at line ").replace(", Column: ", ", column ");
    QueryError::Statement(format!("the statement cannot be read: {what}"))
}

/// A table that there is not.
pub(crate) fn no_table(name: &TableReference, there: &[String], absent: &[(String, String)]) -> QueryError {
    if let Some((_, why)) = absent.iter().find(|(table, _)| table == name.table()) {
        return QueryError::Statement(format!("there is no table `{name}` here: {why}"));
    }
    QueryError::Statement(format!("there is no table `{name}`{}", instead(name.table(), there)))
}

/// What the engine's error says to who asked.
pub(crate) fn explain(error: &DataFusionError, limits: &Limits) -> QueryError {
    let place = place(error);
    if let Some(error) = ours(error) {
        return error;
    }
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => QueryError::Statement(format!("{}{place}", schema(error))),
        DataFusionError::ResourcesExhausted(_) => out_of_memory(limits),
        DataFusionError::SQL(error, _) => unreadable(&error.to_string()),
        DataFusionError::Internal(text) => failed(text),
        DataFusionError::ExecutionJoin(error) => failed(&error.to_string()),
        other => QueryError::Statement(format!("{}{place}", in_one_line(&other.message()))),
    }
}

fn failed(text: &str) -> QueryError {
    tracing::error!(error = text, "a question could not be answered");
    QueryError::Failed(format!("the question could not be answered: {}", in_one_line(text)))
}

/// An error that came out of a table.
fn ours(error: &DataFusionError) -> Option<QueryError> {
    match error.find_root() {
        DataFusionError::External(cause) => cause.downcast_ref::<QueryError>().cloned(),
        DataFusionError::ArrowError(error, _) => match &**error {
            datafusion::arrow::error::ArrowError::ExternalError(cause) => {
                let inner = cause.downcast_ref::<DataFusionError>().and_then(ours);
                inner.or_else(|| cause.downcast_ref::<QueryError>().cloned())
            }
            _ => None,
        },
        _ => None,
    }
}

fn out_of_memory(limits: &Limits) -> QueryError {
    let text = format!(
        "the answer needs more than is left of {} MiB for all questions together (query.memory): ask for a shorter time, fewer \
         groups or fewer columns in ORDER BY, repeat later, or raise it",
        limits.memory >> 20
    );
    QueryError::Limit { limit: Limit::Memory, text }
}

/// In one line: the engine puts what it proposes into a second one.
fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn schema(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut names: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
            names.dedup();
            format!("there is no column `{}`{}", field.name, instead(&field.name, &names))
        }
        SchemaError::AmbiguousReference { field } => {
            format!("several columns are called `{}`: name the table, too", field.name)
        }
        other => other.to_string(),
    }
}

/// The name that was probably meant, and all that there are.
fn instead(name: &str, there: &[String]) -> String {
    let likeness = |known: &&String| strsim::jaro_winkler(&name.to_lowercase(), known);
    let nearest = there.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let meant = match nearest.filter(|nearest| likeness(nearest) >= LIKE) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => ";".to_owned(),
    };
    let listed = there.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if listed.is_empty() { format!("{meant} there is none") } else { format!("{meant} there are {listed}") }
}

/// Where in the statement, if the engine knows.
fn place(error: &DataFusionError) -> String {
    let span = error.diagnostic().and_then(|found: &Diagnostic| found.span);
    span.map(|span| format!(" (line {}, column {})", span.start.line, span.start.column)).unwrap_or_default()
}
