//! The frame, the only thing that a segment holds. FORMAT.md has the table; the two are kept alike.

use bytes::Bytes;
use logmill_world::Micros;

use crate::codec::{Malformed, Put, Take};
use crate::contract::{Encoding, Header, Key, LogId, Offset, Partition, Topic};
pub(crate) use crate::header::TooLarge;
use crate::header::{self, check, put_attributes, put_rejected, take_attributes, take_rejected};

/// The first bytes of each frame, version included.
pub(crate) const MAGIC: [u8; 4] = *b"LMF1";
/// Length of the fixed part of a header.
pub(crate) const FIXED: usize = 172;
/// Frames begin at multiples of this.
pub(crate) const ALIGN: usize = 8;
/// The longest header; a longer one is damage.
pub(crate) const MAX_HEADER: usize = header::MAX;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A payload of some topic.
    Data = 1,
    /// A group's position with its note.
    Position = 2,
    /// The log's state at the start of a segment.
    Snapshot = 3,
    /// The ends of all partitions; carries the durable mark when nothing else does.
    Mark = 4,
}

/// A place in the log's bytes: segment number and offset in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub segment: u64,
    pub at: u32,
}

/// All of a frame but its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub kind: Kind,
    pub last: bool,
    pub log: LogId,
    pub place: Place,
    pub group_at: u32,
    pub mark: Place,
    pub topic: Topic,
    pub partition: Partition,
    pub offset: Offset,
    pub ordinal: u64,
    pub header: Header,
    pub header_len: u32,
    pub payload_len: u32,
    pub payload_crc: u32,
}

impl FrameHead {
    /// Bytes from this frame's first to the next frame's first.
    pub(crate) fn span(&self) -> usize {
        padded(self.header_len as usize + self.payload_len as usize)
    }
}

pub(crate) fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// A frame made ready by its caller: all but what only the one writer knows.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub topic: Topic,
    pub partition: Partition,
    pub count: u32,
    pub key: Option<Key>,
    pub accepted: u32,
    pub received_at: Micros,
    pub is_data: bool,
    head: Vec<u8>,
    pub payload: Bytes,
}

/// What the one writer adds.
pub(crate) struct Stamp {
    pub log: LogId,
    pub place: Place,
    pub group_at: u32,
    pub mark: Place,
    pub last: bool,
    pub offset: Offset,
    pub ordinal: u64,
}

const FLAG_LAST: u8 = 1;
const FLAG_KEY: u8 = 2;
const FLAG_SPAN: u8 = 4;

// Places of the fields that are stamped by the writer.
const AT_FLAGS: usize = 21;
const AT_SEGMENT: usize = 24;
const AT_LOG: usize = 32;
const AT_MARK: usize = 48;
const AT_PLACE: usize = 60;
const AT_GROUP: usize = 64;
const AT_OFFSET: usize = 72;
const AT_ORDINAL: usize = 80;

impl Prepared {
    /// Encodes and checksums on the caller's thread, so that the writer only gathers.
    pub(crate) fn new(
        kind: Kind,
        topic: Topic,
        partition: Partition,
        header: &Header,
        payload: Bytes,
    ) -> Result<Self, TooLarge> {
        check(header)?;
        let payload_len = u32::try_from(payload.len()).map_err(|_| TooLarge("payload over 4 GiB"))?;
        let mut head = Vec::with_capacity(FIXED + topic.as_str().len() + header.customer.len() + 16);
        put_fixed(&mut head, kind, &topic, partition, header, &payload, payload_len);
        put_variable(&mut head, &topic, header);
        head.resize(padded(head.len()), 0);
        if head.len() > MAX_HEADER {
            return Err(TooLarge("header over 1 MiB"));
        }
        let len = head.len() as u32;
        patch(&mut head, 8, &len.to_le_bytes());
        Ok(Self {
            topic,
            partition,
            count: header.count,
            key: header.key,
            accepted: header.accepted(),
            received_at: header.received_at,
            is_data: kind == Kind::Data,
            head,
            payload,
        })
    }

    /// Bytes on disk.
    pub(crate) fn span(&self) -> usize {
        padded(self.head.len() + self.payload.len())
    }

