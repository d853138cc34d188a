use proptest::prelude::*;

use super::*;

fn spawn() -> RequestFrame {
    RequestFrame {
        id: 7,
        request: Request::Spawn(Spawn {
            instance: "api.2".parse().unwrap(),
            generation: 3,
            command: Box::new(Command {
                argv: vec!["sleep".into(), "1".into()],
                env: vec![("A".into(), "b".into())],
                cwd: "/".into(),
                ..Command::default()
            }),
            log: LogPolicy::default(),
        }),
    }
}

#[test]
fn a_frame_comes_back_as_it_went() {
    let mut bytes = Vec::new();
    encode(&spawn(), &mut bytes).unwrap();
    encode(&spawn(), &mut bytes).unwrap();
    let mut reader = FrameReader::new();
    let mut seen = 0;
    for byte in bytes {
        reader.push(&[byte]);
        while let Some(frame) = reader.next::<RequestFrame>().unwrap() {
            assert_eq!(frame, spawn());
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

/// Starts and events are read in a shorter way, in whatever order their fields come.
#[test]
fn what_is_read_in_a_shorter_way_is_the_same() {
    let written = serde_json::to_value(spawn()).unwrap();
    let fields = written.as_object().unwrap();
    let backwards: serde_json::Map<_, _> = fields.clone().into_iter().rev().collect();
    for text in [
        serde_json::to_vec(&written).unwrap(),
        serde_json::to_vec(&backwards).unwrap(),
    ] {
        let usual: RequestFrame = serde_json::from_slice(&text).unwrap();
        assert_eq!(RequestFrame::read(&text).unwrap(), usual);
    }
    let event = Event {
        sequence: 1,
        at_us: 2,
        body: EventBody::JobEnded {
            job: JobName::new("probe"),
            result: Ok(Exit::Code(0)),
            timed_out: false,
            cancelled: false,
            duration_us: 1,
            output: None,
        },
    };
    let events = vec![event.clone(), event];
    let text = serde_json::to_vec(&Message::Events { events }).unwrap();
    let usual: Message = serde_json::from_slice(&text).unwrap();
    assert_eq!(Message::read(&text).unwrap(), usual);
    for wrong in [
        "{}",
        "[]",
        "{\"request\":\"spawn\"}",
        "{\"message\":\"events\"}",
    ] {
        assert!(RequestFrame::read(wrong.as_bytes()).is_err(), "{wrong}");
        assert!(Message::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn every_event_comes_back_as_it_went() {
    let instance: InstanceName = "a-b.c.12".parse().unwrap();
    let bodies = [
        EventBody::SpawnFailed {
            instance: instance.clone(),
            generation: 1,
            failure: SpawnFailure {
                stage: "exec".into(),
                errno: Some(2),
                message: "no".into(),
                interrupted: true,
            },
        },
        EventBody::Exited {
            instance: instance.clone(),
            generation: 1,
            exit: Exit::Unknown { reason: "r".into() },
            left: vec![LeftProcess {
                pid: 1,
                command: "c".into(),
                state: 'D',
            }],
            stopping: false,
            out_of_memory: Some(OutOfMemory {
                killed: 1,
                limit: Some(5),
            }),
        },
        EventBody::JobEnded {
            job: JobName::new("probe"),
            result: Ok(Exit::Code(0)),
            timed_out: true,
            cancelled: false,
            duration_us: 1,
            output: Some(JobOutput::default()),
        },
        EventBody::Stopped {
            instance,
            generation: 1,
            exit: Exit::Signal {
                signal: 9,
                core: true,
            },
            proof: Proof::Cgroup,
            killed: true,
        },
    ];
    for (sequence, body) in (1..).zip(bodies) {
        let event = Event {
            sequence,
            at_us: 5,
            body,
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<Event>(&text).unwrap(),
            event,
            "{text}"
        );
    }
}

#[test]
fn instance_names_cannot_leave_their_folder() {
    for bad in [
        "", "a", "a.0", "a.01", "a.+1", ".1", "../x.1", "a/b.1", "-a.1", "a b.1", "a.1.", "é.1",
    ] {
        assert!(bad.parse::<InstanceName>().is_err(), "{bad}");
    }
    let name: InstanceName = "api.v2.3".parse().unwrap();
    assert_eq!((name.service(), name.number()), ("api.v2", 3));
}

#[test]
fn a_length_beyond_the_limit_is_an_error() {
    let mut reader = FrameReader::new();
    reader.push(&u32::MAX.to_le_bytes());
    assert!(matches!(
        reader.next::<Message>(),
        Err(FrameError::TooLong(_))
    ));
}

proptest! {
    #[test]
    fn noise_never_panics(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..20)) {
        let mut reader = FrameReader::new();
        for chunk in chunks {
            reader.push(&chunk);
            for _ in 0..64 {
                match reader.next::<RequestFrame>() {
                    Ok(None) | Err(FrameError::TooLong(_)) => break,
                    Ok(Some(_)) | Err(FrameError::Body(_)) => {}
                }
            }
        }
    }

    #[test]
    fn any_short_frame_body_is_refused_politely(body in "\\PC{0,80}") {
        let mut reader = FrameReader::new();
        reader.push(&u32::try_from(body.len()).unwrap().to_le_bytes());
        reader.push(body.as_bytes());
        let _ = reader.next::<Message>();
        prop_assert!(matches!(reader.next::<Message>(), Ok(None)));
    }
}

#[test]
fn any_bytes_come_back_as_they_went() {
    let bytes = Bytes((0..=255).collect());
    let text = serde_json::to_string(&bytes).unwrap();
    assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), bytes);
    assert!(serde_json::from_str::<Bytes>("\"\u{100}\"").is_err());
}
