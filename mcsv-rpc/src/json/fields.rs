//! The fields of a message, one method per kind, as generated code calls them.

use std::collections::BTreeMap;

use super::{Format, JsonError, JsonReader, JsonWriter, MapKey};

#[doc(hidden)]
impl JsonWriter {
    /// A field without presence: nothing where it has its default.
    pub fn implicit<F: Format<T>, T: Default + PartialEq>(&mut self, name: &str, value: &T) {
        if *value != T::default() {
            self.always::<F, T>(name, value);
        }
    }

    /// A field with presence.
    pub fn optional<F: Format<T>, T>(&mut self, name: &str, value: &Option<T>) {
        if let Some(value) = value {
            self.always::<F, T>(name, value);
        }
    }

    /// A field that is there: required, or of a oneof.
    pub fn always<F: Format<T>, T>(&mut self, name: &str, value: &T) {
        self.key(name);
        F::write(value, self);
    }

    /// A repeated field.
    pub fn repeated<F: Format<T>, T>(&mut self, name: &str, values: &[T]) {
        if values.is_empty() {
            return;
        }
        self.key(name);
        self.array(|out| {
            for value in values {
                out.element();
                F::write(value, out);
            }
        });
    }

    /// A map.
    pub fn map<F: Format<V>, K: MapKey, V>(&mut self, name: &str, entries: &BTreeMap<K, V>) {
        if entries.is_empty() {
            return;
        }
        self.key(name);
        self.object(|out| {
            for (key, value) in entries {
                key.write_key(out);
                F::write(value, out);
            }
        });
    }
}

#[doc(hidden)]
impl JsonReader<'_> {
    /// A field without presence, or a required one.
    pub fn implicit<F: Format<T>, T>(
        &mut self,
        seen: &mut bool,
        field: &mut T,
    ) -> Result<(), JsonError> {
        self.once(seen)?;
        if let Some(value) = self.value::<F, T>()? {
            *field = value;
        }
        Ok(())
    }

    /// A field with presence.
    pub fn optional<F: Format<T>, T>(
        &mut self,
        seen: &mut bool,
        field: &mut Option<T>,
    ) -> Result<(), JsonError> {
        self.once(seen)?;
        *field = self.value::<F, T>()?;
        Ok(())
    }

    /// A field of a oneof, all of which share one `seen`.
    pub fn member<F: Format<T>, T>(
        &mut self,
        seen: &mut bool,
        set: impl FnOnce(T),
    ) -> Result<(), JsonError> {
        if !F::NULL && self.null() {
            return Ok(());
        }
        self.once(seen)?;
        if let Some(value) = self.value::<F, T>()? {
            set(value);
        }
        Ok(())
    }

    /// A repeated field.
    pub fn repeated<F: Format<T>, T>(
        &mut self,
        seen: &mut bool,
        field: &mut Vec<T>,
    ) -> Result<(), JsonError> {
        self.once(seen)?;
        if self.null() {
            return Ok(());
        }
        self.array(|input| {
            field.extend(F::read(input)?);
            Ok(())
        })
    }

    /// A map.
    pub fn map<F: Format<V>, K: MapKey, V>(
        &mut self,
        seen: &mut bool,
        field: &mut BTreeMap<K, V>,
    ) -> Result<(), JsonError> {
        self.once(seen)?;
        if self.null() {
            return Ok(());
        }
        self.map_entries(|input, name| {
            let Some(key) = K::read_key(name) else {
                return Err(input.error("the key is of another type than the map's"));
            };
            if field.contains_key(&key) {
                return Err(input.error("the key is given twice"));
            }
            if let Some(value) = F::read(input)? {
                field.insert(key, value);
            }
            Ok(())
        })
    }

    fn once(&self, seen: &mut bool) -> Result<(), JsonError> {
        match std::mem::replace(seen, true) {
            false => Ok(()),
            true => Err(self.error("the field, or another of its oneof, is given twice")),
        }
    }

    /// A value, or `None` for `null` and for an enum's name that is unknown.
    fn value<F: Format<T>, T>(&mut self) -> Result<Option<T>, JsonError> {
        match !F::NULL && self.null() {
            true => Ok(None),
            false => F::read(self),
        }
    }
}