    /// Zeros that follow the payload.
    pub(crate) fn padding(&self) -> usize {
        self.span() - self.head.len() - self.payload.len()
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Fills in what only the writer knows, and the header's checksum.
    pub(crate) fn stamp(&mut self, stamp: &Stamp) {
        let head = &mut self.head;
        if let Some(flags) = head.get_mut(AT_FLAGS) {
            *flags = (*flags & !FLAG_LAST) | if stamp.last { FLAG_LAST } else { 0 };
        }
        patch(head, AT_SEGMENT, &stamp.place.segment.to_le_bytes());
        patch(head, AT_LOG, &stamp.log.0);
        patch(head, AT_MARK, &stamp.mark.segment.to_le_bytes());
        patch(head, AT_MARK + 8, &stamp.mark.at.to_le_bytes());
        patch(head, AT_PLACE, &stamp.place.at.to_le_bytes());
        patch(head, AT_GROUP, &stamp.group_at.to_le_bytes());
        patch(head, AT_OFFSET, &stamp.offset.to_le_bytes());
        patch(head, AT_ORDINAL, &stamp.ordinal.to_le_bytes());
        let crc = crc32c::crc32c(head.get(8..).unwrap_or_default());
        patch(head, 4, &crc.to_le_bytes());
    }
}

fn patch(head: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = head.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

fn put_fixed(
    head: &mut Vec<u8>,
    kind: Kind,
    topic: &Topic,
    partition: Partition,
    header: &Header,
    payload: &[u8],
    payload_len: u32,
) {
    head.put(&MAGIC);
    head.put_u32(0); // header CRC, stamped
    head.put_u32(0); // header length, patched
    head.put_u32(payload_len);
    head.put_u32(crc32c::crc32c(payload));
    head.put_u8(kind as u8);
    let key = if header.key.is_some() { FLAG_KEY } else { 0 };
    head.put_u8(key | if header.span.is_some() { FLAG_SPAN } else { 0 });
    head.put_u8(header.encoding.0);
    head.put_u8(1); // version of the encoding
    head.put(&[0; AT_GROUP + 4 - AT_SEGMENT]); // segment, log, mark, place, group: stamped
    head.put_u16(partition.0);
    head.put_u8(topic.as_str().len() as u8);
    head.put_u8(header.customer.len() as u8);
    head.put_u64(0); // offset, stamped
    head.put_u64(0); // ordinal, stamped
    head.put_u32(header.count);
    head.put_u32(header.rejected.len() as u32);
    head.put_i64(header.received_at);
    let (first, last) = header.span.unwrap_or_default();
    head.put_i64(first);
    head.put_i64(last);
    head.put(&header.batch_id);
    let key = header.key.unwrap_or(Key { hash: [0; 16], digest: [0; 16] });
    head.put(&key.hash);
    head.put(&key.digest);
    head.put_u32(header.attributes.len() as u32);
}

fn put_variable(head: &mut Vec<u8>, topic: &Topic, header: &Header) {
    head.put(topic.as_str().as_bytes());
    head.put(header.customer.as_bytes());
    put_rejected(head, &header.rejected);
    put_attributes(head, &header.attributes);
}

/// The lengths of header and payload, if `bytes` (at least 16) begin with a magic.
pub(crate) fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut take = Take(bytes);
    if take.array::<4>().ok()? != MAGIC {
        return None;
    }
    take.u32().ok()?;
    let header = take.u32().ok()? as usize;
    let payload = take.u32().ok()? as usize;
    let fits = (FIXED..=MAX_HEADER).contains(&header) && header.is_multiple_of(ALIGN);
    fits.then_some((header, payload))
}

/// Decodes a header whose checksum holds. `bytes` begin with it and may go on.
pub(crate) fn decode(bytes: &[u8]) -> Result<FrameHead, Malformed> {
    let (len, _) = lengths(bytes).ok_or(Malformed)?;
    let head = bytes.get(..len).ok_or(Malformed)?;
    let mut take = Take(head.get(4..).ok_or(Malformed)?);
    if take.u32()? != crc32c::crc32c(take.0) {
        return Err(Malformed);
    }
    decode_checked(&mut take)
}

fn decode_checked(take: &mut Take<'_>) -> Result<FrameHead, Malformed> {
    let (header_len, payload_len, payload_crc) = (take.u32()?, take.u32()?, take.u32()?);
    let kind = match take.u8()? {
        1 => Kind::Data,
        2 => Kind::Position,
        3 => Kind::Snapshot,
        4 => Kind::Mark,
        _ => return Err(Malformed),
    };
    let (flags, encoding, _version) = (take.u8()?, Encoding(take.u8()?), take.u8()?);
    let segment = take.u64()?;
    let log = LogId(take.array()?);
    let mark = Place { segment: take.u64()?, at: take.u32()? };
    let place = Place { segment, at: take.u32()? };
    let group_at = take.u32()?;
    let partition = Partition(take.u16()?);
    let (topic_len, customer_len) = (take.u8()?, take.u8()?);
    let (offset, ordinal) = (take.u64()?, take.u64()?);
    let (count, rejected) = (take.u32()?, take.u32()?);
    let received_at = take.i64()?;
    let span = (take.i64()?, take.i64()?);
    let batch_id = take.array()?;
    let key = Key { hash: take.array()?, digest: take.array()? };
    let attributes = take.u32()?;
    let topic = utf8(take.bytes(topic_len.into())?)?;
    let customer = utf8(take.bytes(customer_len.into())?)?.to_owned();
    let header = Header {
        encoding,
        count,
        rejected: take_rejected(take, rejected)?,
        customer,
        batch_id,
        key: (flags & FLAG_KEY != 0).then_some(key),
        received_at,
        span: (flags & FLAG_SPAN != 0).then_some(span),
        attributes: take_attributes(take, attributes)?,
    };
    Ok(FrameHead {
        kind,
        last: flags & FLAG_LAST != 0,
        log,
        place,
        group_at,
        mark,
        topic: Topic::new(topic).map_err(|_| Malformed)?,
        partition,
        offset,
        ordinal,
        header,
        header_len,
        payload_len,
        payload_crc,
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}
