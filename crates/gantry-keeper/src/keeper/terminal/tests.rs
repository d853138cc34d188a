use proptest::prelude::*;

use super::*;

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    text_of(bytes, &mut text);
    text
}

#[test]
fn ends_of_lines_become_newlines_and_nothing_else_changes() {
    assert_eq!(text(b"one\r\ntwo\r\n"), b"one\ntwo\n");
    assert_eq!(text(b"both\r\r\n"), b"both\n");
    assert_eq!(
        text(b"10%\r20%\r\nbare\n\r\n\rback"),
        b"10%\r20%\nbare\n\n\rback"
    );
}

#[test]
fn a_return_at_the_end_waits_for_what_follows() {
    assert_eq!(settled(b"line\r"), 4);
    assert_eq!(settled(b"line\r\n"), 6);
    assert_eq!(settled(b"\r"), 0);
    // However many there are, something can be written.
    assert_eq!(settled(&vec![b'\r'; 65536]), 65535);
    assert_eq!(settled(b""), 0);
}

#[test]
fn what_is_printed_moves_into_the_pipe_as_far_as_there_is_room() {
    let (terminal, pipe) = Terminal::open(None).unwrap();
    rustix::io::ioctl_fionbio(&terminal.slave, true).unwrap();
    let mut printed = 0;
    let mut print = || {
        while let Ok(length) = rustix::io::write(&terminal.slave, &[b'x'; 500]) {
            printed += length;
        }
    };
    // The pipe is full at last, and then the terminal.
    for _ in 0..32 {
        print();
        terminal.pump().unwrap();
    }
    print();
    let mut read = 0;
    let mut buffer = vec![0; 64 * 1024];
    let mut empty = || {
        while let Ok(length) = rustix::io::read(&pipe, &mut buffer) {
            read += length;
        }
        read
    };
    let first = empty();
    assert!(first > 32 * 1024, "{first}");
    terminal.pump_all().unwrap();
    assert_eq!(empty(), printed);
    rustix::io::write(&terminal.slave, b"more").unwrap();
    terminal.pump_by_hand().unwrap();
    assert_eq!(empty(), printed + 4);
}

#[test]
fn a_screen_shows_everything_once_however_late_it_is_taken() {
    let mut screen = Screen {
        watched: true,
        ..Screen::default()
    };
    screen.see(b"one\r");
    screen.see(b"one\r\ntw");
    screen.taken(5);
    screen.see(b"two");
    assert_eq!(screen.fresh, b"one\r\ntwo");
    assert_eq!(screen.recent(), b"one\r\ntwo");
}

#[test]
fn a_screen_remembers_whole_lines_of_what_was_shown_last() {
    let mut screen = Screen::default();
    for number in 0..5000 {
        let line = format!("line {number}\r\n");
        screen.see(line.as_bytes());
        screen.taken(line.len());
    }
    let recent = String::from_utf8(screen.recent()).unwrap();
    assert!(recent.starts_with("line ") && recent.ends_with("line 4999\r\n"));
    assert!(recent.len() > RECENT - 20 && recent.len() <= RECENT);
    assert!(screen.fresh.is_empty());
    screen.inherit(b"of the log\npart");
    assert_eq!(screen.recent(), b"of the log\r\npart");
}

#[test]
fn who_comes_later_is_not_asked_what_others_were() {
    use super::questions::without_questions as without;
    let kept = b"plain \x1b[31mred\x1b[0m\r\n\x1b[?1049h\x1b[2;5H\x1b]0;a title\x07\x1b]2;other\x1b\\\x1b7\x1b[22;0;0t";
    assert_eq!(without(kept), kept);
    for question in [
        &b"\x1b[6n"[..],
        b"\x1b[c",
        b"\x1b[>c",
        b"\x1b[?6n",
        b"\x1b[?2026$p",
        b"\x1b[>q",
        b"\x1b[?u",
        b"\x1b[18t",
        b"\x1b[21t",
        b"\x1b]10;?\x07",
        b"\x1b]11;?\x1b\\",
        b"\x1bP+q544e\x1b\\",
        b"\x1bZ",
        b"\x05",
    ] {
        let all = [&b"a"[..], question, b"b"].concat();
        assert_eq!(without(&all), b"ab", "{question:?}");
    }
    // What is torn at the end is as it is.
    assert_eq!(without(b"x\x1b"), b"x\x1b");
    assert_eq!(without(b"x\x1b[3"), b"x\x1b[3");
}

proptest! {
    #[test]
    fn any_bytes_can_be_shown(bytes in proptest::collection::vec(any::<u8>(), 0..200), taken in 0_usize..200) {
        let mut screen = Screen::default();
        screen.see(&bytes);
        screen.taken(taken);
        screen.see(&bytes[taken.min(bytes.len())..]);
        let shown = screen.recent();
        prop_assert!(shown.len() <= bytes.len());
        if !bytes.contains(&0x1b) && !bytes.contains(&0x05) {
            prop_assert_eq!(shown, bytes);
        }
    }
}
