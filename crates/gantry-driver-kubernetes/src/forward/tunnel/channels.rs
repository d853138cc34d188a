//! A way into a pod as a websocket of two channels, one of bytes both ways and one on which the cluster says what is
//! wrong. Each frame begins with the number of its channel, and the first one on each says the port.
//!
//! Nothing on it says that one side has ended and still listens. It is for clusters behind something that takes nothing but websockets.

use std::io;
use std::pin::Pin;

use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Sink, SinkExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{Client, Resource as _};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{HEAD, Piece, Tunnel};
use crate::forward::target::Aim;

/// The channel of bytes, and that of errors.
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// What goes in.
pub(in crate::forward) struct Outward(Pin<Box<dyn Sink<Message, Error = Error> + Send>>);

/// What comes out.
pub(in crate::forward) struct Heard {
    frames: BoxStream<'static, Result<Message, Error>>,
    /// Which channels have said their port.
    begun: [bool; 2],
}

pub(super) async fn open(client: &Client, aim: &Aim) -> kube::Result<Tunnel> {
    let pods = kube::core::Request::new(Pod::url_path(&(), Some(&aim.namespace)));
    let request = pods.portforward(&aim.pod, &[aim.port]);
    let request = request.map_err(kube::Error::BuildRequest)?;
    let connection = client.connect(request).await?;
    let (sink, frames) = connection.into_stream().split();
    Ok(tunnel(Box::pin(sink), frames.boxed()))
}

pub(in crate::forward) fn tunnel(
    sink: Pin<Box<dyn Sink<Message, Error = Error> + Send>>,
    frames: BoxStream<'static, Result<Message, Error>>,
) -> Tunnel {
    let heard = Heard {
        frames,
        begun: [false; 2],
    };
    Tunnel::new(
        super::Outward::Channels(Outward(sink)),
        super::Source::Channels(heard),
    )
}

impl Outward {
    /// Sends bytes, before which [`HEAD`] are free.
    pub(super) async fn send(&mut self, mut block: BytesMut) -> io::Result<()> {
        block.advance(HEAD - 1);
        if let Some(channel) = block.first_mut() {
            *channel = DATA;
        }
        self.message(Message::Binary(block.freeze())).await
    }

    pub(super) async fn ask(&mut self, number: u64) -> io::Result<()> {
        let question = Bytes::copy_from_slice(&number.to_be_bytes());
        self.message(Message::Ping(question)).await
    }

    async fn message(&mut self, message: Message) -> io::Result<()> {
        self.0.send(message).await.map_err(io::Error::other)
    }
}

impl Heard {
    /// The next piece. It may be given up at any time.
    pub(super) async fn next(&mut self) -> Piece {
        match self.frames.next().await {
            None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Piece::End,
            Some(Ok(Message::Binary(frame))) => self.piece(frame),
            Some(Ok(Message::Pong(answer))) => {
                let number = answer.as_ref().try_into().map(u64::from_be_bytes);
                number.map_or(Piece::Other, Piece::Answer)
            }
            Some(Ok(_)) => Piece::Other,
            Some(Err(Error::Io(error))) => Piece::broken(&error),
            Some(Err(Error::Protocol(_))) => Piece::cut(),
            Some(Err(error)) => Piece::broken(&error),
        }
    }

    fn piece(&mut self, mut frame: Bytes) -> Piece {
        let channel = frame.first().copied();
        let begun = channel.and_then(|channel| self.begun.get_mut(usize::from(channel)));
        let (Some(channel), Some(begun)) = (channel, begun) else {
            return Piece::Other;
        };
        if !std::mem::replace(begun, true) {
            return Piece::Other;
        }
        frame.advance(1);
        match channel {
            DATA if !frame.is_empty() => Piece::Bytes(frame),
            ERROR => Piece::Told(String::from_utf8_lossy(&frame).into_owned()),
            _ => Piece::Other,
        }
    }
}
