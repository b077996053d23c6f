//! `logmill dlq`.

use std::io::{self, Write};

use logmill_model::Timestamp;
use logmill_queue::Frame;

use super::look::{self, Look};
use super::post::{Batch, post};
use crate::cli::DlqAction;
use crate::exit::{Failure, USAGE};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, topic: Option<&str>, action: &DlqAction) -> anyhow::Result<()> {
    let log = look::open_with(settings, topic.unwrap_or(&settings.web.topic))?;
    let mut out = io::stdout().lock();
    match action {
        DlqAction::List => log.letters(&mut |letter| writeln!(out, "{}", summary(letter))),
        DlqAction::Drop { letter } => {
            let letter = find(&*log, *letter)?;
            log.drop_letters(letter.offset)
        }
        DlqAction::Replay { letter, url } => {
            replay(&find(&*log, *letter)?, url)?;
            writeln!(out, "it is stored")?;
            Ok(())
        }
        DlqAction::Show { letter } => Ok(show(&mut out, &find(&*log, *letter)?)?),
    }
}

fn find(log: &dyn Look, letter: u64) -> anyhow::Result<Frame> {
    Ok(log.letter(letter)?.ok_or_else(|| absent(letter))?)
}

fn absent(letter: u64) -> Failure {
    Failure::new(USAGE, format!("there is no dead letter {letter}; `dlq list` shows them"))
}

fn replay(letter: &Frame, url: &str) -> Result<(), Failure> {
    let key = format!("dlq/{}", attribute(letter, "id"));
    let (encoding, customer) = (letter.header.encoding, letter.header.customer.as_str());
    post(url, &Batch { encoding, customer, key: &key, body: &letter.payload, lenient: false })
}

/// An attribute for a terminal: what a sender controls may hold control sequences.
fn attribute(letter: &Frame, name: &str) -> String {
    let value = letter.header.attribute(name).map(|value| String::from_utf8_lossy(value).into_owned());
    value.unwrap_or_default().chars().flat_map(char::escape_default).collect()
}

fn time(letter: &Frame) -> String {
    let micros = letter.header.received_at.max(0).cast_unsigned();
    let mut text = Vec::new();
    if let Some(time) = Timestamp::new(micros / 1_000_000, 0) {
        time.write(0, &mut text);
    }
    String::from_utf8(text).unwrap_or_default()
}

fn summary(letter: &Frame) -> String {
    let index = Some(attribute(letter, "index")).filter(|index| !index.is_empty()).unwrap_or("-".to_owned());
    format!(
        "{} {} {} {}/{}/{} record {index}: {}",
        letter.offset,
        time(letter),
        attribute(letter, "stage"),
        attribute(letter, "topic"),
        attribute(letter, "partition"),
        attribute(letter, "offset"),
        attribute(letter, "reason"),
    )
}

fn show(out: &mut impl Write, letter: &Frame) -> io::Result<()> {
    writeln!(out, "{}", summary(letter))?;
    writeln!(out, "id {}", attribute(letter, "id"))?;
    writeln!(out, "customer {}", letter.header.customer)?;
    let payload = String::from_utf8_lossy(&letter.payload);
    for line in payload.lines() {
        let shown: String = line
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        writeln!(out, "{shown}")?;
    }
    Ok(())
}
