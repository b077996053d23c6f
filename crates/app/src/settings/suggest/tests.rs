use super::super::catalogue::CATALOGUE;
use super::*;

#[test]
fn settings_that_were_meant() {
    let cases = [
        ("http.lisen", Some("http.listen")),
        ("htpp.listen", Some("http.listen")),
        ("http_listen", Some("http.listen")),
        ("limits.maxBatchBytes", Some("limits.max_batch_bytes")),
        ("limits.max-batch-bytes", Some("limits.max_batch_bytes")),
        ("max_batch_bytes", Some("limits.max_batch_bytes")),
        ("queue.max_batch_byte", Some("limits.max_batch_bytes")),
        ("limits.flush_interval", Some("files.flush_interval")),
        ("listen", Some("http.listen")),
        ("data_dirs", Some("data_dir")),
        ("datadir", Some("data_dir")),
        ("role", Some("roles")),
        ("queue.attempts", Some("dead_letters.attempts")),
        ("logging.level", Some("log.level")),
        ("nothing.like.it", None),
        ("x", None),
        ("", None),
        (".", None),
    ];
    for (wrong, expected) in cases {
        assert_eq!(setting(CATALOGUE, wrong).map(|s| s.name), expected, "{wrong}");
    }
}

#[test]
fn sections_that_were_meant() {
    let cases = [
        ("htpp", Some("http")),
        ("limit", Some("limits")),
        ("deadletters", Some("dead_letters")),
        ("server", None),
        ("", None),
    ];
    for (wrong, expected) in cases {
        assert_eq!(section(CATALOGUE, wrong), expected, "{wrong}");
    }
}

#[test]
fn endless_names_are_not_compared() {
    assert!(setting(CATALOGUE, &"x".repeat(1 << 20)).is_none());
    assert_eq!(nearest(&"x".repeat(1 << 20), ["x"].into_iter()), None);
}
