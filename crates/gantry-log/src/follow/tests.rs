use camino::Utf8PathBuf;

use super::*;
use crate::{LogWriter, Policy, Stream};

fn now() -> Timestamp {
    Timestamp::now()
}

#[test]
fn a_follower_sees_every_line_once_through_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(Utf8PathBuf::from_path_buf(dir.path().join("a/log")).unwrap());
    let mut follow = Follow::new(&folder, Query::default());
    assert!(follow.poll().unwrap().is_empty());
    let total = 20_000;
    let writer = std::thread::spawn(move || {
        let policy = Policy {
            max_size: 64 * 1024,
            keep: 1000,
            ..Policy::default()
        };
        let mut log = LogWriter::new(folder, policy);
        let mut scratch = Vec::new();
        for number in 0..total {
            let line = format!("line {number}\n");
            let (head, tail) = line.split_at(3);
            log.append(Stream::Out, now(), head.as_bytes(), &mut scratch)
                .unwrap();
            log.append(Stream::Out, now(), tail.as_bytes(), &mut scratch)
                .unwrap();
        }
    });
    let mut next = 0;
    let deadline = Instant::now() + Duration::from_secs(30);
    while next < total && Instant::now() < deadline {
        for line in follow.wait(Duration::from_millis(200)).unwrap() {
            assert_eq!(line.text(), format!("line {next}"));
            next += 1;
        }
    }
    writer.join().unwrap();
    assert_eq!(next, total);
}

#[test]
fn the_tail_and_what_follows_meet() {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap());
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    log.append(Stream::Out, now(), b"a\nb\nc\n", &mut Vec::new())
        .unwrap();
    let (lines, mut follow) = Follow::with_tail(&folder, Query::tail(2));
    let texts: Vec<_> = lines.iter().map(|line| line.text().into_owned()).collect();
    assert_eq!(texts, ["b", "c"]);
    log.append(Stream::Out, now(), b"d\n", &mut Vec::new())
        .unwrap();
    let lines = follow.wait(Duration::from_secs(5)).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text(), "d");
}

#[test]
fn a_prompt_is_shown_after_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap());
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut follow = Follow::new(&folder, Query::default());
    log.append(Stream::Out, now(), b"password: ", &mut Vec::new())
        .unwrap();
    let lines = follow.wait(Duration::from_secs(5)).unwrap();
    assert_eq!(
        (lines[0].text().as_ref(), lines[0].complete),
        ("password: ", false)
    );
}

#[test]
fn what_a_writer_takes_back_and_writes_again_is_shown_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap());
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut scratch = Vec::new();
    log.append(Stream::Out, now(), b"before\n", &mut scratch)
        .unwrap();
    let mut follow = Follow::new(&folder, Query::default());
    let mark = log.mark().unwrap();
    let chunk = b"one\ntwo\nand ";
    log.append(Stream::Out, now(), chunk, &mut scratch).unwrap();
    let texts = |lines: Vec<Line>| -> Vec<String> {
        lines.iter().map(|line| line.text().into_owned()).collect()
    };
    assert_eq!(texts(follow.poll().unwrap()), ["one", "two"]);
    log.cut_back(mark).unwrap();
    assert!(follow.poll().unwrap().is_empty());
    log.append(Stream::Out, now(), chunk, &mut scratch).unwrap();
    log.append(Stream::Out, now(), b"three\n", &mut scratch)
        .unwrap();
    assert_eq!(texts(follow.poll().unwrap()), ["and three"]);
}
