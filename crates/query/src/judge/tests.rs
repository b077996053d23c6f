use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, col, lit};

use super::{Judgement, Op, Value};

fn compare(name: &str, op: Op, value: Value) -> Option<Judgement> {
    Some(Judgement::Compare(name.to_owned(), op, value))
}

fn nanos(value: i64) -> Expr {
    Expr::Literal(ScalarValue::TimestampNanosecond(Some(value), Some("+00:00".into())), None)
}

fn exact() -> Expr {
    cast(col("timestamp"), DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())))
}

#[test]
fn a_comparison_holds_from_either_side() {
    let text = || Value::Text("x".to_owned());
    assert_eq!(Judgement::of(&col("a").lt(lit("x"))), compare("a", Op::Less, text()));
    assert_eq!(Judgement::of(&lit("x").lt(col("a"))), compare("a", Op::Greater, text()));
    assert_eq!(Judgement::of(&col("a").not_eq(lit("x"))), None);
    assert_eq!(Judgement::of(&col("a").eq(col("b"))), None);
}

#[test]
fn a_part_that_says_nothing_is_left_out_of_and_and_ends_or() {
    let known = || col("a").eq(lit(1i64));
    let unknown = || col("a").not_eq(col("b"));
    assert_eq!(Judgement::of(&known().and(unknown())), compare("a", Op::Equal, Value::Whole(1)));
    assert_eq!(Judgement::of(&known().or(unknown())), None);
    assert_eq!(Judgement::of(&known().or(known())).map(|it| matches!(it, Judgement::Any(_))), Some(true));
}

#[test]
fn a_more_exact_time_is_rounded_so_that_no_row_is_lost() {
    // 1,500 ns lie between the microseconds 1 and 2.
    assert_eq!(Judgement::of(&exact().gt(nanos(1500))), compare("timestamp", Op::Greater, Value::Time(1)));
    assert_eq!(
        Judgement::of(&exact().gt_eq(nanos(1500))),
        compare("timestamp", Op::GreaterOrEqual, Value::Time(2))
    );
    assert_eq!(Judgement::of(&exact().lt(nanos(1500))), compare("timestamp", Op::Less, Value::Time(2)));
    assert_eq!(
        Judgement::of(&exact().lt_eq(nanos(1500))),
        compare("timestamp", Op::LessOrEqual, Value::Time(1))
    );
    assert_eq!(Judgement::of(&exact().lt(nanos(-1500))), compare("timestamp", Op::Less, Value::Time(-1)));
}

#[test]
fn a_day_is_the_times_within_it() {
    let day = 86_400_000_000;
    let date = |days| Expr::Literal(ScalarValue::Date32(Some(days)), None);
    let cut = || cast(col("timestamp"), DataType::Date32);
    let at = |op, time| Judgement::Compare("timestamp".to_owned(), op, Value::Time(time));
    assert_eq!(
        Judgement::of(&cut().eq(date(2))),
        Some(Judgement::All(vec![at(Op::GreaterOrEqual, 2 * day), at(Op::Less, 3 * day)]))
    );
    assert_eq!(Judgement::of(&cut().gt(date(2))), Some(at(Op::GreaterOrEqual, 3 * day)));
    assert_eq!(Judgement::of(&cut().lt_eq(date(2))), Some(at(Op::Less, 3 * day)));
}

#[test]
fn a_pattern_says_how_a_text_begins() {
    let begins = |text: &str| Some(Judgement::Begins("a".to_owned(), text.to_owned()));
    assert_eq!(Judgement::of(&col("a").like(lit("pay%ment"))), begins("pay"));
    assert_eq!(Judgement::of(&col("a").like(lit("p_y"))), begins("p"));
    assert_eq!(Judgement::of(&col("a").like(lit("%pay"))), None);
    assert_eq!(Judgement::of(&col("a").not_like(lit("pay%"))), None);
    assert_eq!(Judgement::of(&col("a").ilike(lit("pay%"))), None);
}
