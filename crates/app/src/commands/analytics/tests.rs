#![allow(clippy::disallowed_methods)]

use std::sync::{Arc, Mutex};

use clap::Parser;
use logmill_analytics::{Answer, Api, Question, Refused, Window, Windows};
use logmill_http::{Listener, Protocol, Timeouts};
use tokio::sync::watch;

use super::*;
use crate::cli::{Cli, Command};

/// 2025-12-28T19:00:00Z, by `date`.
const NINETEEN: u64 = 1_766_948_400;

type Answers = dyn Fn(&Question) -> Result<Answer, Refused> + Send + Sync;

struct Fixed {
    answers: Box<Answers>,
    asked: Mutex<Vec<Question>>,
}

impl Windows for Fixed {
    fn answer(&self, question: &Question) -> Result<Answer, Refused> {
        self.asked.lock().unwrap().push(question.clone());
        (self.answers)(question)
    }
}

/// The real routes on a real socket, with answers of the test's own.
struct Server {
    place: Place,
    windows: Arc<Fixed>,
    _runtime: tokio::runtime::Runtime,
    _drain: watch::Sender<bool>,
}

impl Server {
    fn start(answers: impl Fn(&Question) -> Result<Answer, Refused> + Send + Sync + 'static) -> Self {
        let windows = Arc::new(Fixed { answers: Box::new(answers), asked: Mutex::default() });
        let router = logmill_analytics::router(Api::new(World::real(), windows.clone(), 1000));
        Self::of(router, windows)
    }

    fn of(router: axum::Router, windows: Arc<Fixed>) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let patience = Duration::from_secs(10);
        let timeouts = Timeouts { header: patience, idle: patience };
        let bound = Listener::bind(World::real(), "127.0.0.1:0".parse().unwrap(), Protocol::Http1, timeouts);
        let listener = runtime.block_on(bound).unwrap();
        let place = Place { url: own(listener.address().unwrap()).unwrap(), named_by: "http.listen" };
        let (drain, draining) = watch::channel(false);
        runtime.spawn(listener.serve(router, draining));
        Self { place, windows, _runtime: runtime, _drain: drain }
    }

    fn last(&self) -> Question {
        self.windows.asked.lock().unwrap().last().unwrap().clone()
    }
}

fn args(line: &str) -> AnalyticsArgs {
    match Cli::try_parse_from(["logmill", "analytics"].into_iter().chain(line.split_whitespace()))
        .unwrap()
        .command
    {
        Command::Analytics(args) => args,
        _ => unreachable!(),
    }
}

/// What is printed, or the error with its exit code.
fn said(place: &Place, line: &str) -> Result<String, String> {
    let mut out = Vec::new();
    match print(place, &args(line), NINETEEN - 5, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(error) => Err(format!("{:?}", error.downcast::<Failure>().unwrap())),
    }
}

fn window(start: u64, counts: &[(&str, u64)], other: u64, is_final: bool) -> Window {
    let counts: Vec<(String, u64)> = counts.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
    let total = counts.iter().map(|(_, count)| count).sum::<u64>() + other;
    Window { start, total, counts, other, revision: 1, is_final, distinct: None }
}

/// Twelve minutes, three of them with records.
fn some() -> Server {
    Server::start(|question| {
        let at = |minute: u64| question.from + minute * 60;
        let windows = vec![
            window(at(0), &[("GET /", 1000)], 0, true),
            window(at(6), &[("GET /", 500), ("GET /a", 300)], 1200, true),
            window(at(11), &[("GET /\u{1b}[31m\u{202e}", 10)], 0, false),
        ];
        Ok(Answer { windows })
    })
}

