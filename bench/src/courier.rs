//! Rows of access logs as lines, on one core: cutting RowBinary into cells and writing the object's bytes.

use std::time::Duration;

use logmill_courier::line::{Format, write};
use logmill_courier::rows::{Rows, write_string};
use logmill_courier::{FIELDS, Kind};

use crate::server::cpu_of;

/// Rows of an answer, as often as it takes for a second or two, in pieces as they come from a socket.
const ROWS: u64 = 100_000;
const ROUNDS: u64 = 40;
const PIECE: usize = 64 << 10;

/// Prints lines a CPU-second beside copying as many bytes.
pub(crate) fn print() {
    let answer: Vec<u8> = (0..ROWS).flat_map(row).collect();
    let mut object = Vec::new();
    lines(&answer, &mut object);
    let records = (ROWS * ROUNDS) as f64;
    println!(
        "\naccess logs to lines, one core: rows of {} B, lines of {} B",
        answer.len() as u64 / ROWS,
        object.len() as u64 / ROWS
    );
    let written = measured(|| lines(&answer, &mut object));
    println!(
        "rows to lines                      {:>10.0} lines/CPU-s {:>6.0} ns a line",
        records / written.as_secs_f64(),
        written.as_secs_f64() * 1e9 / records
    );
    let from = object.clone();
    let copied = measured(|| {
        object.clear();
        for piece in from.chunks(PIECE) {
            object.extend_from_slice(piece);
        }
    });
    println!(
        "copying the same bytes             {:>10.0} lines/CPU-s {:>6.0} ns a line",
        records / copied.as_secs_f64(),
        copied.as_secs_f64() * 1e9 / records
    );
}

fn measured(mut work: impl FnMut()) -> Duration {
    let before = cpu_of("self");
    for _ in 0..ROUNDS {
        work();
    }
    cpu_of("self").minus(before).all()
}

fn lines(answer: &[u8], object: &mut Vec<u8>) {
    object.clear();
    let mut rows = Rows::default();
    for piece in answer.chunks(PIECE) {
        rows.push(piece, |row| write(row, Format::Aws26, object)).expect("they are rows");
    }
    rows.end().expect("they are whole");
    std::hint::black_box(object);
}

/// A record as a service writes them; some have an escape in the user agent.
fn row(n: u64) -> Vec<u8> {
    let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut out = hash.to_le_bytes().to_vec();
    write_string(b"customer-logs", &mut out);
    write_string(b"access/", &mut out);
    for field in &FIELDS {
        let Some(text) = text(field.name, n, hash) else {
            out.push(1);
            continue;
        };
        out.push(0);
        match field.kind {
            Kind::Plain | Kind::Quoted => write_string(text.as_bytes(), &mut out),
            Kind::Time => out.extend((1_795_305_600_000 + n.cast_signed()).to_le_bytes()),
            Kind::Number | Kind::NumberNot0 => out.extend((hash % 100_000).to_le_bytes()),
            Kind::Float => out.extend(((hash % 4000) as f32 / 8.0).to_le_bytes()),
        }
    }
    out
}

fn text(field: &str, n: u64, hash: u64) -> Option<String> {
    let agent =
        ["aws-sdk-java/2.20.1 Linux/5.10 OpenJDK_64-Bit", "Mozilla/5.0 (X11; Linux x86_64) \"quoted\""]
            [usize::from(n.is_multiple_of(50))];
    Some(match field {
        "bucket_owner" | "requester" => {
            "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be".to_owned()
        }
        "bucket" => format!("bucket-{}", n % 500),
        "remote_ip" => format!("10.{}.{}.{}", hash % 200, hash % 251, n % 250),
        "request_id" => format!("{hash:016X}"),
        "operation" => "REST.GET.OBJECT".to_owned(),
        "key" => format!("photos/2026/11/{}/{hash:x}.jpg", n % 30),
        "request_uri" => {
            format!("GET /bucket-{}/photos/2026/11/{}/{hash:x}.jpg?x-id=GetObject HTTP/1.1", n % 500, n % 30)
        }
        "user_agent" => agent.to_owned(),
        "signature_version" => "SigV4".to_owned(),
        "cipher_suite" => "ECDHE-RSA-AES128-GCM-SHA256".to_owned(),
        "authentication_type" => "AuthHeader".to_owned(),
        "host_header" => format!("bucket-{}.s3.example.com", n % 500),
        "tls_version" => "TLSv1.2".to_owned(),
        "time" | "status" | "bytes_sent" | "object_size" | "total_time" | "turn_around_time" => String::new(),
        _ => return None,
    })
}
