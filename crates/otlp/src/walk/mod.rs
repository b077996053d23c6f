//! The one walk over a request: the check at the door and the decoder drive the same code, so that what one takes the
//! other takes too.

pub(crate) mod fields;
mod value;
mod visit;

use crate::error::{Fault, Inside};
use crate::wire::Reader;

pub(crate) use visit::{Fields, Kind, Scalar, ScopeFields, Values, Visit};

use value::key_value;

/// Which fields of a message with a head a pass takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    All,
    Head,
    Records,
}

/// Walks a request. `nesting` limits lists inside of lists.
pub(crate) fn walk<'a, V: Visit<'a>>(body: &'a [u8], nesting: u32, visit: &mut V) -> Result<(), Fault> {
    let mut reader = Reader::new(body);
    let mut index = 0;
    while let Some(tag) = reader.tag()? {
        match tag {
            fields::request::RESOURCE_LOGS => {
                let field = "resource_logs";
                let message = reader.message().inside_element(field, index)?;
                resource_logs(message, nesting, visit).inside_element(field, index)?;
                index += 1;
            }
            _ => reader.unknown(tag, fields::request::KNOWN, nesting)?,
        }
    }
    Ok(())
}

fn resource_logs<'a, V: Visit<'a>>(message: Reader<'a>, nesting: u32, visit: &mut V) -> Result<(), Fault> {
    visit.begin_resource();
    let size = if V::IN_ORDER {
        let size = resource_pass(message, Pass::Head, nesting, visit)?;
        visit.resource();
        resource_pass(message, Pass::Records, nesting, visit)?;
        size
    } else {
        resource_pass(message, Pass::All, nesting, visit)?
    };
    visit.end_resource(size);
    Ok(())
}

/// Returns the bytes of the resource.
fn resource_pass<'a, V: Visit<'a>>(
    mut reader: Reader<'a>,
    pass: Pass,
    nesting: u32,
    visit: &mut V,
) -> Result<usize, Fault> {
    use fields::resource_logs::{KNOWN, RESOURCE, SCHEMA_URL, SCOPE_LOGS};
    let (mut size, mut index) = (0, 0);
    while let Some(tag) = reader.tag()? {
        match tag {
            RESOURCE => {
                let message = reader.message().inside("resource")?;
                if pass != Pass::Records {
                    size += message.rest().len();
                    resource(message, nesting, visit).inside("resource")?;
                }
            }
            SCOPE_LOGS => {
                let message = reader.message().inside_element("scope_logs", index)?;
                if pass != Pass::Head {
                    scope_logs(message, nesting, visit).inside_element("scope_logs", index)?;
                }
                index += 1;
            }
            SCHEMA_URL => drop(reader.bytes().inside("schema_url")?),
            _ => reader.unknown(tag, KNOWN, nesting)?,
        }
    }
    Ok(size)
}

fn resource<'a, V: Visit<'a>>(mut reader: Reader<'a>, nesting: u32, visit: &mut V) -> Result<(), Fault> {
    use fields::resource::{ATTRIBUTES, DROPPED_ATTRIBUTES, KNOWN};
    while let Some(tag) = reader.tag()? {
        match tag {
            ATTRIBUTES => attribute(&mut reader, nesting, visit.resource_values())?,
            DROPPED_ATTRIBUTES => visit.resource_dropped(reader.varint()? as u32),
            _ => reader.unknown(tag, KNOWN, nesting)?,
        }
    }
    Ok(())
}

fn scope_logs<'a, V: Visit<'a>>(message: Reader<'a>, nesting: u32, visit: &mut V) -> Result<(), Fault> {
    visit.begin_scope();
    let size = if V::IN_ORDER {
        let size = scope_pass(message, Pass::Head, nesting, visit)?;
        visit.scope();
        scope_pass(message, Pass::Records, nesting, visit)?;
        size
    } else {
        scope_pass(message, Pass::All, nesting, visit)?
    };
    visit.end_scope(size);
    Ok(())
}

