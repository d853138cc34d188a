//! Going through a template.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use super::ast::{Arguments, Expression, Node, Operator, Statement, Target};
use super::operate::{self, Fault};
use super::scope::{Loop, Scope};
use super::value::{Dict, Key, Value};
use super::{Problem, ProblemKind, check, filter, method, repr};

mod look_up;

pub(super) use look_up::by_path;

/// How much a template may do: far more than any file needs, and the end of one that goes on for ever.
const STEPS: usize = 5_000_000;

/// The longest text.
const LONGEST: usize = 64 << 20;

pub(super) fn render(source: &str, body: &[Statement], context: &Dict) -> Result<String, Problem> {
    let mut evaluator = Evaluator {
        source,
        scope: Scope::new(context),
        steps: 0,
    };
    let mut out = String::with_capacity(source.len());
    evaluator.all(body, &mut out)?;
    Ok(out)
}

pub(super) struct Evaluator<'a> {
    source: &'a str,
    scope: Scope<'a>,
    steps: usize,
}

/// Arguments with their values.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) by_place: Vec<Value>,
    pub(super) by_name: Vec<(Rc<str>, Value)>,
}

pub(super) fn at<T>(range: &Range<usize>, result: Result<T, Fault>) -> Result<T, Problem> {
    result.map_err(|fault| Problem::new(range.clone(), fault.kind, fault.message))
}

impl<'a> Evaluator<'a> {
    fn step(&mut self, range: &Range<usize>) -> Result<(), Problem> {
        self.steps += 1;
        if self.steps > STEPS {
            let message = "this goes on for too long";
            return Err(Problem::new(
                range.clone(),
                ProblemKind::Unsupported,
                message,
            ));
        }
        Ok(())
    }

    fn all(&mut self, body: &'a [Statement], out: &mut String) -> Result<(), Problem> {
        body.iter().try_for_each(|one| self.one(one, out))
    }

