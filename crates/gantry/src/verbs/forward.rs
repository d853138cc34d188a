//! `gantry forward`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use gantry_api::client::Client;
use gantry_api::{DialQuery, Status};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::cli::{ForwardArgs, PortPair};
use crate::context::Context;
use crate::error::Error;
use crate::interrupts::Interrupts;
use crate::runtime::block_on;
use crate::stack_file::{full_part, service_of};
use crate::style::{Text, Tone, harmless};

/// A way that is open.
#[derive(Clone)]
struct Way {
    client: Arc<Client>,
    service: String,
    query: DialQuery,
}

/// Listen, and carry every connection to the service, until someone interrupts. Returns the exit code.
pub(crate) fn run(context: &Context<'_>, args: &ForwardArgs) -> Result<u8, Error> {
    let client = Arc::new(context.client_of_running()?);
    block_on(async {
        let mut interrupts = Interrupts::new();
        let status: Status = client.status().await?;
        let known: Vec<&str> = status.services.iter().map(|one| &*one.name).collect();
        let name = full_part(&args.service, &known, &status.stack)?;
        let service = service_of(&name);
        let part = name.split_once('/').map(|(_, part)| part.to_owned());
        let (told, mut said) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for pair in &args.ports {
            let listeners = listen(args.address, pair).await?;
            let way = Way {
                client: Arc::clone(&client),
                service: service.clone(),
                query: DialQuery {
                    port: pair.remote.clone(),
                    part: part.clone(),
                },
            };
            // One that cannot be connected to at all is told before anybody tries.
            drop(way.client.dial(&service, &way.query).await?);
            for listener in listeners {
                if let Ok(address) = listener.local_addr() {
                    let line = Text::from(address.to_string());
                    let line = line
                        .and(Tone::Dim, " → ")
                        .plain(format!("{name}:{}", pair.remote));
                    context.output.notes.line(line);
                }
                tasks.spawn(serve(way.clone(), listener, told.clone()));
            }
        }
        context
            .output
            .notes
            .line(Text::of(Tone::Dim, "Ctrl-C closes"));
        loop {
            tokio::select! {
                () = interrupts.next() => break,
                Some(error) = said.recv() => {
                    let line = Text::of(Tone::Warn, "! ").plain(harmless(&error));
                    context.output.notes.line(line);
                }
            }
        }
        tasks.shutdown().await;
        Ok(130)
    })
}

/// Opens the listeners of a pair: at one address, or at both of this machine's own.
async fn listen(address: Option<IpAddr>, pair: &PortPair) -> Result<Vec<TcpListener>, Error> {
    let addresses = match address {
        Some(address) => vec![address],
        None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    };
    let mut port = pair.local;
    let mut listeners = Vec::new();
    for address in &addresses {
        match TcpListener::bind(SocketAddr::new(*address, port)).await {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |address| address.port());
                listeners.push(listener);
            }
            // A machine may have only one of the two.
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable && addresses.len() > 1 => {}
            Err(error) => return Err(Error::io(format!("listen at {address}:{port}"), error)),
        }
    }
    Ok(listeners)
}

async fn serve(way: Way, listener: TcpListener, told: UnboundedSender<String>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(carry(way.clone(), stream, told.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(way: Way, mut stream: TcpStream, told: UnboundedSender<String>) {
    let _ = stream.set_nodelay(true);
    match way.client.dial(&way.service, &way.query).await {
        // However it ends, both are closed.
        Ok(mut far) => _ = copy_bidirectional(&mut stream, &mut far).await,
        // Nobody listens once the verb ends.
        Err(error) => _ = told.send(error.to_string()),
    }
}
