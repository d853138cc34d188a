//! `gantry rollback`.

use gantry_api::{HistoryReport, OperationKind};

use super::common::{named, operate};
use super::history;
use crate::cli::RollbackArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::style::{Text, Tone};

/// Take a service back, and say whereto.
pub(crate) fn run(context: &Context<'_>, args: &RollbackArgs) -> Result<(), Error> {
    let client = context.client_of_running()?;
    let report = block_on(history::of(&client, &args.service))?;
    let number = chosen(&report, args.revision)?;
    operate(context, |request| {
        let services = [report.service.clone()];
        named(request, OperationKind::Rollback, &services);
        args.wait.put_into(&mut request.options);
        request.options.back_to = Some(number);
    })?;
    if !context.output.is_for_programs() {
        let of = report.revisions.iter().find(|one| one.number == number);
        let of = of.map_or("", |one| &one.of);
        let note = format!("back at revision {number} ({of}); the next up goes by the stack file");
        context.output.notes.line(Text::of(Tone::Dim, note));
    }
    Ok(())
}

/// The revision that is meant: one that is kept, and worked.
fn chosen(report: &HistoryReport, wanted: Option<u32>) -> Result<u32, Error> {
    let service = &report.service;
    let refused = |message: String| {
        let kept = report.revisions.iter().filter(|one| one.worked);
        let kept: Vec<String> = kept.map(|one| one.number.to_string()).collect();
        Error::Rollback {
            message,
            hint: match kept.as_slice() {
                [] => format!("`gantry history {service}` shows what there is"),
                kept => format!("these worked: {}", kept.join(", ")),
            },
        }
    };
    let Some(wanted) = wanted else {
        let previous = report.previous();
        return previous.map(|one| one.number).ok_or_else(|| {
            refused(format!(
                "service {service} has no earlier revision that worked"
            ))
        });
    };
    let found = report.revisions.iter().find(|one| one.number == wanted);
    match found {
        None => Err(refused(format!(
            "service {service} has no revision {wanted}"
        ))),
        Some(one) if one.current => Err(refused(format!(
            "service {service} is at revision {wanted}"
        ))),
        Some(one) if !one.worked => Err(refused(format!(
            "revision {wanted} of service {service} never worked: it is {}",
            one.state
        ))),
        Some(_) => Ok(wanted),
    }
}
