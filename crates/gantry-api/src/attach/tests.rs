use super::*;

fn all(frames: &mut AttachFrames) -> Vec<AttachFrame<Attached>> {
    std::iter::from_fn(|| frames.cut().unwrap()).collect()
}

#[test]
fn frames_come_back_as_they_went_however_they_arrive() {
    let sent = vec![
        AttachFrame::Record(Attached::Begun {
            instance: "a.1".into(),
            terminal: false,
        }),
        AttachFrame::Bytes(Bytes::from_static(b"\x00\xff\r\n")),
        AttachFrame::Errors(Bytes::from_static(b"oh")),
        AttachFrame::Record(Attached::Ended {
            exit: Exit::Code(3),
            message: "ended with exit code 3".into(),
        }),
    ];
    let mut bytes = Vec::new();
    for frame in &sent {
        frame.encode(&mut bytes);
    }
    let mut frames = AttachFrames::default();
    let mut seen = Vec::new();
    for byte in &bytes {
        frames.buffer.extend_from_slice(&[*byte]);
        seen.extend(all(&mut frames));
    }
    assert_eq!(seen, sent);
    frames.buffer.extend_from_slice(&bytes);
    assert_eq!(all(&mut frames), sent);
}

#[test]
fn what_a_later_version_says_is_passed_over() {
    let mut frames = AttachFrames::default();
    frames.buffer.extend_from_slice(b"\x09\x00\x00\x00\x02??");
    let record = br#"{"type":"sung","song":1}"#;
    frames.buffer.extend_from_slice(b"\x01\x00\x00\x00");
    frames
        .buffer
        .extend_from_slice(&[u8::try_from(record.len()).unwrap()]);
    frames.buffer.extend_from_slice(record);
    assert_eq!(all(&mut frames), [AttachFrame::Record(Attached::Unknown)]);
}

#[test]
fn what_is_long_becomes_several_and_what_is_too_long_is_noise() {
    let long = Bytes::from(vec![7; LONGEST + 10]);
    let mut frames = AttachFrames::default();
    let mut bytes = Vec::new();
    AttachFrame::<Attached>::Bytes(long.clone()).encode(&mut bytes);
    frames.buffer.extend_from_slice(&bytes);
    let parts = all(&mut frames);
    let whole: Vec<u8> = parts
        .iter()
        .flat_map(|part| match part {
            AttachFrame::Bytes(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((parts.len(), whole == long), (2, true));
    frames.buffer.extend_from_slice(b"\x00\xff\xff\xff\xff");
    assert!(matches!(
        frames.cut::<Attached>(),
        Err(FrameError::TooLong(_))
    ));
}
