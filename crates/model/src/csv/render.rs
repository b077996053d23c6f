//! A CSV row as one line of NDJSON.

use super::cursor::Cell;
use super::header::Header;
use super::rows::{Row, text};

impl Row {
    /// Appends the record as one line.
    pub(crate) fn write_line(&self, header: &Header, cells: &[Cell], body: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"timestamp\":\"");
        let time = text(header.timestamp, cells, body);
        if self.stamp.verbatim {
            out.extend_from_slice(time.raw().as_bytes())
        } else {
            self.stamp.write(out)
        }
        if let Some(method) = header.method(cells, body) {
            out.extend_from_slice(b"\",\"method\":\"");
            method.write_json(out);
        }
        out.extend_from_slice(b"\",\"path\":\"");
        header.path(cells, body).write_json(out);
        out.extend_from_slice(b"\",\"userAgent\":\"");
        header.user_agent(cells, body).write_json(out);
        for extra in &header.extras {
            out.push(b'"');
            out.extend_from_slice(&extra.prefix);
            text(extra.column, cells, body).write_json(out);
        }
        out.extend_from_slice(b"\"}\n");
    }
}
