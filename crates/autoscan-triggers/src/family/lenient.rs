//! Reading JSON that may be wrong in places that do not matter.
//!
//! A body is read once, straight into the few fields that matter; all else is skipped without being built. A value of
//! another type than expected counts as absent, and a key that comes twice counts as last said. Only what is not JSON
//! at all is an error.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use autoscan_core::ports::ReadError;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How many bytes of a body an error shows.
const SHOWN: usize = 60;

/// Something that can be read from any JSON value; from one of a type it does not know, as absent.
pub(crate) trait Lenient<'de>: Default {
    /// From a string.
    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }

    /// From `true` or `false`.
    fn flag(_: bool) -> Self {
        Self::default()
    }

    /// From a whole number that is not negative.
    fn number(_: u64) -> Self {
        Self::default()
    }

    /// From a list, which must be read to its end.
    fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    /// From an object, which must be read to its end.
    fn object<A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// A string, borrowed from the body where nothing in it was escaped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text<'de>(Option<Cow<'de, str>>);

impl Text<'_> {
    /// The string, if there was one and it was not empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

impl<'de> Lenient<'de> for Text<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(Some(text))
    }
}

/// An id: a word, or a whole number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Id<'de>(Option<Cow<'de, str>>);

impl Id<'_> {
    /// The id; empty when there was none.
    pub(crate) fn get(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de> Lenient<'de> for Id<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(Some(text))
    }

    fn number(number: u64) -> Self {
        Self(Some(Cow::Owned(number.to_string())))
    }
}

/// Whether there was anything but `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Present(pub(crate) bool);

impl<'de> Lenient<'de> for Present {
    fn text(_: Cow<'de, str>) -> Self {
        Self(true)
    }

    fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self(true))
    }

    fn object<A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self(true))
    }
}

/// An object, or nothing.
impl<'de, T: Lenient<'de>> Lenient<'de> for Option<T> {
    fn object<A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        T::object(entries).map(Some)
    }
}

/// A list, or a single one without its list. What says nothing is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default + PartialEq> List<T> {
    fn add(&mut self, item: T) {
        if item != T::default() {
            self.0.push(item);
        }
    }

    fn of(item: T) -> Self {
        let mut list = Self::default();
        list.add(item);
        list
    }
}

impl<'de, T: Lenient<'de> + PartialEq> Lenient<'de> for List<T> {
    fn text(text: Cow<'de, str>) -> Self {
        Self::of(T::text(text))
    }

    fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut list = Self::default();
        while let Some(Any(item)) = items.next_element()? {
            list.add(item);
        }
        Ok(list)
    }

    fn object<A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        T::object(entries).map(Self::of)
    }
}

/// Structs whose fields are read leniently from the keys beside them.
macro_rules! objects {
    ($($(#[$doc:meta])* struct $name:ident<$life:lifetime> { $($field:ident: $type:ty = $key:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name<$life> { $(pub(crate) $field: $type,)* }

        impl<$life> $crate::family::lenient::Lenient<$life> for $name<$life> {
            fn object<A: serde::de::MapAccess<$life>>(mut entries: A) -> Result<Self, A::Error> {
                use $crate::family::lenient::{Any, Text};
                let mut read = Self::default();
                while let Some(Any(key)) = entries.next_key::<Any<Text<'_>>>()? {
                    match key.get() {
                        $(Some($key) => Any(read.$field) = entries.next_value()?,)*
                        _ => drop(entries.next_value::<serde::de::IgnoredAny>()?),
                    }
                }
                Ok(read)
            }
        }
    )*};
}
pub(crate) use objects;

/// A JSON value of whatever type, read as `T`.
pub(crate) struct Any<T>(pub(crate) T);

impl<'de, T: Lenient<'de>> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData)).map(Self)
    }
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for AnyValue<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::object(entries)
    }
}

/// The body as text, without a byte order mark.
pub(crate) fn text(body: &[u8]) -> Result<&str, ReadError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        ReadError(format!(
            "The body is not UTF-8 text, or it was cut off: byte {at} is wrong. It begins with {}.",
            beginning(body)
        ))
    })
}

/// Reads a body that must be one JSON object. `expected` ends the sentence "Expected …".
pub(crate) fn object<'de, T: Lenient<'de>>(body: &'de [u8], expected: &str) -> Result<T, ReadError> {
    let text = text(body)?;
    if text.trim().is_empty() {
        return Err(ReadError(format!("The request has no body. Expected {expected}.")));
    }
    let begins = || beginning(text.as_bytes());
    match serde_json::from_str::<Any<Option<T>>>(text) {
        Ok(Any(Some(object))) => Ok(object),
        Ok(Any(None)) => Err(ReadError(format!(
            "The body is JSON, but no object: it begins with {}. Expected {expected}.",
            begins()
        ))),
        Err(error) => Err(ReadError(format!(
            "The body is not JSON ({error}): it begins with {}. Expected {expected}.",
            begins()
        ))),
    }
}

/// The first bytes of a body, quoted and escaped for a person.
pub(crate) fn beginning(body: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    let more = if body.len() > SHOWN { " …" } else { "" };
    format!("{shown:?}{more}")
}

/// A sender's own name of an event, escaped and shortened for a person.
pub(crate) fn event_name(event: &str) -> String {
    let start: String = event.chars().take(64).collect();
    start.escape_debug().take(64).collect()
}
