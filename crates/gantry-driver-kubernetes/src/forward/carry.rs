//! Bytes both ways between a client here and a pod, until either has ended or the way between them is dead.
//!
//! | what happens | what follows | the fault that this prevents |
//! |---|---|---|
//! | the client ends what it sends | what comes back within a second is still given to it; then it is closed | an answer that is lost, since the way into a pod knows no half of an end |
//! | the pod ends | the client is told, and what it still sends is read for a second | an answer that the kernel throws away with what nobody read |
//! | the way breaks, or is silent (`silence.rs`) | the client's connection is closed | a client that waits for ever |

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::silence::{ASK, Beside, Talk, Verdict};
use super::tunnel::{HEAD, Heard, Outward, Piece, Tunnel};

/// How much is sent at once.
const BLOCK: usize = 64 * 1024;

/// For how long one side is heard after the other has ended.
const LINGER: Duration = Duration::from_secs(1);

/// What all connections on one way have seen of it.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
    /// Whether questions are answered on it.
    pub(super) answers: AtomicBool,
    /// Whether no new connection can be opened.
    pub(super) blocked: AtomicBool,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    /// The pod has closed it without a byte.
    Empty,
    /// The pod, or who leads to it, said why.
    Told(String),
    Broken(String),
    Silent,
}

/// What those who read and those who write have in common.
struct Shared<'a> {
    traffic: &'a Traffic,
    talk: Mutex<Talk>,
    /// When bytes arrived last; `None` while they are given away.
    moved: Mutex<Option<Instant>>,
    /// The client has ended what it sends.
    ended: Notify,
    /// What the other end asks.
    asked: UnboundedSender<u32>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries until the end.
pub(super) async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    tunnel: Tunnel,
    traffic: &Traffic,
) -> End {
    let Tunnel {
        mut outward,
        mut heard,
    } = tunnel;
    let (asked, mut questions) = unbounded_channel();
    let now = Instant::now();
    let shared = Shared {
        traffic,
        talk: Mutex::new(Talk::new(now)),
        moved: Mutex::new(Some(now)),
        ended: Notify::new(),
        asked,
    };
    let end = tokio::select! {
        end = shared.back(&mut heard, &mut to) => end,
        end = shared.there(&mut from, &mut outward, &mut questions) => end,
        end = shared.linger() => end,
        end = shared.listen() => end,
    };
    // Nothing more is sent to the pod, and it is let go at once.
    drop((outward, heard));
    if matches!(end, End::Closed | End::Empty | End::Told(_)) {
        let _ = to.shutdown().await;
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(&mut from, &mut nowhere);
        let _ = timeout(LINGER, rest).await;
    }
    end
}

impl Shared<'_> {
    /// From the client to the pod; asks in between whether the other end is there.
    async fn there(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        outward: &mut Outward,
        questions: &mut UnboundedReceiver<u32>,
    ) -> End {
        let mut ask = interval_at(Instant::now() + ASK, ASK);
        let mut block = BytesMut::new();
        let mut open = true;
        loop {
            if block.is_empty() {
                block.reserve(HEAD + BLOCK);
                block.put_bytes(0, HEAD);
            }
            let mut length = 0;
            let said = tokio::select! {
                biased;
                _ = ask.tick() => {
                    let question = lock(&self.talk).ask(Instant::now());
                    outward.ask(question).await
                }
                Some(question) = questions.recv() => outward.answer(question).await,
                read = from.read_buf(&mut block), if open => match read {
                    Ok(0) => {
                        open = false;
                        self.ended.notify_one();
                        outward.end().await
                    }
                    Ok(read) => {
                        length = read;
                        outward.send(block.split()).await
                    }
                    Err(_) => return End::Closed,
                },
            };
            if said.is_err() {
                // Who reads knows why; what had arrived before is read first.
                tokio::time::sleep(LINGER).await;
                return End::Broken("the connection to the cluster is broken".to_owned());
            }
            let length = u64::try_from(length).unwrap_or(0);
            lock(&self.talk).sent(length);
            self.traffic.sent.fetch_add(length, Ordering::Relaxed);
        }
    }

    /// From the pod to the client.
    async fn back(&self, heard: &mut Heard, to: &mut (impl AsyncWrite + Unpin)) -> End {
        let mut any = false;
        loop {
            let piece = heard.next().await;
            lock(&self.talk).heard(Instant::now());
            match piece {
                Piece::Bytes(bytes) => {
                    any = true;
                    *lock(&self.moved) = None;
                    if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                        return End::Closed;
                    }
                    let length = u64::try_from(bytes.len()).unwrap_or(0);
                    self.traffic.received.fetch_add(length, Ordering::Relaxed);
                    *lock(&self.moved) = Some(Instant::now());
                }
                Piece::Answer(answer) => {
                    if lock(&self.talk).answered(answer) {
                        self.traffic.answers.store(true, Ordering::Relaxed);
                    }
                }
                Piece::Asked(question) => {
                    // Who sends ends with who reads.
                    let _ = self.asked.send(question);
                }
                Piece::Other => {}
                Piece::Told(error) => return End::Told(error),
                Piece::End => return if any { End::Closed } else { End::Empty },
                Piece::Broken(error) => return End::Broken(error),
            }
            lock(&self.talk).listens(Instant::now());
        }
    }

    /// Ends when the client has ended what it sends, and nothing comes back any more.
    async fn linger(&self) -> End {
        self.ended.notified().await;
        let mut since = Instant::now();
        loop {
            let moved = *lock(&self.moved);
            since = since.max(moved.unwrap_or_else(Instant::now));
            let until = since + LINGER;
            if until <= Instant::now() {
                return End::Closed;
            }
            sleep_until(until).await;
        }
    }

    /// Ends when the other end is silent.
    async fn listen(&self) -> End {
        loop {
            let load = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
            let beside = Beside {
                answers: load(&self.traffic.answers),
                blocked: load(&self.traffic.blocked),
            };
            let verdict = lock(&self.talk).verdict(Instant::now(), beside);
            match verdict {
                Verdict::Dead => return End::Silent,
                Verdict::Wait(until) => sleep_until(until).await,
            }
        }
    }
}

#[cfg(test)]
mod tests;
