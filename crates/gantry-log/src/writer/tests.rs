use camino::Utf8PathBuf;

use super::*;
use crate::Query;

fn folder() -> (tempfile::TempDir, LogFolder) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("log")).unwrap();
    (dir, LogFolder::new(path))
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
}

fn texts(folder: &LogFolder, query: &Query) -> Vec<String> {
    folder
        .read(query)
        .unwrap()
        .iter()
        .map(|line| line.text().into_owned())
        .collect()
}

#[test]
fn parts_are_joined_and_streams_kept_apart() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut scratch = Vec::new();
    log.append(Stream::Out, at(1), b"one\ntw", &mut scratch)
        .unwrap();
    log.append(Stream::Err, at(2), b"bad\xff\n", &mut scratch)
        .unwrap();
    log.append(Stream::Out, at(3), b"o\n\nlast", &mut scratch)
        .unwrap();
    log.end(Stream::Out, at(4)).unwrap();
    log.end(Stream::Err, at(4)).unwrap();
    let lines = folder.read(&Query::default()).unwrap();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.stream, line.text.as_slice(), line.complete))
        .collect();
    assert_eq!(
        seen,
        [
            (Stream::Out, b"one".as_slice(), true),
            (Stream::Err, b"bad\xff", true),
            (Stream::Out, b"two", true),
            (Stream::Out, b"", true),
            (Stream::Out, b"last", true),
        ]
    );
}

#[test]
fn rotation_keeps_order_and_loses_only_the_surplus() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 1000,
        keep: 3,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    let mut scratch = Vec::new();
    for number in 0..200_i64 {
        let line = format!("line {number}\n");
        // The clock stands still, and once goes back.
        let time = at(if number > 100 { 0 } else { 5 });
        log.append(Stream::Out, time, line.as_bytes(), &mut scratch)
            .unwrap();
    }
    assert_eq!(folder.rotated().unwrap().len(), 3);
    let all = texts(&folder, &Query::default());
    let wanted: Vec<_> = (200 - all.len()..200)
        .map(|n| format!("line {n}"))
        .collect();
    assert!(all.len() > 60);
    assert_eq!(all, wanted);
    for tail in [1, 2, 24, 25, 60] {
        assert_eq!(
            texts(&folder, &Query::tail(tail)),
            wanted[wanted.len() - tail..]
        );
    }
    assert_eq!(texts(&folder, &Query::tail(1_000_000)), wanted);
}

#[test]
fn a_torn_record_is_cut_off_and_a_part_goes_on() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    log.append(Stream::Out, at(1), b"one\nhalf", &mut Vec::new())
        .unwrap();
    drop(log);
    let mut bytes = std::fs::read(folder.current()).unwrap();
    bytes.extend_from_slice(b"2027-01-15T08:00:00.0000");
    std::fs::write(folder.current(), bytes).unwrap();

    let mut log = LogWriter::new(folder.clone(), Policy::default());
    log.append(Stream::Err, at(2), b"", &mut Vec::new())
        .unwrap();
    log.append(Stream::Err, at(2), b"x\n", &mut Vec::new())
        .unwrap();
    log.end(Stream::Out, at(3)).unwrap();
    assert_eq!(texts(&folder, &Query::default()), ["one", "x", "half"]);
}

#[test]
fn foreign_lines_are_shown_not_lost() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    log.append(Stream::Out, at(1), b"one\n", &mut Vec::new())
        .unwrap();
    log.release();
    let mut bytes = std::fs::read(folder.current()).unwrap();
    bytes.extend_from_slice(b"someone's own words\n");
    std::fs::write(folder.current(), bytes).unwrap();
    log.append(Stream::Out, at(2), b"two\n", &mut Vec::new())
        .unwrap();
    assert_eq!(
        texts(&folder, &Query::default()),
        ["one", "someone's own words", "two"]
    );
}

#[test]
fn queries_select() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 400,
        keep: 50,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    let mut scratch = Vec::new();
    for number in 0..100_i64 {
        let line = format!("n{number}\n");
        let stream = if number % 10 == 3 {
            Stream::Err
        } else {
            Stream::Out
        };
        log.append(stream, at(number), line.as_bytes(), &mut scratch)
            .unwrap();
    }
    log.note(at(100), "a note").unwrap();
    let query = Query {
        since: Some(at(40)),
        until: Some(at(44)),
        ..Query::default()
    };
    assert_eq!(texts(&folder, &query), ["n40", "n41", "n42", "n43", "n44"]);
    let query = Query {
        grep: Some(regex::bytes::Regex::new("^n.7$").unwrap()),
        tail: Some(2),
        ..Query::default()
    };
    assert_eq!(texts(&folder, &query), ["n87", "n97"]);
    let query = Query {
        stream: Some(Stream::Err),
        tail: Some(1),
        ..Query::default()
    };
    assert_eq!(texts(&folder, &query), ["n93"]);
    let query = Query {
        without_notes: true,
        tail: Some(1),
        ..Query::default()
    };
    assert_eq!(texts(&folder, &query), ["n99"]);
    let query = Query {
        since: Some(at(98)),
        tail: Some(50),
        ..Query::default()
    };
    assert_eq!(texts(&folder, &query), ["n98", "n99", "a note"]);
}