/// Returns the bytes of the scope.
fn scope_pass<'a, V: Visit<'a>>(
    mut reader: Reader<'a>,
    pass: Pass,
    nesting: u32,
    visit: &mut V,
) -> Result<usize, Fault> {
    use fields::scope_logs::{KNOWN, LOG_RECORDS, SCHEMA_URL, SCOPE};
    let (mut size, mut index) = (0, 0);
    let mut head = ScopeFields::default();
    while let Some(tag) = reader.tag()? {
        match tag {
            SCOPE => {
                let message = reader.message().inside("scope")?;
                if pass != Pass::Records {
                    size += message.rest().len();
                    scope(message, nesting, &mut head, visit).inside("scope")?;
                    visit.scope_fields(&head);
                }
            }
            LOG_RECORDS => {
                let message = reader.message().inside_element("log_records", index)?;
                if pass != Pass::Head {
                    log_record(message, nesting, visit).inside_element("log_records", index)?;
                }
                index += 1;
            }
            SCHEMA_URL => drop(reader.bytes().inside("schema_url")?),
            _ => reader.unknown(tag, KNOWN, nesting)?,
        }
    }
    Ok(size)
}

fn scope<'a, V: Visit<'a>>(
    mut reader: Reader<'a>,
    nesting: u32,
    head: &mut ScopeFields<'a>,
    visit: &mut V,
) -> Result<(), Fault> {
    use fields::scope::{ATTRIBUTES, DROPPED_ATTRIBUTES, KNOWN, NAME, VERSION};
    while let Some(tag) = reader.tag()? {
        match tag {
            NAME => head.name = reader.bytes().inside("name")?,
            VERSION => head.version = reader.bytes().inside("version")?,
            ATTRIBUTES => attribute(&mut reader, nesting, visit.scope_values())?,
            DROPPED_ATTRIBUTES => head.dropped_attributes = reader.varint()? as u32,
            _ => reader.unknown(tag, KNOWN, nesting)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn log_record<'a, V: Visit<'a>>(reader: Reader<'a>, nesting: u32, visit: &mut V) -> Result<(), Fault> {
    let place = reader.at()..reader.at() + reader.rest().len();
    visit.begin_record();
    let fields =
        if V::TIMES_ONLY { times(reader, nesting)? } else { record(reader, nesting, visit.record_values())? };
    visit.record(&fields, place);
    Ok(())
}

/// The times of a record that was checked.
fn times(mut reader: Reader<'_>, nesting: u32) -> Result<Fields<'_>, Fault> {
    let mut record = Fields::default();
    while let Some(tag) = reader.tag()? {
        match tag {
            fields::record::TIME => record.time = reader.fixed64()?,
            fields::record::OBSERVED_TIME => record.observed_time = reader.fixed64()?,
            _ => reader.skip(tag, nesting)?,
        }
    }
    Ok(record)
}

/// Walks the message of one record.
#[inline(always)]
pub(crate) fn record<'a, V: Values<'a>>(
    mut reader: Reader<'a>,
    nesting: u32,
    values: &mut V,
) -> Result<Fields<'a>, Fault> {
    use fields::record as f;
    let mut record = Fields::default();
    while let Some(tag) = reader.tag()? {
        match tag {
            f::TIME => record.time = reader.fixed64().inside("time_unix_nano")?,
            f::SEVERITY_NUMBER => record.severity_number = reader.varint().inside("severity_number")? as i32,
            f::SEVERITY_TEXT => record.severity_text = reader.bytes().inside("severity_text")?,
            f::BODY => body(&mut reader, nesting, values).inside("body")?,
            f::ATTRIBUTES => attribute(&mut reader, nesting, values)?,
            f::DROPPED_ATTRIBUTES => {
                record.dropped_attributes = reader.varint().inside("dropped_attributes_count")? as u32;
            }
            f::FLAGS => record.flags = reader.fixed32().inside("flags")?,
            f::TRACE_ID => record.trace_id = reader.bytes().inside("trace_id")?,
            f::SPAN_ID => record.span_id = reader.bytes().inside("span_id")?,
            f::OBSERVED_TIME => record.observed_time = reader.fixed64().inside("observed_time_unix_nano")?,
            f::EVENT_NAME => record.event_name = reader.bytes().inside("event_name")?,
            _ => reader.unknown(tag, f::KNOWN, nesting)?,
        }
    }
    Ok(record)
}

fn body<'a, V: Values<'a>>(reader: &mut Reader<'a>, nesting: u32, values: &mut V) -> Result<(), Fault> {
    let message = reader.message()?;
    let slot = values.body();
    value::any_value(message, nesting, slot, values)
}

#[inline(always)]
fn attribute<'a, V: Values<'a>>(reader: &mut Reader<'a>, nesting: u32, values: &mut V) -> Result<(), Fault> {
    let message = reader.message().inside("attributes")?;
    let list = values.attributes();
    let slot = values.element(list);
    key_value(message, nesting, slot, values).inside("attributes")
}
