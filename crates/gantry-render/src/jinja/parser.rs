//! From tokens to statements.

use std::ops::Range;
use std::rc::Rc;

use super::ast::{Expression, Node, Statement, Target};
use super::token::{Kind, Token};
use super::{Problem, ProblemKind};

/// How deep tags and expressions may nest.
const DEPTH: usize = 64;

/// Tags of Jinja2 that are not there.
const ABSENT: [&str; 13] = [
    "include",
    "import",
    "from",
    "extends",
    "block",
    "macro",
    "call",
    "filter",
    "autoescape",
    "print",
    "do",
    "trans",
    "continue",
];

/// Reads the body of a template.
pub(super) fn parse(source: &str, tokens: &[Token]) -> Result<Vec<Statement>, Problem> {
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
    };
    parser.body(&[])
}

pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    pub(super) fn kind(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// The place of the token at hand; the end of the text behind the last.
    pub(super) fn here(&self) -> Range<usize> {
        let end = self.source.len();
        self.tokens
            .get(self.at)
            .map_or(end..end, |token| token.range.clone())
    }

    /// The place from `start` up to the token before this one.
    pub(super) fn since(&self, start: usize) -> Range<usize> {
        let end = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        start..end.map_or(start, |token| token.range.end).max(start)
    }

    pub(super) fn wrong(&self, expected: &str) -> Problem {
        let found = self
            .kind()
            .map_or_else(|| "the end of the file".to_owned(), Kind::describe);
        let message = format!("{found} stands where {expected} was expected");
        Problem::new(self.here(), ProblemKind::Syntax, message)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.kind(), Some(Kind::Name(found)) if found == name)
    }

    pub(super) fn is_operator(&self, operator: &str) -> bool {
        matches!(self.kind(), Some(Kind::Operator(found)) if *found == operator)
    }

    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_operator(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        self.at += usize::from(found);
        found
    }

    pub(super) fn want_operator(&mut self, operator: &'static str) -> Result<(), Problem> {
        if self.take_operator(operator) {
            return Ok(());
        }
        Err(self.wrong(&format!("`{operator}`")))
    }

    pub(super) fn want_name(&mut self, what: &str) -> Result<Rc<str>, Problem> {
        let Some(Kind::Name(name)) = self.kind() else {
            return Err(self.wrong(what));
        };
        let name = Rc::from(name.as_str());
        self.at += 1;
        Ok(name)
    }

    fn want(&mut self, kind: &Kind) -> Result<(), Problem> {
        if self.kind() == Some(kind) {
            self.at += 1;
            return Ok(());
        }
        Err(self.wrong(&kind.describe()))
    }

    pub(super) fn deeper<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.depth >= DEPTH {
            let message = format!("this nests more than {DEPTH} deep");
            return Err(Problem::new(self.here(), ProblemKind::Unsupported, message));
        }
        self.depth += 1;
        let result = act(self);
        self.depth -= 1;
        result
    }

    /// Statements up to one of the tags in `ends`, which stays; up to the end if there is none.
    fn body(&mut self, ends: &[&str]) -> Result<Vec<Statement>, Problem> {
        let mut body = Vec::new();
        let begin = self.at.saturating_sub(1);
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::Data(text) => {
                    body.push(Statement::Text(text.clone()));
                    self.at += 1;
                }
                Kind::VariableBegin => {
                    self.at += 1;
                    let value = self.tuple()?;
                    self.want(&Kind::VariableEnd)?;
                    body.push(Statement::Print(value));
                }
                _ => {
                    if let Some(Kind::Name(tag)) =
                        self.tokens.get(self.at + 1).map(|token| &token.kind)
                        && ends.contains(&tag.as_str())
                    {
                        return Ok(body);
                    }
                    self.at += 1;
                    let statement = self.deeper(Self::statement)?;
                    body.push(statement);
                }
            }
        }
        if ends.is_empty() {
            return Ok(body);
        }
        let before = self.tokens[..=begin.min(self.tokens.len() - 1)].iter();
        let tag = before.rev().find(|token| token.kind == Kind::BlockBegin);
        let range = tag.map_or(0..0, |tag| tag.range.start..self.tokens[begin].range.end);
        let message = format!("this tag has no `{{% {} %}}`", ends[ends.len() - 1]);
        Err(Problem::new(range, ProblemKind::Syntax, message))
    }

    /// A statement, behind its `{%`.
    fn statement(&mut self) -> Result<Statement, Problem> {
        let range = self.here();
        let tag = self.want_name("the name of a tag")?;
        match &*tag {
            "if" => self.if_tag(),
            "for" => self.for_tag(),
            "set" => self.set_tag(),
            "with" => self.with_tag(),
            name if ABSENT.contains(&name) => {
                let message = format!("`{{% {name} %}}` is not there");
                Err(Problem::new(range, ProblemKind::Unsupported, message))
            }
            name => {
                let message = format!("`{{% {name} %}}` is no tag, or none that belongs here");
                Err(Problem::new(range, ProblemKind::Syntax, message))
            }
        }
    }

    /// Takes `{% tag %}`, of which `{%` is at hand.
    fn end_tag(&mut self, tag: &str) -> Result<(), Problem> {
        self.at += 1;
        if !self.take_name(tag) {
            return Err(self.wrong(&format!("`{tag}`")));
        }
        self.want(&Kind::BlockEnd)
    }

    /// The name of the tag that ends the body before, of which `{%` is at hand.
    fn next_tag(&self) -> &str {
        match self.tokens.get(self.at + 1).map(|token| &token.kind) {
            Some(Kind::Name(tag)) => tag,
            _ => "",
        }
    }

    fn if_tag(&mut self) -> Result<Statement, Problem> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.without_if()?;
            self.want(&Kind::BlockEnd)?;
            let body = self.body(&["elif", "else", "endif"])?;
            branches.push((condition, body));
            match self.next_tag() {
                "elif" => self.at += 2,
                "else" => {
                    self.end_tag("else")?;
                    otherwise = self.body(&["endif"])?;
                    self.end_tag("endif")?;
                    break;
                }
                _ => {
                    self.end_tag("endif")?;
                    break;
                }
            }
        }
        Ok(Statement::If {
            branches,
            otherwise,
        })
    }

    fn for_tag(&mut self) -> Result<Statement, Problem> {
        let target = self.target(true)?;
        if !self.take_name("in") {
            return Err(self.wrong("`in`"));
        }
        let items = self.without_if()?;
        let condition = if self.take_name("if") {
            Some(self.expression()?)
        } else {
            None
        };
        if self.is_name("recursive") {
            let message = "`recursive` is not there";
            return Err(Problem::new(self.here(), ProblemKind::Unsupported, message));
        }
        self.want(&Kind::BlockEnd)?;
        let body = self.body(&["else", "endfor"])?;
        let mut otherwise = Vec::new();
        if self.next_tag() == "else" {
            self.end_tag("else")?;
            otherwise = self.body(&["endfor"])?;
        }
        self.end_tag("endfor")?;
        Ok(Statement::For {
            target,
            items,
            condition,
            body,
            otherwise,
        })
    }

    fn set_tag(&mut self) -> Result<Statement, Problem> {
        let target = self.target(false)?;
        if self.take_operator("=") {
            let value = self.tuple()?;
            self.want(&Kind::BlockEnd)?;
            return Ok(Statement::Set { target, value });
        }
        let mut filters = Vec::new();
        while self.take_operator("|") {
            filters.push(self.applied()?);
        }
        self.want(&Kind::BlockEnd)?;
        let body = self.body(&["endset"])?;
        self.end_tag("endset")?;
        if matches!(target, Target::Tuple(_)) {
            let range = self.here();
            let message = "a block is put into one name";
            return Err(Problem::new(range, ProblemKind::Unsupported, message));
        }
        Ok(Statement::Capture {
            target,
            filters,
            body,
        })
    }

    fn with_tag(&mut self) -> Result<Statement, Problem> {
        let mut values = Vec::new();
        while self.kind() != Some(&Kind::BlockEnd) {
            if !values.is_empty() {
                self.want_operator(",")?;
            }
            let target = self.one_target(false)?;
            self.want_operator("=")?;
            values.push((target, self.expression()?));
        }
        self.want(&Kind::BlockEnd)?;
        let body = self.body(&["endwith"])?;
        self.end_tag("endwith")?;
        Ok(Statement::With { values, body })
    }

    /// One target, or several with commas.
    fn target(&mut self, in_for: bool) -> Result<Target, Problem> {
        let first = self.one_target(!in_for)?;
        if !self.is_operator(",") {
            return Ok(first);
        }
        let mut targets = vec![first];
        while self.take_operator(",") {
            if self.is_name("in") || self.is_operator("=") {
                break;
            }
            targets.push(self.one_target(false)?);
        }
        Ok(Target::Tuple(targets))
    }

    fn one_target(&mut self, with_attribute: bool) -> Result<Target, Problem> {
        let range = self.here();
        if self.take_operator("(") {
            let inner = self.deeper(|parser| parser.target(false))?;
            self.want_operator(")")?;
            return Ok(inner);
        }
        let name = self.want_name("a name")?;
        let taken = [
            "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if",
            "else", "loop", "self", "caller",
        ];
        if taken.contains(&&*name) {
            let message = format!("nothing can be put into `{name}`");
            return Err(Problem::new(range, ProblemKind::Unsupported, message));
        }
        if with_attribute && self.take_operator(".") {
            let attribute = self.want_name("a name")?;
            return Ok(Target::Attribute(name, attribute, self.since(range.start)));
        }
        Ok(Target::Name(name))
    }

    /// What `if` asks and `for` goes over: expressions with commas, without an `if` of their own.
    fn without_if(&mut self) -> Result<Expression, Problem> {
        let start = self.here().start;
        let first = self.or()?;
        self.rest_of_tuple(first, start, Self::or)
    }

    /// One expression, or a tuple of several with commas.
    pub(super) fn tuple(&mut self) -> Result<Expression, Problem> {
        let start = self.here().start;
        let first = self.expression()?;
        self.rest_of_tuple(first, start, Self::expression)
    }

    fn rest_of_tuple(
        &mut self,
        first: Expression,
        start: usize,
        item: fn(&mut Self) -> Result<Expression, Problem>,
    ) -> Result<Expression, Problem> {
        if !self.is_operator(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take_operator(",") {
            if matches!(self.kind(), None | Some(Kind::VariableEnd | Kind::BlockEnd)) {
                break;
            }
            items.push(item(self)?);
        }
        self.made(Node::Tuple(items), start)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }
}
