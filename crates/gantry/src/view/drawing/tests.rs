use super::{Arrow, Box_, Drawing};
use crate::cli::DrawingFormat;

fn drawing() -> Drawing {
    let one = |name: &str, dashed| Box_ {
        name: name.to_owned(),
        label: name.to_owned(),
        colour: "#ffffff",
        dashed,
    };
    let arrow = |from: &str, to: &str, label: &str| Arrow {
        from: from.to_owned(),
        to: to.to_owned(),
        label: label.to_owned(),
    };
    Drawing {
        title: "the \"shop\"".to_owned(),
        boxes: vec![one("a <b> \"c\" #1\n", false), one("d", true)],
        arrows: vec![
            arrow("d", "a <b> \"c\" #1\n", "mounts"),
            arrow("d", "d", ""),
            arrow("d", "nobody", "left out"),
        ],
    }
}

#[test]
fn what_others_read_is_quoted_for_them() {
    let mermaid = drawing().text(DrawingFormat::Mermaid);
    let wanted = [
        "title: \"the \\\"shop\\\"\"",
        "n0[\"a #lt;b#gt; #quot;c#quot; #35;1 \"]",
        "n1 -->|\"mounts\"| n0",
        "n1 --> n1",
        "style n1 fill:#ffffff,stroke-dasharray:4",
    ];
    for words in wanted {
        assert!(mermaid.contains(words), "{words} in {mermaid}");
    }
    let dot = drawing().text(DrawingFormat::Dot);
    for words in [
        "digraph \"the \\\"shop\\\"\"",
        "n0 [label=\"a <b> \\\"c\\\" #1 \"",
        "style=\"filled,dashed\"",
        "n1 -> n0 [label=\"mounts\"]",
    ] {
        assert!(dot.contains(words), "{words} in {dot}");
    }
    assert!(!mermaid.contains("left out") && !dot.contains("left out"));
}

#[test]
fn a_picture_is_one() {
    let svg = drawing().text(DrawingFormat::Svg);
    assert!(
        svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    assert!(svg.contains("mounts") && svg.contains("&lt;b&gt;"), "{svg}");
    assert!(Drawing::default().text(DrawingFormat::Svg).contains("<svg"));
}