#[test]
fn an_answer_is_shown_as_a_plot_and_a_table() {
    let shown = said(&some().place, "--last 12m --limit 2").unwrap();
    let expected = r"default by path: 3,010 records from 2025-12-28T18:48:00Z to 2025-12-28T19:00:00Z

records, a column is a minute
2,000 │      █
      │      █
      │      █
      │█     █
      │█     █
      │█     █    ▁
    0 └────────────
       2025-12-28T18:48:00Z    2025-12-28T19:00:00Z

1,500   49.8 %  ████████████████████  GET /
  300    9.9 %  ████                  GET /a
1,210   40.1 %  ████████████████▏     (all others)

1 of 3 minutes with records are not final: more may come

(all others) also has what was not among the 2 largest of its minute; --limit raises that
";
    assert_eq!(shown, expected);
}

#[test]
fn what_a_sender_wrote_cannot_steer_the_terminal() {
    let shown = said(&some().place, "--last 12m").unwrap();
    assert!(shown.contains("GET /\\u{1b}[31m\\u{202e}\n"), "{shown}");
}

#[test]
fn many_windows_share_columns() {
    let server = Server::start(|question| {
        let windows =
            (0..1440).map(|minute| window(question.from + minute * 60, &[("a", 1)], 0, true)).collect();
        Ok(Answer { windows })
    });
    let shown = said(&server.place, "--last 1d --window minute").unwrap();
    assert!(shown.contains("a column is 20 minutes\n20 │"), "{shown}");
    assert!(shown.contains(&format!("20 │{}\n", "█".repeat(72))), "{shown}");
    assert!(!shown.contains("final"), "{shown}");
}

#[test]
fn nothing_counted_is_said_in_one_line() {
    let server = Server::start(|_| Ok(Answer::default()));
    let shown = said(&server.place, "--customer acme --by user_agent --last 1h").unwrap();
    let expected = "acme by user agent: no records from 2025-12-28T18:00:00Z to 2025-12-28T19:00:00Z\n";
    assert_eq!(shown, expected);
}

#[test]
fn json_and_csv_are_printed_as_they_come() {
    let server = some();
    let csv = said(&server.place, "--format csv --last 12m").unwrap();
    assert!(csv.starts_with("start,key,count,revision\r\n2025-12-28T18:48:00Z,GET /,1000,1\r\n"), "{csv}");
    let json: Value =
        serde_json::from_str(&said(&server.place, "--format json --last 12m").unwrap()).unwrap();
    assert_eq!(json["series"][1]["counts"]["__other__"], 1200);
}

/// A server whose answers have one key of this length.
fn long_key(length: usize) -> Server {
    let key = "x".repeat(length);
    Server::start(move |question| Ok(Answer { windows: vec![window(question.from, &[(&key, 1)], 0, true)] }))
}

#[test]
fn the_largest_answer_is_printed_and_what_no_logmill_sends_is_not() {
    let frame = said(&long_key(0).place, "--format json").unwrap().len();
    let largest = long_key(MAX_ANSWER - frame);
    assert_eq!(said(&largest.place, "--format json").unwrap().len(), MAX_ANSWER);
    assert!(said(&largest.place, "").unwrap().contains("xxx…\n"));

    let endless = axum::routing::get(|| async { "x".repeat(MAX_ANSWER + 2) });
    let router = axum::Router::new().route("/api/v1/analytics", endless);
    let failure = said(&Server::of(router, largest.windows.clone()).place, "--format json").unwrap_err();
    assert!(failure.contains("code: 74") && failure.contains("broke off"), "{failure}");
}

