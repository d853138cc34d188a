//! `gantry logs`.

use std::time::Duration;

use gantry_api::home::StackDir;
use gantry_log::{Query, Stream as Pipe, Trouble};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::{LogsArgs, ModelArgs, TimeForm};
use crate::context::Context;
use crate::error::Error;
use crate::log_feed::{self, Kept, LogFeed, Names, Said};
use crate::output::{Output, Stream};
use crate::stack_file::{self, full_name, full_part, service_of};
use crate::style::{Text, Tone, tame};
use crate::view::record;

/// How often a follower looks.
const FRAME: Duration = Duration::from_millis(30);

/// How many bytes are gathered before they are printed.
const CHUNK: usize = 64 * 1024;

/// Show what is kept, and with `-f` what comes.
pub(crate) fn run(context: &Context<'_>, args: &LogsArgs) -> Result<(), Error> {
    let Some(dir) = find(context, args)? else {
        return Ok(());
    };
    let services = match args.services.as_slice() {
        [] => Vec::new(),
        _ => full(context, args, &log_feed::services(&dir))?,
    };
    let query = query(args);
    let mut printer = Printer::new(context, args);
    if !args.follow {
        printer.kept(log_feed::read(&dir, &services, &query));
        return Ok(());
    }
    let (kept, mut feed) = LogFeed::open(dir, services, &query);
    printer.kept(kept);
    while !context.output.is_closed() {
        std::thread::sleep(FRAME);
        let said = feed.poll();
        printer.names.learn(said.iter().map(|one| &one.source));
        for one in &said {
            printer.add(one);
        }
        printer.flush();
        printer.tell(feed.troubles());
    }
    Ok(())
}

/// The stack's folder. Without one, nothing was ever up; a wrong file or a wrong name is worth telling
/// all the same, and a follower waits for the first start.
fn find(context: &Context<'_>, args: &LogsArgs) -> Result<Option<StackDir>, Error> {
    if let Some(dir) = context.dir() {
        return Ok(Some(dir));
    }
    full(context, args, &[])?;
    while args.follow && !context.output.is_closed() {
        if let Some(dir) = context.dir() {
            return Ok(Some(dir));
        }
        std::thread::sleep(FRAME * 10);
    }
    Ok(None)
}

fn query(args: &LogsArgs) -> Query {
    let grep = args.grep.as_ref().map(|grep| {
        // What was a regular expression for text is one for bytes.
        regex::bytes::RegexBuilder::new(grep.as_str())
            .case_insensitive(args.ignore_case)
            .build()
    });
    Query {
        tail: args.tail,
        since: args.since.map(|moment| moment.0),
        until: args.until.map(|moment| moment.0),
        grep: grep.and_then(Result::ok),
        invert: args.invert,
        stream: None,
        without_notes: args.raw,
    }
}

/// The names in full. A service is known if it has logs or is in the file; the file is only read for names without logs.
fn full(context: &Context<'_>, args: &LogsArgs, logged: &[String]) -> Result<Vec<String>, Error> {
    if !args.services.is_empty() && args.services.iter().all(|name| logged.contains(name)) {
        return Ok(args.services.clone());
    }
    let stack = stack_file::load(context, &ModelArgs::default())?;
    let mut known = stack.names();
    known.extend(logged.iter().map(String::as_str));
    let services: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| !name.contains('/'))
        .collect();
    let full = |name: &String| {
        let name = full_part(name, &services, &stack.name)?;
        // Nobody knows the parts of what has never run.
        if logged.iter().any(|other| *other == service_of(&name)) {
            return full_name(&name, &known, &stack.name);
        }
        Ok(name)
    };
    args.services.iter().map(full).collect()
}

struct Printer<'a> {
    out: &'a Output,
    raw: bool,
    time: TimeForm,
    names: Names,
    zone: TimeZone,
    bytes: Vec<u8>,
}

impl<'a> Printer<'a> {
    fn new(context: &'a Context<'_>, args: &LogsArgs) -> Self {
        Self {
            out: context.output,
            raw: args.raw,
            time: args.time,
            names: Names::default(),
            zone: match args.time {
                TimeForm::Short | TimeForm::Full => TimeZone::system(),
                TimeForm::Utc => TimeZone::UTC,
            },
            bytes: Vec::new(),
        }
    }

