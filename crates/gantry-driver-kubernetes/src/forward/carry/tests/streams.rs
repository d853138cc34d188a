//! The same over streams: what differs is how it is said.

use tokio::io::{ReadHalf, WriteHalf, split};

use super::*;
use crate::forward::spdy::{Decoder, Frame, bytes_head, ping};
use crate::forward::tunnel::streams;

const ERROR: u32 = 1;
const DATA: u32 = 3;

/// A client, a carrier, and the cluster at the other end.
struct Case {
    client: DuplexStream,
    carrier: JoinHandle<End>,
    from: ReadHalf<DuplexStream>,
    to: WriteHalf<DuplexStream>,
    buffer: BytesMut,
    decoder: Decoder,
}

impl Case {
    async fn new() -> Self {
        let (near, far) = duplex(1024 * 1024);
        let (from, to) = split(near);
        let begun = streams::begin(Box::new(from), Box::new(to), 80).await;
        let tunnel = begun.expect("it is asked for");
        let (client, inner) = duplex(1024 * 1024);
        let carrier = tokio::spawn(async move {
            let (from, to) = split(inner);
            carry(from, to, tunnel, &Traffic::default()).await
        });
        let (from, to) = split(far);
        let mut case = Self {
            client,
            carrier,
            from,
            to,
            buffer: BytesMut::new(),
            decoder: Decoder::default(),
        };
        for _ in [ERROR, DATA] {
            assert_eq!(case.next().await, Frame::Other, "a stream is opened");
        }
        case
    }

    /// What arrives next at the cluster.
    async fn next(&mut self) -> Frame {
        loop {
            let next = self.decoder.next(&mut self.buffer);
            if let Some(frame) = next.expect("frames") {
                return frame;
            }
            let read = self.from.read_buf(&mut self.buffer).await;
            assert_ne!(read.expect("bytes"), 0, "it was closed");
        }
    }

    async fn send(&mut self, stream: u32, bytes: &[u8], last: bool) {
        let frame = [&bytes_head(stream, bytes.len(), last), bytes].concat();
        self.to.write_all(&frame).await.expect("it is sent");
    }

    async fn read(&mut self) -> String {
        let mut all = String::new();
        let read = self.client.read_to_string(&mut all).await;
        read.expect("text");
        all
    }

    async fn end(self) -> End {
        self.carrier.await.expect("no panic")
    }
}

fn arrives(bytes: &'static [u8], last: bool) -> Frame {
    Frame::Bytes {
        stream: DATA,
        bytes: Bytes::from_static(bytes),
        last,
    }
}

#[tokio::test(start_paused = true)]
async fn both_ends_are_said() {
    let mut case = Case::new().await;
    case.client.write_all(b"hello").await.expect("it is taken");
    assert_eq!(case.next().await, arrives(b"hello", false));
    case.client.shutdown().await.expect("an end");
    assert_eq!(case.next().await, arrives(b"", true));
    case.send(DATA, b"good ", false).await;
    case.send(ERROR, b"", true).await;
    case.send(DATA, b"day", true).await;
    let begin = Instant::now();
    assert_eq!(case.read().await, "good day");
    assert_eq!(begin.elapsed(), Duration::ZERO, "nothing is waited for");
    assert_eq!(case.end().await, End::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_byte_is_told_from_one_that_the_pod_explains() {
    let mut case = Case::new().await;
    case.send(DATA, b"", true).await;
    case.send(ERROR, b"", true).await;
    assert_eq!(case.read().await, "");
    assert_eq!(case.end().await, End::Empty);

    for ends_before in [false, true] {
        let mut case = Case::new().await;
        if ends_before {
            case.send(DATA, b"", true).await;
        }
        case.send(ERROR, b"it was ", false).await;
        case.send(ERROR, b"refused", true).await;
        assert_eq!(case.read().await, "");
        assert_eq!(case.end().await, End::Told("it was refused".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn questions_are_asked_and_answered() {
    let mut case = Case::new().await;
    case.to.write_all(&ping(8)).await.expect("it is sent");
    assert_eq!(case.next().await, Frame::Ping(8));
    for _ in 0..10 {
        let Frame::Ping(number) = case.next().await else {
            panic!("it asks");
        };
        assert_eq!(number & 1, 1, "a question from here");
        let sent = case.to.write_all(&ping(number)).await;
        sent.expect("it is sent");
    }
    assert!(!case.carrier.is_finished());
    // Nobody answers any more.
    let begin = Instant::now();
    assert_eq!(case.read().await, "");
    assert!(begin.elapsed() < Duration::from_secs(5), "{begin:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_cut_is_told_from_an_end() {
    let mut case = Case::new().await;
    case.send(DATA, b"half", false).await;
    let Case {
        from,
        to,
        mut client,
        carrier,
        ..
    } = case;
    drop(from.unsplit(to));
    let mut all = String::new();
    let read = client.read_to_string(&mut all).await;
    read.expect("text");
    assert_eq!(all, "half");
    let end = carrier.await.expect("no panic");
    assert!(matches!(end, End::Broken(_)), "{end:?}");
}
