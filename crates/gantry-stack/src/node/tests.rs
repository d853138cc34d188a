use proptest::prelude::*;

use super::*;

fn key(name: &str) -> Key {
    Key {
        name: name.into(),
        span: Span::NONE,
    }
}

fn int(number: i64) -> Node {
    Node::new(Value::Int(number), Span::NONE, Layer::File)
}

#[test]
fn nodes_are_small() {
    assert!(size_of::<Node>() <= 64, "{}", size_of::<Node>());
}

#[test]
fn paths_of_leaves_can_be_read() {
    let mut inner = Map::new();
    inner.insert(key("a.b"), int(1));
    inner.insert(
        key("c"),
        Node::new(Value::Seq(vec![int(1), int(2)]), Span::NONE, Layer::File),
    );
    inner.insert(
        key("e"),
        Node::new(Value::Map(Map::new()), Span::NONE, Layer::File),
    );
    let mut map = Map::new();
    map.insert(
        key("x"),
        Node::new(Value::Map(inner), Span::NONE, Layer::File),
    );
    let node = Node::new(Value::Map(map), Span::NONE, Layer::File);
    let mut paths = Vec::new();
    node.leaves(&mut |path, _| paths.push(path.to_owned()));
    assert_eq!(paths, ["x.\"a.b\"", "x.c[0]", "x.c[1]", "x.e"]);
    assert_eq!(node.at(["x", "c", "1"]).and_then(Node::as_int), Some(2));
    assert!(node.at(["x", "none"]).is_none());
}

proptest! {
    /// The index of large mappings says what a walk over the entries would.
    #[test]
    fn a_map_is_a_map(steps in proptest::collection::vec((0..4u8, 0..40i64), 0..200)) {
        let mut map = Map::new();
        let mut model: Vec<(String, i64)> = Vec::new();
        for (what, number) in steps {
            let name = format!("k{number}");
            match what {
                0 => {
                    prop_assert_eq!(map.remove(&name).is_some(), model.iter().any(|(k, _)| *k == name));
                    model.retain(|(k, _)| *k != name);
                }
                1 => {
                    map.retain(|entry| entry.value.as_int() != Some(number));
                    model.retain(|(_, v)| *v != number);
                }
                _ => {
                    let value = number * i64::from(what);
                    map.insert(key(&name), int(value));
                    match model.iter_mut().find(|(k, _)| *k == name) {
                        Some(entry) => entry.1 = value,
                        None => model.push((name, value)),
                    }
                }
            }
            let found: Vec<_> = map.iter().map(|e| (e.key.name.to_string(), e.value.as_int().unwrap())).collect();
            prop_assert_eq!(&found, &model);
            for (name, value) in &model {
                prop_assert_eq!(map.get(name).and_then(Node::as_int), Some(*value));
            }
            prop_assert!(!map.contains("other"));
        }
    }
}
