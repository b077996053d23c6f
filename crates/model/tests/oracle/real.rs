//! A record of a real log in the three formats.

use logmill_model::{Format, Limits, Mode, validate};

use crate::lines;

const JSON: &str = r#"[{"timestamp":"2015-05-17T10:05:03Z","method":"GET","path":"/presentations/logstash-monitorama-2013/images/kibana-search.png","userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36"}]"#;
const CSV: &str = "timestamp,method,path,userAgent\r\n2015-05-17T10:05:03Z,GET,/presentations/logstash-monitorama-2013/images/kibana-search.png,\"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36\"\r\n";

#[test]
fn a_record_is_the_same_in_every_format() {
    let line = JSON.trim_matches(['[', ']']);
    for (format, body) in [(Format::Json, JSON), (Format::Ndjson, line), (Format::Csv, CSV)] {
        let summary = validate(format, body.as_bytes(), &Limits::default(), Mode::Strict).unwrap();
        assert_eq!(lines(format, body.as_bytes(), &summary), [line]);
    }
}
