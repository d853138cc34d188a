use super::*;

fn undone(printed: &[&[u8]]) -> String {
    let mut modes = Modes::default();
    for part in printed {
        modes.follow(part);
    }
    modes.undone()
}

#[test]
fn what_is_on_is_switched_off_and_nothing_else() {
    assert_eq!(undone(&[b"plain text\r\n\x1b[2J\x1b[1;5H"]), "");
    assert_eq!(
        undone(&[b"\x1b[?1049h\x1b[?25l\x1b[31mred"]),
        "\x1b[0m\x1b[?1049l\x1b[?25h"
    );
    assert_eq!(
        undone(&[
            b"\x1b[?1049h\x1b[?25l",
            b"\x1b[31mred\x1b[m\x1b[?25h\x1b[?1049l"
        ]),
        ""
    );
    assert_eq!(undone(&[b"\x1b[?1000;1006h"]), "\x1b[?1000l\x1b[?1006l");
}

#[test]
fn sequences_may_come_in_pieces_and_torn() {
    assert_eq!(undone(&[b"\x1b", b"[?10", b"49", b"h"]), "\x1b[?1049l");
    assert_eq!(undone(&[b"\x1b[?1049\x1b[?25l"]), "\x1b[?25h");
    assert_eq!(
        undone(&[b"\x1b[?", &[b'1'; 1000], b"h\xff\x1b[?25\x07l"]),
        ""
    );
}

#[test]
fn keys_and_scrolling_are_as_before() {
    assert_eq!(
        undone(&[b"\x1b=\x1b[>4;2m\x1b[>1u\x1b[>3u\x1b[2;20r"]),
        "\x1b>\x1b[>4;0m\x1b[<2u\x1b7\x1b[r\x1b8"
    );
    assert_eq!(
        undone(&[
            b"\x1b=\x1b[>4;2m\x1b[>1u\x1b[2;20r",
            b"\x1b>\x1b[>4;m\x1b[<u\x1b[r"
        ]),
        ""
    );
}
