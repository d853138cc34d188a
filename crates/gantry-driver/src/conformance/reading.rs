//! Cases about output.

use futures::StreamExt;

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, fail, must, skip};
use crate::{LogFrom, LogRecord, LogRequest, OutputStream};

/// Starts one that prints these lines, and waits until all can be read.
async fn print(bench: &mut Bench<'_>, lines: &[&str]) -> Result<Vec<LogRecord>, Stop> {
    if !bench.can().logs {
        return skip("the mode has no output");
    }
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let count = lines.len();
    let from = bench.recipe(&Recipe::Prints(lines))?;
    bench.up(&instance(), 1, &from).await?;
    let patience = bench.harness.patience();
    let wait = async {
        loop {
            let records = read(bench, LogFrom::Start).await?;
            if records.len() >= count {
                return Ok(records);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(patience, wait).await {
        Ok(records) => records,
        Err(_) => fail(format!("{count} lines could not be read in {patience:?}")),
    }
}

async fn read(bench: &mut Bench<'_>, from: LogFrom) -> Result<Vec<LogRecord>, Stop> {
    let session = bench.session().await?;
    let mut stream = session.logs(LogRequest {
        instance: instance(),
        child: None,
        from,
        follow: false,
    });
    let mut records = Vec::new();
    while let Some(record) = stream.next().await {
        records.push(record?);
    }
    records.retain(|record| record.stream != OutputStream::Note);
    Ok(records)
}

fn same(records: &[LogRecord], wanted: &[&str]) -> Case {
    let texts: Vec<_> = records.iter().map(|record| record.text.as_str()).collect();
    must(texts == wanted, format!("{texts:?} instead of {wanted:?}"))
}

pub(super) async fn output_is_read_from_its_start(bench: &mut Bench<'_>) -> Case {
    let records = print(bench, &["one", "two", "three"]).await?;
    same(&records, &["one", "two", "three"])?;
    must(
        records.is_sorted_by_key(|record| record.at),
        "its times are not in order",
    )
}

pub(super) async fn a_tail_is_the_last_lines(bench: &mut Bench<'_>) -> Case {
    print(bench, &["one", "two", "three"]).await?;
    same(&read(bench, LogFrom::Tail(2)).await?, &["two", "three"])?;
    same(&read(bench, LogFrom::Tail(0)).await?, &[])
}

pub(super) async fn a_cursor_goes_on_without_loss_or_double(bench: &mut Bench<'_>) -> Case {
    let lines = ["one", "same", "same", "same", "", "last"];
    let records = print(bench, &lines).await?;
    same(&records, &lines)?;
    for (place, record) in records.iter().enumerate() {
        // A cursor is kept as text, over sessions.
        if place == 2 {
            bench.leave();
        }
        let rest = read(bench, LogFrom::After(record.cursor.clone())).await?;
        same(&rest, &lines[place + 1..])?;
    }
    // One that came with a tail counts equal lines before it, too.
    for count in 1..=4 {
        let tail = read(bench, LogFrom::Tail(count)).await?;
        let first = tail.first().map(|record| record.cursor.clone());
        let rest = read(bench, first.map_or(LogFrom::Start, LogFrom::After)).await?;
        same(&rest, &lines[lines.len() - count + 1..])?;
    }
    Ok(())
}

pub(super) async fn following_waits_for_more(bench: &mut Bench<'_>) -> Case {
    if !bench.can().logs {
        return skip("the mode has no output");
    }
    let session = bench.session().await?;
    // Asked for before there is anything.
    let mut stream = session.logs(LogRequest {
        instance: instance(),
        child: None,
        from: LogFrom::Start,
        follow: true,
    });
    let from = bench.recipe(&Recipe::Prints(vec!["one".into(), "two".into()]))?;
    bench.up(&instance(), 1, &from).await?;
    for wanted in ["one", "two"] {
        match tokio::time::timeout(bench.harness.patience(), stream.next()).await {
            Ok(Some(Ok(record))) => must(
                record.text == wanted,
                format!("{:?} instead of {wanted}", record.text),
            )?,
            other => return fail(format!("{other:?} instead of {wanted}")),
        }
    }
    Ok(())
}

pub(super) async fn output_of_one_that_is_over_is_there(bench: &mut Bench<'_>) -> Case {
    print(bench, &["one", "two"]).await?;
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.down(&instance(), 1, &from).await?;
    bench.leave();
    same(&read(bench, LogFrom::Start).await?, &["one", "two"])
}
