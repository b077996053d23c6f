//! A JSON record as one line of NDJSON.

use super::record::Fields;
use crate::fault::Span;
use crate::scan;

impl Fields {
    /// Appends the record as one line.
    #[inline]
    pub(crate) fn write_line(&self, body: &str, extras: &[Span], out: &mut Vec<u8>) {
        if self.canonical {
            out.extend_from_slice(self.object.of(body).as_bytes());
            out.push(b'\n');
        } else {
            self.write_fields(body, extras, out);
        }
    }

    fn write_fields(&self, body: &str, extras: &[Span], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"timestamp\":\"");
        self.stamp.write(out);
        if let Some(method) = self.method(body) {
            out.extend_from_slice(b"\",\"method\":\"");
            method.write_json(out);
        }
        out.extend_from_slice(b"\",\"path\":\"");
        self.path(body).write_json(out);
        out.extend_from_slice(b"\",\"userAgent\":\"");
        self.user_agent(body).write_json(out);
        out.push(b'"');
        for run in extras {
            out.push(b',');
            let text = run.of(body).as_bytes();
            if self.spaced { write_dense(text, out) } else { out.extend_from_slice(text) }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Copies valid JSON without the white space outside its strings.
fn write_dense(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => (),
            b'"' => {
                let (inside, rest) = text.split_at_checked(string_end(text)).unwrap_or((text, &[]));
                out.push(b'"');
                out.extend_from_slice(inside);
                text = rest;
            }
            _ => out.push(byte),
        }
    }
}

/// Where a string ends whose opening quote stands before `text`, the closing quote included.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += scan::find_stop::<b'\\'>(rest);
        match text.get(at) {
            Some(b'\\') => at += 2,
            Some(_) => return at + 1,
            None => return text.len(),
        }
    }
}