    fn one(&mut self, statement: &'a Statement, out: &mut String) -> Result<(), Problem> {
        match statement {
            Statement::Text(text) => {
                out.push_str(text);
                if out.len() > LONGEST {
                    let message = "this becomes too long a text";
                    return Err(Problem::new(0..0, ProblemKind::Unsupported, message));
                }
            }
            Statement::Print(expression) => {
                let value = self.value(expression)?;
                out.push_str(&self.printed(&value, &expression.range)?);
            }
            Statement::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    if self.is_true(condition)? {
                        return self.all(body, out);
                    }
                }
                self.all(otherwise, out)?;
            }
            Statement::For {
                target,
                items,
                condition,
                body,
                otherwise,
            } => self.each(target, items, condition.as_ref(), (body, otherwise), out)?,
            Statement::Set { target, value } => {
                let range = value.range.clone();
                let value = self.value(value)?;
                self.put(target, value, &range)?;
            }
            Statement::Capture {
                target,
                filters,
                body,
            } => {
                let mut text = String::new();
                self.scope.open();
                let done = self.all(body, &mut text);
                self.scope.close();
                done?;
                let mut value = Value::from(text);
                for filter in filters {
                    let given = self.given(&filter.arguments)?;
                    value = at(&filter.range, filter::apply(&filter.name, value, given))?;
                }
                self.put(target, value, &(0..0))?;
            }
            Statement::With { values, body } => {
                let mut made = Vec::with_capacity(values.len());
                for (target, value) in values {
                    made.push((target, self.value(value)?, value.range.clone()));
                }
                self.scope.open();
                let done = made
                    .into_iter()
                    .try_for_each(|(target, value, range)| self.put(target, value, &range))
                    .and_then(|()| self.all(body, out));
                self.scope.close();
                done?;
            }
        }
        Ok(())
    }

    fn each(
        &mut self,
        target: &'a Target,
        expression: &'a Expression,
        condition: Option<&'a Expression>,
        (body, otherwise): (&'a [Statement], &'a [Statement]),
        out: &mut String,
    ) -> Result<(), Problem> {
        let items = self.value(expression)?;
        let items = at(&expression.range, filter::items(&items))?;
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            self.step(&expression.range)?;
            if let Some(condition) = condition {
                self.scope.open();
                let name = Rc::from("loop");
                self.scope.set(&name, Value::Missing(Rc::clone(&name)));
                let keeps = self
                    .put(target, item.clone(), &expression.range)
                    .and_then(|()| self.is_true(condition));
                self.scope.close();
                if !keeps? {
                    continue;
                }
            }
            kept.push(item);
        }
        let items = Rc::new(kept);
        if items.is_empty() {
            self.scope.open();
            let done = self.all(otherwise, out);
            self.scope.close();
            return done;
        }
        let name = Rc::from("loop");
        let mut done = Ok(());
        for (index0, item) in items.iter().enumerate() {
            let round = Rc::new(Loop {
                index0,
                items: Rc::clone(&items),
                over: Cell::new(false),
            });
            self.scope.open();
            self.scope.set(&name, Value::Loop(Rc::clone(&round)));
            done = self
                .step(&expression.range)
                .and_then(|()| self.put(target, item.clone(), &expression.range))
                .and_then(|()| self.all(body, out));
            self.scope.close();
            round.over.set(true);
            if done.is_err() {
                break;
            }
        }
        done
    }

    fn put(
        &mut self,
        target: &'a Target,
        value: Value,
        range: &Range<usize>,
    ) -> Result<(), Problem> {
        match target {
            Target::Name(name) => self.scope.set(name, value),
            Target::Attribute(name, attribute, range) => {
                let Some(Value::Namespace(space)) = self.scope.find(name) else {
                    let message =
                        format!("`{name}` is no namespace, so that nothing can be put into it");
                    return Err(Problem::new(range.clone(), ProblemKind::Failed, message));
                };
                space.borrow_mut().insert(Rc::clone(attribute), value);
            }
            Target::Tuple(targets) => {
                let items = at(range, filter::items(&value))?;
                if items.len() != targets.len() {
                    let message = format!(
                        "{} values cannot be put into {} names",
                        items.len(),
                        targets.len()
                    );
                    return Err(Problem::new(range.clone(), ProblemKind::Failed, message));
                }
                for (target, item) in targets.iter().zip(items) {
                    self.put(target, item, range)?;
                }
            }
        }
        Ok(())
    }

    fn is_true(&mut self, expression: &'a Expression) -> Result<bool, Problem> {
        let value = self.value(expression)?;
        at(&expression.range, operate::is_true(&value))
    }

    pub(super) fn value(&mut self, expression: &'a Expression) -> Result<Value, Problem> {
        let range = &expression.range;
        self.step(range)?;
        match &expression.node {
            Node::None => Ok(Value::None),
            Node::Bool(value) => Ok(Value::Bool(*value)),
            Node::Int(number) => Ok(Value::Int(*number)),
            Node::Float(number) => Ok(Value::Float(*number)),
            Node::Str(text) => Ok(Value::Str(Rc::clone(text))),
            Node::Name(name) => self.name(name, range),
            Node::List(items) => Ok(Value::from(self.values(items)?)),
            Node::Tuple(items) => Ok(Value::Tuple(Rc::new(self.values(items)?))),
            Node::Dict(entries) => {
                let mut dict = Dict::with_capacity(entries.len());
                for (key, value) in entries {
                    let made = self.value(key)?;
                    let Some(made) = at(&key.range, operate::key(&made))? else {
                        let message = "None is no key here";
                        return Err(Problem::new(
                            key.range.clone(),
                            ProblemKind::Unsupported,
                            message,
                        ));
                    };
                    let value = self.value(value)?;
                    dict.insert(made, value);
                }
                Ok(Value::from(dict))
            }
            Node::Attribute(of, name) => {
                let value = self.value(of)?;
                at(range, self.attribute(&value, name, range))
            }
            Node::Item(of, index) => {
                let value = self.value(of)?;
                let index = self.value(index)?;
                at(range, self.item(&value, &index, range))
            }
            Node::Slice(of, parts) => {
                let value = self.value(of)?;
                let mut given = [Value::None, Value::None, Value::None];
                for (given, part) in given.iter_mut().zip(parts) {
                    if let Some(part) = part {
                        *given = self.value(part)?;
                    }
                }
                at(range, look_up::slice(&value, &given))
            }
            Node::Call(what, arguments) => self.call(what, arguments, range),
            Node::Filter(value, filter) => {
                let value = self.value(value)?;
                let given = self.given(&filter.arguments)?;
                at(range, filter::apply(&filter.name, value, given))
            }
            Node::Test {
                value,
                test,
                negated,
            } => {
                let value = self.value(value)?;
                let given = self.given(&test.arguments)?;
                let holds = at(range, check::holds(&test.name, &value, &given))?;
                Ok(Value::Bool(holds != *negated))
            }
            Node::Negative(value) => {
                let value = self.value(value)?;
                let value = at(range, number(&value))?;
                at(
                    range,
                    operate::join(Operator::Multiply, &value, &Value::Int(-1)),
                )
            }
            Node::Positive(value) => {
                let value = self.value(value)?;
                at(range, number(&value))
            }
            Node::Not(value) => Ok(Value::Bool(!self.is_true(value)?)),
            Node::And(left, right) => {
                let value = self.value(left)?;
                if at(&left.range, operate::is_true(&value))? {
                    return self.value(right);
                }
                Ok(value)
            }
            Node::Or(left, right) => {
                let value = self.value(left)?;
                if at(&left.range, operate::is_true(&value))? {
                    return Ok(value);
                }
                self.value(right)
            }
            Node::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                at(range, operate::join(*operator, &left, &right))
            }
            Node::Compare(first, others) => {
                let mut left = self.value(first)?;
                for (comparison, right) in others {
                    let right = self.value(right)?;
                    if !at(range, operate::holds(*comparison, &left, &right))? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Ok(Value::Bool(true))
            }
            Node::Concat(items) => {
                let mut text = String::new();
                for item in items {
                    let value = self.value(item)?;
                    if let Value::Markup(_) = value {
                        let message = "a text that was escaped cannot be joined with others";
                        return Err(Problem::new(
                            item.range.clone(),
                            ProblemKind::Unsupported,
                            message,
                        ));
                    }
                    text.push_str(&self.printed(&value, &item.range)?);
                    at(range, operate::small(text.len()))?;
                }
                Ok(Value::from(text))
            }
            Node::If {
                then,
                condition,
                otherwise,
            } => {
                if self.is_true(condition)? {
                    return self.value(then);
                }
                match otherwise {
                    Some(otherwise) => self.value(otherwise),
                    None => Ok(Value::Missing(self.written(range))),
                }
            }
        }
    }

    fn values(&mut self, items: &'a [Expression]) -> Result<Vec<Value>, Problem> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn given(&mut self, arguments: &'a Arguments) -> Result<Given, Problem> {
        let by_place = self.values(&arguments.by_place)?;
        let mut by_name = Vec::with_capacity(arguments.by_name.len());
        for (name, value) in &arguments.by_name {
            by_name.push((Rc::clone(name), self.value(value)?));
        }
        Ok(Given { by_place, by_name })
    }

    fn call(
        &mut self,
        what: &'a Expression,
        arguments: &'a Arguments,
        range: &Range<usize>,
    ) -> Result<Value, Problem> {
        match &what.node {
            Node::Attribute(of, name) => {
                let value = self.value(of)?;
                let given = self.given(arguments)?;
                at(range, method::call(&value, name, given))
            }
            Node::Name(name) if self.scope.find(name).is_none() => {
                let given = self.given(arguments)?;
                at(range, method::function(name, given))
            }
            _ => {
                let value = self.value(what)?;
                at(range, operate::usable(&value))?;
                let message = format!("{} cannot be called", value.describe());
                Err(Problem::new(range.clone(), ProblemKind::Failed, message))
            }
        }
    }

    /// The text of a value that was written at a place.
    fn printed(&self, value: &Value, range: &Range<usize>) -> Result<Rc<str>, Problem> {
        repr::text(value).map_err(|why| {
            let mut fault = Fault::from(why);
            if let Value::None = value {
                let written = self.written(range);
                fault.message = format!("`{written}` is None, and there is no text for that");
            }
            Problem::new(range.clone(), fault.kind, fault.message)
        })
    }

    /// What stands at a place, for messages about what is missing.
    fn written(&self, range: &Range<usize>) -> Rc<str> {
        Rc::from(self.source.get(range.clone()).unwrap_or_default())
    }
}

fn number(value: &Value) -> Result<Value, Fault> {
    operate::usable(value)?;
    match value {
        Value::Bool(value) => Ok(Value::Int(i64::from(*value))),
        Value::Int(_) | Value::Float(_) => Ok(value.clone()),
        other => Err(Fault::failed(format!("{} is no number", other.describe()))),
    }
}

pub(super) fn lookup_key(dict: &Dict, name: &Rc<str>) -> Option<Value> {
    dict.get(&Key::Str(Rc::clone(name))).cloned()
}
