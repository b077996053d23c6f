use crate::testing::{check, outcome};
use crate::{Format, MAX_COLUMN_NAME, MAX_COLUMNS};

const TIME: &str = "2025-12-28T18:03:05Z";

fn csv(body: &str, expect: Result<&[&str], &str>) {
    check(Format::Csv, body, expect);
}

/// One data row under the four named columns and a further one, `x`.
fn row(row: &str, expect: Result<&str, &str>) {
    let line = expect.map(|line| [line]);
    let expect = line.as_ref().map(|line| line.as_slice()).map_err(|error| *error);
    let header = "timestamp,method,path,userAgent,x";
    for (end, last) in [("\n", "\n"), ("\r\n", "\r\n"), ("\n", ""), ("\r\n", "\r")] {
        csv(&format!("{header}{end}{row}{last}"), expect);
    }
}

#[test]
fn rows() {
    row(
        &format!("{TIME},GET,/,curl,y"),
        Ok(r#"{"timestamp":"2025-12-28T18:03:05Z","method":"GET","path":"/","userAgent":"curl","x":"y"}"#),
    );
    row(
        &format!("{TIME},,/,,"),
        Ok(r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/","userAgent":"","x":""}"#),
    );
    row(
        &format!("\"{TIME}\",\"\",\"/\",\"\",\"\""),
        Ok(r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/","userAgent":"","x":""}"#),
    );
    row(
        "2025-12-28T20:03:05.120+02:00,,/,,1",
        Ok(r#"{"timestamp":"2025-12-28T18:03:05.120Z","path":"/","userAgent":"","x":"1"}"#),
    );
    row(
        &format!("{TIME},,\"/a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\n\""),
        Ok(
            r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/a,b","userAgent":"say \"hi\"","x":"two\r\nlines\n"}"#,
        ),
    );
    row(
        &format!("{TIME},,/é\\,\t😀\u{1},\"\"\"\""),
        Ok(r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/é\\","userAgent":"\t😀\u0001","x":"\""}"#),
    );
    row(
        &format!("{TIME},,/, a ,\u{7f}"),
        Ok("{\"timestamp\":\"2025-12-28T18:03:05Z\",\"path\":\"/\",\"userAgent\":\" a \",\"x\":\"\u{7f}\"}"),
    );
}

#[test]
fn columns_in_any_order_and_blank_lines() {
    let expect = r#"{"timestamp":"2025-12-28T18:03:05Z","method":"GET","path":"/p","userAgent":"u","b\"":"1","a":"2"}"#;
    csv(
        &format!(
            "\u{feff}\n\r\n\"b\"\"\",userAgent,\"path\",receivedAt,a,method\n\n1,u,/p,{TIME},2,GET\r\n\r\n\n1,u,/p,{TIME},2,GET"
        ),
        Ok(&[expect, expect]),
    );
    csv("userAgent,path,timestamp", Ok(&[]));
    csv("userAgent,path,timestamp\n\n", Ok(&[]));
}

#[test]
fn the_header_row_is_required() {
    let none = "- -: the header row is missing: it must name the columns timestamp, path and userAgent";
    csv("", Err(none));
    csv("\n\r\n", Err(none));
    csv("\u{feff}", Err(none));
    csv("path,userAgent\n", Err("- timestamp: the header row must name the column `timestamp`"));
    csv("timestamp,userAgent\n", Err("- path: the header row must name the column `path`"));
    csv("timestamp,path,useragent\n", Err("- userAgent: the header row must name the column `userAgent`"));
    csv(&format!("{TIME},GET,/,curl\n"), Err("- timestamp: the header row must name the column `timestamp`"));
    csv(
        "timestamp,path,userAgent,receivedAt\n",
        Err("- timestamp: `timestamp` and its alias `receivedAt` must not both be given"),
    );
    csv("timestamp,path,userAgent,path\n", Err("- -: the header row names the column `path` twice"));
    csv(
        "timestamp,path,userAgent,\"a\"\"\",\"a\"\"\"\n",
        Err("- -: the header row names the column `a\\\"\\\"` twice"),
    );
    csv("timestamp,path,userAgent,\n", Err("- -: column 4 of the header row has no name"));
    csv("timestamp,\"\",path,userAgent\n", Err("- -: column 2 of the header row has no name"));
    csv("timestamp,path,userAgent,a\"b\n", Err("- -: a quote inside a cell that is not quoted at byte 26"));
    csv("timestamp,path,userAgent,a\0b\n", Err("- -: a NUL byte at byte 26"));
    csv("timestamp,path,userAgent,\"a\"b\n", Err("- -: text behind a closing quote at byte 28"));
    csv(
        "timestamp,path,userAgent,\"a\n",
        Err("- -: a quoted cell without its closing quote begins at byte 25"),
    );
}

#[test]
fn the_header_row_has_limits() {
    let with = |name: &str| format!("timestamp,path,userAgent,{name}\n");
    csv(&with(&"n".repeat(MAX_COLUMN_NAME)), Ok(&[]));
    csv(&with(&"n".repeat(MAX_COLUMN_NAME + 1)), Err("- -: the name of column 4 is longer than 64 bytes"));
    let columns = |count: usize| with(&(3..count).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
    csv(&columns(MAX_COLUMNS), Ok(&[]));
    csv(&columns(MAX_COLUMNS + 1), Err("- -: the header row names more than 1024 columns"));
}

#[test]
fn errors_of_a_row() {
    row(
        &format!("{TIME},,/,"),
        Err("0 -: the header row names 5 columns, but the row has another number of cells: 4"),
    );
    row(
        &format!("{TIME},,/,,,"),
        Err("0 -: the header row names 5 columns, but the row has another number of cells: 6"),
    );
    row("x", Err("0 -: the header row names 5 columns, but the row has another number of cells: 1"));
    row(&format!("{TIME},,,u,"), Err("0 path: `path` is empty"));
    row(&format!("{TIME},,\"\",u,"), Err("0 path: `path` is empty"));
    row(
        &format!("{TIME},G T,/,u,"),
        Err("0 method: `method` must be an HTTP method (a token of at most 64 bytes)"),
    );
    row(",,/,u,", Err("0 timestamp: `timestamp` is not an RFC 3339 time such as 2025-12-28T18:03:05.120Z"));
    let long = "é".repeat(4097);
    row(&format!("{TIME},,{long},u,"), Err("0 path: `path` is longer than 8192 bytes"));
    let quotes = |count: usize| format!("{TIME},,\"{}\",u,", "\"\"".repeat(count));
    assert!(
        outcome(Format::Csv, format!("timestamp,m,path,userAgent,x\n{}", quotes(8192)).as_bytes()).is_ok()
    );
    row(&quotes(8193), Err("0 path: `path` is longer than 8192 bytes"));
}

#[test]
fn a_bad_row_leaves_the_next_one_alone() {
    for bad in ["x", "a\"b", "a\0b", "\"a\0b\"", "a\rb", "\u{1f}"] {
        let body = format!("timestamp,path,userAgent\n{TIME},/,u\n{TIME},/,{bad},,\n{TIME},/,u\n{TIME},/\n");
        let Err(crate::Invalid::Malformed { errors }) =
            crate::validate(Format::Csv, body.as_bytes(), &crate::Limits::default(), crate::Mode::Strict)
        else {
            panic!("{bad:?}");
        };
        assert_eq!(errors.iter().map(|error| error.index).collect::<Vec<_>>(), [Some(1), Some(3)], "{bad:?}");
    }
    let head = "timestamp,path,userAgent\n";
    csv(&format!("{head}{TIME},/,a\"b\n"), Err("0 -: a quote inside a cell that is not quoted at byte 49"));
    csv(&format!("{head}{TIME},/,a\rb\n"), Err("0 -: a carriage return outside quotes at byte 49"));
    csv(&format!("{head}{TIME},/,\"a\0b\"\n"), Err("0 -: a NUL byte at byte 50"));
}

#[test]
fn errors_that_end_the_body() {
    let head = "timestamp,path,userAgent\n";
    csv(&format!("{head}{TIME},/,\"a\"b\n"), Err("- -: text behind a closing quote at byte 51"));
    csv(&format!("{head}{TIME},/,\"a\"\rb\n"), Err("- -: text behind a closing quote at byte 51"));
    csv(
        &format!("{head}{TIME},/,\"a\n"),
        Err("- -: a quoted cell without its closing quote begins at byte 48"),
    );
    csv(
        &format!("{head}{TIME},/,\"a\"\"\n"),
        Err("- -: a quoted cell without its closing quote begins at byte 48"),
    );
}
