use super::*;

const URI: &str = "/api/v1/analytics?from=2025-12-28T18&to=2025-12-28T19&window=minute";

fn sample() -> Arc<Fixed> {
    let first = window(EIGHTEEN + 180, &[("GET /", 3), ("POST /a,\"b\"", 2)], 4);
    let second = window(EIGHTEEN + 240, &[("=1+1\r\nü", 1)], 0);
    Fixed::of(&[first, Window { revision: 2, is_final: false, ..second }])
}

#[tokio::test]
async fn a_series_is_json_as_it_is_specified() {
    let reply = get(&sample(), URI).await;
    let expected = concat!(
        r#"{"customer":"default","window":"minute","by":"path","from":"2025-12-28T18:00:00Z","to":"2025-12-28T19:00:00Z","#,
        r#""series":[{"start":"2025-12-28T18:03:00Z","total":9,"counts":{"GET /":3,"POST /a,\"b\"":2,"__other__":4},"#,
        r#""revision":1,"final":true},"#,
        r#"{"start":"2025-12-28T18:04:00Z","total":1,"counts":{"=1+1\r\nü":1},"revision":2,"final":false}]}"#,
        "\n"
    );
    assert_eq!((reply.status, reply.text()), (200, expected));
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!((reply.header("vary"), reply.header("cache-control")), ("accept", "no-cache"));
}

#[tokio::test]
async fn hours_and_days_tell_distinct_user_agents_and_whether_they_are_estimated() {
    let distinct = |count, approximate| Some(Distinct { count, approximate });
    let exact = Window { distinct: distinct(7, false), ..window(EIGHTEEN, &[("curl", 9)], 0) };
    let estimated = Window { distinct: distinct(9000, true), ..window(EIGHTEEN + 3600, &[("curl", 9)], 0) };
    let reply =
        get(&Fixed::of(&[exact, estimated]), "/api/v1/analytics?from=2025-12-28&to=2025-12-29").await.json();
    let series = &reply["series"];
    assert_eq!((&series[0]["distinctUserAgents"], &series[0]["approximate"]), (&7.into(), &Value::Null));
    assert_eq!((&series[1]["distinctUserAgents"], &series[1]["approximate"]), (&9000.into(), &true.into()));
}

#[tokio::test]
async fn a_reader_of_csv_gets_the_keys_as_they_came() {
    let reply = get_as(&sample(), URI, ("accept", "text/csv")).await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(reply.text().starts_with("start,key,count,revision\r\n2025-12-28T18:03:00Z,GET /,3,1\r\n"));
    let mut reader = ::csv::Reader::from_reader(reply.body.as_slice());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let expected = [
        ["2025-12-28T18:03:00Z", "GET /", "3", "1"],
        ["2025-12-28T18:03:00Z", "POST /a,\"b\"", "2", "1"],
        ["2025-12-28T18:03:00Z", "__other__", "4", "1"],
        ["2025-12-28T18:04:00Z", "=1+1\r\nü", "1", "2"],
    ];
    assert_eq!(rows, expected);
    let keys = ["a,b", "a\nb", "a\rb", "\"", " a ", "-1", "@x", ""];
    let counts: Vec<(&str, u64)> = keys.iter().map(|key| (*key, 1)).collect();
    let reply = get_as(&Fixed::of(&[window(EIGHTEEN, &counts, 0)]), URI, ("accept", "text/csv")).await;
    let mut reader = ::csv::Reader::from_reader(reply.body.as_slice());
    let read: Vec<String> = reader.records().map(|row| row.unwrap()[1].to_owned()).collect();
    assert_eq!(read, keys);
    let empty = get_as(&Fixed::of(&[]), URI, ("accept", "text/csv")).await;
    assert_eq!(empty.text(), "start,key,count,revision\r\n");
}

#[tokio::test]
async fn the_accept_header_chooses_the_form() {
    for (accept, kind) in [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.501", "application/json"),
        ("*/*, application/json;q=0", "text/csv"),
        ("no range at all, text/csv", "text/csv"),
    ] {
        let reply = get_as(&sample(), URI, ("accept", accept)).await;
        assert_eq!(reply.status, 200, "{accept}");
        assert!(reply.header("content-type").starts_with(kind), "{accept}: {}", reply.header("content-type"));
    }
    for accept in ["text/html", "text/csv;q=0, application/json;q=0.000", "text/csv;q=2", "garbage"] {
        let reply = get_as(&sample(), URI, ("accept", accept)).await;
        assert_eq!(reply.problem(), "406 not-acceptable", "{accept}");
        assert_eq!(reply.json()["detail"], "there is application/json and text/csv");
    }
}

