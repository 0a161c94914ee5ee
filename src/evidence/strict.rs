//! JSON and YAML → values, with nothing chosen in silence: a name that stands twice in one object has no value, and aliases
//! unfold only so far.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What a value takes in memory, beside its text.
const NODE: usize = 64;
/// What aliases may add to any document.
const SPARE: usize = 16 << 20;

/// The value that a deserializer gives; the inner error is what is wrong with it beside its grammar.
pub struct Strict<'f> {
    merges: bool,
    left: &'f Cell<usize>,
    fault: &'f Cell<Option<&'static str>>,
}

/// JSON holds what it is.
pub fn json(bytes: &[u8]) -> Result<Value, (serde_json::Error, Option<&'static str>)> {
    let (left, fault) = (Cell::new(usize::MAX), Cell::new(None));
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict { merges: false, left: &left, fault: &fault }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| (error, fault.get()))
}

/// Documents of JSON that follow one another; `None`: that is not what it is.
pub fn several(bytes: &[u8]) -> Option<Vec<Value>> {
    let (left, fault) = (Cell::new(usize::MAX), Cell::new(None));
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut documents = Vec::new();
    while deserializer.end().is_err() {
        documents.push(Strict { merges: false, left: &left, fault: &fault }.deserialize(&mut deserializer).ok()?);
    }
    Some(documents)
}

/// The documents of a YAML file that are not empty.
pub fn yaml(text: &str) -> Result<Vec<Value>, (serde_yaml_ng::Error, Option<&'static str>)> {
    // Without aliases a value takes at least one byte of the file.
    let left = Cell::new(text.len().saturating_mul(NODE).saturating_add(SPARE));
    let fault = Cell::new(None);
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Strict { merges: true, left: &left, fault: &fault }.deserialize(document).map_err(|error| (error, fault.get()))?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}

impl Strict<'_> {
    fn again(&self) -> Strict<'_> {
        Strict { merges: self.merges, left: self.left, fault: self.fault }
    }

    fn refuse<E: Error>(&self, why: &'static str) -> E {
        self.fault.set(Some(why));
        E::custom(why)
    }

    fn spend<E: Error>(&self, text: usize) -> Result<(), E> {
        match self.left.get().checked_sub(NODE.saturating_add(text)) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.refuse("its aliases unfold to much more than the file holds")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.spend(0)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value that JSON can hold")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(self.again())? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.spend(name.len())?;
            if self.merges && name == "<<" {
                return Err(self.refuse("a merge key (`<<`), which is not followed; write out what it stands for"));
            }
            let value = members.next_value_seed(self.again())?;
            if out.insert(name, value).is_some() {
                return Err(self.refuse("a name stands twice in one object"));
            }
        }
        Ok(Value::Object(out))
    }
}
