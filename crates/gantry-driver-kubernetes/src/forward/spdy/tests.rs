use std::io::Read as _;

use flate2::read::ZlibDecoder;
use proptest::prelude::*;

use super::*;

/// All frames in these bytes, given in pieces of such a size.
fn frames(bytes: &[u8], piece: usize) -> Result<Vec<Frame>, Foreign> {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut frames: Vec<Frame> = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = decoder.next(&mut buffer)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

/// With the pieces of one long frame put together again.
fn whole(frames: Vec<Frame>) -> Vec<Frame> {
    let mut all: Vec<Frame> = Vec::new();
    for frame in frames {
        if let Frame::Bytes {
            stream,
            bytes,
            last,
        } = &frame
            && let Some(Frame::Bytes {
                stream: before,
                bytes: begun,
                last: ended,
            }) = all.last_mut()
            && stream == before
            && !*ended
        {
            *begun = [begun.as_ref(), bytes.as_ref()].concat().into();
            *ended = *last;
            continue;
        }
        all.push(frame);
    }
    all
}

fn data(stream: u32, bytes: &[u8], last: bool) -> Vec<u8> {
    [&bytes_head(stream, bytes.len(), last), bytes].concat()
}

fn bytes(stream: u32, bytes: &'static [u8], last: bool) -> Frame {
    Frame::Bytes {
        stream,
        bytes: Bytes::from_static(bytes),
        last,
    }
}

/// A frame with a number and something after it.
fn numbered(kind: u16, flags: u8, number: u32, rest: &[u8]) -> Vec<u8> {
    let mut frame = control(kind, flags, 4 + rest.len());
    frame.put_u32(number);
    frame.put_slice(rest);
    frame.to_vec()
}

#[test]
fn what_arrives_is_told_apart() {
    let all = [
        numbered(SYN_REPLY, 0, 3, b"packed headers"),
        data(3, b"hello", false),
        numbered(4, 0, 7, b"settings"),
        ping(5).to_vec(),
        data(3, b"", true),
        numbered(RST_STREAM, 0, 1, &[0, 0, 0, 5]),
        numbered(GOAWAY, 0, 1, &[0, 0, 0, 0]),
    ]
    .concat();
    let expected = [
        Frame::Reply {
            stream: 3,
            last: false,
        },
        bytes(3, b"hello", false),
        Frame::Other,
        Frame::Ping(5),
        bytes(3, b"", true),
        Frame::Reset { stream: 1 },
        Frame::Away,
    ];
    assert_eq!(frames(&all, all.len()).expect("frames"), expected);
    for piece in 1..40 {
        let frames = frames(&all, piece).expect("frames");
        assert_eq!(whole(frames), expected, "in pieces of {piece}");
    }
}

#[test]
fn another_protocol_is_refused() {
    assert_eq!(frames(&[0x80, 2, 0, 6, 0, 0, 0, 4, 0], 9), Err(Foreign));
    // An answer that is too short to say to what.
    assert_eq!(frames(&[0x80, 3, 0, 6, 0, 0, 0, 3, 0], 9), Err(Foreign));
}

#[test]
fn each_stream_s_headers_go_on_where_the_last_ones_have_ended() {
    let mut opener = Opener::new();
    let long = "x".repeat(5_000);
    let headers = [
        [("streamtype", "error"), ("port", "80")],
        [("streamtype", "data"), ("port", long.as_str())],
    ];
    let mut packed = Vec::new();
    let mut plain = Vec::new();
    for (number, headers) in headers.iter().enumerate() {
        let stream = 2 * u32::try_from(number).expect("small") + 1;
        let frame = opener.open(stream, headers, number == 0);
        assert_eq!(frame[..4], [0x80, 3, 0, 1]);
        assert_eq!(frame[4], u8::from(number == 0), "whether it is the end");
        let length = u32::from_be_bytes([0, frame[5], frame[6], frame[7]]);
        assert_eq!(length as usize, frame.len() - HEAD);
        assert_eq!(frame[8..12], stream.to_be_bytes());
        packed.extend_from_slice(&frame[18..]);
        plain.extend(block(headers));
    }
    let mut unpacked = Vec::new();
    // It has no end: there may always be another stream.
    let mut decoder = ZlibDecoder::new(packed.as_slice());
    let mut piece = [0; 512];
    while unpacked.len() < plain.len() {
        let length = decoder.read(&mut piece).expect("it is well packed");
        assert_ne!(length, 0, "something is missing");
        unpacked.extend_from_slice(&piece[..length]);
    }
    assert_eq!(unpacked, plain);
    assert_eq!(&block(&[("a", "bc")]), b"\0\0\0\x01\0\0\0\x01a\0\0\0\x02bc");
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_the_same_frames(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        piece in 1_usize..50,
    ) {
        let at_once = frames(&bytes, bytes.len().max(1)).map(whole);
        let in_pieces = frames(&bytes, piece).map(whole);
        prop_assert_eq!(at_once, in_pieces);
    }

    #[test]
    fn frames_in_any_pieces_are_the_same(
        parts in proptest::collection::vec((0_u8..4, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..20),
        piece in 1_usize..50,
    ) {
        let all: Vec<u8> = parts.iter().flat_map(|(kind, number, rest, last)| match kind {
            0 => data(number & NUMBER, rest, *last),
            1 => numbered(SYN_REPLY, u8::from(*last), *number, rest),
            2 => numbered(RST_STREAM, 0, *number, rest),
            _ => ping(*number).to_vec(),
        }).collect();
        let at_once = frames(&all, all.len().max(1)).map(whole);
        let in_pieces = frames(&all, piece).map(whole);
        prop_assert!(at_once.is_ok());
        prop_assert_eq!(at_once, in_pieces);
    }
}
