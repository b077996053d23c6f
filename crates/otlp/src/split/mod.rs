//! Cutting a request that is too large for one message of a log.

#[cfg(test)]
mod tests;

use crate::check::check;
use crate::error::{Fault, Invalid};
use crate::limits::Limits;
use crate::walk::fields::{request, resource_logs, scope_logs};
use crate::wire::{Reader, Writer, length_bytes};

/// A request of its own with some of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The request.
    pub bytes: Vec<u8>,
    /// Its log records.
    pub records: u64,
}

/// Cuts a request between records into requests of at most `max` bytes, which together hold the same records in the
/// same order. Each repeats what stands around its records: resource, scope, schema URLs and unknown fields; together
/// they take at most about four times the request. Resources and scopes without
/// records are left out, so that a request without records has no parts.
///
/// # Errors
/// The request is not valid, a record with its resource and scope is larger than `max`, or what stands around records
/// takes more than half of `max`.
pub fn split(body: &[u8], max: usize, limits: &Limits) -> Result<Vec<Part>, Invalid> {
    check(body, limits)?;
    let mut cutter = Cutter { max, nesting: limits.nesting(), ..Cutter::default() };
    cutter.request(body)?;
    cutter.finish_part();
    Ok(cutter.parts)
}

/// What is repeated: all fields of a message but the one that is cut, as they came.
#[derive(Default)]
struct Heads {
    request: Vec<u8>,
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// The part that is being filled, by its open messages.
#[derive(Default)]
struct Cutter {
    max: usize,
    nesting: u32,
    heads: Heads,
    /// Complete resource logs of the part, with their tags.
    done: Vec<u8>,
    /// Content of the open resource logs behind the head: complete scope logs with their tags.
    scopes: Vec<u8>,
    /// Content of the open scope logs behind the head: records with their tags.
    records: Vec<u8>,
    count: u64,
    parts: Vec<Part>,
}

impl Cutter {
    fn request(&mut self, body: &[u8]) -> Result<(), Fault> {
        let reader = Reader::new(body);
        self.heads.request = head(reader, request::RESOURCE_LOGS, self.nesting)?;
        each(reader, request::RESOURCE_LOGS, self.nesting, |message, _| self.resource(message))
    }

    fn resource(&mut self, reader: Reader<'_>) -> Result<(), Fault> {
        self.heads.resource = head(reader, resource_logs::SCOPE_LOGS, self.nesting)?;
        each(reader, resource_logs::SCOPE_LOGS, self.nesting, |message, _| self.scope(message))?;
        self.close_resource();
        Ok(())
    }

    fn scope(&mut self, reader: Reader<'_>) -> Result<(), Fault> {
        self.heads.scope = head(reader, scope_logs::LOG_RECORDS, self.nesting)?;
        let around = self.heads.request.len() + self.heads.resource.len() + self.heads.scope.len();
        if around > self.max / 2 {
            let reason = format!(
                "resource and scope take {around} bytes, which is too much to repeat them in messages of at most {}",
                self.max
            );
            return Err(Fault::new(reader.at(), reason));
        }
        each(reader, scope_logs::LOG_RECORDS, self.nesting, |message, field| {
            self.record(message.at(), field)
        })?;
        self.close_scope();
        Ok(())
    }

    /// Takes a record with its tag and length; `at` is its place.
    fn record(&mut self, at: usize, field: &[u8]) -> Result<(), Fault> {
        if self.count > 0 && self.size_with(field.len()) > self.max {
            self.close_scope();
            self.close_resource();
            self.finish_part();
        }
        let size = self.size_with(field.len());
        if size > self.max {
            let reason = format!(
                "a record with its resource and scope takes {size} bytes, messages at most {}: send smaller records",
                self.max
            );
            return Err(Fault::new(at, reason));
        }
        self.records.extend_from_slice(field);
        self.count += 1;
        Ok(())
    }

    /// The length of the part if a record field of this length came in.
    fn size_with(&self, field: usize) -> usize {
        let scope = self.heads.scope.len() + self.records.len() + field;
        let resource = self.heads.resource.len() + self.scopes.len() + 1 + length_bytes(scope) + scope;
        self.heads.request.len() + self.done.len() + 1 + length_bytes(resource) + resource
    }

    fn close_scope(&mut self) {
        wrap(2, &self.heads.scope, &mut self.records, &mut self.scopes);
    }

    fn close_resource(&mut self) {
        wrap(1, &self.heads.resource, &mut self.scopes, &mut self.done);
    }

    fn finish_part(&mut self) {
        if self.count > 0 {
            let mut bytes = self.heads.request.clone();
            bytes.append(&mut self.done);
            self.parts.push(Part { bytes, records: self.count });
            self.count = 0;
        }
    }
}

/// Moves content with its head into a field, if there is content.
fn wrap(field: u32, head: &[u8], content: &mut Vec<u8>, into: &mut Vec<u8>) {
    if content.is_empty() {
        return;
    }
    let mut out = Writer::default();
    let open = out.open(field);
    out.raw(head);
    out.raw(content);
    out.close(open);
    content.clear();
    into.append(&mut out.into_bytes());
}

/// The fields of a message but for those with `cut`, as they came.
fn head(mut reader: Reader<'_>, cut: u32, nesting: u32) -> Result<Vec<u8>, Fault> {
    let mut fields = Vec::new();
    loop {
        let start = reader.at();
        let Some(tag) = reader.tag()? else { return Ok(fields) };
        reader.skip(tag, nesting)?;
        if tag != cut {
            fields.extend_from_slice(reader.between(start, reader.at()));
        }
    }
}

/// Goes over the messages with the tag `cut`, each also as the bytes of its field.
fn each<'a>(
    mut reader: Reader<'a>,
    cut: u32,
    nesting: u32,
    mut take: impl FnMut(Reader<'a>, &'a [u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    loop {
        let start = reader.at();
        match reader.tag()? {
            None => return Ok(()),
            Some(tag) if tag == cut => {
                let message = reader.message()?;
                take(message, reader.between(start, reader.at()))?;
            }
            Some(tag) => reader.skip(tag, nesting)?,
        }
    }
}
