//! Who needs whom: order, levels, cycles, closures, and the reduction that drawings use.
//!
//! Nodes are [`ServiceKey`]s, that is positions in a list; edges lie in two flat tables, one per
//! direction. Nothing here recurses: a chain of 10,000 services must not need 10,000 stack frames.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use crate::ids::{ServiceKey, ServiceName};
use crate::spec::{Condition, Origin, ServiceSpec};

/// One edge while a graph is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The one that depends.
    pub dependent: ServiceKey,
    /// The one that is needed.
    pub dependency: ServiceKey,
    /// The part that is needed, if not all of it.
    pub part: Option<PartKey>,
    /// What is waited for.
    pub condition: Condition,
    /// Whether the dependent restarts along.
    pub follow: bool,
}

/// One of the parts of a service that others need: its position among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartKey(pub u16);

/// One edge seen from one of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The other end.
    pub to: ServiceKey,
    /// The part that is needed, if not all of it.
    pub part: Option<PartKey>,
    /// What is waited for.
    pub condition: Condition,
    /// Whether the dependent restarts along.
    pub follow: bool,
}

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what is needed.
    Dependencies,
    /// To those that need it.
    Dependents,
}

/// Edges of one direction: those of node `n` are `links[starts[n]..starts[n + 1]]`.
#[derive(Debug, Clone, Default)]
struct Table {
    starts: Vec<u32>,
    links: Vec<Link>,
}

impl Table {
    fn new(nodes: usize, edges: &[Edge], ends: fn(&Edge) -> (ServiceKey, ServiceKey)) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for edge in edges {
            starts[ends(edge).0.index() + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let blank = Link {
            to: ServiceKey(0),
            part: None,
            condition: Condition::default(),
            follow: false,
        };
        let mut links = vec![blank; edges.len()];
        let mut next = starts.clone();
        for edge in edges {
            let (from, to) = ends(edge);
            let at = &mut next[from.index()];
            links[*at as usize] = Link {
                to,
                part: edge.part,
                condition: edge.condition,
                follow: edge.follow,
            };
            *at += 1;
        }
        Self { starts, links }
    }

    fn of(&self, node: ServiceKey) -> &[Link] {
        let Some(&[from, to]) = self.starts.get(node.index()..node.index() + 2) else {
            return &[];
        };
        &self.links[from as usize..to as usize]
    }
}

/// The graph of services.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: usize,
    /// What breaks ties, per node: `order` first, then the position in the file.
    ties: Vec<(i32, u32)>,
    down: Table,
    up: Table,
}

/// Why a list of services is not a usable graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphError {
    /// A service depends on one that does not exist.
    Missing {
        /// The one that depends.
        dependent: ServiceName,
        /// The one that does not exist.
        dependency: ServiceName,
        /// Where that was written.
        origin: Option<Origin>,
    },
    /// Two services have this name.
    Twice(ServiceName),
    /// Services need each other in a circle: all independent circles.
    Cycles(Vec<Cycle>),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                dependent,
                dependency,
                origin,
            } => {
                write!(
                    f,
                    "{dependent} depends on {dependency}, which does not exist"
                )?;
                origin
                    .iter()
                    .try_for_each(|origin| write!(f, " ({origin})"))
            }
            Self::Twice(name) => write!(f, "there are two services named {name}"),
            Self::Cycles(cycles) => {
                for (position, cycle) in cycles.iter().enumerate() {
                    write!(f, "{}{cycle}", if position == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for GraphError {}

/// A circle, edge by edge: each one's dependency is the next one's dependent, and the last leads
/// back to the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The edges.
    pub path: Vec<CycleEdge>,
}

/// One edge of a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleEdge {
    /// The one that depends.
    pub dependent: ServiceName,
    /// The one that is needed.
    pub dependency: ServiceName,
    /// Where the edge was written.
    pub origin: Option<Origin>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for edge in &self.path {
            write!(f, "{}", edge.dependent)?;
            edge.origin
                .iter()
                .try_for_each(|origin| write!(f, " ({origin})"))?;
            f.write_str(" -> ")?;
        }
        self.path
            .first()
            .map_or(Ok(()), |first| write!(f, "{}", first.dependent))
    }
}

impl Graph {
    /// A graph of `orders.len()` nodes. Edges to nodes that do not exist are left out.
    pub fn new(orders: &[i32], edges: Vec<Edge>) -> Self {
        let ties = orders
            .iter()
            .enumerate()
            .map(|(at, order)| (*order, key_at(at).0))
            .collect();
        Self::ranked(ties, edges)
    }