#[test]
fn the_range_is_the_last_hour_unless_it_is_named() {
    let server = Server::start(|_| Ok(Answer::default()));
    // Now is 18:59:55.
    for (line, from, to, width) in [
        ("", "2025-12-28T18:00", "2025-12-28T19:00", Width::Minute),
        ("--last 90m", "2025-12-28T17:30", "2025-12-28T19:00", Width::Minute),
        ("--last 6h", "2025-12-28T13:00", "2025-12-28T19:00", Width::Minute),
        ("--last 7h", "2025-12-28T12:00", "2025-12-28T19:00", Width::Hour),
        ("--last 15d", "2025-12-13T19:00", "2025-12-28T19:00", Width::Hour),
        ("--last 16d", "2025-12-13T00:00", "2025-12-29T00:00", Width::Day),
        ("--last 2h --window hour", "2025-12-28T17:00", "2025-12-28T19:00", Width::Hour),
        ("--last 1h --to 2025-12-24", "2025-12-23T23:00", "2025-12-24T00:00", Width::Minute),
        ("--from 2025-12-28T18:59", "2025-12-28T18:59", "2025-12-28T19:00", Width::Minute),
        ("--from 2025-12-24 --to 2025-12-24T12:30", "2025-12-24T00:00", "2025-12-24T13:00", Width::Hour),
        (
            "--from 2025-12-24T01:00:00+01:00 --to 2025-12-24T00:00:00.5Z",
            "2025-12-24",
            "2025-12-24T00:01",
            Width::Minute,
        ),
    ] {
        said(&server.place, line).unwrap();
        let asked = server.last();
        let time = |text: &str| parse_time(text).unwrap().seconds();
        assert_eq!((asked.from, asked.to, asked.width), (time(from), time(to), width), "{line}");
    }
    let asked = server.last();
    assert_eq!((asked.customer.as_str(), asked.limit), ("default", 10));
}

#[test]
fn a_server_that_is_away_is_named_with_what_to_do() {
    // A port that the system gives to nobody by itself.
    let place = Place { url: "http://127.0.0.1:1".to_owned(), named_by: "http.listen" };
    let failure = said(&place, "").unwrap_err();
    assert!(failure.starts_with("Failure { code: 69,"), "{failure}");
    for part in ["http://127.0.0.1:1 (http.listen)", "`logmill serve`", "--url"] {
        assert!(failure.contains(part), "{failure}");
    }
}

#[test]
fn refusals_are_told_with_the_code_that_fits() {
    let behind = Server::start(|_| Err(Refused::Behind("42 % are counted".to_owned())));
    let failure = said(&behind.place, "").unwrap_err();
    assert!(failure.contains("code: 69") && failure.contains("42 % are counted"), "{failure}");
    for (line, parts) in [
        ("--limit 1001", ["`limit`", "from 0 (totals only) to 1000"]),
        ("--customer ../etc", ["`customer` `../etc`", "1 to 64 characters"]),
        ("--last 0s", ["`from`", "a time before `to`"]),
        ("--last 2d --window minute", ["`to`", "at most 1500 windows"]),
        ("--from yesterday", ["--from: `yesterday`", "YYYY-MM-DD"]),
    ] {
        let failure = said(&behind.place, line).unwrap_err();
        assert!(failure.contains("code: 64") && parts.iter().all(|part| failure.contains(part)), "{failure}");
    }
    let other = Server::of(axum::Router::new(), behind.windows.clone());
    let failure = said(&other.place, "").unwrap_err();
    assert!(failure.contains("code: 69") && failure.contains("the role api"), "{failure}");
    let strange = axum::Router::new().route("/api/v1/analytics", axum::routing::get(|| async { "{}" }));
    let failure = said(&Server::of(strange, behind.windows.clone()).place, "").unwrap_err();
    assert!(failure.contains("code: 74") && failure.contains("something else than counts"), "{failure}");
}

#[test]
fn the_own_server_is_reached_from_this_machine() {
    for (listen, url) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8080", "http://[::1]:8080"),
        ("192.0.2.1:9", "http://192.0.2.1:9"),
    ] {
        assert_eq!(own(listen.parse().unwrap()).unwrap(), url);
    }
    assert!(own("127.0.0.1:0".parse().unwrap()).unwrap_err().to_string().contains("--url"));
    for wrong in ["--last 1w", "--last 1h --from 2025-12-28", "--window week"] {
        let line = ["logmill", "analytics"].into_iter().chain(wrong.split_whitespace());
        assert!(Cli::try_parse_from(line).is_err(), "{wrong}");
    }
}
