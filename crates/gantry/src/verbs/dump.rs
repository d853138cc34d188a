//! `gantry dump`: everything that one looks at afterwards, in one folder.
//!
//! What a resolved secret would be in is not among it: the stack file is written as it stands, and environments without
//! their values. What services print is theirs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::DirBuilderExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;
use gantry_api::{EventsQuery, State, Status};
use gantry_log::Query;

use crate::cli::{DumpArgs, ModelArgs};
use crate::context::Context;
use crate::error::Error;
use crate::log_feed;
use crate::runtime::block_on;
use crate::stack_file;
use crate::style::Palette;
use crate::view::dump::DumpView;
use crate::view::explain::ExplainView;
use crate::view::{Page, View as _, to_yaml};

/// Write all of it. What cannot be had is named, and the rest is written.
pub(crate) fn run(context: &Context<'_>, args: &DumpArgs) -> Result<DumpView, Error> {
    let mut folder = Folder::make(&args.folder)?;
    match stack_file::load(context, &ModelArgs::default()) {
        Ok(stack) => folder.write("stack.yaml", &to_yaml(&stack.model_value()))?,
        Err(error) => folder.lacks("the stack file", &error),
    }
    if let Some(dir) = context.dir() {
        folder.logs(&dir)?;
        for (name, from) in [
            ("supervisor.log", dir.supervisor_log()),
            ("guard.log", dir.guard_log()),
            ("events.jsonl", dir.path().join("events.log")),
        ] {
            if let Ok(text) = fs::read_to_string(from) {
                folder.write(name, &text)?;
            }
        }
    }
    match context.client_of_running() {
        Ok(client) => block_on(folder.of_supervisor(&client))?,
        Err(error) => folder.lacks("what the supervisor knows", &error),
    }
    Ok(DumpView {
        folder: folder.path,
        files: folder.files,
        lacking: folder.lacking,
    })
}

struct Folder {
    path: Utf8PathBuf,
    files: usize,
    lacking: Vec<String>,
}

impl Folder {
    /// A folder of its own: nothing that is there is mixed with it.
    fn make(path: &Utf8Path) -> Result<Self, Error> {
        let wrong = |error| Error::io(format!("make {path}"), error);
        let mut folders = fs::DirBuilder::new();
        folders
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(wrong)?;
        if path.read_dir_utf8().map_err(wrong)?.next().is_some() {
            let error = io::Error::other("it is not empty");
            return Err(Error::io(format!("write into {path}"), error));
        }
        Ok(Self {
            path: path.to_owned(),
            files: 0,
            lacking: Vec::new(),
        })
    }

    fn lacks(&mut self, what: &str, error: &Error) {
        self.lacking.push(format!("{what}: {error}"));
    }

    fn write(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        let wrong = |error| Error::io(format!("write {path}"), error);
        if let Some(folder) = path.parent() {
            let mut folders = fs::DirBuilder::new();
            folders
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(wrong)?;
        }
        fs::write(&path, text).map_err(wrong)?;
        self.files += 1;
        Ok(())
    }

    /// What each instance and each part has printed, those that crashed among them.
    fn logs(&mut self, dir: &StackDir) -> Result<(), Error> {
        let mut open: BTreeMap<String, BufWriter<fs::File>> = BTreeMap::new();
        let folder = self.path.join("logs");
        let wrong = |error| Error::io(format!("write into {folder}"), error);
        for said in log_feed::read(dir, &[], &Query::default()) {
            let source = &said.source;
            let name = match &source.part {
                Some((part, copy)) => format!("{}.{part}.{copy}", source.service),
                None => format!("{}.{}", source.service, source.number),
            };
            let name = format!("{}.log", name.replace('/', "."));
            if !open.contains_key(&name) {
                let mut folders = fs::DirBuilder::new();
                folders
                    .recursive(true)
                    .mode(0o700)
                    .create(&folder)
                    .map_err(wrong)?;
                let file = fs::File::create(folder.join(&name)).map_err(wrong)?;
                open.insert(name.clone(), BufWriter::new(file));
                self.files += 1;
            }
            if let Some(file) = open.get_mut(&name) {
                write!(
                    file,
                    "{} {} ",
                    said.line.at,
                    char::from(said.line.stream.letter())
                )
                .and_then(|()| file.write_all(&said.line.text))
                .and_then(|()| file.write_all(b"\n"))
                .map_err(wrong)?;
            }
        }
        for (_, mut file) in open {
            file.flush().map_err(wrong)?;
        }
        Ok(())
    }

    async fn of_supervisor(&mut self, client: &Client) -> Result<(), Error> {
        let asked = self.ask(client).await;
        if let Err(Error::Client(error)) = asked {
            self.lacks("what the supervisor knows", &Error::Client(error));
            return Ok(());
        }
        asked
    }

    async fn ask(&mut self, client: &Client) -> Result<(), Error> {
        let bytes = client.status_bytes_with_usage().await?;
        self.write("status.json", &String::from_utf8_lossy(&bytes))?;
        let mut events = String::new();
        let mut stream = client.events(&EventsQuery::default()).await?;
        while let Some(text) = stream.next_line().await? {
            events.push_str(&String::from_utf8_lossy(&text));
            events.push('\n');
        }
        self.write("events.jsonl", &events)?;
        let status: Status = client.status().await?;
        for service in &status.services {
            let is_well = service.ready || service.state == State::Stopped;
            if is_well && service.failure.is_none() {
                continue;
            }
            match client.explain(&service.name).await {
                Ok(explanation) => {
                    let page = Page {
                        width: None,
                        wide: true,
                    };
                    let lines = ExplainView { explanation }.lines(page);
                    let mut text = String::new();
                    for line in lines {
                        line.write(Palette { colour: false }, &mut text);
                        text.push('\n');
                    }
                    self.write(&format!("explain/{}.txt", service.name), &text)?;
                }
                // It may be gone since.
                Err(ClientError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for file in client.evidence().await?.files {
            let path = format!("backend/{}/{}", file.service, file.path);
            self.write(&path, &file.text)?;
        }
        Ok(())
    }
}
