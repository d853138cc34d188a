//! One file a verb. A verb that looks returns a view; one that goes on prints as it goes.

mod attach;
mod clean;
mod common;
mod completions;
mod config;
mod diff;
mod doctor;
mod down;
mod dump;
mod events;
mod explain;
mod forward;
mod graph;
mod history;
mod import;
mod logs;
mod ls;
mod notes;
mod plan;
mod rebuild;
mod reference;
mod reload;
mod render;
mod restart;
pub(crate) mod roles;
mod rollback;
mod schema;
mod start;
mod status;
mod stop;
mod timeline;
mod up;
mod url;
mod validate;

pub(crate) use attach::DetachKeys;

use camino::Utf8PathBuf;

use crate::cli::{Cli, ConfigVerb, Verb};
use crate::context::Context;
use crate::error::Error;
use crate::output::Output;
use crate::view::show;

/// Do what was typed. Returns the exit code.
pub(crate) fn run(cli: Cli, output: &Output) -> Result<u8, Error> {
    let before = cli.files.files;
    // Files may be named before the verb or after it.
    let context = |after: &[Utf8PathBuf]| {
        let files = [before.as_slice(), after].concat();
        Context::new(output, &files)
    };
    match cli.verb {
        Verb::Up(args) => return up::run(&context(&args.files.files)?, &args),
        Verb::Down(args) => down::run(&context(&args.files.files)?, &args)?,
        Verb::Clean(args) => show(
            output,
            &clean::run(&context(&args.down.files.files)?, &args)?,
        ),
        Verb::Rebuild(args) => return rebuild::run(&context(&args.up.files.files)?, args),
        Verb::Start(args) => start::run(&context(&args.files.files)?, &args)?,
        Verb::Stop(args) => stop::run(&context(&args.files.files)?, &args)?,
        Verb::Restart(args) => restart::run(&context(&args.files.files)?, &args)?,
        Verb::Reload(args) => return reload::run(&context(&args.files.files)?, &args),
        Verb::Rollback(args) => rollback::run(&context(&args.files.files)?, &args)?,
        Verb::Status(args) => show(output, &status::run(&context(&args.files.files)?, &args)?),
        Verb::Logs(args) => logs::run(&context(&args.files.files)?, &args)?,
        Verb::Attach(args) => return attach::run(&context(&args.files.files)?, &args),
        Verb::Exec(args) => return attach::exec(&context(&args.files.files)?, &args),
        Verb::Forward(args) => return forward::run(&context(&args.files.files)?, &args),
        Verb::Url(args) => show(output, &url::run(&context(&args.files.files)?, &args)?),
        Verb::Notes(args) => show(output, &notes::run(&context(&args.files.files)?, &args)?),
        Verb::History(args) => show(output, &history::run(&context(&args.files.files)?, &args)?),
        Verb::Explain(args) => show(output, &explain::run(&context(&args.files.files)?, &args)?),
        Verb::Events(args) => events::run(&context(&args.files.files)?, &args)?,
        Verb::Timeline(args) => match timeline::run(&context(&args.files.files)?, &args)? {
            timeline::Drawn::Chart(view) => show(output, &view),
            timeline::Drawn::Text(text) => output.results.bytes(text.as_bytes()),
        },
        Verb::Plan(args) => show(output, &plan::run(&context(&args.files.files)?, &args)?),
        Verb::Graph(args) => match graph::run(&context(&args.files.files)?, &args)? {
            graph::Drawn::Graph(view) => show(output, &view),
            graph::Drawn::Objects(view) => show(output, &view),
            graph::Drawn::Text(text) => output.results.bytes(text.as_bytes()),
        },
        Verb::Dump(args) => show(output, &dump::run(&context(&args.files.files)?, &args)?),
        Verb::Diff(args) => {
            let view = diff::run(&context(&args.files.files)?, &args)?;
            show(output, &view);
            return Ok(u8::from(view.failed()));
        }
        Verb::Render(args) if args.manifests || args.show_values => {
            let view = render::manifests(&context(&args.files.files)?, &args)?;
            show(output, &view);
        }
        Verb::Render(args) => show(output, &render::run(&context(&args.files.files)?, &args)?),
        Verb::Validate(args) => show(output, &validate::run(&context(&args.files.files)?, &args)?),
        Verb::Doctor(args) => {
            let files = [before.as_slice(), &args.files.files].concat();
            return doctor::run(output, &files, &args.model);
        }
        Verb::Ls => show(output, &ls::run()?),
        Verb::Config(args) => {
            let ConfigVerb::Show {
                origins,
                model,
                files,
            } = args.verb;
            let context = context(&files.files)?;
            if origins {
                show(output, &config::origins(&context, &model)?);
            } else {
                show(output, &config::show(&context, &model)?);
            }
        }
        Verb::Import(args) => import::run(&args, output)?,
        Verb::Schema => schema::run(output),
        Verb::Completions(args) => completions::run(&args, output)?,
        Verb::Reference => reference::run(output),
    }
    Ok(0)
}
