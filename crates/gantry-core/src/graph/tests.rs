use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::ids::ModeName;
use crate::spec::Dependency;

fn key(number: u32) -> ServiceKey {
    ServiceKey(number)
}

fn edge(dependent: u32, dependency: u32) -> Edge {
    Edge {
        dependent: key(dependent),
        dependency: key(dependency),
        part: None,
        condition: Condition::Ready,
        follow: false,
    }
}

fn graph(nodes: usize, edges: &[(u32, u32)]) -> Graph {
    Graph::new(
        &vec![0; nodes],
        edges.iter().map(|&(a, b)| edge(a, b)).collect(),
    )
}

fn spec(name: &str, needs: &[&str]) -> ServiceSpec {
    let name = ServiceName::new(name).expect("a name");
    let mut spec = ServiceSpec::new(name, ModeName::new("m"));
    for (line, on) in (1..).zip(needs) {
        let mut dependency =
            Dependency::new(ServiceName::new(on).expect("a name"), Condition::Ready);
        dependency.origin = Some(Origin {
            file: "gantry.toml".into(),
            line,
        });
        spec.depends_on.push(dependency);
    }
    spec
}

#[test]
fn ties_are_broken_by_order_and_then_by_position() {
    let graph = Graph::new(&[5, 0, -1, 0], vec![edge(2, 0)]);
    assert_eq!(graph.order(), [key(1), key(3), key(0), key(2)]);
}

#[test]
fn a_cycle_is_shown_as_the_path_with_the_place_of_each_edge() {
    let specs = [
        spec("a", &["b"]),
        spec("b", &["d", "c"]),
        spec("c", &["a"]),
        spec("d", &[]),
    ];
    let error = Graph::of(&specs).expect_err("a cycle");
    assert_eq!(
        error.to_string(),
        "a (gantry.toml:1) -> b (gantry.toml:2) -> c (gantry.toml:1) -> a"
    );
}

#[test]
fn a_service_that_needs_itself_is_a_cycle() {
    let error = Graph::of(&[spec("a", &["a"])]).expect_err("a cycle");
    assert_eq!(error.to_string(), "a (gantry.toml:1) -> a");
}

#[test]
fn independent_cycles_are_all_reported() {
    assert_eq!(
        graph(4, &[(0, 1), (1, 0), (2, 3), (3, 2)]).cycles().len(),
        2
    );
}

#[test]
fn a_missing_dependency_is_named_with_its_place() {
    let error = Graph::of(&[spec("a", &["nowhere"])]).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "a depends on nowhere, which does not exist (gantry.toml:1)"
    );
}

#[test]
fn levels_group_what_may_start_together() {
    let levels = graph(4, &[(1, 0), (2, 0), (3, 1), (3, 2)]).levels();
    assert_eq!(levels, [vec![key(0)], vec![key(1), key(2)], vec![key(3)]]);
}

#[test]
fn the_reduction_leaves_out_the_short_cut() {
    let reduced = graph(3, &[(1, 0), (2, 1), (2, 0)]).transitive_reduction();
    assert_eq!(reduced, [(key(1), key(0)), (key(2), key(1))]);
}

#[test]
fn a_chain_of_ten_thousand_does_not_need_a_deep_stack() {
    let edges: Vec<(u32, u32)> = (1..10_000).map(|n| (n, n - 1)).collect();
    let chain = graph(10_000, &edges);
    assert_eq!(chain.order().len(), 10_000);
    assert_eq!(chain.levels().len(), 10_000);
    assert!(chain.cycles().is_empty());
    assert_eq!(
        chain
            .closure([key(9_999)], Direction::Dependencies, |_, _| true)
            .len(),
        10_000
    );
    assert_eq!(chain.transitive_reduction().len(), 9_999);
    let mut closed = edges;
    closed.push((0, 9_999));
    assert_eq!(graph(10_000, &closed).cycles()[0].len(), 10_000);
}

/// Reachability by the simplest means, to compare with.
fn reachable(graph: &Graph, from: ServiceKey) -> HashSet<ServiceKey> {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for link in graph.dependencies(node) {
            if seen.insert(link.to) {
                open.push(link.to);
            }
        }
    }
    seen
}

proptest! {
    #[test]
    fn order_and_cycles_agree(edges in prop::collection::vec((0_u32..12, 0_u32..12), 0..30)) {
        let graph = graph(12, &edges);
        let order = graph.order();
        let cycles = graph.cycles();
        prop_assert_eq!(order.len() == 12, cycles.is_empty());
        let position = |node| order.iter().position(|n| *n == node);
        for (dependent, dependency) in edges {
            if let Some(later) = position(key(dependent)) {
                prop_assert!(position(key(dependency)).is_some_and(|sooner| sooner < later));
            }
        }
        for cycle in cycles {
            for (at, node) in cycle.iter().enumerate() {
                let next = cycle[(at + 1) % cycle.len()];
                prop_assert!(graph.dependencies(*node).iter().any(|link| link.to == next));
            }
        }
    }

    #[test]
    fn closure_is_reachability(edges in prop::collection::vec((0_u32..12, 0_u32..12), 0..30)) {
        let graph = graph(12, &edges);
        for node in (0..12).map(key) {
            let reached = graph.closure([node], Direction::Dependencies, |_, _| true);
            let mut expected = reachable(&graph, node);
            expected.insert(node);
            prop_assert_eq!(reached.len(), expected.len());
            prop_assert!(reached.iter().all(|n| expected.contains(n)));
        }
    }

    #[test]
    fn the_reduction_reaches_the_same_with_the_fewest_edges(
        edges in prop::collection::vec((1_u32..12, 0_u32..12), 0..40),
    ) {
        let edges: Vec<_> = edges.into_iter().filter(|(a, b)| a > b).collect();
        let full = graph(12, &edges);
        let kept: Vec<_> =
            full.transitive_reduction().into_iter().map(|(a, b)| (a.0, b.0)).collect();
        let reduced = graph(12, &kept);
        for node in (0..12).map(key) {
            prop_assert_eq!(reachable(&full, node), reachable(&reduced, node));
        }
        for left_out in 0..kept.len() {
            let mut fewer = kept.clone();
            let (dependent, dependency) = fewer.remove(left_out);
            let fewer = graph(12, &fewer);
            prop_assert!(!reachable(&fewer, key(dependent)).contains(&key(dependency)));
        }
    }
}
