//! `gantry logs`.

use std::time::Duration;

use gantry_log::{Query, Stream as Pipe};
use jiff::tz::TimeZone;

use crate::cli::{Format, LogsArgs, ModelArgs};
use crate::context::Context;
use crate::error::Error;
use crate::log_feed::{self, LogFeed, Names, Said};
use crate::output::Stream;
use crate::stack_file::{self, check_names};
use crate::style::{Text, Tone};
use crate::view::record;

/// How often a follower looks.
const FRAME: Duration = Duration::from_millis(30);

/// How many bytes are gathered before they are printed.
const CHUNK: usize = 64 * 1024;

/// Show what is kept, and with `-f` what comes.
pub(crate) fn run(context: &Context<'_>, args: &LogsArgs) -> Result<(), Error> {
    let Some(dir) = context.dir() else {
        // Nothing was ever up; a wrong file or a wrong name is worth telling all the same.
        let stack = stack_file::load(context, &ModelArgs::default())?;
        return stack.check(&args.services);
    };
    check(context, args, &log_feed::services(&dir))?;
    let grep = args
        .grep
        .as_ref()
        .map(|grep| regex::bytes::Regex::new(grep.as_str()));
    let query = Query {
        tail: args.tail,
        since: args.since.map(|moment| moment.0),
        until: args.until.map(|moment| moment.0),
        // What was a regular expression for text is one for bytes.
        grep: grep.and_then(Result::ok),
        stream: None,
        without_notes: args.raw,
    };
    let reading = |source| Error::io("read the services' logs", source);
    let mut printer = Printer::new(context, args.raw);
    if !args.follow {
        printer.print(&log_feed::read(&dir, &args.services, &query).map_err(reading)?);
        return Ok(());
    }
    let (kept, mut feed) = LogFeed::open(dir, args.services.clone(), &query).map_err(reading)?;
    printer.print(&kept);
    while !context.output.is_closed() {
        std::thread::sleep(FRAME);
        printer.print(&feed.poll().map_err(reading)?);
    }
    Ok(())
}

/// A service is known if it has logs or is in the file. The file is only read for names without logs.
fn check(context: &Context<'_>, args: &LogsArgs, logged: &[String]) -> Result<(), Error> {
    if args.services.iter().all(|name| logged.contains(name)) {
        return Ok(());
    }
    let stack = stack_file::load(context, &ModelArgs::default())?;
    let mut known: Vec<&str> = stack
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    known.extend(logged.iter().map(String::as_str));
    check_names(&args.services, &known, &stack.name)
}

struct Printer<'a> {
    out: &'a Stream,
    format: Format,
    raw: bool,
    names: Names,
    zone: TimeZone,
}

impl<'a> Printer<'a> {
    fn new(context: &'a Context<'_>, raw: bool) -> Self {
        Self {
            out: &context.output.results,
            format: context.output.format,
            raw,
            names: Names::default(),
            zone: TimeZone::system(),
        }
    }

    fn print(&mut self, said: &[Said]) {
        self.names.learn(said);
        let mut bytes = Vec::new();
        for one in said {
            if self.raw {
                bytes.extend_from_slice(&one.line.text);
            } else if matches!(self.format, Format::Json | Format::Yaml) {
                bytes.extend_from_slice(record(self.format, &object(one)).as_bytes());
                continue;
            } else {
                let time = one.line.at.to_zoned(self.zone.clone());
                let before = Text::of(Tone::Dim, time.strftime("%H:%M:%S%.3f ").to_string())
                    .join(self.names.before(&one.source));
                bytes.extend_from_slice(self.out.painted(&before).as_bytes());
                bytes.push(b' ');
                spoken(one, self.out, &mut bytes);
            }
            bytes.push(b'\n');
            if bytes.len() >= CHUNK {
                self.out.bytes(&bytes);
                bytes.clear();
            }
        }
        if !bytes.is_empty() {
            self.out.bytes(&bytes);
        }
    }
}

/// The line itself: as the service wrote it, or a note of the keeper's.
fn spoken(one: &Said, out: &Stream, bytes: &mut Vec<u8>) {
    if one.line.stream == Pipe::Keeper {
        let note = String::from_utf8_lossy(&one.line.text);
        let note = Text::of(Tone::Dim, format!("[gantry] {note}"));
        bytes.extend_from_slice(out.painted(&note).as_bytes());
    } else {
        bytes.extend_from_slice(&one.line.text);
        // A colour that a service left on must not run into the next line.
        if out.colour() && one.line.text.contains(&0x1b) {
            bytes.extend_from_slice(b"\x1b[0m");
        }
    }
}

fn object(one: &Said) -> serde_json::Value {
    serde_json::json!({
        "time": one.line.at,
        "service": one.source.service,
        "instance": format!("{}.{}", one.source.service, one.source.number),
        "stream": match one.line.stream {
            Pipe::Out => "stdout",
            Pipe::Err => "stderr",
            Pipe::Keeper => "gantry",
        },
        "text": String::from_utf8_lossy(&one.line.text),
    })
}

/// Lines below each other with their names, without times: for those who watch.
pub(crate) fn print(said: &[Said], names: &mut Names, to: &Stream) {
    if said.is_empty() {
        return;
    }
    names.learn(said);
    let mut bytes = Vec::new();
    for one in said {
        bytes.extend_from_slice(to.painted(&names.before(&one.source)).as_bytes());
        bytes.push(b' ');
        spoken(one, to, &mut bytes);
        bytes.push(b'\n');
    }
    to.bytes(&bytes);
}
