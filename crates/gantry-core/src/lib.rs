//! Ids, graph, life cycle, plan and back-off: the pure part that decides.
