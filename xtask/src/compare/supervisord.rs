//! supervisord.

use std::fmt::Write as _;
use std::process::{Child, Command};

use super::peer::{Peer, Source, Work, terminate};

pub(super) struct Supervisord;

impl Peer for Supervisord {
    fn name(&self) -> &'static str {
        "supervisord"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["supervisord", "supervisorctl"]
    }

    fn source(&self) -> Source {
        Source::Debian("supervisor")
    }

    fn most(&self) -> usize {
        1_000
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let folder = work.folder.display();
        let files = 64 + 4 * work.services;
        let mut file = format!(
            "[unix_http_server]\nfile={folder}/sock\n\
             [supervisord]\nnodaemon=true\nlogfile={folder}/log\npidfile={folder}/pid\nminfds={files}\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [supervisorctl]\nserverurl=unix://{folder}/sock\n"
        );
        for number in 0..work.services {
            writeln!(
                file,
                "[program:s{number}]\ncommand={}\nstartsecs=0",
                work.line()
            )?;
            writeln!(
                file,
                "stdout_logfile={folder}/s{number}.log\nredirect_stderr=true"
            )?;
        }
        Ok(std::fs::write(work.path("supervisord.conf"), file)?)
    }

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new("supervisord");
        command.arg("-c").arg(work.path("supervisord.conf"));
        command
    }

    fn status(&self, work: &Work) -> Option<Command> {
        let mut command = Command::new("supervisorctl");
        command
            .arg("-c")
            .arg(work.path("supervisord.conf"))
            .arg("status");
        Some(command)
    }

    fn down(&self, _work: &Work, up: &Child) -> Command {
        terminate(up, "TERM")
    }
}