#[test]
fn several_folders_merge_in_time_order() {
    let made: Vec<_> = (0..3).map(|_| folder()).collect();
    let folders: Vec<_> = made.iter().map(|(_, folder)| folder.clone()).collect();
    for (source, folder) in (0..).zip(&folders) {
        let mut log = LogWriter::new(folder.clone(), Policy::default());
        for number in 0..10 {
            let line = format!("{}\n", number * 3 + source);
            log.append(
                Stream::Out,
                at(number * 3 + source),
                line.as_bytes(),
                &mut Vec::new(),
            )
            .unwrap();
        }
    }
    let merged: Vec<_> = crate::merge(&folders, &Query::tail(12)).collect();
    let numbers: Vec<_> = merged
        .iter()
        .map(|line| line.line.text().into_owned())
        .collect();
    let wanted: Vec<_> = (18..30).map(|number: i32| number.to_string()).collect();
    assert_eq!(numbers, wanted);
    assert_eq!(merged[0].source, 0);
}

#[test]
fn an_empty_folder_has_no_lines() {
    let (_dir, folder) = folder();
    assert!(folder.read(&Query::default()).unwrap().is_empty());
    assert!(folder.read(&Query::tail(3)).unwrap().is_empty());
    assert_eq!(folder.lines().count(), 0);
}

fn count(folder: &LogFolder) -> usize {
    folder.rotated().unwrap().len()
}

const SECOND: i64 = 1_000_000;

#[test]
fn an_old_file_is_rotated_by_the_next_record() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_age: Some(std::time::Duration::from_mins(1)),
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    let mut scratch = Vec::new();
    for (second, files) in [(0, 0), (59, 0), (60, 1), (70, 1)] {
        log.append(Stream::Out, at(second * SECOND), b"x\n", &mut scratch)
            .unwrap();
        assert_eq!(count(&folder), files, "at {second} s");
    }
    // Another writer knows how old the file is.
    let mut log = LogWriter::new(folder.clone(), policy);
    log.append(Stream::Out, at(121 * SECOND), b"x\n", &mut scratch)
        .unwrap();
    assert_eq!(count(&folder), 2);
    // A clock that was set back makes nothing old.
    log.append(Stream::Out, at(-4000 * SECOND), b"x\n", &mut scratch)
        .unwrap();
    assert_eq!(count(&folder), 2);
}

#[test]
fn the_oldest_go_when_all_are_too_large_together() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 1000,
        keep: 100,
        max_total: Some(3500),
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    for number in 0..500 {
        let line = format!("line {number}\n");
        log.append(Stream::Out, at(number), line.as_bytes(), &mut Vec::new())
            .unwrap();
    }
    assert_eq!(count(&folder), 3);
    assert_eq!(texts(&folder, &Query::tail(1)), ["line 499"]);
}

#[test]
fn a_clock_that_is_set_back_begins_a_file_and_is_told() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut scratch = Vec::new();
    let mut write = |log: &mut LogWriter, second: i64, text: &str| {
        log.append(
            Stream::Out,
            at(second * SECOND),
            text.as_bytes(),
            &mut scratch,
        )
        .unwrap();
    };
    write(&mut log, 7200, "one\n");
    // Still small: no new file.
    write(&mut log, 3600, "two\n");
    assert_eq!(count(&folder), 0);
    write(&mut log, 3601, &"long ".repeat(1000));
    write(&mut log, 3600, "er\n");
    assert_eq!(count(&folder), 0);
    write(&mut log, 0, "three\n");
    assert_eq!(count(&folder), 1);
    // Nothing in it is newer than its name says.
    let named = crate::name::time_of(folder.rotated().unwrap()[0].file_name().unwrap());
    assert_eq!(named, Some(at(7200 * SECOND)));
    // The name after it sorts behind it, though the clock says less.
    write(&mut log, 1, &"long ".repeat(1000));
    write(&mut log, -10, "\nfour\n");
    let files = folder.rotated().unwrap();
    assert_eq!(files.len(), 2);
    assert!(files[0] < files[1]);
    let told: Vec<_> = texts(&folder, &Query::default())
        .into_iter()
        .filter(|text| text.len() < 100)
        .collect();
    let back = |by| format!("the clock was set back by {by}");
    let wanted = [
        "one".to_owned(),
        back("1h"),
        "two".into(),
        back("1h 1s"),
        "three".into(),
        back("11s"),
        "four".into(),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    assert_eq!(told[1..3], wanted[1..3]);
    assert_eq!(told[4..], wanted[4..]);
}

