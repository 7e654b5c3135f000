//! Requests of every API and version: the usual one, all that differ from it in one thing, and
//! those that chance makes.

use fastrand::Rng;

use super::pool::{World, values};
use super::value::Value;
use crate::schemas::{Field, FieldType, Schema, in_place};

/// The usual request.
pub fn usual(world: &World, request: &'static Schema, version: i16) -> Value {
    fields(world, request, version, "", &request.fields)
}

fn fields(
    world: &World,
    request: &'static Schema,
    version: i16,
    path: &str,
    of: &'static [Field],
) -> Value {
    let one = |field: &'static Field| {
        (field.name.as_str(), field_of(world, request, version, &below(path, &field.name), field))
    };
    Value::Fields(Some(in_place(of, version).map(one).collect()))
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn field_of(
    world: &World,
    request: &'static Schema,
    version: i16,
    path: &str,
    field: &'static Field,
) -> Value {
    match &field.kind {
        FieldType::One(_) => values(world, request.key(), path, field, version).remove(0),
        FieldType::Group(_) if path == "cursor" => Value::Fields(None),
        FieldType::Group(of) => fields(world, request, version, path, of),
        // By default no replica is placed by hand, nothing is forgotten.
        FieldType::Array(_) if path.ends_with("assignments") => match field.may_be_null(version) {
            true => Value::List(None),
            false => Value::List(Some(Vec::new())),
        },
        FieldType::Array(_) if path == "forgotten_topics_data" => Value::List(Some(Vec::new())),
        FieldType::Array(of) => Value::List(Some(vec![fields(world, request, version, path, of)])),
        FieldType::List(_) => {
            Value::List(Some(vec![values(world, request.key(), path, field, version).remove(0)]))
        }
    }
}

/// All requests that differ from the usual one in one field or one list.
pub fn single_changes(world: &World, request: &'static Schema, version: i16) -> Vec<Value> {
    let changer = Changer { world, request, version };
    changer.of_fields("", &request.fields, &usual(world, request, version))
}

#[derive(Clone, Copy)]
struct Changer<'a> {
    world: &'a World,
    request: &'static Schema,
    version: i16,
}

impl Changer<'_> {
    fn of_fields(&self, path: &str, of: &'static [Field], usual: &Value) -> Vec<Value> {
        let Value::Fields(Some(values)) = usual else { return Vec::new() };
        let mut changed = Vec::new();
        for (index, field) in in_place(of, self.version).enumerate() {
            for other in self.of_field(&below(path, &field.name), field, &values[index].1) {
                let mut copy = values.clone();
                copy[index].1 = other;
                changed.push(Value::Fields(Some(copy)));
            }
        }
        changed
    }

    fn of_field(&self, path: &str, field: &'static Field, usual: &Value) -> Vec<Value> {
        let pool = || values(self.world, self.request.key(), path, field, self.version);
        let list = |all: Vec<Value>| Value::List(Some(all));
        let mut changed = match &field.kind {
            FieldType::One(_) => return pool().split_off(1),
            FieldType::Group(of) => {
                let there = fields(self.world, self.request, self.version, path, of);
                let mut changed = self.of_fields(path, of, &there);
                changed.push(there);
                changed
            }
            FieldType::List(_) => {
                let pool = pool();
                let first = pool[0].clone();
                let mut changed: Vec<Value> =
                    pool[1..].iter().map(|v| list(vec![v.clone()])).collect();
                changed.push(list(vec![first.clone(), first.clone()]));
                changed.push(list(vec![pool[1].clone(), first, pool[1].clone()]));
                changed.push(list(pool));
                changed.push(list(Vec::new()));
                changed
            }
            FieldType::Array(of) => {
                let one = fields(self.world, self.request, self.version, path, of);
                let others = self.of_fields(path, of, &one);
                let mut changed: Vec<Value> =
                    others.iter().map(|other| list(vec![other.clone()])).collect();
                // Beside the usual one, on either side, and the same twice.
                let beside = others.iter().map(|other| list(vec![one.clone(), other.clone()]));
                changed.extend(beside.collect::<Vec<_>>());
                if let Some(last) = others.first() {
                    changed.push(list(vec![last.clone(), one.clone(), last.clone()]));
                }
                changed.push(list(vec![one.clone(), one]));
                changed.push(list(Vec::new()));
                changed
            }
        };
        if field.may_be_null(self.version) {
            changed.push(Value::null(field));
        }
        changed.retain(|value| value != usual);
        changed
    }
}

/// A request at random: each field is usual more often than not, lists may name things again.
pub fn random(world: &World, request: &'static Schema, version: i16, rng: &mut Rng) -> Value {
    let mut chance = Chance { changer: Changer { world, request, version }, rng };
    chance.fields("", &request.fields)
}

struct Chance<'a> {
    changer: Changer<'a>,
    rng: &'a mut Rng,
}

impl Chance<'_> {
    fn fields(&mut self, path: &str, of: &'static [Field]) -> Value {
        let mut values = Vec::new();
        for field in in_place(of, self.changer.version) {
            values.push((field.name.as_str(), self.field(&below(path, &field.name), field)));
        }
        Value::Fields(Some(values))
    }

    fn field(&mut self, path: &str, field: &'static Field) -> Value {
        let Changer { world, request, version } = self.changer;
        if matches!(field.kind, FieldType::One(_)) {
            let mut pool = values(world, request.key(), path, field, version);
            let index = if self.rng.u8(..3) == 0 { self.rng.usize(..pool.len()) } else { 0 };
            return pool.swap_remove(index);
        }
        if field.may_be_null(version) && self.rng.u8(..8) == 0 {
            return Value::null(field);
        }
        if let FieldType::Group(of) = &field.kind {
            return self.fields(path, of);
        }
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..[0, 1, 1, 1, 2, 2, 3][self.rng.usize(..7)] {
            all.push(match &field.kind {
                _ if !all.is_empty() && self.rng.u8(..4) == 0 => {
                    all[self.rng.usize(..all.len())].clone()
                }
                FieldType::Array(of) => self.fields(path, of),
                _ => {
                    let mut pool = values(world, request.key(), path, field, version);
                    pool.swap_remove(self.rng.usize(..pool.len()))
                }
            });
        }
        Value::List(Some(all))
    }
}