    /// A graph whose ties are broken by what is given for each node: the lower first.
    pub fn ranked(ties: Vec<(i32, u32)>, mut edges: Vec<Edge>) -> Self {
        let nodes = ties.len();
        edges.retain(|e| e.dependent.index() < nodes && e.dependency.index() < nodes);
        let down = Table::new(nodes, &edges, |e| (e.dependent, e.dependency));
        let up = Table::new(nodes, &edges, |e| (e.dependency, e.dependent));
        Self {
            nodes,
            ties,
            down,
            up,
        }
    }

    /// The graph of these services; a service's key is its position. Checked for missing names,
    /// doubled names and cycles.
    pub fn of<S: Borrow<ServiceSpec>>(specs: &[S]) -> Result<Self, GraphError> {
        let specs: Vec<&ServiceSpec> = specs.iter().map(Borrow::borrow).collect();
        let mut keys = HashMap::with_capacity(specs.len());
        for (position, spec) in specs.iter().enumerate() {
            if keys.insert(spec.name.as_str(), key_at(position)).is_some() {
                return Err(GraphError::Twice(spec.name.clone()));
            }
        }
        let mut edges = Vec::with_capacity(specs.iter().map(|s| s.depends_on.len()).sum());
        for (position, spec) in specs.iter().enumerate() {
            for dependency in &spec.depends_on {
                let Some(&to) = keys.get(dependency.on.as_str()) else {
                    return Err(GraphError::Missing {
                        dependent: spec.name.clone(),
                        dependency: dependency.on.clone(),
                        origin: dependency.origin.clone(),
                    });
                };
                edges.push(Edge {
                    dependent: key_at(position),
                    dependency: to,
                    part: None,
                    condition: dependency.condition,
                    follow: dependency.follow,
                });
            }
        }
        let orders: Vec<i32> = specs.iter().map(|spec| spec.order).collect();
        let graph = Self::new(&orders, edges);
        if graph.order().len() == specs.len() {
            return Ok(graph);
        }
        let named = |cycle: Vec<ServiceKey>| Cycle {
            path: (0..cycle.len())
                .map(|at| {
                    let from = specs[cycle[at].index()];
                    let to = specs[cycle[(at + 1) % cycle.len()].index()];
                    let edge = from.depends_on.iter().find(|d| d.on == to.name);
                    CycleEdge {
                        dependent: from.name.clone(),
                        dependency: to.name.clone(),
                        origin: edge.and_then(|d| d.origin.clone()),
                    }
                })
                .collect(),
        };
        Err(GraphError::Cycles(
            graph.cycles().into_iter().map(named).collect(),
        ))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes == 0
    }

    /// What `node` needs, in the order written.
    pub fn dependencies(&self, node: ServiceKey) -> &[Link] {
        self.down.of(node)
    }

    /// Those that need `node`.
    pub fn dependents(&self, node: ServiceKey) -> &[Link] {
        self.up.of(node)
    }

    /// The links of `node` in one direction.
    pub fn links(&self, node: ServiceKey, direction: Direction) -> &[Link] {
        match direction {
            Direction::Dependencies => self.down.of(node),
            Direction::Dependents => self.up.of(node),
        }
    }

    fn keys(&self) -> impl Iterator<Item = ServiceKey> + use<> {
        (0..self.nodes).map(key_at)
    }

    /// The start order: dependencies first; among those that may start together, a lower `order`
    /// first, then the earlier position. Nodes on a cycle, and all that need them, are left out.
    pub fn order(&self) -> Vec<ServiceKey> {
        let rank = |node: ServiceKey| Reverse((self.ties[node.index()], node));
        let mut unmet: Vec<usize> = self
            .keys()
            .map(|node| self.dependencies(node).len())
            .collect();
        let mut free: BinaryHeap<_> = self
            .keys()
            .filter(|node| unmet[node.index()] == 0)
            .map(rank)
            .collect();
        let mut order = Vec::with_capacity(self.nodes);
        while let Some(Reverse((_, node))) = free.pop() {
            order.push(node);
            for link in self.dependents(node) {
                let left = &mut unmet[link.to.index()];
                *left -= 1;
                if *left == 0 {
                    free.push(rank(link.to));
                }
            }
        }
        order
    }

