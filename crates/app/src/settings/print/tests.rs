use super::super::catalogue::CATALOGUE;
use super::*;

/// Set this variable to write docs/settings.md instead of comparing with it.
const WRITE: &str = "LOGMILL_TEST_WRITE_DOCS";

#[test]
#[allow(clippy::disallowed_methods)]
fn the_documentation_has_the_table_of_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let page = format!(
        "# Settings\n\nMade from the catalogue in `crates/app/src/settings/catalogue`.\n\n{}",
        table::table()
    );
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "write it anew with {WRITE}=1");
}

#[test]
fn the_table_has_a_line_for_each_setting() {
    let table = table::table();
    assert_eq!(table.lines().count(), 2 + CATALOGUE.all().count());
    let line = "| `http.listen` | address | `127.0.0.1:8080` | IP address:port, or :port for all addresses | \
                Address of web logs, API, metrics, health and web page; port 0 lets the system choose; \
                alias `HTTP_ADDR` |";
    assert!(table.contains(line), "{table}");
}

#[test]
fn the_schema_comes_from_the_catalogue() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let level = &schema["properties"]["log"]["properties"]["level"];
    assert_eq!(level["enum"], serde_json::json!(["error", "warn", "info", "debug", "trace"]));
    assert_eq!(level["default"], "info");
    let records = &schema["properties"]["limits"]["properties"]["max_batch_records"];
    assert_eq!(records["default"], 100_000);
    assert_eq!(records["maximum"], 10_000_000);
    assert_eq!(schema["properties"]["roles"]["default"], serde_json::json!(["all"]));
    for setting in CATALOGUE.all() {
        let path = format!("/properties/{}", setting.name.replace('.', "/properties/"));
        assert!(schema.pointer(&path).is_some(), "{}", setting.name);
    }
}