    /// Print line by line, until nobody reads any more.
    fn kept(&mut self, mut kept: Kept) {
        self.names.learn(kept.sources());
        while !self.out.is_closed()
            && let Some(said) = kept.next()
        {
            self.add(&said);
        }
        self.flush();
        self.tell(kept.troubles());
    }

    fn add(&mut self, one: &Said) {
        let out = &self.out.results;
        if self.raw {
            self.bytes.extend_from_slice(&one.line.text);
        } else if self.out.is_for_programs() {
            let object = record(self.out.format, &object(one));
            self.bytes.extend_from_slice(object.as_bytes());
        } else {
            let before =
                Text::of(Tone::Dim, self.time(one.line.at)).join(self.names.before(&one.source));
            self.bytes
                .extend_from_slice(out.painted(&before).as_bytes());
            self.bytes.push(b' ');
            spoken(one, out, &mut self.bytes);
        }
        if self.raw || !self.out.is_for_programs() {
            self.bytes.push(b'\n');
        }
        if self.bytes.len() >= CHUNK {
            self.flush();
        }
    }

    fn time(&self, at: Timestamp) -> String {
        let time = at.to_zoned(self.zone.clone());
        let form = match self.time {
            TimeForm::Short => "%H:%M:%S%.3f ",
            TimeForm::Full => "%Y-%m-%dT%H:%M:%S%.6f%:z ",
            TimeForm::Utc => "%Y-%m-%dT%H:%M:%S%.6fZ ",
        };
        time.strftime(form).to_string()
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.out.results.bytes(&self.bytes);
            self.bytes.clear();
        }
    }

    /// What could not be read is no reason to show nothing.
    fn tell(&self, troubles: Vec<Trouble>) {
        for trouble in troubles {
            let text = format!("warning: {trouble}: {}", trouble.source);
            self.out.notes.line(text);
        }
    }
}

/// The line itself: what the service wrote, or a note of the keeper's.
fn spoken(one: &Said, out: &Stream, bytes: &mut Vec<u8>) {
    if one.line.stream == Pipe::Keeper {
        let note = String::from_utf8_lossy(&one.line.text);
        let note = Text::of(Tone::Dim, format!("[gantry] {note}"));
        bytes.extend_from_slice(out.painted(&note).as_bytes());
    } else {
        bytes.extend_from_slice(&tame(&one.line.text));
        // A colour that a service left on must not run into the next line.
        if out.colour() && one.line.text.contains(&0x1b) {
            bytes.extend_from_slice(b"\x1b[0m");
        }
    }
}

/// The contract of `-o json`. `text` is for people: what is not UTF-8 is replaced in it, and then the
/// bytes are in `base64`.
fn object(one: &Said) -> serde_json::Value {
    let mut object = serde_json::json!({
        "time": one.line.at,
        "service": one.source.service,
        "instance": format!("{}.{}", one.source.service, one.source.number),
        "stream": match one.line.stream {
            Pipe::Out => "stdout",
            Pipe::Err => "stderr",
            Pipe::Keeper => "gantry",
        },
        "partial": !one.line.complete,
        "text": String::from_utf8_lossy(&one.line.text),
    });
    if let Some((part, _)) = &one.source.part {
        object["child"] = part.as_str().into();
    }
    if std::str::from_utf8(&one.line.text).is_err() {
        object["base64"] = base64(&one.line.text).into();
    }
    object
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..4_usize {
            text.push(if letter <= chunk.len() {
                char::from(LETTERS[(group >> (18 - 6 * letter) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Lines below each other with their names, without times: for those who watch.
pub(crate) fn print(said: &[Said], names: &mut Names, to: &Stream) {
    if said.is_empty() {
        return;
    }
    names.learn(said.iter().map(|one| &one.source));
    let mut bytes = Vec::new();
    for one in said {
        bytes.extend_from_slice(to.painted(&names.before(&one.source)).as_bytes());
        bytes.push(b' ');
        spoken(one, to, &mut bytes);
        bytes.push(b'\n');
    }
    to.bytes(&bytes);
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_that_of_everyone() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(super::base64(bytes.as_bytes()), text);
        }
        assert_eq!(super::base64(&[0xff, 0xfe, 0xfd, 0]), "//79AA==");
    }
}
