//! Judgements as Iceberg's predicates, by which it leaves out manifests, files and row groups.

use iceberg::expr::{Predicate, Reference};
use iceberg::spec::{Datum, PrimitiveType, Schema, Type};

use crate::judge::{Judgement, Op, Value};

/// The predicate of a judgement; none for what it cannot say, so that more is read.
pub(super) fn of(judgement: &Judgement, schema: &Schema) -> Option<Predicate> {
    match judgement {
        Judgement::All(parts) => parts.iter().filter_map(|part| of(part, schema)).reduce(Predicate::and),
        Judgement::Any(parts) => {
            let parts = parts.iter().map(|part| of(part, schema)).collect::<Option<Vec<_>>>()?;
            parts.into_iter().reduce(Predicate::or)
        }
        Judgement::Compare(name, op, value) => {
            let (column, datum) = (Reference::new(name), datum(schema, name, value)?);
            Some(match op {
                Op::Equal => column.equal_to(datum),
                Op::Less => column.less_than(datum),
                Op::LessOrEqual => column.less_than_or_equal_to(datum),
                Op::Greater => column.greater_than(datum),
                Op::GreaterOrEqual => column.greater_than_or_equal_to(datum),
            })
        }
        Judgement::OneOf(name, values) => {
            let data = values.iter().map(|value| datum(schema, name, value)).collect::<Option<Vec<_>>>()?;
            Some(Reference::new(name).is_in(data))
        }
        Judgement::Begins(name, text) => {
            let text = datum(schema, name, &Value::Text(text.clone()))?;
            Some(Reference::new(name).starts_with(text))
        }
        Judgement::Null(name) => primitive(schema, name).map(|_| Reference::new(name).is_null()),
        Judgement::NotNull(name) => primitive(schema, name).map(|_| Reference::new(name).is_not_null()),
    }
}

fn primitive<'a>(schema: &'a Schema, name: &str) -> Option<&'a PrimitiveType> {
    match &*schema.field_by_name(name)?.field_type {
        Type::Primitive(primitive) => Some(primitive),
        _ => None,
    }
}

/// A value in the column's own type.
fn datum(schema: &Schema, name: &str, value: &Value) -> Option<Datum> {
    Some(match (primitive(schema, name)?, value) {
        (PrimitiveType::String, Value::Text(text)) => Datum::string(text),
        (PrimitiveType::Int, Value::Whole(number)) => Datum::int(i32::try_from(*number).ok()?),
        (PrimitiveType::Long, Value::Whole(number)) => Datum::long(*number),
        (PrimitiveType::Timestamptz, Value::Time(micros)) => Datum::timestamptz_micros(*micros),
        _ => return None,
    })
}
