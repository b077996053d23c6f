use proptest::prelude::*;

use super::super::{MAX_WINDOWS, query};
use super::*;

const RANGE: &str = "from=2025-12-28T18&to=2025-12-28T19";

/// The parameter that is blamed, what is shown of its value, and what is allowed.
async fn refused(uri: &str) -> (String, String, String) {
    let windows = Fixed::of(&[]);
    let reply = get(&windows, uri).await;
    assert_eq!(reply.problem(), "400 invalid-parameter", "{uri}");
    assert!(windows.asked.lock().unwrap().is_empty(), "{uri} was asked");
    let problem = reply.json();
    let member = |name: &str| problem[name].as_str().unwrap_or("-").to_owned();
    let (parameter, value, allowed) = (member("parameter"), member("value"), member("allowed"));
    let detail = member("detail");
    assert!(detail.contains(&format!("`{parameter}`")) && detail.contains(&allowed), "{detail}");
    assert!(value == "-" || detail.contains(&value), "{detail}");
    (parameter, value, allowed)
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_came_and_what_is_allowed() {
    let time = "an RFC 3339 time";
    let series = "customer, from, to, window, by, limit";
    for (query, parameter, value, allowed) in [
        ("", "from", "-", time),
        ("from=2025-12-28", "to", "-", time),
        ("from=&to=2025-12-28", "from", "", time),
        ("from=yesterday&to=2025-12-28", "from", "yesterday", time),
        ("from=2025-02-29&to=2025-12-28", "from", "2025-02-29", "a day or a time of day that does not exist"),
        ("from=1969-12-31&to=2025-12-28", "from", "1969-12-31", "1970 to 9999"),
        ("from=2025-12-28T24&to=2025-12-29", "from", "2025-12-28T24", "does not exist"),
        ("from=2025-12-28T18&to=2025-12-28T18", "from", "2025-12-28T18", "a time before `to`"),
        ("from=2025-12-28T18:01&to=2025-12-28T18:00:59Z", "from", "2025-12-28T18:01", "a time before `to`"),
        (
            "from=2025-12-28&to=2025-12-29T01:00:00.5Z&window=minute",
            "to",
            "2025-12-29T01:00:00.5Z",
            "at most 1500 windows, here up to 2025-12-29T01:00:00Z",
        ),
        ("from=1970-01-01&to=9999-12-31&window=day", "to", "9999-12-31", "up to 1974-02-09T00:00:00Z"),
        (&format!("{RANGE}&limit=1001"), "limit", "1001", "from 0 (totals only) to 1000"),
        (&format!("{RANGE}&limit=-1"), "limit", "-1", "a whole number"),
        (&format!("{RANGE}&limit=+1"), "limit", "+1", "a whole number"),
        (&format!("{RANGE}&limit="), "limit", "", "a whole number"),
        (&format!("{RANGE}&limit=99999999999999999999999"), "limit", "99999999999999999999999", "1000"),
        (&format!("{RANGE}&window=week"), "window", "week", "minute, hour or day"),
        (&format!("{RANGE}&window=Minute"), "window", "Minute", "minute, hour or day"),
        (&format!("{RANGE}&by=country"), "by", "country", "path or user_agent"),
        (&format!("{RANGE}&customer="), "customer", "", "1 to 64 characters"),
        (&format!("{RANGE}&customer=../etc"), "customer", "../etc", "1 to 64 characters"),
        (&format!("{RANGE}&customer=%C3%BC"), "customer", "ü", "1 to 64 characters"),
        (&format!("{RANGE}&customer=%ff"), "customer", "%ff", "UTF-8"),
        (&format!("{RANGE}&customer=a%2"), "customer", "a%2", "percent-encoded"),
        (&format!("{RANGE}&customer=a%+1"), "customer", "a%+1", "percent-encoded"),
        (&format!("{RANGE}&colour=red"), "colour", "-", series),
        (&format!("{RANGE}&From=2025-12-28"), "From", "-", series),
        (&format!("{RANGE}&%ff=1"), "%ff", "-", series),
        (&format!("{RANGE}&=1"), "", "-", series),
        (&format!("{RANGE}&limit=1&limit=1"), "limit", "-", "each parameter once"),
        (&format!("{RANGE}&limit=1&l%69mit=2"), "limit", "-", "each parameter once"),
    ] {
        let (named, shown, said) = refused(&format!("/api/v1/analytics?{query}")).await;
        assert_eq!((named.as_str(), shown.as_str()), (parameter, value), "{query}");
        assert!(said.contains(allowed), "{query}: {said}");
    }
}

#[tokio::test]
async fn an_hour_that_is_no_hour_is_refused() {
    for hour in [
        "2025-12-28",
        "2025-12-28T18:01",
        "2025-12-28T18:00:00.5Z",
        "2025-12-28T24",
        "18",
        "",
        "2025-12-28T18:00:00%2B05:30",
    ] {
        let (parameter, shown, allowed) = refused(&format!("/analytics?hour={hour}")).await;
        assert_eq!((parameter.as_str(), shown), ("hour", hour.replace("%2B", "+")));
        assert_eq!(allowed, "an hour in UTC such as 2025-12-28T18");
    }
    assert_eq!(refused("/analytics").await.0, "hour");
    assert_eq!(refused("/analytics?hour=2025-12-28T18&limit=1").await.2, "customer, hour");
    assert_eq!(refused("/api/v1/openapi.json?customer=a").await.2, "none");
}

#[tokio::test]
async fn the_largest_range_and_limit_are_taken() {
    for query in [
        "from=2025-12-28&to=2025-12-29T01&window=minute&limit=1000",
        "from=2025-12-28&to=2025-12-29T01&window=minute&limit=0",
        "from=2025-01-01&to=2025-03-04T12&window=hour",
        "from=1970-01-01&to=1974-02-09&window=day",
    ] {
        let reply = get(&Fixed::of(&[]), &format!("/api/v1/analytics?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    }
}

#[tokio::test]
async fn little_is_shown_of_what_is_long() {
    let long = "ü".repeat(5000);
    let (_, shown, _) =
        refused(&format!("/api/v1/analytics?{RANGE}&customer={}", "%C3%BC".repeat(5000))).await;
    assert_eq!(shown, format!("{}…", long.chars().take(64).collect::<String>()));
    let (named, ..) = refused(&format!("/api/v1/analytics?{}=1", "x".repeat(5000))).await;
    assert_eq!(named, format!("{}…", "x".repeat(64)));
}

/// Queries that are nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("customer"),
        Just("from"),
        Just("to"),
        Just("window"),
        Just("by"),
        Just("limit"),
        Just("hour"),
        Just("%66rom"),
        Just("")
    ];
    let value = prop_oneof![
        "[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9](:[0-5][0-9](:[0-6][0-9](\\.[0-9]{1,10})?(Z|[+-][0-2][0-9]:[0-5][0-9]))?)?)?",
        "[0-9]{0,24}",
        "(minute|hour|day|path|user_agent|acme)",
        "(%[0-9a-fA-F]{0,2}|[a-z+&=;]|ü){0,12}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..7).prop_map(|pairs| pairs.join("&"))
}

/// Queries whose range is right.
fn ranges() -> impl Strategy<Value = String> {
    let window = prop_oneof![Just("minute"), Just("hour"), Just("day")];
    (0u64..253_402_300_800, 1u64..200_000_000, window, 0usize..1500).prop_map(
        |(from, span, window, limit)| {
            let to = (from + span).min(253_402_300_799);
            let write = super::super::moment::write;
            format!("from={}&to={}&window={window}&limit={limit}", write(from), write(to))
        },
    )
}

proptest! {
    #[test]
    fn no_query_panics_and_what_is_asked_is_within_the_limits(query in prop_oneof![".*", nearly(), ranges()]) {
        if let Ok(question) = query::series(Some(&query), 1000) {
            let width = question.width.seconds();
            prop_assert!(question.from < question.to);
            prop_assert_eq!((question.from % width, question.to % width), (0, 0));
            prop_assert!((question.to - question.from) / width <= MAX_WINDOWS);
            prop_assert!(question.limit <= 1000);
        }
        if let Ok(hour) = query::hour(Some(&query)) {
            prop_assert_eq!(hour.start % 3600, 0);
        }
        let _ = query::none(Some(&query));
    }

    #[test]
    fn no_header_panics(accept in "[ -~]{0,40}|([a-z*]{0,4}/[a-z*]{0,4}(; ?q=[0-9.]{0,6})?,? ?){0,4}", tags in "[ -~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let headers = [("accept", accept.as_str()), ("if-none-match", tags.as_str())];
        let uri = format!("/api/v1/analytics?{RANGE}");
        let reply = runtime.block_on(call(&api(Fixed::of(&[])), Method::GET, &uri, &headers));
        prop_assert!(matches!(reply.status, 200 | 304 | 406), "{}", reply.status);
    }
}
