//! Short names: the end of a name behind one of its dots, where only one name ends so.

/// What somebody who typed a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning<'k> {
    /// This one.
    One(&'k str),
    /// Nothing that there is.
    Unknown,
    /// Any of these.
    Several(Vec<&'k str>),
}

/// What a name means among those that there are: one that is written out is always itself.
pub fn meaning<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Meaning<'k> {
    let mut ends = Vec::new();
    for one in known {
        if one == name {
            return Meaning::One(one);
        }
        let before = one.strip_suffix(name).and_then(|one| one.strip_suffix('.'));
        if before.is_some_and(|before| !before.is_empty())
            && !name.is_empty()
            && !ends.contains(&one)
        {
            ends.push(one);
        }
    }
    match ends.as_slice() {
        [] => Meaning::Unknown,
        [one] => Meaning::One(one),
        _ => Meaning::Several(ends),
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning, meaning};

    #[test]
    fn an_end_means_the_one_that_has_it() {
        let known = [
            "framework.web",
            "applications.als.web",
            "applications.als.mongo",
            "db",
            "x.db",
        ];
        let of = |name| meaning(name, known);
        assert_eq!(of("mongo"), Meaning::One("applications.als.mongo"));
        assert_eq!(of("als.mongo"), Meaning::One("applications.als.mongo"));
        assert_eq!(of("als.web"), Meaning::One("applications.als.web"));
        assert_eq!(of("db"), Meaning::One("db"));
        assert_eq!(
            of("web"),
            Meaning::Several(vec!["framework.web", "applications.als.web"])
        );
        for unknown in ["", ".", "eb", ".web", "go"] {
            assert_eq!(of(unknown), Meaning::Unknown, "{unknown}");
        }
    }
}
