//! Short commands, whose output comes back in an event.

use gantry_keeper::protocol::{
    Bytes, EventBody, Exit, JobName, JobOutput, Reply, Request, SpawnFailure,
};

use crate::support::*;

fn job(name: &str, argv: &[&str], time_limit_ms: u64) -> Request {
    Request::Job {
        job: JobName::new(name),
        command: Box::new(command(argv)),
        time_limit_ms,
        capture: 100,
        log: None,
        input: None,
        grace_ms: 0,
    }
}

struct Ended {
    result: Result<Exit, SpawnFailure>,
    timed_out: bool,
    cancelled: bool,
    output: Option<JobOutput>,
}

fn ended(stack: &mut Stack, name: &str) -> Ended {
    stack.until(|body| match body {
        EventBody::JobEnded {
            job,
            result,
            timed_out,
            cancelled,
            output,
            ..
        } if job.as_str() == name => Some(Ended {
            result: result.clone(),
            timed_out: *timed_out,
            cancelled: *cancelled,
            output: output.clone(),
        }),
        _ => None,
    })
}

#[test]
fn what_a_job_prints_comes_back_up_to_the_limit() {
    let mut stack = Stack::new();
    let script = "echo out; echo err >&2; exit 3";
    stack
        .client
        .ask(job("a", &["sh", "-c", script], 5000))
        .unwrap();
    let found = ended(&mut stack, "a");
    assert_eq!(found.result, Ok(Exit::Code(3)));
    let output = found.output.unwrap();
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("out\n", "err\n")
    );
    assert!(!output.incomplete && !found.timed_out && !found.cancelled);

    stack.client.ask(job("b", &["seq", "1000"], 5000)).unwrap();
    let output = ended(&mut stack, "b").output.unwrap();
    assert_eq!(output.stdout.len(), 100);
    assert_eq!(output.dropped, 3893 - 100);
    // What a job prints may be a secret.
    let ledger = std::fs::read_to_string(stack.layout().ledger()).unwrap();
    assert!(!ledger.contains("out\\n"), "{ledger}");
}

#[test]
fn a_job_is_run_once_until_its_end_is_acknowledged() {
    let mut stack = Stack::new();
    let request = job("a", &["true"], 5000);
    assert_eq!(stack.client.ask(request.clone()).unwrap(), Reply::Done);
    assert_eq!(stack.client.ask(request.clone()).unwrap(), Reply::Known);
    ended(&mut stack, "a");
    assert_eq!(stack.client.ask(request.clone()).unwrap(), Reply::Known);
    let sequence = stack.list().sequence;
    stack.client.ask(Request::Ack { sequence }).unwrap();
    assert_eq!(stack.client.ask(request).unwrap(), Reply::Done);
    ended(&mut stack, "a");
}

#[test]
fn time_limit_and_cancel_end_the_whole_tree() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let script = "setsid sleep 1000 & sleep 1000";
        stack
            .client
            .ask(job("a", &["sh", "-c", script], 200))
            .unwrap();
        let found = ended(&mut stack, "a");
        assert!(found.timed_out && !found.cancelled);
        stack
            .client
            .ask(job("b", &["sh", "-c", script], 60_000))
            .unwrap();
        let cancel = Request::CancelJob {
            job: JobName::new("b"),
        };
        stack.client.ask(cancel).unwrap();
        let found = ended(&mut stack, "b");
        assert!(found.cancelled && !found.timed_out);
        eventually("both trees are gone", || stack.services().is_empty());
        assert!(stack.list().jobs.is_empty());
    }
}

#[test]
fn a_job_that_cannot_start_says_why() {
    let mut stack = Stack::new();
    stack
        .client
        .ask(job("a", &["no-such-program"], 5000))
        .unwrap();
    let found = ended(&mut stack, "a");
    assert_eq!(found.result.unwrap_err().stage, "exec");
}

fn job_that_reads(name: &str, argv: &[&str], input: &str, grace_ms: u64) -> Request {
    let Request::Job {
        job,
        command,
        time_limit_ms,
        capture,
        log,
        ..
    } = job(name, argv, 5000)
    else {
        unreachable!("it is a job");
    };
    Request::Job {
        job,
        command,
        time_limit_ms,
        capture,
        log,
        input: Some(Bytes(input.as_bytes().to_vec())),
        grace_ms,
    }
}

#[test]
fn a_job_reads_its_input_and_may_open_it_again() {
    let mut stack = Stack::new();
    let script = "cat; cat /dev/stdin; cat /dev/stdin";
    let request = job_that_reads("a", &["sh", "-c", script], "tag: 1\n", 0);
    stack.client.ask(request).unwrap();
    let found = ended(&mut stack, "a");
    assert_eq!(found.result, Ok(Exit::Code(0)));
    let output = found.output.unwrap();
    assert_eq!(output.stdout, "tag: 1\ntag: 1\ntag: 1\n");
}

#[test]
fn a_job_with_a_grace_ends_by_itself_when_nobody_wants_it_any_more() {
    let mut stack = Stack::new();
    let script = "trap 'echo tidied; exit 3' TERM; echo here; while :; do sleep 0.02; done";
    stack
        .client
        .ask(job_that_reads("a", &["sh", "-c", script], "", 4000))
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let cancel = Request::CancelJob {
        job: JobName::new("a"),
    };
    stack.client.ask(cancel).unwrap();
    let found = ended(&mut stack, "a");
    assert!(found.cancelled);
    assert_eq!(found.result, Ok(Exit::Code(3)));
    assert_eq!(found.output.unwrap().stdout, "here\ntidied\n");
}
