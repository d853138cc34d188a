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
