//! What is taken as a statement: one query, of a size and depth that can be planned.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParser, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{self, ObjectName, Query, SetExpr, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::QueryError;
use crate::faults;

/// Bytes of a statement.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// Operators of a statement: each can be one level of what is planned by recursion.
const MAX_OPERATORS: usize = 500;
/// Tables that a statement names, each of those in a `WITH` as often as it is used.
const MAX_TABLES: u64 = 50;

/// A statement that is a query.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) inner: Parsed,
}

/// Reads a statement and sees to it that it is one query, or `EXPLAIN` before one.
pub(crate) fn read(sql: &str) -> Result<Statement, QueryError> {
    if sql.len() > MAX_BYTES {
        return Err(too_large(&format!("{} bytes, at most {MAX_BYTES} are taken", sql.len())));
    }
    count_operators(sql)?;
    let parsed =
        DFParser::parse_sql_with_dialect(sql, &GenericDialect {}).map_err(|error| faults::syntax(&error))?;
    let mut parsed = parsed.into_iter();
    let (Some(inner), None) = (parsed.next(), parsed.next()) else {
        return Err(QueryError::Statement("one statement is expected, neither none nor several".to_owned()));
    };
    let query = query_of(&inner).ok_or_else(|| not_a_query(&inner.to_string()))?;
    look_into(query)?;
    Ok(Statement { inner })
}

/// Whether a plan only reads: the same once more, by what the engine would do.
pub(crate) fn check(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| not_a_query(&plan.display().to_string()))
}

fn query_of(statement: &Parsed) -> Option<&Query> {
    match statement {
        Parsed::Statement(statement) => match &**statement {
            ast::Statement::Query(query) => Some(query),
            _ => None,
        },
        Parsed::Explain(explain) => query_of(&explain.statement),
        _ => None,
    }
}

fn not_a_query(what: &str) -> QueryError {
    let word = what.split([' ', '(', ':']).next().unwrap_or_default();
    QueryError::NotAQuery(format!(
        "{word} is not a query: only SELECT, WITH, VALUES and EXPLAIN are answered, nothing is changed"
    ))
}

fn too_large(what: &str) -> QueryError {
    QueryError::Statement(format!("the statement is too large: it has {what}"))
}

/// The parser limits how deep brackets nest; a chain of operators becomes as deep without any.
fn count_operators(sql: &str) -> Result<(), QueryError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| faults::unreadable(&error.to_string()))?;
    let operators = tokens.iter().filter(|token| is_operator(token)).count();
    if operators > MAX_OPERATORS {
        return Err(too_large(&format!(
            "{operators} operators, at most {MAX_OPERATORS} are taken; IN (...) may help"
        )));
    }
    Ok(())
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::XOR
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::IN
                | Keyword::CASE
                | Keyword::WHEN
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::JOIN
                | Keyword::EXPLAIN
                | Keyword::AT
                | Keyword::COLLATE
                | Keyword::DIV
        ),
        Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::RBracket
        | Token::RBrace
        | Token::Colon
        | Token::Number(..)
        | Token::Whitespace(_)
        | Token::EOF => false,
        other => !is_text(other),
    }
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::DollarQuotedString(_)
    )
}

/// Sees to it that nothing but reading is inside, and that a `WITH` does not multiply what it names.
fn look_into(query: &Query) -> Result<(), QueryError> {
    let mut named = Vec::new();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let weight = weigh(&table.query, &named)?;
        named.push((table.alias.name.value.to_lowercase(), weight));
    }
    let mut look = Look { named: &named, tables: 0, depth: 0 };
    settle(query.visit(&mut look), &look)
}

/// Tables that a query inside of a `WITH` reads.
fn weigh(query: &Query, named: &[(String, u64)]) -> Result<u64, QueryError> {
    let mut look = Look { named, tables: 0, depth: 1 };
    settle(query.visit(&mut look), &look)?;
    Ok(look.tables)
}

fn settle(flow: ControlFlow<QueryError>, look: &Look<'_>) -> Result<(), QueryError> {
    match flow {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) if look.tables > MAX_TABLES => {
            Err(too_large(&format!("{} tables, at most {MAX_TABLES} are taken", look.tables)))
        }
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Look<'a> {
    named: &'a [(String, u64)],
    tables: u64,
    depth: u32,
}

impl Visitor for Look<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        if self.depth > 0 && query.with.is_some() {
            let text = "WITH is taken only at the beginning of a statement: move it there".to_owned();
            return ControlFlow::Break(QueryError::Statement(text));
        }
        self.depth += 1;
        match &*query.body {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                ControlFlow::Break(not_a_query(&query.body.to_string()))
            }
            SetExpr::Select(select) if select.into.is_some() => {
                ControlFlow::Break(not_a_query("SELECT-INTO"))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<QueryError> {
        let name = relation.to_string().to_lowercase();
        let weight =
            self.named.iter().rev().find(|(known, _)| *known == name).map_or(1, |(_, weight)| *weight);
        self.tables = self.tables.saturating_add(weight.max(1));
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &ast::Statement) -> ControlFlow<QueryError> {
        ControlFlow::Break(not_a_query(&statement.to_string()))
    }
}
