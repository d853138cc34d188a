//! From tokens to expressions, with Jinja2's precedences.

use std::rc::Rc;

use super::ast::{Applied, Arguments, Comparison, Expression, Node, Operator};
use super::parser::Parser;
use super::token::Kind;
use super::{Problem, ProblemKind, check, filter};

pub(super) type Parsed = Result<Expression, Problem>;

/// How high the tree of an expression may be: whoever goes through it goes down as many calls.
const HIGHEST: usize = 150;

/// Words that are no names.
const WORDS: [&str; 8] = ["and", "or", "not", "in", "is", "if", "else", "elif"];

impl Parser<'_> {
    /// An expression, perhaps with `if` and `else`.
    pub(super) fn expression(&mut self) -> Parsed {
        self.deeper(|parser| {
            let start = parser.here().start;
            let mut value = parser.or()?;
            while parser.take_name("if") {
                let condition = parser.or()?;
                let otherwise = if parser.take_name("else") {
                    Some(Box::new(parser.expression()?))
                } else {
                    None
                };
                let node = Node::If {
                    then: Box::new(value),
                    condition: Box::new(condition),
                    otherwise,
                };
                value = parser.made(node, start)?;
            }
            Ok(value)
        })
    }

    pub(super) fn made(&self, node: Node, start: usize) -> Parsed {
        let made = Expression::new(node, self.since(start));
        if made.height > HIGHEST {
            let message = format!("this nests more than {HIGHEST} deep");
            return Err(Problem::new(
                made.range.clone(),
                ProblemKind::Unsupported,
                message,
            ));
        }
        Ok(made)
    }

    pub(super) fn or(&mut self) -> Parsed {
        let start = self.here().start;
        let mut left = self.and()?;
        while self.take_name("or") {
            let right = self.and()?;
            left = self.made(Node::Or(Box::new(left), Box::new(right)), start)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let start = self.here().start;
        let mut left = self.not()?;
        while self.take_name("and") {
            let right = self.not()?;
            left = self.made(Node::And(Box::new(left), Box::new(right)), start)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        let start = self.here().start;
        if self.take_name("not") {
            let value = self.deeper(Self::not)?;
            return self.made(Node::Not(Box::new(value)), start);
        }
        self.compare()
    }

    fn compare(&mut self) -> Parsed {
        let start = self.here().start;
        let first = self.sum()?;
        let mut others = Vec::new();
        while let Some(comparison) = self.comparison() {
            others.push((comparison, self.sum()?));
        }
        if others.is_empty() {
            return Ok(first);
        }
        self.made(Node::Compare(Box::new(first), others), start)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let found = match self.kind()? {
            Kind::Operator("==") => Comparison::Equal,
            Kind::Operator("!=") => Comparison::Unequal,
            Kind::Operator("<") => Comparison::Less,
            Kind::Operator("<=") => Comparison::LessOrEqual,
            Kind::Operator(">") => Comparison::Greater,
            Kind::Operator(">=") => Comparison::GreaterOrEqual,
            Kind::Name(name) if name == "in" => Comparison::In,
            Kind::Name(name)
                if name == "not"
                    && matches!(self.peek(1), Some(Kind::Name(next)) if next == "in") =>
            {
                self.advance();
                Comparison::NotIn
            }
            _ => return None,
        };
        self.advance();
        Some(found)
    }

    fn sum(&mut self) -> Parsed {
        self.binary(
            Self::concat,
            &[("+", Operator::Add), ("-", Operator::Subtract)],
        )
    }

    fn concat(&mut self) -> Parsed {
        let start = self.here().start;
        let first = self.product()?;
        if !self.is_operator("~") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take_operator("~") {
            items.push(self.product()?);
        }
        self.made(Node::Concat(items), start)
    }

    fn product(&mut self) -> Parsed {
        let operators = [
            ("*", Operator::Multiply),
            ("/", Operator::Divide),
            ("//", Operator::FloorDivide),
            ("%", Operator::Modulo),
        ];
        self.binary(Self::power, &operators)
    }

    fn power(&mut self) -> Parsed {
        self.binary(|parser| parser.unary(true), &[("**", Operator::Power)])
    }

    fn binary(
        &mut self,
        operand: fn(&mut Self) -> Parsed,
        operators: &[(&'static str, Operator)],
    ) -> Parsed {
        let start = self.here().start;
        let mut left = operand(self)?;
        loop {
            let found = operators.iter().find(|(sign, _)| self.is_operator(sign));
            let Some((_, operator)) = found else {
                return Ok(left);
            };
            self.advance();
            let right = operand(self)?;
            let node = Node::Binary(*operator, Box::new(left), Box::new(right));
            left = self.made(node, start)?;
        }
    }

    fn unary(&mut self, with_filters: bool) -> Parsed {
        let start = self.here().start;
        let mut value = if self.take_operator("-") {
            let value = self.deeper(|parser| parser.unary(false))?;
            self.made(Node::Negative(Box::new(value)), start)?
        } else if self.take_operator("+") {
            let value = self.deeper(|parser| parser.unary(false))?;
            self.made(Node::Positive(Box::new(value)), start)?
        } else {
            self.primary()?
        };
        value = self.postfix(value, start)?;
        if with_filters {
            value = self.filters(value, start)?;
        }
        Ok(value)
    }

    fn primary(&mut self) -> Parsed {
        let start = self.here().start;
        let node = match self.kind() {
            Some(Kind::Name(name)) => match name.as_str() {
                "true" | "True" => Node::Bool(true),
                "false" | "False" => Node::Bool(false),
                "none" | "None" => Node::None,
                // A name like any other to Jinja2, which nobody means.
                name if WORDS.contains(&name) => {
                    let kind = ProblemKind::Unsupported;
                    return Err(Problem {
                        kind,
                        ..self.wrong("a value")
                    });
                }
                name => Node::Name(Rc::from(name)),
            },
            Some(Kind::Int(number)) => Node::Int(*number),
            Some(Kind::Float(number)) => Node::Float(*number),
            Some(Kind::Str(text)) => {
                let mut text = text.clone();
                while let Some(Kind::Str(more)) = self.peek(1) {
                    text.push_str(more);
                    self.advance();
                }
                Node::Str(text.into())
            }
            Some(Kind::Operator("(")) => return self.deeper(Self::parentheses),
            Some(Kind::Operator("[")) => return self.deeper(Self::list),
            Some(Kind::Operator("{")) => return self.deeper(Self::dict),
            _ => return Err(self.wrong("a value")),
        };
        self.advance();
        self.made(node, start)
    }

    fn parentheses(&mut self) -> Parsed {
        let start = self.here().start;
        self.advance();
        if self.take_operator(")") {
            return self.made(Node::Tuple(Vec::new()), start);
        }
        let first = self.expression()?;
        if self.take_operator(")") {
            return Ok(first);
        }
        let mut items = vec![first];
        self.want_operator(",")?;
        items.extend(self.items(")")?);
        self.made(Node::Tuple(items), start)
    }

    /// Expressions with commas up to a bracket, which is taken.
    fn items(&mut self, end: &'static str) -> Result<Vec<Expression>, Problem> {
        let mut items = Vec::new();
        while !self.take_operator(end) {
            items.push(self.expression()?);
            if !self.is_operator(end) {
                self.want_operator(",")?;
            }
        }
        Ok(items)
    }

    fn list(&mut self) -> Parsed {
        let start = self.here().start;
        self.advance();
        let items = self.items("]")?;
        self.made(Node::List(items), start)
    }

    fn dict(&mut self) -> Parsed {
        let start = self.here().start;
        self.advance();
        let mut entries = Vec::new();
        while !self.take_operator("}") {
            let key = self.expression()?;
            self.want_operator(":")?;
            entries.push((key, self.expression()?));
            if !self.is_operator("}") {
                self.want_operator(",")?;
            }
        }
        self.made(Node::Dict(entries), start)
    }

    fn postfix(&mut self, mut value: Expression, start: usize) -> Parsed {
        loop {
            if self.take_operator(".") {
                let node = if let Some(Kind::Int(index)) = self.kind() {
                    let index = Expression::new(Node::Int(*index), self.here());
                    self.advance();
                    Node::Item(Box::new(value), Box::new(index))
                } else {
                    let name = self.want_name("a name")?;
                    Node::Attribute(Box::new(value), name)
                };
                value = self.made(node, start)?;
            } else if self.is_operator("[") {
                value = self.subscript(value, start)?;
            } else if self.is_operator("(") {
                let arguments = self.deeper(Self::arguments)?;
                value = self.made(Node::Call(Box::new(value), arguments), start)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn subscript(&mut self, value: Expression, start: usize) -> Parsed {
        self.advance();
        let first = if self.is_operator(":") {
            None
        } else {
            Some(Box::new(self.expression()?))
        };
        if self.is_operator(",") {
            let message = "several indexes at once are not there";
            return Err(Problem::new(self.here(), ProblemKind::Unsupported, message));
        }
        if let Some(index) = first {
            if self.take_operator("]") {
                return self.made(Node::Item(Box::new(value), index), start);
            }
            return self.slice(value, Some(index), start);
        }
        self.slice(value, None, start)
    }

    fn slice(&mut self, value: Expression, first: Option<Box<Expression>>, start: usize) -> Parsed {
        let mut parts = [first, None, None];
        for part in &mut parts[1..] {
            if !self.take_operator(":") {
                break;
            }
            if !self.is_operator(":") && !self.is_operator("]") {
                *part = Some(Box::new(self.expression()?));
            }
        }
        self.want_operator("]")?;
        self.made(Node::Slice(Box::new(value), parts), start)
    }

    fn filters(&mut self, mut value: Expression, start: usize) -> Parsed {
        loop {
            if self.take_operator("|") {
                let filter = self.applied()?;
                value = self.made(Node::Filter(Box::new(value), filter), start)?;
            } else if self.take_name("is") {
                value = self.test(value, start)?;
            } else if self.is_operator("(") {
                let arguments = self.deeper(Self::arguments)?;
                value = self.made(Node::Call(Box::new(value), arguments), start)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// The name of a filter, and its arguments.
    pub(super) fn applied(&mut self) -> Result<Applied, Problem> {
        let start = self.here().start;
        let name = self.want_name("the name of a filter")?;
        self.known(&name, start, "filter", &filter::NAMES)?;
        let arguments = if self.is_operator("(") {
            self.deeper(Self::arguments)?
        } else {
            Arguments::default()
        };
        Ok(Applied {
            name,
            arguments,
            range: self.since(start),
        })
    }

    /// Checks a name while the template is read, as Jinja2 does.
    fn known(&self, name: &str, start: usize, what: &str, names: &[&str]) -> Result<(), Problem> {
        if names.contains(&name) {
            return Ok(());
        }
        let message = format!("the {what} `{name}` is not there");
        Err(Problem::new(
            self.since(start),
            ProblemKind::Unsupported,
            message,
        ))
    }

    fn test(&mut self, value: Expression, start: usize) -> Parsed {
        let negated = self.take_name("not");
        let here = self.here().start;
        let name = self.want_name("the name of a test")?;
        self.known(&name, here, "test", &check::NAMES)?;
        let takes_one = match self.kind() {
            Some(Kind::Name(word)) => {
                if word == "is" {
                    let message = "a second `is` cannot follow a test";
                    return Err(Problem::new(self.here(), ProblemKind::Syntax, message));
                }
                !matches!(word.as_str(), "else" | "or" | "and")
            }
            Some(Kind::Str(_) | Kind::Int(_) | Kind::Float(_) | Kind::Operator("[" | "{")) => true,
            _ => false,
        };
        let arguments = if self.is_operator("(") {
            self.deeper(Self::arguments)?
        } else if takes_one {
            let start = self.here().start;
            let one = self.primary()?;
            let one = self.postfix(one, start)?;
            Arguments {
                by_place: vec![one],
                by_name: Vec::new(),
            }
        } else {
            Arguments::default()
        };
        let test = Applied {
            name,
            arguments,
            range: self.since(here),
        };
        let node = Node::Test {
            value: Box::new(value),
            test,
            negated,
        };
        self.made(node, start)
    }

    fn arguments(&mut self) -> Result<Arguments, Problem> {
        self.advance();
        let mut arguments = Arguments::default();
        while !self.take_operator(")") {
            if self.is_operator("*") || self.is_operator("**") {
                let message = "arguments out of a list are not there";
                return Err(Problem::new(self.here(), ProblemKind::Unsupported, message));
            }
            let named = matches!(self.peek(1), Some(Kind::Operator("=")));
            if named {
                let name = self.want_name("the name of an argument")?;
                self.advance();
                arguments.by_name.push((name, self.expression()?));
            } else if arguments.by_name.is_empty() {
                arguments.by_place.push(self.expression()?);
            } else {
                return Err(self.wrong("an argument with its name"));
            }
            if !self.is_operator(")") {
                self.want_operator(",")?;
            }
        }
        Ok(arguments)
    }
}
