//! The frames of SPDY 3.1 that a way into a pod is made of. Without I/O.
//!
//! Source: the draft `draft-mbelshe-httpbis-spdy-00`, section 2, and how Kubernetes uses it: no end of a way sends or
//! heeds windows, headers come only with what opens a stream, and an answer's are empty.
//!
//! - What the other end says of headers is skipped, not unpacked: nothing of it is needed.
//! - Headers are packed without the dictionary of the draft (section 2.6.10.1): a packed text says whether it needs one.
//! - A long frame of bytes is given on in pieces as they arrive: its length, up to 16 MB, is the other end's affair.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};

/// What begins each frame.
pub(super) const HEAD: usize = 8;

const VERSION: u16 = 3;
const CONTROL: u32 = 1 << 31;
/// What is left of a number whose first bit means something else.
const NUMBER: u32 = CONTROL - 1;
/// The sender says nothing more on this stream.
const FIN: u8 = 1;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of a stream, and whether they are the last ones.
    Bytes {
        stream: u32,
        bytes: Bytes,
        last: bool,
    },
    /// The stream was taken.
    Reply { stream: u32, last: bool },
    /// The stream is over, whatever was still to come.
    Reset { stream: u32 },
    /// A question whether somebody is there, or the answer to one: who began, has the number's last bit.
    Ping(u32),
    /// No more streams.
    Away,
    /// Anything else.
    Other,
}

/// Bytes that are no such frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster speaks another version of SPDY")]
pub(super) struct Foreign;

/// Takes frames out of what arrives.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    rest: Rest,
}

/// What of the last frame is still to come.
#[derive(Debug, Default)]
enum Rest {
    #[default]
    Nothing,
    Bytes {
        stream: u32,
        left: usize,
        last: bool,
    },
    Skipped(usize),
}

impl Decoder {
    /// The next one, or nothing before more has arrived.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Foreign> {
        loop {
            match &mut self.rest {
                Rest::Nothing => match self.head(buffer)? {
                    Head::Frame(frame) => return Ok(Some(frame)),
                    Head::Begun => {}
                    Head::Short => return Ok(None),
                },
                Rest::Skipped(left) => {
                    let skipped = (*left).min(buffer.len());
                    buffer.advance(skipped);
                    *left -= skipped;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.rest = Rest::Nothing;
                }
                Rest::Bytes { stream, left, last } => {
                    let length = (*left).min(buffer.len());
                    if length == 0 && *left > 0 {
                        return Ok(None);
                    }
                    *left -= length;
                    let whole = *left == 0;
                    let frame = Frame::Bytes {
                        stream: *stream,
                        bytes: buffer.split_to(length).freeze(),
                        last: whole && *last,
                    };
                    if whole {
                        self.rest = Rest::Nothing;
                    }
                    return Ok(Some(frame));
                }
            }
        }
    }

    /// The head of a frame, with the little that it needs to know of the rest.
    fn head(&mut self, buffer: &mut BytesMut) -> Result<Head, Foreign> {
        let Some((mut head, mut body)) = buffer.split_at_checked(HEAD) else {
            return Ok(Head::Short);
        };
        let first = head.get_u32();
        let second = head.get_u32();
        let last = (second >> 24) as u8 & FIN != 0;
        let length = (second & 0x00FF_FFFF) as usize;
        if first & CONTROL == 0 {
            self.rest = Rest::Bytes {
                stream: first,
                left: length,
                last,
            };
            buffer.advance(HEAD);
            return Ok(Head::Begun);
        }
        if (first & NUMBER) >> 16 != u32::from(VERSION) {
            return Err(Foreign);
        }
        let kind = (first & 0xFFFF) as u16;
        let named = matches!(kind, SYN_REPLY | RST_STREAM | PING);
        let read = if named { size_of::<u32>() } else { 0 };
        if named && length < read {
            return Err(Foreign);
        }
        if body.len() < read {
            return Ok(Head::Short);
        }
        let number = if named { body.get_u32() } else { 0 };
        buffer.advance(HEAD + read);
        self.rest = Rest::Skipped(length - read);
        let stream = number & NUMBER;
        Ok(Head::Frame(match kind {
            SYN_REPLY => Frame::Reply { stream, last },
            RST_STREAM => Frame::Reset { stream },
            PING => Frame::Ping(number),
            GOAWAY => Frame::Away,
            _ => Frame::Other,
        }))
    }
}

enum Head {
    Frame(Frame),
    /// The rest says what it is.
    Begun,
    /// More is to arrive.
    Short,
}

/// The head of a frame of so many bytes.
pub(super) fn bytes_head(stream: u32, length: usize, last: bool) -> [u8; HEAD] {
    head(stream & NUMBER, if last { FIN } else { 0 }, length)
}

/// A question, or an answer.
pub(super) fn ping(number: u32) -> BytesMut {
    let mut frame = control(PING, 0, size_of::<u32>());
    frame.put_u32(number);
    frame
}

/// Packs the headers of all streams of one way: each goes on where the one before has ended.
#[derive(Debug)]
pub(super) struct Opener(Compress);

impl Opener {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    /// What opens a stream. `last`: nothing is ever said on it from here.
    pub(super) fn open(&mut self, stream: u32, headers: &[(&str, &str)], last: bool) -> BytesMut {
        let packed = self.pack(&block(headers));
        // The stream, the one that it belongs to (none), and its priority.
        let mut frame = control(SYN_STREAM, if last { FIN } else { 0 }, 10 + packed.len());
        frame.put_u32(stream & NUMBER);
        frame.put_u32(0);
        frame.put_u16(0);
        frame.put_slice(&packed);
        frame
    }

    fn pack(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(plain.len() + 64);
        let mut taken = 0;
        loop {
            let before = self.0.total_in();
            let rest = plain.get(taken..).unwrap_or_default();
            let packs = self.0.compress_vec(rest, &mut packed, FlushCompress::Sync);
            taken += usize::try_from(self.0.total_in() - before).unwrap_or(0);
            // It is complete when there was room to spare.
            let is_full = packed.len() == packed.capacity();
            if !is_full || !matches!(packs, Ok(Status::Ok)) {
                return packed;
            }
            packed.reserve(64);
        }
    }
}

/// Headers as they are before they are packed (section 2.6.10). Names are in small letters.
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let length = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let mut block = Vec::new();
    block.put_u32(length(headers.len()));
    for (name, value) in headers {
        for text in [name, value] {
            block.put_u32(length(text.len()));
            block.put_slice(text.as_bytes());
        }
    }
    block
}

fn control(kind: u16, flags: u8, length: usize) -> BytesMut {
    let first = CONTROL | u32::from(VERSION) << 16 | u32::from(kind);
    let mut frame = BytesMut::with_capacity(HEAD + length);
    frame.put_slice(&head(first, flags, length));
    frame
}

fn head(first: u32, flags: u8, length: usize) -> [u8; HEAD] {
    let length = u32::try_from(length).unwrap_or(0) & 0x00FF_FFFF;
    let second = u32::from(flags) << 24 | length;
    let mut head = [0; HEAD];
    let (number, rest) = head.split_at_mut(HEAD / 2);
    number.copy_from_slice(&first.to_be_bytes());
    rest.copy_from_slice(&second.to_be_bytes());
    head
}

#[cfg(test)]
mod tests;
