//! Text in tones, cut and written.

use super::*;

const COLOUR: Palette = Palette { colour: true };
const PLAIN: Palette = Palette { colour: false };

fn written(text: &Text, palette: Palette) -> String {
    let mut to = String::new();
    text.write(palette, &mut to);
    to
}

#[test]
fn tones_are_codes_or_nothing() {
    let text = Text::of(Tone::Bad, "no")
        .plain(" ")
        .and(Tone::Dim, "  ")
        .plain("");
    assert_eq!(written(&text, COLOUR), "\x1b[31mno\x1b[0m");
    assert_eq!(written(&text, PLAIN), "no");
}

#[test]
fn what_is_cut_says_so() {
    let text = Text::from("abc").and(Tone::Good, "def");
    assert_eq!(written(&text.clone().cut(6), PLAIN), "abcdef");
    assert_eq!(written(&text.clone().cut(5), PLAIN), "abcd…");
    assert_eq!(written(&text.cut(1), PLAIN), "…");
    // A letter that takes two columns does not get half of them.
    let wide = Text::from("日本語");
    assert_eq!(wide.width(), 6);
    assert_eq!(written(&wide.cut(4), PLAIN), "日…");
}

#[test]
fn services_cannot_move_the_cursor() {
    assert_eq!(harmless("a\tb\x1b[2Jc"), "a b\u{fffd}[2Jc");
}

#[test]
fn what_moves_the_cursor_is_tamed_and_colours_stay() {
    let text = |line: &[u8]| String::from_utf8(tame(line).into_owned()).unwrap();
    assert_eq!(text("plain\tund schön".as_bytes()), "plain\tund schön");
    assert_eq!(text(b"\x1b[1;31mred\x1b[0m"), "\x1b[1;31mred\x1b[0m");
    assert_eq!(
        text(b"\x1b[?2004hbash$ \x1b[K\x1b[2J\x1b[H\x1b[>4;2m"),
        "bash$ "
    );
    assert_eq!(
        text(b"\x1b]0;title\x07a\x1b]2;t\x1b\\b\x1bPq\x1b\\c\x1b(Bd\x1b7e"),
        "abcde"
    );
    assert_eq!(text(b"10%\r20%\r100%\r"), "100%");
    assert_eq!(text("lx\x08 \x08s ü\x08e".as_bytes()), "ls e");
    assert_eq!(text(b"bell\x07\x00\x7f"), "bell");
    // Torn at its end.
    assert_eq!(text(b"a\x1b[31"), "a");
    assert_eq!(text(b"a\x1b"), "a");
    assert_eq!(text(b"\x08\x08a"), "a");
}
