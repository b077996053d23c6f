//! What a filter says of single columns, as far as whole files can be judged by it.
//!
//! A judgement is never stricter than its filter: what cannot be said is left out. The engine filters the rows once more.

#[cfg(test)]
mod tests;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Cast, InList, TryCast};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Whole(i64),
    /// Microseconds since 1970.
    Time(i64),
}

/// What must hold of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judgement {
    All(Vec<Judgement>),
    Any(Vec<Judgement>),
    Compare(String, Op, Value),
    OneOf(String, Vec<Value>),
    Begins(String, String),
    Null(String),
    NotNull(String),
}

impl Judgement {
    /// What a filter says; none if files cannot be judged by it.
    pub(crate) fn of(filter: &Expr) -> Option<Self> {
        match filter {
            Expr::BinaryExpr(binary) => of_binary(binary),
            Expr::InList(InList { expr, list, negated: false }) => of_list(expr, list),
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let low = compare(expr, Op::GreaterOrEqual, low);
                let high = compare(expr, Op::LessOrEqual, high);
                all(low.into_iter().chain(high).collect())
            }
            Expr::Like(like) => of_like(like),
            Expr::IsNull(inner) => column(inner).map(Self::Null),
            Expr::IsNotNull(inner) => column(inner).map(Self::NotNull),
            _ => None,
        }
    }

    /// What several filters say, all of which must hold.
    pub(crate) fn of_all(filters: &[Expr]) -> Option<Self> {
        all(filters.iter().filter_map(Self::of).collect())
    }
}

fn all(mut parts: Vec<Judgement>) -> Option<Judgement> {
    if parts.len() > 1 { Some(Judgement::All(parts)) } else { parts.pop() }
}

fn of_binary(BinaryExpr { left, op, right }: &BinaryExpr) -> Option<Judgement> {
    match op {
        Operator::And => all([left, right].into_iter().filter_map(|side| Judgement::of(side)).collect()),
        Operator::Or => Some(Judgement::Any(vec![Judgement::of(left)?, Judgement::of(right)?])),
        _ => {
            let (op, turned) = comparison(*op)?;
            compare(left, op, right).or_else(|| compare(right, turned, left))
        }
    }
}

/// A comparison, and the same with its sides exchanged.
fn comparison(op: Operator) -> Option<(Op, Op)> {
    Some(match op {
        Operator::Eq => (Op::Equal, Op::Equal),
        Operator::Lt => (Op::Less, Op::Greater),
        Operator::LtEq => (Op::LessOrEqual, Op::GreaterOrEqual),
        Operator::Gt => (Op::Greater, Op::Less),
        Operator::GtEq => (Op::GreaterOrEqual, Op::LessOrEqual),
        _ => return None,
    })
}

fn of_list(side: &Expr, list: &[Expr]) -> Option<Judgement> {
    let name = column(side)?;
    let values = list.iter().map(|item| literal(item).and_then(value)).collect::<Option<Vec<_>>>()?;
    Some(Judgement::OneOf(name, values))
}

fn of_like(like: &Like) -> Option<Judgement> {
    let Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false } = like else {
        return None;
    };
    let Value::Text(pattern) = value(literal(pattern)?)? else { return None };
    let fixed = pattern.split(['%', '_', '\\']).next().unwrap_or_default();
    let name = column(expr).filter(|_| !fixed.is_empty())?;
    Some(Judgement::Begins(name, fixed.to_owned()))
}

fn compare(side: &Expr, op: Op, other: &Expr) -> Option<Judgement> {
    let literal = literal(other)?;
    if let Some(name) = column(side) {
        return Some(Judgement::Compare(name, op, value(literal)?));
    }
    // A time that is compared with a more exact one is made more exact itself, or is cut to its day.
    let (Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. })) = side else { return None };
    let name = column(expr)?;
    match literal {
        ScalarValue::Date32(Some(day)) => Some(of_day(name, op, i64::from(*day))),
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(of_nanos(name, op, *nanos)),
        _ => None,
    }
}

fn of_nanos(name: String, op: Op, nanos: i64) -> Judgement {
    let below = nanos.div_euclid(1000);
    let above = below + i64::from(nanos.rem_euclid(1000) != 0);
    let micros = if matches!(op, Op::Less | Op::GreaterOrEqual) { above } else { below };
    Judgement::Compare(name, op, Value::Time(micros))
}

/// Times whose day compares so.
fn of_day(name: String, op: Op, day: i64) -> Judgement {
    let (begin, end) = (Value::Time(day.saturating_mul(DAY)), Value::Time((day + 1).saturating_mul(DAY)));
    match op {
        Op::Equal => Judgement::All(vec![
            Judgement::Compare(name.clone(), Op::GreaterOrEqual, begin),
            Judgement::Compare(name, Op::Less, end),
        ]),
        Op::Less => Judgement::Compare(name, Op::Less, begin),
        Op::LessOrEqual => Judgement::Compare(name, Op::Less, end),
        Op::Greater => Judgement::Compare(name, Op::GreaterOrEqual, end),
        Op::GreaterOrEqual => Judgement::Compare(name, Op::GreaterOrEqual, begin),
    }
}

fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn value(scalar: &ScalarValue) -> Option<Value> {
    Some(match scalar {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Value::Text(text.clone()),
        ScalarValue::Int32(Some(number)) => Value::Whole(i64::from(*number)),
        ScalarValue::Int64(Some(number)) => Value::Whole(*number),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Value::Time(*micros),
        _ => return None,
    })
}