#[tokio::test]
async fn what_is_left_out_has_defaults() {
    let windows = sample();
    get(&windows, "/api/v1/analytics?from=2025-12-28T18&to=2025-12-28T20").await;
    let expected = Question {
        customer: logmill_model::Customer::default(),
        from: EIGHTEEN,
        to: EIGHTEEN + 7200,
        width: Width::Hour,
        by: By::Path,
        limit: 10,
    };
    assert_eq!(windows.last(), expected);
    let few = Api::new(World::real(), windows.clone(), 3);
    call(&few, Method::GET, URI, &[]).await;
    assert_eq!(windows.last().limit, 3, "no more than the settings allow");
}

#[tokio::test]
async fn times_are_widened_to_whole_windows() {
    // The seconds are by `date -u +%s -d`.
    for (query, from, to) in [
        ("from=2025-12-28T18:03:59.9Z&to=2025-12-28T18:04:00Z&window=minute", 1_766_944_980, 1_766_945_040),
        (
            "from=2025-12-28T18:03:00Z&to=2025-12-28T18:04:00.000000001Z&window=minute",
            1_766_944_980,
            1_766_945_100,
        ),
        ("from=2025-12-28T18:59&to=2025-12-28T19:01&window=hour", 1_766_944_800, 1_766_952_000),
        ("from=2025-12-28T23&to=2025-12-29T01&window=day", 1_766_880_000, 1_767_052_800),
        ("from=2025-12-28T19:00:00%2B01:00&to=2025-12-28t19:00:00z", 1_766_944_800, 1_766_948_400),
        ("from=2025-12-28T19:00:00+01:00&to=2025-12-28T19", 1_766_944_800, 1_766_948_400),
        ("fr%6fm=2025-12-28&to=2025%2d12-29&&window=day", 1_766_880_000, 1_766_966_400),
        ("from=9999-12-31T23&to=9999-12-31T23:59:59.5Z", 253_402_297_200, 253_402_300_800),
    ] {
        let windows = sample();
        let reply = get(&windows, &format!("/api/v1/analytics?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        let asked = windows.last();
        assert_eq!((asked.from, asked.to), (from, to), "{query}");
        // What an answer says can be asked again, for the same windows.
        let (from, to) = (reply.json()["from"].clone(), reply.json()["to"].clone());
        let window = reply.json()["window"].clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let again =
            format!("/api/v1/analytics?from={}&to={}&window={}", text(&from), text(&to), text(&window));
        assert_eq!(get(&windows, &again).await.status, 200);
        assert_eq!(windows.last(), asked, "{again}");
    }
}

#[tokio::test]
async fn who_has_the_answer_is_told_so() {
    let windows = sample();
    let first = get(&windows, URI).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    for known in [&tag, &format!("W/{tag}"), "*", &format!("\"other\", W/\"x,y\" ,{tag}")] {
        let reply = get_as(&windows, URI, ("if-none-match", known)).await;
        assert_eq!((reply.status, reply.body.len(), reply.header("etag")), (304, 0, tag.as_str()), "{known}");
        assert_eq!((reply.header("vary"), reply.header("cache-control")), ("accept", "no-cache"));
    }
    for other in ["\"other\"", "", tag.trim_matches('"')] {
        assert_eq!(get_as(&windows, URI, ("if-none-match", other)).await.status, 200, "{other}");
    }
    let csv = get_as(&windows, URI, ("accept", "text/csv")).await;
    assert_ne!(csv.header("etag"), tag, "the forms are told apart");
    assert_ne!(get(&Fixed::of(&[]), URI).await.header("etag"), tag);
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    for uri in [URI, "/analytics?hour=2025-12-28T18", "/api/v1/openapi.json"] {
        let api = api(Fixed::of(&[]));
        let get = call(&api, Method::GET, uri, &[]).await;
        let head = call(&api, Method::HEAD, uri, &[]).await;
        assert_eq!((get.status, head.status, head.body.len()), (200, 200, 0));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        assert_eq!(head.header("etag"), get.header("etag"));
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    for uri in ["/api/v1/analytics", "/analytics", "/api/v1/openapi.json"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let reply = call(&api(sample()), method, uri, &[]).await;
            assert_eq!(reply.problem(), "405 method-not-allowed");
            assert_eq!(reply.header("allow"), "GET, HEAD");
        }
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_one_at_the_limit_is_sent() {
    let key = |len: usize| window(EIGHTEEN, &[(&"x".repeat(len), 1)], 0);
    for accept in ["application/json", "text/csv"] {
        let frame = get_as(&Fixed::of(&[key(1)]), URI, ("accept", accept)).await.body.len() - 1;
        let fits = Fixed::of(&[key(MAX_ANSWER - frame)]);
        let reply = get_as(&fits, URI, ("accept", accept)).await;
        assert_eq!((reply.status, reply.body.len()), (200, 16 * 1024 * 1024));
        let over = Fixed::of(&[key(MAX_ANSWER - frame + 1)]);
        let reply = get_as(&over, URI, ("accept", accept)).await;
        assert_eq!(reply.problem(), "400 answer-too-large");
    }
}