    /// Groups of services that may start together: the first needs nothing, each other one needs
    /// something of the group before it. Nodes that [`Self::order`] leaves out are left out.
    pub fn levels(&self) -> Vec<Vec<ServiceKey>> {
        let mut level = vec![0_usize; self.nodes];
        let mut levels: Vec<Vec<ServiceKey>> = Vec::new();
        for node in self.order() {
            let below = self
                .dependencies(node)
                .iter()
                .map(|link| level[link.to.index()] + 1);
            let own = below.max().unwrap_or(0);
            level[node.index()] = own;
            if levels.len() <= own {
                levels.resize_with(own + 1, Vec::new);
            }
            levels[own].push(node);
        }
        levels
    }

    /// Circles, no two of which share a node. Empty exactly if there is no cycle at all.
    pub fn cycles(&self) -> Vec<Vec<ServiceKey>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            OnPath,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes];
        let mut found = Vec::new();
        for root in self.keys() {
            if marks[root.index()] != Mark::New {
                continue;
            }
            marks[root.index()] = Mark::OnPath;
            let mut path = vec![(root, 0_usize)];
            while let Some((node, next)) = path.last_mut() {
                let (node, at) = (*node, *next);
                *next += 1;
                let Some(link) = self.dependencies(node).get(at) else {
                    marks[node.index()] = Mark::Done;
                    path.pop();
                    continue;
                };
                match marks[link.to.index()] {
                    Mark::Done => {}
                    Mark::New => {
                        marks[link.to.index()] = Mark::OnPath;
                        path.push((link.to, 0));
                    }
                    Mark::OnPath => {
                        let from = path.iter().position(|(n, _)| *n == link.to).unwrap_or(0);
                        let circle: Vec<_> = path.drain(from..).map(|(n, _)| n).collect();
                        for node in &circle {
                            marks[node.index()] = Mark::Done;
                        }
                        found.push(circle);
                    }
                }
            }
        }
        found
    }

    /// `seeds` and all that can be reached from them over edges that `follow` accepts, nearest first.
    pub fn closure(
        &self,
        seeds: impl IntoIterator<Item = ServiceKey>,
        direction: Direction,
        mut follow: impl FnMut(ServiceKey, &Link) -> bool,
    ) -> Vec<ServiceKey> {
        let mut seen = vec![false; self.nodes];
        let mut reached = Vec::new();
        for seed in seeds {
            if let Some(mark) = seen.get_mut(seed.index())
                && !std::mem::replace(mark, true)
            {
                reached.push(seed);
            }
        }
        let mut at = 0;
        while let Some(&node) = reached.get(at) {
            at += 1;
            for link in self.links(node, direction) {
                if !seen[link.to.index()] && follow(node, link) {
                    seen[link.to.index()] = true;
                    reached.push(link.to);
                }
            }
        }
        reached
    }

    /// The edges `(dependent, dependency)` that a drawing needs: an edge is left out when a longer
    /// way leads to the same node. Of a graph with cycles, only the part without them is covered.
    pub fn transitive_reduction(&self) -> Vec<(ServiceKey, ServiceKey)> {
        let order = self.order();
        let mut rank = vec![usize::MAX; self.nodes];
        for (position, node) in order.iter().enumerate() {
            rank[node.index()] = position;
        }
        // One row of bits a node: bit `r` says that the node of rank `r` can be reached.
        let words = order.len().div_ceil(64);
        let mut reach = vec![0_u64; words * order.len()];
        let mut kept = Vec::new();
        for (position, &node) in order.iter().enumerate() {
            let mut below: Vec<usize> = self
                .dependencies(node)
                .iter()
                .map(|link| rank[link.to.index()])
                .collect();
            // The nearest first: whatever a later one could add is then known already.
            below.sort_unstable_by(|a, b| b.cmp(a));
            below.dedup();
            let (lower, own) = reach.split_at_mut(position * words);
            let own = &mut own[..words];
            for other in below {
                if own[other / 64] >> (other % 64) & 1 == 1 {
                    continue;
                }
                kept.push((node, order[other]));
                for (mine, theirs) in own.iter_mut().zip(&lower[other * words..][..words]) {
                    *mine |= theirs;
                }
                own[other / 64] |= 1 << (other % 64);
            }
        }
        kept
    }
}

/// The key of the service at this position of a list.
pub(crate) fn key_at(position: usize) -> ServiceKey {
    ServiceKey(u32::try_from(position).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
