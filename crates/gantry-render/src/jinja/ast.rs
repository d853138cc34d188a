//! What a template says.

use std::ops::Range;
use std::rc::Rc;

/// One piece of a template's body.
#[derive(Debug)]
pub(super) enum Statement {
    Text(String),
    Print(Expression),
    If {
        /// Each condition with its body.
        branches: Vec<(Expression, Vec<Self>)>,
        otherwise: Vec<Self>,
    },
    For {
        target: Target,
        items: Expression,
        condition: Option<Expression>,
        body: Vec<Self>,
        otherwise: Vec<Self>,
    },
    Set {
        target: Target,
        value: Expression,
    },
    /// `{% set name %}…{% endset %}`, perhaps with filters.
    Capture {
        target: Target,
        filters: Vec<Applied>,
        body: Vec<Self>,
    },
    With {
        values: Vec<(Target, Expression)>,
        body: Vec<Self>,
    },
}

/// What a value is put into.
#[derive(Debug)]
pub(super) enum Target {
    Name(Rc<str>),
    /// `namespace.name`
    Attribute(Rc<str>, Rc<str>, Range<usize>),
    Tuple(Vec<Self>),
}

/// An expression with its place.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) node: Node,
    pub(super) range: Range<usize>,
    /// How many expressions are inside each other here.
    pub(super) height: usize,
}

impl Expression {
    pub(super) fn new(node: Node, range: Range<usize>) -> Self {
        let height = 1 + node.height();
        Self {
            node,
            range,
            height,
        }
    }
}

/// The kinds of expressions.
#[derive(Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Name(Rc<str>),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Dict(Vec<(Expression, Expression)>),
    Attribute(Box<Expression>, Rc<str>),
    Item(Box<Expression>, Box<Expression>),
    Slice(Box<Expression>, [Option<Box<Expression>>; 3]),
    Call(Box<Expression>, Arguments),
    Filter(Box<Expression>, Applied),
    Test {
        value: Box<Expression>,
        test: Applied,
        negated: bool,
    },
    Negative(Box<Expression>),
    Positive(Box<Expression>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `a < b < c`
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    Concat(Vec<Expression>),
    If {
        then: Box<Expression>,
        condition: Box<Expression>,
        otherwise: Option<Box<Expression>>,
    },
}

/// A filter or a test with its arguments.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) name: Rc<str>,
    pub(super) arguments: Arguments,
    pub(super) range: Range<usize>,
}

/// What stands between the parentheses of a call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) by_place: Vec<Expression>,
    pub(super) by_name: Vec<(Rc<str>, Expression)>,
}

/// What joins two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

/// What compares two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Node {
    /// The highest of what is inside.
    fn height(&self) -> usize {
        let highest = |items: &[Expression]| items.iter().map(|one| one.height).max().unwrap_or(0);
        match self {
            Self::None
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Str(_)
            | Self::Name(_) => 0,
            Self::List(items) | Self::Tuple(items) | Self::Concat(items) => highest(items),
            Self::Dict(entries) => entries
                .iter()
                .map(|(key, value)| key.height.max(value.height))
                .max()
                .unwrap_or(0),
            Self::Attribute(of, _) | Self::Negative(of) | Self::Positive(of) | Self::Not(of) => {
                of.height
            }
            Self::Item(left, right)
            | Self::And(left, right)
            | Self::Or(left, right)
            | Self::Binary(_, left, right) => left.height.max(right.height),
            Self::Slice(of, parts) => {
                let parts = parts.iter().flatten().map(|part| part.height);
                parts.fold(of.height, usize::max)
            }
            Self::Call(of, arguments) => of.height.max(arguments.height()),
            Self::Filter(of, applied) => of.height.max(applied.arguments.height()),
            Self::Test { value, test, .. } => value.height.max(test.arguments.height()),
            Self::Compare(first, others) => {
                let others = others.iter().map(|(_, other)| other.height);
                others.fold(first.height, usize::max)
            }
            Self::If {
                then,
                condition,
                otherwise,
            } => {
                let otherwise = otherwise.as_ref().map_or(0, |otherwise| otherwise.height);
                then.height.max(condition.height).max(otherwise)
            }
        }
    }
}

impl Arguments {
    fn height(&self) -> usize {
        let by_place = self.by_place.iter().map(|one| one.height);
        let by_name = self.by_name.iter().map(|(_, one)| one.height);
        by_place.chain(by_name).max().unwrap_or(0)
    }
}