#[test]
fn what_removes_or_cuts_the_files_under_a_writer_costs_nothing_later() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut write = |text: &str| {
        log.append(Stream::Out, at(1), text.as_bytes(), &mut Vec::new())
            .unwrap();
    };
    write("one\n");
    std::fs::remove_dir_all(folder.path()).unwrap();
    write("two\n");
    assert_eq!(texts(&folder, &Query::default()), ["two"]);
    std::fs::remove_file(folder.current()).unwrap();
    write("three\n");
    assert_eq!(texts(&folder, &Query::default()), ["three"]);
    std::fs::write(folder.current(), "").unwrap();
    write("four\n");
    assert_eq!(texts(&folder, &Query::default()), ["four"]);
}

#[test]
fn a_line_that_was_begun_before_a_rotation_is_ended_after_it() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 100,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    log.append(Stream::Out, at(0), &[b'x'; 200], &mut Vec::new())
        .unwrap();
    // It dies when it has rotated, and has written nothing.
    log.make_room(at(1), b"x").unwrap();
    drop(log);
    let mut log = LogWriter::new(folder.clone(), policy);
    log.end(Stream::Out, at(2)).unwrap();
    log.append(Stream::Out, at(3), b"next\n", &mut Vec::new())
        .unwrap();
    assert_eq!(
        texts(&folder, &Query::default()),
        ["x".repeat(200).as_str(), "next"]
    );
}

#[test]
fn anything_that_is_written_is_read_again() {
    let (_dir, folder) = folder();
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let mut wide = vec![0_u8; 3 << 20];
    for (byte, number) in wide.iter_mut().zip(0_u32..) {
        *byte = number.to_le_bytes()[0];
    }
    wide.retain(|byte| *byte != b'\n');
    for chunk in [
        b"nul \0 and \xff\xfe\n".as_slice(),
        b"dos\r\n\r\n",
        &wide,
        b"\nend\n",
    ] {
        for part in chunk.chunks(64 * 1024) {
            log.append(Stream::Out, at(1), part, &mut Vec::new())
                .unwrap();
        }
    }
    let lines = folder.read(&Query::default()).unwrap();
    assert_eq!(lines[0].text, b"nul \0 and \xff\xfe");
    assert_eq!(lines[1].text, b"dos\r");
    assert_eq!(lines[2].text, b"\r");
    // A line of megabytes comes in pieces, none of which is lost.
    let pieces = &lines[3..lines.len() - 1];
    assert!(pieces.len() > 1);
    let all: Vec<u8> = pieces.iter().flat_map(|line| line.text.clone()).collect();
    assert!(all == wide, "{} bytes of {}", all.len(), wide.len());
    assert_eq!(lines[lines.len() - 1].text, b"end");
}

#[test]
fn room_is_made_between_pieces_and_a_piece_can_be_taken_back() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 100,
        keep: 10,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    let mut scratch = Vec::new();
    let all = b"one\ntwo\nthree\nfour\nfive";
    let mut rest = all.as_slice();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let fits = log.make_room(at(1), rest).unwrap();
        let mark = log.mark().unwrap();
        log.append(Stream::Out, at(1), &rest[..fits], &mut scratch)
            .unwrap();
        let text = folder.text_after(mark, Stream::Out).unwrap();
        assert_eq!(text.as_deref(), Some(&rest[..fits]));
        // A part of a record is as if it were not there.
        OpenOptions::new()
            .append(true)
            .open(folder.current())
            .and_then(|mut file| file.write_all(b"2027-01"))
            .unwrap();
        let text = folder.text_after(mark, Stream::Out).unwrap();
        assert_eq!(text.as_deref(), Some(&rest[..fits]));
        // Taken back and written again, as after a kill.
        let mut next = LogWriter::new(folder.clone(), policy);
        assert!(next.cut_back(mark).unwrap());
        assert_eq!(next.mark().unwrap(), mark);
        next.append(Stream::Out, at(2), &rest[..fits], &mut scratch)
            .unwrap();
        log = next;
        pieces.push(fits);
        rest = &rest[fits..];
    }
    assert_eq!(pieces, [8, 11, 4], "two records a file");
    assert_eq!(folder.rotated().unwrap().len(), 2);
    for file in folder.rotated().unwrap() {
        assert!(std::fs::metadata(file).unwrap().len() <= 100);
    }
    assert_eq!(
        texts(&folder, &Query::default()),
        ["one", "two", "three", "four", "five"]
    );
    let gone = Mark {
        inode: 1,
        length: 0,
    };
    assert!(!log.cut_back(gone).unwrap());
    assert_eq!(folder.text_after(gone, Stream::Out).unwrap(), None);
}

#[test]
fn a_record_that_no_file_can_hold_gets_one_of_its_own() {
    let (_dir, folder) = folder();
    let policy = Policy {
        max_size: 50,
        keep: 10,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    let wide = [b'x'; 200];
    assert_eq!(log.make_room(at(1), b"a\n").unwrap(), 2);
    log.append(Stream::Out, at(1), b"a\n", &mut Vec::new())
        .unwrap();
    assert_eq!(log.make_room(at(1), &wide).unwrap(), 200);
    assert_eq!(log.mark().unwrap().length, 0);
}
