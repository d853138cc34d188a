use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::forward::tunnel::channels;

mod streams;

/// A client, a carrier, and the cluster at the other end.
struct Case {
    client: DuplexStream,
    carrier: JoinHandle<End>,
    traffic: Arc<Traffic>,
    sink: SplitSink<WebSocketStream<DuplexStream>, Message>,
    frames: SplitStream<WebSocketStream<DuplexStream>>,
}

impl Case {
    async fn new() -> Self {
        let (near, far) = duplex(1024 * 1024);
        let ours = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let theirs = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let (sink, frames) = ours.split();
        let tunnel = channels::tunnel(Box::pin(sink), frames.boxed());
        let (client, inner) = duplex(1024 * 1024);
        let traffic: Arc<Traffic> = Arc::default();
        let shared = Arc::clone(&traffic);
        let carrier = tokio::spawn(async move {
            let (from, to) = tokio::io::split(inner);
            carry(from, to, tunnel, &shared).await
        });
        let (sink, frames) = theirs.split();
        let mut case = Self {
            client,
            carrier,
            traffic,
            sink,
            frames,
        };
        for channel in [0, 1] {
            case.send(&[channel, 80, 0]).await;
        }
        case
    }

    async fn send(&mut self, frame: &[u8]) {
        let frame = Message::Binary(Bytes::copy_from_slice(frame));
        self.sink.send(frame).await.expect("it is sent");
    }

    async fn read(&mut self) -> String {
        let mut all = String::new();
        let read = self.client.read_to_string(&mut all).await;
        read.expect("text");
        all
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_and_are_counted() {
    let mut case = Case::new().await;
    case.client.write_all(b"hello").await.expect("it is taken");
    let frame = case.frames.next().await.expect("a frame");
    assert_eq!(
        frame.expect("a frame"),
        Message::Binary(Bytes::from_static(b"\0hello"))
    );
    case.send(b"\0good ").await;
    case.send(b"\0day").await;
    case.sink.send(Message::Close(None)).await.expect("an end");
    assert_eq!(case.read().await, "good day");
    assert_eq!(case.carrier.await.expect("no panic"), End::Closed);
    assert_eq!(case.traffic.sent.load(Ordering::Relaxed), 5);
    assert_eq!(case.traffic.received.load(Ordering::Relaxed), 8);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_end_of_the_question_is_given() {
    let mut case = Case::new().await;
    case.client.write_all(b"?").await.expect("it is taken");
    case.client.shutdown().await.expect("an end");
    tokio::time::sleep(LINGER / 2).await;
    case.send(b"\0first ").await;
    tokio::time::sleep(LINGER / 2).await;
    case.send(b"\0second").await;
    let begin = Instant::now();
    assert_eq!(case.read().await, "first second");
    assert_eq!(case.carrier.await.expect("no panic"), End::Closed);
    assert!(begin.elapsed() <= LINGER, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_the_pod_says_is_told() {
    let mut case = Case::new().await;
    case.send(b"\x01it was refused").await;
    assert_eq!(case.read().await, "");
    let told = End::Told("it was refused".to_owned());
    assert_eq!(case.carrier.await.expect("no panic"), told);
}

#[tokio::test(start_paused = true)]
async fn a_way_that_answers_stays_and_one_that_falls_silent_is_closed() {
    let mut case = Case::new().await;
    // Who reads answers.
    let minute = tokio::time::sleep(Duration::from_mins(1));
    tokio::pin!(minute);
    loop {
        tokio::select! {
            _ = case.frames.next() => case.sink.flush().await.expect("the answers are sent"),
            () = &mut minute => break,
        }
    }
    assert!(!case.carrier.is_finished());
    // Nobody reads any more.
    let begin = Instant::now();
    assert_eq!(case.read().await, "");
    assert_eq!(case.carrier.await.expect("no panic"), End::Silent);
    assert!(begin.elapsed() < Duration::from_secs(5), "{begin:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_cut_is_told_from_an_end() {
    let mut case = Case::new().await;
    case.send(b"\0half").await;
    drop((case.sink, case.frames));
    let mut all = String::new();
    let read = case.client.read_to_string(&mut all).await;
    read.expect("text");
    assert_eq!(all, "half");
    let end = case.carrier.await.expect("no panic");
    assert!(matches!(end, End::Broken(_)), "{end:?}");
}
