use super::*;

fn source(text: &str) -> (SourceMap, SourceId) {
    let mut map = SourceMap::new();
    let id = map.add_file("a/b.toml", Layer::File, text);
    (map, id)
}

#[test]
fn positions_count_characters_from_one() {
    let (map, id) = source("a\nñ = 1\r\n\nx");
    let source = map.get(id).unwrap();
    let at = |offset| {
        let p = source.position(offset);
        (p.line, p.column)
    };
    assert_eq!(at(0), (1, 1));
    assert_eq!(at(1), (1, 2));
    assert_eq!(at(2), (2, 1));
    assert_eq!(at(3), (2, 1), "the middle of a character is its start");
    assert_eq!(at(4), (2, 2));
    assert_eq!(at(11), (4, 1));
    assert_eq!(at(900), (4, 2));
    assert_eq!(source.line(2), Some("ñ = 1"));
    assert_eq!(source.line(4), Some("x"));
    assert_eq!(source.line(5), None);
    assert_eq!(source.line(0), None);
}

#[test]
fn paths_start_from_the_folder_of_their_file() {
    let (map, id) = source("x");
    let span = Span::new(id, 0..1);
    assert_eq!(map.resolve(span, "../c/./d"), "c/d");
    assert_eq!(map.resolve(span, "/abs"), "/abs");
    assert_eq!(map.resolve(Span::NONE, "x"), "x");
    assert_eq!(map.place(span).unwrap().to_string(), "a/b.toml:1:1");
    assert_eq!(clean(Utf8Path::new("../../x/..")), "../..");
    assert_eq!(clean(Utf8Path::new("/../x")), "/x");
    assert_eq!(clean(Utf8Path::new("x/..")), ".");
}
