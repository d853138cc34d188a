//! Random templates, by number.

use std::fmt::Write as _;

/// A small generator of numbers: the same ones for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % below as u64).unwrap_or(0)
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.next(all.len())]
    }
}

const NAMES: &[&str] = &[
    "name", "port", "list", "text", "empty", "zero", "minus", "ratio", "large", "yes", "no",
    "nothing", "words", "digits", "numbers", "mixed", "nested", "people", "map", "missing", "x",
    "y",
];

const PATHS: &[&str] = &[
    "nested.services.db.port_host",
    "nested.services.db.name",
    "map.b",
    "map['a']",
    "list[0]",
    "numbers[-1]",
    "people[1].name",
    "nested.services",
    "people.0.age",
    "map.zz",
    "words[2:]",
    "numbers[1:3]",
    "list[9]",
];

const LITERALS: &[&str] = &[
    "1",
    "0",
    "-3",
    "2.5",
    "1e3",
    "\"a\"",
    "'it\\'s'",
    "\"\"",
    "true",
    "none",
    "[1, 2]",
    "[]",
    "{\"k\": 1}",
    "(1, \"b\")",
    "'x,y'",
    "10",
    "7",
    "0.1",
];

const FILTERS: &[&str] = &[
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "length",
    "first",
    "last",
    "int",
    "float",
    "string",
    "list",
    "sort",
    "unique | list",
    "reverse",
    "reverse | list",
    "tojson",
    "abs",
    "min",
    "max",
    "sum",
    "join",
    "join('-')",
    "default('d')",
    "default('e', true)",
    "replace('a', 'b')",
    "map('string') | list",
    "map('upper') | join(',')",
    "select | list",
    "select('defined') | list",
    "reject('none') | list",
    "items | list",
    "dictsort",
    "indent(2)",
    "tojson(indent=2)",
    "map(attribute='name') | list",
    "selectattr('age', 'gt', 26) | list",
    "sort(reverse=true)",
    "int(5)",
    "float(1)",
    "sort(attribute='age')",
    "replace(1, 2)",
    "count",
    "d(1)",
    "string | length",
];

const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "float",
    "mapping",
    "sequence",
    "iterable",
    "boolean",
    "true",
    "false",
    "even",
    "odd",
    "divisibleby 3",
    "in numbers",
    "eq 1",
    "gt 2",
    "upper",
    "lower",
];

const OPERATORS: &[&str] = &[
    "+", "-", "* 2 +", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
    "and", "or", "**",
];

const METHODS: &[&str] = &[
    "upper()",
    "lower()",
    "strip()",
    "split(',')",
    "split()",
    "items() | list",
    "keys() | list",
    "get('a')",
    "get('zz', 1)",
    "startswith('j')",
    "replace('a', 'b')",
    "values() | list",
];

/// The template of this number.
pub(super) fn template(number: u64) -> String {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851);
    random.next(7);
    let mut out = String::new();
    let pieces = 1 + random.next(3);
    for _ in 0..pieces {
        statement(&mut random, 0, &mut out);
    }
    out
}

fn statement(random: &mut Random, depth: usize, out: &mut String) {
    let minus = |random: &mut Random| random.of(&["", "", "", "-"]);
    let (before, after) = (minus(random), minus(random));
    let open = format!("{{%{before} ");
    let close = format!(" {after}%}}");
    match random.next(if depth > 2 { 3 } else { 9 }) {
        0 => out.push_str(random.of(&[
            " text ", "\n", "  ", "a: b\n", "${X}", "{ }", "\r\n", "\n\n  - ",
        ])),
        1 | 2 => {
            let value = expression(random, 0);
            let _ = write!(out, "{{{{{before} {value} {after}}}}}");
        }
        3 | 4 => {
            let condition = expression(random, 1);
            let _ = write!(out, "{open}if {condition}{close}");
            statement(random, depth + 1, out);
            if random.next(2) == 0 {
                out.push_str("{% else %}");
                statement(random, depth + 1, out);
            }
            out.push_str("{% endif %}");
        }
        5 | 6 => {
            let items = random.of(&[
                "list",
                "numbers",
                "map",
                "people",
                "range(3)",
                "words",
                "[]",
                "map.items()",
                "map | dictsort",
                "numbers | sort",
            ]);
            let target = random.of(&["x", "x", "x", "x, y"]);
            let condition = random.of(&["", "", "", " if x", " if x != 1", " if loop"]);
            let _ = write!(out, "{open}for {target} in {items}{condition}{close}");
            statement(random, depth + 1, out);
            out.push_str(random.of(&[
                "{{ x }}",
                "{{ loop.index }}",
                "{{ loop.last }}",
                "{{ y }}",
                "",
            ]));
            statement(random, depth + 1, out);
            out.push_str(random.of(&[
                "{% endfor %}",
                "{%- endfor -%}",
                "{% else %}none{% endfor %}",
            ]));
        }
        7 => {
            let value = expression(random, 0);
            let _ = write!(out, "{open}set x = {value}{close}{{{{ x }}}}");
        }
        _ => {
            let value = expression(random, 1);
            let _ = write!(out, "{open}with y = {value}{close}");
            statement(random, depth + 1, out);
            out.push_str("{{ y }}{% endwith %}");
        }
    }
}

fn expression(random: &mut Random, depth: usize) -> String {
    let inner = |random: &mut Random| expression(random, depth + 1);
    match random.next(if depth > 1 { 3 } else { 12 }) {
        0 if random.next(8) == 0 => random.of(NAMES).to_owned(),
        0 => random.of(&NAMES[..4]).to_owned(),
        1 => random.of(PATHS).to_owned(),
        2 => random.of(LITERALS).to_owned(),
        3 | 4 => format!("{} | {}", inner(random), random.of(FILTERS)),
        5 | 6 => format!(
            "{} {} {}",
            inner(random),
            random.of(OPERATORS),
            inner(random)
        ),
        7 => format!(
            "{} is {}{}",
            inner(random),
            random.of(&["", "not "]),
            random.of(TESTS)
        ),
        8 => format!("({})", inner(random)),
        9 => format!(
            "{} if {} else {}",
            inner(random),
            inner(random),
            inner(random)
        ),
        10 => format!(
            "{}.{}",
            random.of(&["name", "words", "map", "text", "x"]),
            random.of(METHODS)
        ),
        _ => format!("{} {}", random.of(&["not", "-"]), inner(random)),
    }
}
